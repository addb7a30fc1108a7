/* SPDX-License-Identifier: MIT */
/*
 * commit.h - group commit: a thread that makes the log durable.
 *
 * Requests that must not be answered before everything appended so far is
 * durable are parked here. The thread takes all that are parked, syncs once,
 * and answers them all; meanwhile the next ones gather. It also syncs every
 * few seconds when nobody asks.
 */
#ifndef CLOG_FS_SERVE_COMMIT_H
#define CLOG_FS_SERVE_COMMIT_H

#include "serve/request.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct fs;

/* A request and what to answer once it is durable. */
struct parked {
    fuse_req_t req;
    enum answer answer;
    ssize_t result; /* negative errno, or what the answer wants */
};

struct parked_list {
    struct parked *items;
    size_t count;
    size_t capacity;
};

struct commit {
    struct fs *fs;        /* not owned */
    unsigned seconds;     /* between syncs nobody asked for; 0: none */
    pthread_mutex_t lock; /* protects waiting and stopping */
    pthread_cond_t wake;
    struct parked_list waiting;
    struct parked_list taken; /* the thread's own */
    bool stopping;
    bool failed; /* the thread's own: a failure has been said */
    bool started;
    pthread_t thread;
};

/* fs is borrowed until commit_stop(). On failure nothing is left. */
int commit_start(struct commit *commit, struct fs *fs, unsigned seconds);

/*
 * Answers req when everything that is appended by now is durable: with result,
 * or with the error of the sync where result is none.
 */
void commit_park(struct commit *commit, fuse_req_t req, enum answer answer,
                 ssize_t result);

/* Answers all that are parked, then ends. All zero is left alone. */
void commit_stop(struct commit *commit);

#endif
