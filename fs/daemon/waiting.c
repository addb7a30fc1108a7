/* SPDX-License-Identifier: MIT */
#include "daemon/waiting.h"

#include "clog.h"

#include <stdio.h>
#include <time.h>

#define TELL_MS 1000
#define OVER_MS 10000

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum waiting_next waiting_next(struct waiting *waiting)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    int64_t waited_ms;

    if (waiting->began_ms == 0)
        waiting->began_ms = now_ms();
    waited_ms = now_ms() - waiting->began_ms;
    if (waited_ms >= OVER_MS)
        return WAITING_OVER;
    (void)nanosleep(&pause, NULL);
    if (waited_ms < TELL_MS || waiting->told)
        return WAITING_AGAIN;
    waiting->told = true;
    return WAITING_TELL;
}

void waiting_holder(const char *logdir, char *text, size_t size)
{
    pid_t pid;

    if (clog_holder(logdir, &pid) == 0)
        snprintf(text, size, "process %ld", (long)pid);
    else
        snprintf(text, size, "another process");
}
