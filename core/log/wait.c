/* SPDX-License-Identifier: MIT */
#include "log/wait.h"

#include "log/segments.h"

#include <time.h>

void wait_wake(struct clog *log)
{
    if (atomic_load(&log->waiters) == 0)
        return;
    (void)pthread_mutex_lock(&log->wait_lock);
    (void)pthread_cond_broadcast(&log->appended_more);
    (void)pthread_mutex_unlock(&log->wait_lock);
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

int clog_wait(struct clog *log, uint64_t offset, int timeout_ms)
{
    struct timespec then = moment(timeout_ms > 0 ? (unsigned)timeout_ms : 0);
    int r = 0;

    /* Who appends looks at waiters after publishing, we at next after having
       said that we wait: one of the two sees the other. */
    atomic_fetch_add(&log->waiters, 1);
    (void)pthread_mutex_lock(&log->wait_lock);
    while (r == 0 && segments_next(log) <= offset)
        r = timeout_ms < 0
                ? pthread_cond_wait(&log->appended_more, &log->wait_lock)
                : pthread_cond_clockwait(&log->appended_more, &log->wait_lock,
                                         CLOCK_MONOTONIC, &then);
    (void)pthread_mutex_unlock(&log->wait_lock);
    atomic_fetch_sub(&log->waiters, 1);
    return segments_next(log) > offset ? 0 : -r;
}
