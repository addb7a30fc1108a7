/* SPDX-License-Identifier: MIT */
#include "daemon/progress.h"

#include <stdio.h>
#include <unistd.h>

#define BAR 30 /* characters */

static int64_t ms_since(const struct timespec *then, const struct timespec *now)
{
    return (int64_t)(now->tv_sec - then->tv_sec) * 1000 +
           (now->tv_nsec - then->tv_nsec) / 1000000;
}

void progress_start(struct progress *progress, const char *what)
{
    *progress =
        (struct progress){.what = what, .terminal = isatty(STDERR_FILENO) == 1};
    clock_gettime(CLOCK_MONOTONIC, &progress->began);
    progress->drawn = progress->began;
}

void progress_show(void *ctx, uint64_t done, uint64_t total)
{
    struct progress *progress = ctx;
    struct timespec now;
    int filled;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!progress->terminal || total == 0 || done > total ||
        ms_since(&progress->began, &now) < 1000 ||
        ms_since(&progress->drawn, &now) < 100)
        return;
    progress->drawn = now;
    progress->shown = true;
    filled = (int)((double)done / (double)total * BAR);
    fprintf(stderr, "\r%s [%.*s%*s] %3.0f%% of %.0f MiB", progress->what,
            filled, "##############################", BAR - filled, "",
            100 * (double)done / (double)total, (double)total / (1024 * 1024));
}

void progress_clear(struct progress *progress)
{
    if (progress->shown)
        fprintf(stderr, "\r\033[K");
    progress->shown = false;
}
