/* SPDX-License-Identifier: MIT */
/*
 * waiting.h - reads that wait for an append.
 *
 * A read at the end of a file `follow` is parked here, and no thread with it.
 * An append answers the first few at once and leaves the others to the threads
 * that read.
 */
#ifndef CLOG_FS_SERVE_WAITING_H
#define CLOG_FS_SERVE_WAITING_H

#include "serve/request.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most reads that wait at a time. */
#define FOLLOW_MAX 10000

struct fs;
struct handle;
struct pool;
struct waiting;

struct waiters {
    struct fs *fs;        /* not owned; its following counts them */
    struct pool *pool;    /* not owned; it may wait */
    pthread_mutex_t lock; /* protects what follows, and fs->following */
    struct waiting *first;
    uint64_t seen; /* the stream's end when they were woken last */
    bool stopping;
    bool started;
};

/* fs and pool are borrowed until waiting_stop(). */
void waiting_start(struct waiters *waiters, struct fs *fs, struct pool *pool);

/*
 * Answers all that wait: ENOTCONN, as what comes after the mount will. pool is
 * to be stopped next, and nothing to be read any more. All zero is left alone.
 */
void waiting_stop(struct waiters *waiters);

/*
 * Reads from handle: answers req at once, or else when there is something.
 * EAGAIN: nonblock, and there is nothing. ENOBUFS: FOLLOW_MAX wait. EINTR.
 */
void waiting_read(struct waiters *waiters, fuse_req_t req,
                  struct handle *handle, size_t size, uint64_t position,
                  bool nonblock);

/*
 * To be called after each append and before the next, by any thread. The size
 * bytes at data, if any, are what was appended: who waits for just them gets
 * them from here, without a read.
 */
void waiting_wake(struct waiters *waiters, const char *data, size_t size);

#endif
