/* SPDX-License-Identifier: MIT */
/*
 * turns.h - threads that take turns, so that how they interleave is chosen and
 * can be seen again.
 *
 * Such a thread is a player. One of the players goes on at any moment, and only
 * when turns_turn() lets it. It can be stopped at its points: before each call
 * of the io that turns_io_init() makes, before it takes a lock, and after it
 * has released one. A player that finds a lock taken, or waits for a condition,
 * gives its turn back and tries again in its next one; so that nothing here
 * waits in the kernel, and a deadlock is found at once.
 *
 * The linker leads the log's calls of pthread_mutex_*, pthread_rwlock_* and
 * pthread_cond_* here: a program that uses this is linked with turns_dep.
 * Calls by other threads go on to the system as if there were no turns.
 *
 * The turns are hidden from ThreadSanitizer, and so is what the io does below
 * it. It sees the order that the log's own locks make and no other: two
 * accesses that nothing but the turns has kept apart are a race to it.
 */
#ifndef CLOG_TESTS_TURNS_H
#define CLOG_TESTS_TURNS_H

#include "io/io.h"

#include <pthread.h>
#include <semaphore.h>

#define TURNS_PLAYERS 3

/* How a turn has ended. */
enum turns_end {
    TURNS_STANDS, /* at a point */
    TURNS_WAITS,  /* for a lock that another player has, or for a condition */
    TURNS_DONE,   /* it has played to its end */
};

struct player {
    void (*play)(void *ctx);
    void *ctx;
    struct turns *turns;
    pthread_t thread;
    sem_t turn;
    enum turns_end state;
    uint64_t left;        /* points to pass before it stands */
    uint64_t steps;       /* points it has come to, and locks it waited for */
    const char *where;    /* the point it came to last */
    pthread_cond_t *cond; /* the condition it waits for, or NULL */
    bool timed, expired;  /* ... for some time only; that time is over */
};

struct turns {
    sem_t director;
    struct player players[TURNS_PLAYERS];
    unsigned count;
};

/* Starts one more thread, which will call play(ctx), and returns its number.
   It stands before its beginning. turns is zeros at first. */
unsigned turns_add(struct turns *turns, void (*play)(void *ctx), void *ctx);

/* Lets a player go on, past so many points, to the one after them. */
enum turns_end turns_turn(struct turns *turns, unsigned player,
                          uint64_t points);

/*
 * Lets all play to their end, one after the other and as locks allow, and ends
 * the threads. Who waits for some time only has waited that long when nobody
 * else can go on. False: they wait for each other; the threads are there still.
 */
bool turns_end(struct turns *turns);

/* What this thread does from here to turns_show() is hidden from
   ThreadSanitizer: looks at what players share by taking turns. */
void turns_hide(void);
void turns_show(void);

/* An io whose calls are points, above another one. */
struct turns_io {
    struct io io;     /* first: what the log is given */
    struct io *below; /* borrowed */
};

void turns_io_init(struct turns_io *io, struct io *below);

/* From here on, or no more, this thread is not to make a call of a turns_io
   that can wait for a device. */
void turns_forbid_waiting(bool forbidden);

/* The first call that has been made all the same, since the last look; NULL:
   there was none. */
const char *turns_waited(void);

#endif
