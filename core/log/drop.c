/* SPDX-License-Identifier: MIT */
#include "log/drop.h"

#include "log/cache.h"
#include "log/limits.h"
#include "log/segments.h"
#include "log/times.h"

#include <errno.h>
#include <time.h>

/* How long a drop waits for a reader that uses the oldest segment. */
#define PASSING_NS 5000000
#define PASSINGS   10

/* Bytes that are dropped for an append, besides its own, before it is asked
   whether that makes any room: some filesystems take a while to say so. */
#define MUCH ((uint64_t)16 << 20)

bool drop_is_kept(struct clog *log, const struct oldest *oldest)
{
    return (log->options.flags & CLOG_KEEP_UNREAD) &&
           cursors_lowest(&log->cursors) <
               oldest->part->base + oldest->extent.count;
}

static void count_drop(struct clog *log, const struct oldest *oldest,
                       enum drop_cause cause)
{
    struct clog_drops *drops = &log->segments.drops;

    rwlock_write(&log->segments.lock);
    drops->segments++;
    drops->records += oldest->extent.count;
    drops->bytes += limits_bytes(&oldest->extent);
    drops->by_bytes += cause == DROP_BY_BYTES;
    drops->by_records += cause == DROP_BY_RECORDS;
    drops->by_age += cause == DROP_BY_AGE;
    drops->by_full += cause == DROP_BY_FULL;
    drops->by_hand += cause == DROP_BY_HAND;
    rwlock_unlock(&log->segments.lock);
}

/*
 * Drops the oldest segment. Its files are opened first, for the readers that
 * still use them. A crash leaves it as it was, or dropped, and then the next
 * open removes it.
 */
int drop_oldest(struct clog *log, const struct oldest *oldest,
                enum drop_cause cause)
{
    uint64_t base = oldest->part->base;
    int r;

    (void)cache_keep(&log->segments.cache, oldest->part);
    r = segment_drop(log->io, log->dir, base);
    /* Somebody has removed it already: all the better. */
    if (r < 0 && r != -ENOENT) {
        cache_unkeep(&log->segments.cache, oldest->part);
        return r;
    }
    r = durability_sync_file(&log->durability, log->dir);
    times_learn_first(log, base + 1);
    segments_remove_first(&log->segments);
    count_drop(log, oldest, cause);
    /* Its files go once its name has for certain, or the segment could come
       back without them; what cannot be removed the next open removes. */
    if (r == 0)
        (void)segment_remove_dropped(log->io, log->dir, base);
    return r;
}

/* Whether nobody has a view of the part, or has none after a moment: most
   readers just pass by. */
static bool is_free(const struct part *part)
{
    struct timespec moment = {0, PASSING_NS};

    for (int k = 0; k < PASSINGS && atomic_load(&part->views) > 0; k++)
        (void)nanosleep(&moment, NULL);
    return atomic_load(&part->views) == 0;
}

/* What the filesystem has left, in bytes. */
static uint64_t free_bytes(struct clog *log)
{
    struct io_space space;

    if (io_space(log->io, log->dir, &space) < 0)
        return UINT64_MAX;
    return space.blocks_available * space.block_size;
}

/* Whether dropping can help: by what there is to drop, and by what it has
   helped so far. */
static bool can_help(struct clog *log, const struct room *room, uint64_t free)
{
    if (room->dropped >= room->wanted + MUCH && free <= room->free)
        return false;
    return free >= room->wanted ||
           segments_droppable(&log->segments) >= room->wanted - free;
}

bool drop_makes_room(const struct clog *log)
{
    const struct clog_options *options = &log->options;

    return (options->flags & CLOG_DROP_OLDEST) || options->retain_bytes > 0 ||
           options->retain_records > 0;
}

/* Why the oldest segment may go for an append, as far as options say. */
static enum drop_cause cause_of(struct clog *log, const struct oldest *oldest)
    REQUIRES(log->retain_lock)
{
    const struct clog_options *options = &log->options;

    if (options->flags & CLOG_DROP_OLDEST)
        return DROP_BY_FULL;
    if (drop_is_kept(log, oldest))
        return DROP_BY_NONE;
    if (options->retain_bytes > 0 && oldest->bytes > options->retain_bytes)
        return DROP_BY_BYTES;
    if (options->retain_records > 0 &&
        oldest->records > options->retain_records)
        return DROP_BY_RECORDS;
    return DROP_BY_NONE;
}

static int drop_one_for_room(struct clog *log, struct room *room)
    REQUIRES(log->retain_lock)
{
    uint64_t free = free_bytes(log);
    enum drop_cause cause = DROP_BY_NONE;
    struct oldest oldest;
    int r = segments_look_oldest(&log->segments, &oldest);

    if (r < 0)
        return r;
    if (oldest.sealed)
        cause = cause_of(log, &oldest);
    if (cause != DROP_BY_NONE && can_help(log, room, free) &&
        is_free(oldest.part)) {
        room->free = free;
        room->dropped += limits_bytes(&oldest.extent);
        r = drop_oldest(log, &oldest, cause);
    } else {
        r = -ENOSPC;
    }
    segments_put(&log->segments, oldest.part);
    return r;
}

int drop_for_room(struct clog *log, struct room *room)
{
    int r;

    if (!drop_makes_room(log))
        return -ENOSPC;
    mutex_lock(&log->retain_lock);
    r = drop_one_for_room(log, room);
    mutex_unlock(&log->retain_lock);
    return r;
}

int drop_admit(struct clog *log, const struct extent *more)
{
    const struct clog_options *options = &log->options;
    uint64_t total_bytes, total_records;
    struct oldest oldest;
    bool kept;

    if (!(options->flags & CLOG_KEEP_UNREAD) ||
        (options->flags & CLOG_DROP_OLDEST) ||
        (options->retain_bytes == 0 && options->retain_records == 0))
        return 0;
    segments_totals(&log->segments, &total_bytes, &total_records);
    if ((options->retain_bytes == 0 ||
         total_bytes + limits_bytes(more) <= options->retain_bytes) &&
        (options->retain_records == 0 ||
         total_records + more->count <= options->retain_records))
        return 0;
    if (segments_look_oldest(&log->segments, &oldest) < 0)
        return 0;
    kept = drop_is_kept(log, &oldest);
    segments_put(&log->segments, oldest.part);
    return kept ? -ENOSPC : 0;
}
