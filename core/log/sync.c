/* SPDX-License-Identifier: MIT */
#include "log/cache.h"
#include "log/log.h"
#include "log/segments.h"

/* Syncs what is there now. A roll that comes between does the same for the
   segment that it seals, and the one synced here stays open until then. */
static int sync_active(void *ctx, uint64_t *ret_next)
{
    struct clog *log = ctx;
    struct segment *files = NULL;
    struct part *part = NULL;
    uint64_t next;
    int r;

    /* next first: what is below it lies in the active part found after, or in
       one that was synced when it was sealed. */
    next = segments_next(&log->segments);
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

    return durability_commit(&log->durability, upto < next ? upto : next,
                             sync_active, log);
}
