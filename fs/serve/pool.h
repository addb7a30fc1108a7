/* SPDX-License-Identifier: MIT */
/*
 * pool.h - threads that take jobs from a queue, in order.
 */
#ifndef CLOG_FS_SERVE_POOL_H
#define CLOG_FS_SERVE_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define POOL_THREADS 4 /* the most that a pool has */

/* The head of whatever a job needs; run() owns and frees it. */
struct job {
    struct job *next; /* of the last one: the first */
    void (*run)(struct job *job);
};

struct pool {
    bool started;         /* by pool_start(), until pool_stop() */
    pthread_mutex_t lock; /* protects all below but threads and counts */
    pthread_cond_t wake;  /* there is a job and a place, or stopping is set */
    struct job *urgent;   /* jobs: these go first */
    struct job *queue;    /* jobs */
    unsigned running;     /* jobs, and callers that have entered */
    bool stopping;
    unsigned places; /* the most that run at a time; constant */
    pthread_t threads[POOL_THREADS];
    unsigned count; /* of threads */
};

/* Jobs in order are the last of them, or NULL: adds one at the end, and takes
   the first one; NULL: there is none. */
void jobs_add(struct job **jobs, struct job *job);
struct job *jobs_take(struct job **jobs);

#define SCRATCH_SIZE ((size_t)1 << 20)

/* SCRATCH_SIZE bytes of the calling thread's own; NULL: no memory. A thread of
   a pool frees them at its end; another one has to. */
char *scratch_get(void);
void scratch_free(void);

/* Starts count threads, 1 to POOL_THREADS. On failure nothing is left. */
int pool_start(struct pool *pool, unsigned count);

/* Queues a job; it belongs to the pool from here on. */
void pool_add(struct pool *pool, struct job *job);

/* The same, before all that pool_add() has queued. */
void pool_add_urgent(struct pool *pool, struct job *job);

/*
 * The caller does a job by itself, in the place of a thread of the pool, and
 * leaves. false: each thread has one, or one is queued: it would not be the
 * caller's turn.
 */
bool pool_enter(struct pool *pool);
void pool_leave(struct pool *pool);

/* Runs what is queued, then ends. A pool that is all zero is left alone. */
void pool_stop(struct pool *pool);

#endif
