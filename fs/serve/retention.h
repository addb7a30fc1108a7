/* SPDX-License-Identifier: MIT */
/*
 * retention.h - the thread that drops segments.
 *
 * It applies the log's limits, and looks whether the log is still there, four
 * times a second and sooner when it is woken, and runs what removes by hand.
 * After a drop, whatever its cause, it makes the kernel forget the names of
 * what is gone. That waits for locks which processes hold while they wait for
 * our answers, so no thread that gives answers may do it.
 */
#ifndef CLOG_FS_SERVE_RETENTION_H
#define CLOG_FS_SERVE_RETENTION_H

#include "serve/request.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct fs;

struct keeper {
    struct fs *fs;                /* not owned */
    struct fuse_session *session; /* not owned */
    bool limits;                  /* the log is written, so it must look */
    uint64_t dropped;             /* segments; the thread's own, and below */
    uint64_t forgot_ns;           /* when names were forgotten last */
    unsigned again;               /* so often they are to be once more */
    bool failed;                  /* a failure has been said */
    pthread_mutex_t lock;         /* protects what follows */
    pthread_cond_t wake;
    struct job *jobs; /* what is removed by hand */
    bool woken;
    bool stopping;
    bool ended;
    bool started;
    pthread_t thread;
};

/* fs and session are borrowed until keeper_stop(). On failure nothing is
   left. */
int keeper_start(struct keeper *keeper, struct fs *fs,
                 struct fuse_session *session, bool limits);

/* Something was dropped, or a segment has begun: look soon. */
void keeper_wake(struct keeper *keeper);

/* Queues a job, before the next look. ENOTCONN: it has ended. */
int keeper_add(struct keeper *keeper, struct job *job);

/* Makes the kernel forget what has been dropped; for its own thread. */
void keeper_forget(struct keeper *keeper);

/*
 * Ends it, once it has done what it was given. While it waits for the kernel,
 * requests must go on to be answered: this does so, in the thread that receives
 * them. All zero is left alone, here and below. It can be woken until
 * keeper_done().
 */
void keeper_stop(struct keeper *keeper);
void keeper_done(struct keeper *keeper);

#endif
