/* SPDX-License-Identifier: MIT */
/*
 * pool.h - threads that take jobs from a queue, in order.
 */
#ifndef CLOG_FS_SERVE_POOL_H
#define CLOG_FS_SERVE_POOL_H

#include <pthread.h>
#include <stdbool.h>

#define POOL_THREADS 2 /* the most that a pool has */

/* The head of whatever a job needs; run() owns and frees it. */
struct job {
    struct job *next;
    void (*run)(struct job *job);
};

struct pool {
    bool started;         /* by pool_start(), until pool_stop() */
    pthread_mutex_t lock; /* protects all below but threads and count */
    pthread_cond_t wake;  /* there is a job, or stopping is set */
    pthread_cond_t idle;  /* pending has become 0 */
    struct job *first;
    struct job **last;
    unsigned pending; /* jobs waiting and running */
    bool stopping;
    pthread_t threads[POOL_THREADS];
    unsigned count;
};

/* Starts count threads, 1 to POOL_THREADS. On failure nothing is left. */
int pool_start(struct pool *pool, unsigned count);

/* Queues a job; it belongs to the pool from here on. */
void pool_add(struct pool *pool, struct job *job);

/* Whether no job is waiting or running. */
bool pool_idle(struct pool *pool);

/* Waits until no job is. */
void pool_drain(struct pool *pool);

/* Runs what is queued, then ends. A pool that is all zero is left alone. */
void pool_stop(struct pool *pool);

#endif
