/* SPDX-License-Identifier: MIT */
#include "log/roll.h"

#include "log/cache.h"
#include "log/segments.h"

#include <errno.h>
#include <stdlib.h>

int roll_add_active(struct clog *log)
{
    struct part *part = calloc(1, sizeof(*part));
    int r;

    if (!part)
        return -ENOMEM;
    part->base = log->segments.next;
    atomic_init(&part->references, 1);
    /* Before anybody can find it; pinned for as long as it is active. */
    r = cache_open_active(&log->segments.cache, part, log->options.max_index);
    if (r == 0)
        r = segments_add(&log->segments, part);
    if (r < 0)
        segments_put(&log->segments, part);
    return r;
}

static void seal(struct clog *log, struct part *part)
{
    struct segment *files = part->files;

    segments_seal(&log->segments, part);
    cache_unpin(&log->segments.cache, files);
    /* If this fails the next open does it. */
    (void)segment_set_writable(log->io, log->dir, part->base, false);
}

/*
 * Seals the active segment and starts the next. Once begun it must end before
 * anything is appended: a directory with the next offset may be there, and
 * says that the segment before it ends below. A crash leaves a full segment
 * that is durable, and its successor in any state up to empty and durable.
 */
int roll_active(struct clog *log)
{
    struct part *old = segments_active(&log->segments);
    int r;

    if (old->extent.count == 0 && !log->rolling)
        return 0;
    log->rolling = true;
    r = segment_sync_all(old->files);
    if (r < 0) {
        durability_stop(&log->durability, r);
        return r;
    }
    durability_raise(&log->durability, log->segments.next);
    r = roll_add_active(log);
    if (r < 0)
        return r;
    log->rolling = false;
    seal(log, old);
    atomic_fetch_add(&log->rolls, 1);
    return 0;
}
