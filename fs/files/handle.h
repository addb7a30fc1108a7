/* SPDX-License-Identifier: MIT */
/*
 * handle.h - an open file.
 */
#ifndef CLOG_FS_FILES_HANDLE_H
#define CLOG_FS_FILES_HANDLE_H

#include "files/kind.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct job;

struct handle {
    struct fs *fs;               /* not owned */
    struct handle *next, **link; /* in its list; by fs's handles_lock */
    const struct kind *kind;
    struct node node;
    bool cached;            /* the kernel reads it by pages, into its cache */
    bool keep;              /* cached, and what is cached already is right */
    atomic_uint references; /* the open file's, and one of each job's */
    atomic_bool locked; /* flock(2) was called: it is to show what is true */
    void *state;        /* the kind's own; set by its opening */
    /* Likewise, of a stream: the position in it where the file begins, and how
       many bytes from there on were dropped when it was opened. */
    uint64_t origin, dropped;
    /* Reads of one handle take turns. */
    pthread_mutex_t lock; /* protects what follows */
    bool reading;         /* one is under way */
    struct job *readers;  /* the others, which wait for their turn */
};

/*
 * Opens node, which is of that kind, with open(2)'s flags_open. EACCES: it is
 * not offered for that. ELOOP: a symbolic link. EISDIR. ENOMEM. Else what the
 * kind's own opening answers. flags: CLOG_NOWAIT.
 */
int handle_open(struct fs *fs, const struct kind *kind, struct node node,
                int flags_open, unsigned flags, struct handle **ret_handle);

/* Another user of handle; returns it. */
struct handle *handle_get(struct handle *handle);

/* One user less; the last one closes it. What is unfinished is thrown away. May
   wait. */
void handle_put(struct handle *handle);

/* The same. EAGAIN: it would have to wait, and the caller still uses it. */
int handle_try_put(struct handle *handle);

/*
 * Calls found for one open file of that node, if there is one, which stays open
 * meanwhile; whether there is. found may not open, close or look for files.
 */
bool handle_find(struct fs *fs, struct node node,
                 void (*found)(const struct handle *handle, void *ctx),
                 void *ctx);

/* node as one look-up's own, that no other has and no open file. */
struct node handle_look(struct fs *fs, struct node node);

/* When nothing uses them any more: finishes every file that is still open; and
   closes them. */
void handle_finish_all(struct fs *fs);
void handle_close_all(struct fs *fs);

#endif
