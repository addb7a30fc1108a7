/* SPDX-License-Identifier: MIT */
#include "serve/pool.h"

#include "daemon/thread.h"

#include <stddef.h>

static struct job *take(struct pool *pool)
{
    struct job *job;

    while (!pool->first && !pool->stopping)
        (void)pthread_cond_wait(&pool->wake, &pool->lock);
    job = pool->first;
    if (job) {
        pool->first = job->next;
        if (!pool->first)
            pool->last = &pool->first;
    }
    return job;
}

static void *work(void *arg)
{
    struct pool *pool = arg;
    struct job *job;

    (void)pthread_mutex_lock(&pool->lock);
    while ((job = take(pool))) {
        (void)pthread_mutex_unlock(&pool->lock);
        job->run(job);
        (void)pthread_mutex_lock(&pool->lock);
        if (--pool->pending == 0)
            (void)pthread_cond_broadcast(&pool->idle);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

int pool_start(struct pool *pool, unsigned count)
{
    *pool = (struct pool){.started = true, .last = &pool->first};
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->wake, NULL);
    (void)pthread_cond_init(&pool->idle, NULL);
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

void pool_add(struct pool *pool, struct job *job)
{
    job->next = NULL;
    (void)pthread_mutex_lock(&pool->lock);
    *pool->last = job;
    pool->last = &job->next;
    pool->pending++;
    (void)pthread_cond_signal(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
}

bool pool_idle(struct pool *pool)
{
    bool idle;

    (void)pthread_mutex_lock(&pool->lock);
    idle = pool->pending == 0;
    (void)pthread_mutex_unlock(&pool->lock);
    return idle;
}

void pool_drain(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->pending > 0)
        (void)pthread_cond_wait(&pool->idle, &pool->lock);
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
    (void)pthread_cond_destroy(&pool->idle);
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->lock);
    *pool = (struct pool){0};
}
