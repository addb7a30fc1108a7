/* SPDX-License-Identifier: MIT */
#include "log/log.h"
#include "log/segments.h"

struct awaited {
    struct clog *log;
    uint64_t offset;
};

static bool is_there(void *ctx)
{
    const struct awaited *awaited = ctx;

    return segments_next(&awaited->log->segments) > awaited->offset;
}

int clog_wait(struct clog *log, uint64_t offset, int timeout_ms)
{
    struct awaited awaited = {log, offset};

    return waiters_wait(&log->waiters, is_there, &awaited, timeout_ms);
}
