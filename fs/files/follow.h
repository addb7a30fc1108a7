/* SPDX-License-Identifier: MIT */
/*
 * follow.h - reading on as the log grows: the files called `follow`.
 *
 * Such a file is the stream from a position on, and its own positions count
 * from there; a read at the end waits for more. It ends with a whole record,
 * unless not even one fits. Where retention has taken what a read is for, it
 * fails with EPIPE, and where a record is damaged with EIO, once each: the same
 * position in the file is then what comes behind.
 *
 * A read that waits is parked here, and no thread with it. An append answers
 * the first few at once and leaves the others to the threads that read.
 */
#ifndef CLOG_FS_FILES_FOLLOW_H
#define CLOG_FS_FILES_FOLLOW_H

#include "serve/request.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most reads that wait at a time. */
#define FOLLOW_MAX 10000

struct clog;
struct fs;
struct handle;
struct pool;
struct waiting;

/* What an open file of this kind knows; by its handle's lock. */
struct follower {
    uint64_t origin; /* where its view begins in the stream */
    uint64_t moved;  /* a position of the file is this much further in it */
    bool overrun;    /* the next read says that something was missed */
};

struct follow {
    struct clog *log;     /* not owned */
    struct pool *pool;    /* not owned; it may wait */
    pthread_mutex_t lock; /* protects what follows */
    struct waiting *first;
    uint64_t seen;        /* the stream's end when they were woken last */
    _Atomic size_t count; /* reads parked */
    bool stopping;
    bool started;
};

/* log and pool are borrowed until follow_stop(). */
void follow_start(struct follow *follow, struct clog *log, struct pool *pool);

/*
 * Answers all that wait: ENOTCONN, as what comes after the mount will. pool is
 * to be stopped next, and nothing to be read any more. All zero is left alone.
 */
void follow_stop(struct follow *follow);

/* Opens handle at that position of the stream. overrun: something before it
   was missed. ESTALE: dropped just now. ENOMEM. */
int follow_begin(struct fs *fs, struct handle *handle, uint64_t position,
                 bool overrun);

/* The function of tree.h's table for the mount's own `follow`: from now on. */
int follow_open(struct fs *fs, uint64_t number, struct handle *handle);

/*
 * Reads from handle: answers req at once, or else when there is something.
 * EAGAIN: nonblock, and there is nothing. ENOBUFS: FOLLOW_MAX wait. EINTR.
 */
void follow_read(struct follow *follow, fuse_req_t req, struct handle *handle,
                 size_t size, uint64_t position, bool nonblock);

/*
 * To be called after each append and before the next, by any thread. The size
 * bytes at data, if any, are what was appended: who waits for just them gets
 * them from here, without a read.
 */
void follow_wake(struct follow *follow, const char *data, size_t size);

#endif
