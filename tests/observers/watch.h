/* SPDX-License-Identifier: MIT */
/*
 * watch - what one observer of a mount knows and says.
 */
#ifndef OBSERVERS_WATCH_H
#define OBSERVERS_WATCH_H

#include "ways.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What the writer and all observers share. */
struct shared {
    /* Records below acked have been appended; none from begun on has. */
    _Atomic uint64_t begun, acked;
    _Atomic uint64_t last; /* the very last one, when it is known */
    /* Likewise of the cursor c, which only goes up. */
    _Atomic uint64_t move_begun, moved;
    /* What `oldest` was a second and more ago. */
    _Atomic uint64_t oldest;
    atomic_bool stop;     /* the time is over */
    atomic_bool finished; /* and nothing more will be appended */
    _Atomic uint64_t looks, faults, overtaken;
    _Atomic uint64_t by_way[WAYS];
};

struct watcher {
    struct shared *shared;
    const char *mount;
    const char *file; /* what it looks at: a path below mount, or a name */
    unsigned seed;
    unsigned pause_us; /* between two looks */
    bool drops;        /* retention may overtake a reader */
    char *data;        /* WAY_MAX bytes for what is read */
    char *want;        /* and as many for what should have been */
    struct {
        const char *format;
        unsigned times;
    } told[8]; /* faults that were told in words, by kind */
};

/* A number below bound. */
unsigned watch_random(struct watcher *w, unsigned bound);

/* A way for the next look. */
enum way watch_way(struct watcher *w);

/* Opens a path below the mount for reading; a negative errno. */
int watch_open(const struct watcher *w, const char *path);

/* One look is over; rests. False when there are to be no more. */
bool watch_more(struct watcher *w);

/* Counts a fault, and tells the first few. */
__attribute__((format(printf, 2, 3))) void watch_fault(struct watcher *w,
                                                       const char *format, ...);

/*
 * An error r of what: where retention may drop, what was dropped is ESTALE,
 * or ENOENT by name; all else is a fault. True if it is none.
 */
bool watch_dropped(struct watcher *w, const char *what, int r);

/*
 * The first n bytes of w->data are to be those of w->want; position is where
 * they lie, for the message.
 */
bool watch_same(struct watcher *w, enum way way, uint64_t position, size_t n);

/* Reads a small file whole; its length, at most size - 1, or an errno. It
   ends with a NUL byte. */
int watch_text(const struct watcher *w, const char *path, char *text,
               size_t size);

/*
 * Each looks at one kind of file until the time is over. w->file: a stream's
 * path; a segment's file; a text's path; of the cursor c, a number's name.
 */
void watch_stream(struct watcher *w);
void watch_segment(struct watcher *w);
void watch_records(struct watcher *w);
void watch_listing(struct watcher *w);
void watch_links(struct watcher *w);
void watch_text_file(struct watcher *w);
void watch_number(struct watcher *w);
void watch_follow(struct watcher *w);

#endif
