/* SPDX-License-Identifier: MIT */
/*
 * waiting.h - reads that wait for an append: they are parked, and no thread
 * with them.
 */
#ifndef CLOG_FS_SERVE_WAITING_H
#define CLOG_FS_SERVE_WAITING_H

#include "serve/request.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* The most reads of one user that wait at a time, and of how many users. */
#define WAITING_MAX   10000
#define WAITING_USERS 100

struct fs;

/* What one user has of them. */
struct share {
    uid_t uid;
    size_t count; /* 0: nobody's */
};

struct waiters {
    struct fs *fs;        /* not owned; its following counts them */
    pthread_mutex_t lock; /* protects what follows, and fs->following */
    struct request *first;
    struct share shares[WAITING_USERS];
    uint64_t seen; /* the stream's end when some were taken last */
    bool stopping;
    pthread_cond_t stop;
    bool started;
    uint64_t patience_ns; /* as of waiting_patience(); constant */
    pthread_t thread;     /* there is one if that is not 0 */
};

/*
 * How long a read may wait, in ns, where the kernel ends the connection of a
 * daemon that leaves a request without an answer for by_default seconds, or
 * at_most, as of its fs.fuse.default_request_timeout and max_request_timeout;
 * 0 is none, of all three.
 */
uint64_t waiting_patience(uint64_t by_default, uint64_t at_most);

/*
 * A read that has waited for the kernel's patience is answered: EINTR. fs is
 * borrowed until waiting_stop(). On failure nothing is left. EAGAIN, ENOMEM.
 */
int waiting_start(struct waiters *waiters, struct fs *fs);

/*
 * Answers all that wait: ENOTCONN, as what comes after the mount will. Nothing
 * is parked from here on. All zero is left alone.
 */
void waiting_stop(struct waiters *waiters);

/*
 * Parks a kept request until the stream is longer than request->at. 1: it is
 * already. ENOBUFS: WAITING_MAX of request->uid wait, or WAITING_USERS do.
 * EINTR: the reader got a signal; if that comes later, the request is answered
 * so.
 */
int waiting_park(struct waiters *waiters, struct request *request);

/* No signal reaches request any more: to be called before it is answered. */
void waiting_settle(struct request *request);

/*
 * Takes out those that wait for what there is now: a list by next, or NULL.
 * *ret_end: the stream's end. To be called after each append.
 */
struct request *waiting_take(struct waiters *waiters, uint64_t *ret_end);

#endif
