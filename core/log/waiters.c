/* SPDX-License-Identifier: MIT */
#include "log/waiters.h"

#include <errno.h>

void waiters_init(struct waiters *waiters)
{
    mutex_init(&waiters->lock);
    cond_init(&waiters->more);
    atomic_init(&waiters->count, 0);
}

void waiters_done(struct waiters *waiters)
{
    (void)pthread_cond_destroy(&waiters->more);
    mutex_done(&waiters->lock);
}

/* A moment timeout_ms from now. */
static struct timespec moment(unsigned timeout_ms)
{
    struct timespec then = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &then);
    then.tv_sec += timeout_ms / 1000;
    then.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (then.tv_nsec >= 1000000000) {
        then.tv_sec++;
        then.tv_nsec -= 1000000000;
    }
    return then;
}

int waiters_wait(struct waiters *waiters, bool (*ready)(void *ctx), void *ctx,
                 int timeout_ms)
{
    struct timespec then = moment(timeout_ms > 0 ? (unsigned)timeout_ms : 0);
    int r = 0;

    /* The waker looks at count after it has made ready() true, the waiter at
       ready() after it has been counted: one of the two sees the other. */
    atomic_fetch_add(&waiters->count, 1);
    mutex_lock(&waiters->lock);
    while (r == 0 && !ready(ctx))
        r = mutex_wait(&waiters->lock, &waiters->more,
                       timeout_ms < 0 ? NULL : &then);
    mutex_unlock(&waiters->lock);
    atomic_fetch_sub(&waiters->count, 1);
    return r == 0 || ready(ctx) ? 0 : -r;
}

void waiters_wake(struct waiters *waiters)
{
    if (atomic_load(&waiters->count) == 0)
        return;
    mutex_lock(&waiters->lock);
    (void)pthread_cond_broadcast(&waiters->more);
    mutex_unlock(&waiters->lock);
}
