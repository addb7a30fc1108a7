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
    bool started;
};

/* fs is borrowed until waiting_stop(). */
void waiting_start(struct waiters *waiters, struct fs *fs);

/* Answers those that wait since then, by patience_now(), or longer: EINTR. */
void waiting_end(struct waiters *waiters, uint64_t since_ns);

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
