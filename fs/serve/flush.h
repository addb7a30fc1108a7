/* SPDX-License-Identifier: MIT */
/*
 * flush.h - the thread that writes what is staged to the log's files as soon
 * as nothing has been appended for some milliseconds.
 *
 * What is staged is safe, and read through the mount as if it lay in the files.
 * This is for those who look at LOGDIR itself. While nothing is staged the
 * thread sleeps.
 */
#ifndef CLOG_FS_SERVE_FLUSH_H
#define CLOG_FS_SERVE_FLUSH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct fs;

struct flush {
    struct fs *fs; /* not owned */
    atomic_bool asleep;
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t wake;
    bool stopping;
    bool started;
    pthread_t thread;
};

/* fs is borrowed until flush_stop(). Without a staging buffer nothing is
   started, and the other calls do nothing. */
int flush_start(struct flush *flush, struct fs *fs);

/* Something was appended. */
void flush_wake(struct flush *flush);

/* Ends it; what is staged is written when the log is closed. All zero is left
   alone. */
void flush_stop(struct flush *flush);

#endif
