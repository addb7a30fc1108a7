/* SPDX-License-Identifier: MIT */
#include "log/drop.h"

#include "log/cache.h"
#include "log/segments.h"
#include "log/times.h"

#include <errno.h>
#include <stdio.h>

/* Bytes on disk of a record besides its payload's and its prefix's. */
#define SLOTS_SIZE (2 * (uint64_t)SLOT_SIZE)

bool drop_is_unread(struct clog *log, const struct oldest *oldest)
{
    return cursors_lowest(&log->cursors) <
           oldest->part->base + oldest->extent.count;
}

static void count_drop(struct clog *log, const struct oldest *oldest,
                       enum drop_cause cause)
{
    struct clog_drops *drops = &log->segments.drops;

    rwlock_write(&log->segments.lock);
    drops->segments++;
    drops->records += oldest->extent.count;
    drops->bytes += oldest->extent.end + SLOTS_SIZE * oldest->extent.count;
    drops->by_bytes += cause == DROP_BY_BYTES;
    drops->by_records += cause == DROP_BY_RECORDS;
    drops->by_age += cause == DROP_BY_AGE;
    drops->by_full += cause == DROP_BY_FULL;
    drops->by_hand += cause == DROP_BY_HAND;
    rwlock_unlock(&log->segments.lock);
}

/*
 * Drops the oldest segment. Its files are opened first, for who still reads
 * them. A crash leaves it as it was, or as BASE.dropped, which the next open
 * removes.
 */
int drop_oldest(struct clog *log, const struct oldest *oldest,
                enum drop_cause cause)
{
    struct io *io = log->io;
    char name[SEGMENT_NAME];
    char dropped[SEGMENT_NAME + sizeof(SEGMENT_DROPPED)];
    int r;

    segment_name(oldest->part->base, name);
    (void)snprintf(dropped, sizeof(dropped), "%s%s", name, SEGMENT_DROPPED);
    (void)cache_keep(&log->segments.cache, oldest->part);
    r = io_rename(io, log->dir, name, dropped);
    /* Somebody has removed it already: all the better. */
    if (r < 0 && r != -ENOENT) {
        cache_unkeep(&log->segments.cache, oldest->part);
        return r;
    }
    r = durability_sync_file(&log->durability, log->dir);
    times_learn_first(log, oldest->part->base + 1);
    segments_remove_first(&log->segments);
    count_drop(log, oldest, cause);
    /* Its files go once its name has for certain, or the segment could come
       back without them; what cannot be removed the next open removes. */
    if (r == 0)
        (void)segment_remove(io, log->dir, dropped);
    return r;
}

int drop_for_room(struct clog *log)
{
    struct oldest oldest;
    int r;

    if (!(log->options.flags & CLOG_DROP_OLDEST))
        return -ENOSPC;
    mutex_lock(&log->retain_lock);
    r = segments_look_oldest(&log->segments, &oldest);
    if (r == 0) {
        r = oldest.sealed ? drop_oldest(log, &oldest, DROP_BY_FULL) : -ENOSPC;
        segments_put(&log->segments, oldest.part);
    }
    mutex_unlock(&log->retain_lock);
    return r;
}

int drop_admit(struct clog *log, uint64_t bytes, uint64_t records)
{
    const struct clog_options *options = &log->options;
    uint64_t total_bytes, total_records;
    struct oldest oldest;
    bool unread;

    if (!(options->flags & CLOG_KEEP_UNREAD) ||
        (options->flags & CLOG_DROP_OLDEST) ||
        (options->retain_bytes == 0 && options->retain_records == 0))
        return 0;
    segments_totals(&log->segments, &total_bytes, &total_records);
    if ((options->retain_bytes == 0 ||
         total_bytes + bytes + SLOTS_SIZE * records <= options->retain_bytes) &&
        (options->retain_records == 0 ||
         total_records + records <= options->retain_records))
        return 0;
    if (segments_look_oldest(&log->segments, &oldest) < 0)
        return 0;
    unread = drop_is_unread(log, &oldest);
    segments_put(&log->segments, oldest.part);
    return unread ? -ENOSPC : 0;
}
