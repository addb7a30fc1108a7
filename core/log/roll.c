/* SPDX-License-Identifier: MIT */
#include "log/roll.h"

#include "log/cache.h"
#include "log/limits.h"
#include "log/next.h"
#include "log/segments.h"

#include <errno.h>
#include <stdlib.h>

/* The directory is this roll's own, from an attempt before perhaps; made by
   another process, it stays that one's. *ret_synced: it and its files are
   durable, but for its name. */
static int make_directory(struct clog *log, uint64_t base, bool *ret_synced)
    REQUIRES(log->append_lock)
{
    char name[SEGMENT_NAME];
    int r = -ENOENT;

    segment_name(base, name);
    if (log->roll != ROLL_MADE)
        r = next_take(log, name);
    *ret_synced = r == 0;
    if (r == -ENOENT)
        r = segment_make(log->io, log->dir, base);
    if (r == -EEXIST)
        return log->roll == ROLL_MADE ? 0 : -EUCLEAN;
    if (r == 0)
        log->roll = ROLL_MADE;
    return r;
}

struct new_segment {
    struct segment *files;
    int segments; /* the directory that it is in */
};

static int sync_files(void *ctx, uint64_t *ret_next)
{
    const struct new_segment *new = ctx;

    (void)ret_next;
    return segment_sync_new(new->files, new->segments);
}

static int sync_new(struct clog *log, struct segment *files, bool synced)
{
    struct new_segment new = {files, log->dir};

    return synced ? durability_sync_file(&log->durability, log->dir)
                  : durability_sync(&log->durability, sync_files, &new);
}

int roll_add_active(struct clog *log)
{
    struct part *part = calloc(1, sizeof(*part));
    bool synced = false;
    int r;

    if (!part)
        return -ENOMEM;
    part->base = log->segments.next;
    atomic_init(&part->references, 1);
    r = make_directory(log, part->base, &synced);
    /* Before anybody can find it; pinned for as long as it is active. */
    if (r == 0)
        r = cache_open_active(&log->segments.cache, part,
                              log->options.max_index);
    if (r == 0)
        r = sync_new(log, part->files, synced);
    if (r == 0)
        r = segments_add(&log->segments, part);
    if (r == 0)
        log->roll = ROLL_NONE;
    else
        segments_put(&log->segments, part);
    roll_measure(log);
    return r;
}

void roll_measure(struct clog *log)
{
    struct io_space space;
    uint64_t room = UINT64_MAX;
    uint64_t bytes, records;

    segments_totals(&log->segments, &bytes, &records);
    if ((log->options.flags & CLOG_DROP_OLDEST) &&
        io_space(log->io, log->dir, &space) == 0)
        room = space.blocks_available * space.block_size + bytes;
    log->segment_bytes = limits_segment_bytes(&log->options, room);
}

bool roll_is_due(const struct clog *log, uint64_t count, uint64_t bytes)
{
    struct extent extent = segments_active(&log->segments)->extent;

    if (log->roll != ROLL_NONE)
        return true;
    if (extent.count == 0)
        return false;
    extent.count += count;
    extent.end += bytes;
    return limits_passed(&log->options, log->segment_bytes, &extent);
}

/* The next pin gets files that are open for reading alone. What is sealed may
   be dropped, and is gone then: so that is said last. */
static void seal(struct clog *log, struct part *part)
{
    struct segment *files = part->files;

    cache_replace(&log->segments.cache, part);
    cache_unpin(&log->segments.cache, files);
    /* If this fails the next open does it. */
    (void)segment_guard(log->io, log->dir, part->base);
    segments_seal(&log->segments, part);
}

/* Nothing is appended meanwhile. */
static int sync_all(void *ctx, uint64_t *ret_next)
{
    struct clog *log = ctx;
    int r = segment_sync_all(segments_active(&log->segments)->files);

    if (r == 0)
        *ret_next = log->segments.next;
    return r;
}

int roll_sync_active(struct clog *log)
{
    return durability_sync(&log->durability, sync_all, log);
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

    if (old->extent.count == 0 && log->roll == ROLL_NONE)
        return 0;
    r = stage_flush(&log->stage, old->files);
    if (r < 0)
        return r;
    if (log->roll == ROLL_NONE)
        log->roll = ROLL_BEGUN;
    r = roll_sync_active(log);
    if (r == 0)
        r = roll_add_active(log);
    if (r < 0)
        return r;
    r = stage_follow(&log->stage, segments_active(&log->segments)->files);
    if (r < 0)
        durability_stop(&log->durability, r);
    stage_release(&log->stage, old->files, &old->extent);
    seal(log, old);
    atomic_fetch_add(&log->rolls, 1);
    return r;
}
