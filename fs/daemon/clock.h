/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the system's clocks as numbers.
 */
#ifndef CLOG_FS_DAEMON_CLOCK_H
#define CLOG_FS_DAEMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/* What that clock of clock_gettime(2) says, in ns. */
static inline uint64_t clock_ns(clockid_t clock)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* How long the system has run, but for sleep, in ms. */
static inline int64_t clock_run_ms(void)
{
    return (int64_t)(clock_ns(CLOCK_MONOTONIC) / 1000000);
}

#endif
