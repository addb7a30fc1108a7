/* SPDX-License-Identifier: MIT */
#include "serve/patience.h"

#include "daemon/clock.h"
#include "daemon/thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)

/* The kernel takes no shorter time; in seconds. */
#define TIMEOUT_MIN 15

uint64_t patience_limit(uint64_t by_default, uint64_t at_most)
{
    uint64_t seconds = by_default;

    if (at_most > 0 && (seconds == 0 || seconds > at_most))
        seconds = at_most;
    if (seconds > 0 && seconds < TIMEOUT_MIN)
        seconds = TIMEOUT_MIN;
    return seconds * (SECOND / 2);
}

uint64_t patience_now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* A number of the kernel's; 0: it has none. */
static uint64_t kernel_number(const char *path)
{
    FILE *file = fopen(path, "re");
    uint64_t number = 0;

    if (file && fscanf(file, "%" SCNu64, &number) != 1)
        number = 0;
    if (file)
        (void)fclose(file);
    return number;
}

static void *run(void *arg)
{
    struct patience *patience = arg;
    struct timespec then;

    (void)pthread_mutex_lock(&patience->lock);
    while (!patience->stopping) {
        uint64_t now = patience_now();

        (void)pthread_mutex_unlock(&patience->lock);
        if (now > patience->limit_ns)
            patience->end(patience->ctx, now - patience->limit_ns);
        (void)clock_gettime(CLOCK_MONOTONIC, &then);
        then.tv_sec++;
        (void)pthread_mutex_lock(&patience->lock);
        if (!patience->stopping)
            (void)pthread_cond_timedwait(&patience->wake, &patience->lock,
                                         &then);
    }
    (void)pthread_mutex_unlock(&patience->lock);
    return NULL;
}

int patience_start(struct patience *patience,
                   void (*end)(void *ctx, uint64_t since_ns), void *ctx)
{
    int r;

    *patience = (struct patience){.end = end, .ctx = ctx};
    patience->limit_ns = patience_limit(
        kernel_number("/proc/sys/fs/fuse/default_request_timeout"),
        kernel_number("/proc/sys/fs/fuse/max_request_timeout"));
    if (patience->limit_ns == 0)
        return 0;
    (void)pthread_mutex_init(&patience->lock, NULL);
    thread_cond_init(&patience->wake);
    r = thread_start(&patience->thread, run, patience);
    patience->started = r == 0;
    if (r < 0) {
        (void)pthread_cond_destroy(&patience->wake);
        (void)pthread_mutex_destroy(&patience->lock);
    }
    return r;
}

void patience_stop(struct patience *patience)
{
    if (!patience->started)
        return;
    (void)pthread_mutex_lock(&patience->lock);
    patience->stopping = true;
    (void)pthread_cond_signal(&patience->wake);
    (void)pthread_mutex_unlock(&patience->lock);
    (void)pthread_join(patience->thread, NULL);
    (void)pthread_cond_destroy(&patience->wake);
    (void)pthread_mutex_destroy(&patience->lock);
    *patience = (struct patience){0};
}
