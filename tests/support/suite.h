/* SPDX-License-Identifier: MIT */
/*
 * suite.h - what the programs that print figures share.
 */
#ifndef CLOG_TESTS_SUITE_H
#define CLOG_TESTS_SUITE_H

#include "clog.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* The number in the environment under that name; else usual, or in a long run
   (CLOG_LONG is set) extended. */
static inline uint64_t suite_number(const char *name, uint64_t usual,
                                    uint64_t extended)
{
    const char *value = getenv(name);

    if (value)
        return strtoull(value, NULL, 10);
    return getenv("CLOG_LONG") ? extended : usual;
}

/* Seconds since some moment. */
static inline double suite_clock(void)
{
    struct timespec time = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* How the suite's logs are opened: without a staging buffer, or, where STAGED
   is set, with the smallest one. */
static inline void suite_set_staging(struct clog_options *options)
{
    if (suite_number("STAGED", 0, 0) > 0)
        options->staging = 64 << 10;
}

#endif
