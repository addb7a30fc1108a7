/* SPDX-License-Identifier: MIT */
#include "log/roll.h"

#include "log/cache.h"
#include "log/segments.h"

#include <errno.h>
#include <stdlib.h>

int roll_add_active(struct clog *log)
{
    struct part *part = calloc(1, sizeof(*part));
    struct segment *files = calloc(1, sizeof(*files));
    int r = -ENOMEM;

    if (part && files) {
        part->base = log->next;
        atomic_init(&part->references, 1);
        r = segment_open_active(files, log->io, log->segments, part->base,
                                log->options.max_index);
    }
    if (r < 0) {
        free(files);
        free(part);
        return r;
    }
    /* Before anybody can find it; pinned for as long as it is active. */
    cache_set_files(log, part, files);
    r = segments_add(log, part);
    if (r < 0)
        segments_put(log, part);
    return r;
}

static void seal(struct clog *log, struct part *part)
{
    rwlock_write(&log->lock);
    part->sealed = true;
    rwlock_unlock(&log->lock);
    cache_reopen(log, part);
    cache_unpin(log, part);
    /* If this fails the next open does it. */
    (void)segment_set_writable(log->io, log->segments, part->base, false);
}

/*
 * Seals the active segment and starts the next. Once begun it must end before
 * anything is appended: a directory with the next offset may be there, and
 * says that the segment before it ends below. A crash leaves a full segment
 * that is durable, and its successor in any state up to empty and durable.
 */
int roll_active(struct clog *log)
{
    struct part *old = segments_active(log);
    int r;

    if (old->extent.count == 0 && !log->rolling)
        return 0;
    log->rolling = true;
    r = segment_sync_all(old->files);
    if (r < 0) {
        durability_stop(&log->durability, r);
        return r;
    }
    durability_raise(&log->durability, log->next);
    r = roll_add_active(log);
    if (r < 0)
        return r;
    log->rolling = false;
    seal(log, old);
    atomic_fetch_add(&log->rolls, 1);
    return 0;
}
