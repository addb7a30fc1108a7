/* SPDX-License-Identifier: MIT */
#include "log/cache.h"
#include "log/log.h"
#include "log/segments.h"

int clog_flush(struct clog *log)
{
    int r;

    if (stage_written(&log->stage) >= segments_next(&log->segments))
        return 0;
    mutex_lock(&log->append_lock);
    r = stage_flush(&log->stage, segments_active(&log->segments)->files);
    mutex_unlock(&log->append_lock);
    return r;
}

/* Syncs what is there now. A roll that comes between does the same for the
   segment that it seals, and the one synced here stays open until then. */
static int sync_active(void *ctx, uint64_t *ret_next)
{
    struct clog *log = ctx;
    struct segment *files = NULL;
    struct part *part = NULL;
    uint64_t written, next;
    int r;

    /* next first: what is below it lies in the active part found after, or in
       one that was synced when it was sealed. */
    written = stage_written(&log->stage);
    next = segments_next(&log->segments);
    if (next > written)
        next = written;
    r = segments_find_active(&log->segments, &part);
    if (r == 0)
        r = cache_pin(&log->segments.cache, part, 0, &files);
    if (r == 0) {
        /* Without descriptors to write with it has been sealed meanwhile, and
           that has synced it. */
        if (files->stamps.fd >= 0)
            r = segment_sync(files);
        cache_unpin(&log->segments.cache, files);
    }
    segments_put(&log->segments, part);
    if (r == 0)
        *ret_next = next;
    return r;
}

int clog_sync(struct clog *log, uint64_t upto)
{
    uint64_t next = segments_next(&log->segments);
    /* Not in the gate: a roll holds what a flush wants, and waits there. */
    int r = durability_writable(&log->durability) ? clog_flush(log) : 0;

    /* A flush that failed has lost nothing: the buffer has it. */
    if (r < 0)
        return r;
    return durability_commit(&log->durability, upto < next ? upto : next,
                             sync_active, log);
}
