/* SPDX-License-Identifier: MIT */
#include "serve/pool.h"

#include "daemon/thread.h"

#include <stdlib.h>

static _Thread_local char *scratch;

char *scratch_get(void)
{
    if (!scratch)
        scratch = malloc(SCRATCH_SIZE);
    return scratch;
}

void scratch_free(void)
{
    free(scratch);
    scratch = NULL;
}

void jobs_add(struct job **jobs, struct job *job)
{
    struct job *last = *jobs;

    job->next = last ? last->next : job;
    if (last)
        last->next = job;
    *jobs = job;
}

struct job *jobs_take(struct job **jobs)
{
    struct job *last = *jobs;
    struct job *first = last ? last->next : NULL;

    if (first == last)
        *jobs = NULL;
    else
        last->next = first->next;
    return first;
}

static bool has_job(const struct pool *pool)
{
    return pool->urgent || pool->queue;
}

static bool has_place(const struct pool *pool)
{
    return pool->running < pool->places;
}

/* The next job, once there is a place for it; NULL: there will be none. */
static struct job *take(struct pool *pool)
{
    struct job *job;

    while (!(has_job(pool) && has_place(pool)) &&
           (has_job(pool) || !pool->stopping))
        (void)pthread_cond_wait(&pool->wake, &pool->lock);
    job = jobs_take(&pool->urgent);
    return job ? job : jobs_take(&pool->queue);
}

static void *work(void *arg)
{
    struct pool *pool = arg;
    struct job *job;

    (void)pthread_mutex_lock(&pool->lock);
    while ((job = take(pool))) {
        pool->running++;
        (void)pthread_mutex_unlock(&pool->lock);
        job->run(job);
        (void)pthread_mutex_lock(&pool->lock);
        pool->running--;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    scratch_free();
    return NULL;
}

int pool_start(struct pool *pool, unsigned count)
{
    *pool = (struct pool){.started = true, .places = count};
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->wake, NULL);
    while (pool->count < count) {
        int r = thread_start(&pool->threads[pool->count], work, pool);

        if (r < 0) {
            pool_stop(pool);
            return r;
        }
        pool->count++;
    }
    return 0;
}

static void add(struct pool *pool, struct job **jobs, struct job *job)
{
    (void)pthread_mutex_lock(&pool->lock);
    jobs_add(jobs, job);
    if (has_place(pool))
        (void)pthread_cond_signal(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
}

void pool_add(struct pool *pool, struct job *job)
{
    add(pool, &pool->queue, job);
}

void pool_add_urgent(struct pool *pool, struct job *job)
{
    add(pool, &pool->urgent, job);
}

bool pool_enter(struct pool *pool)
{
    bool entered;

    (void)pthread_mutex_lock(&pool->lock);
    entered = !has_job(pool) && has_place(pool);
    pool->running += entered;
    (void)pthread_mutex_unlock(&pool->lock);
    return entered;
}

void pool_leave(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->running--;
    if (has_job(pool))
        (void)pthread_cond_signal(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
}

void pool_stop(struct pool *pool)
{
    if (!pool->started)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
    while (pool->count > 0)
        (void)pthread_join(pool->threads[--pool->count], NULL);
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->lock);
    *pool = (struct pool){0};
}
