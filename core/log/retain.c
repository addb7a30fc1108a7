/* SPDX-License-Identifier: MIT */
#include "log/retain.h"

#include "log/drop.h"
#include "log/roll.h"
#include "log/segments.h"

#include <errno.h>

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void retain_set_limits(struct clog_options *options)
{
    if (options->retain_bytes > 0)
        options->max_store = min(options->max_store, options->retain_bytes / 4);
    if (options->retain_records > 0)
        options->max_index =
            min(options->max_index, options->retain_records / 4 * SLOT_SIZE);
    if (options->segment_age_ns == 0)
        options->segment_age_ns = options->retain_age_ns / 4;
    if (options->max_store == 0)
        options->max_store = 1;
    options->max_index -= options->max_index % SLOT_SIZE;
}

/* Whether the last record is older than it may be. */
static bool is_old(struct clog *log, const struct oldest *oldest)
{
    uint64_t age_ns = log->options.retain_age_ns;
    struct clog_segment segment;
    int64_t now = io_now(log->io);

    return age_ns > 0 && now > 0 &&
           clog_segment(log, oldest->part->base, 0, &segment) == 0 &&
           (uint64_t)now > segment.time_ns &&
           (uint64_t)now - segment.time_ns > age_ns;
}

/* Which limit the oldest segment, which is sealed, must go by. */
static enum drop_cause due(struct clog *log, const struct oldest *oldest)
{
    const struct clog_options *options = &log->options;

    if (options->retain_bytes > 0 && oldest->bytes > options->retain_bytes)
        return DROP_BY_BYTES;
    if (options->retain_records > 0 &&
        oldest->records > options->retain_records)
        return DROP_BY_RECORDS;
    return is_old(log, oldest) ? DROP_BY_AGE : DROP_BY_NONE;
}

/* Drops the oldest segment if a limit says so. Returns 1 if it did. */
static int retain_one(struct clog *log) REQUIRES(log->retain_lock)
{
    struct oldest oldest;
    enum drop_cause cause;
    int r = segments_look_oldest(&log->segments, &oldest);

    if (r < 0)
        return r == -ENOENT ? 0 : r;
    cause = oldest.sealed ? due(log, &oldest) : DROP_BY_NONE;
    if (cause != DROP_BY_NONE && (log->options.flags & CLOG_KEEP_UNREAD) &&
        !(log->options.flags & CLOG_DROP_OLDEST) &&
        drop_is_unread(log, &oldest))
        cause = DROP_BY_NONE;
    r = cause == DROP_BY_NONE ? 0 : drop_oldest(log, &oldest, cause);
    segments_put(&log->segments, oldest.part);
    if (r == 0 && cause != DROP_BY_NONE)
        r = 1;
    return r;
}

/* Rolls the active segment when its first record is older than it may be. */
static int roll_by_age(struct clog *log)
{
    uint64_t age_ns = log->options.segment_age_ns;
    int64_t now = io_now(log->io);
    uint64_t first_ns;
    int r = 0;

    if (age_ns == 0 || now <= 0)
        return 0;
    mutex_lock(&log->append_lock);
    rwlock_read(&log->segments.lock);
    first_ns = segments_active(&log->segments)->first_ns;
    rwlock_unlock(&log->segments.lock);
    if (segments_active(&log->segments)->extent.count > 0 && first_ns > 0 &&
        (uint64_t)now > first_ns && (uint64_t)now - first_ns > age_ns)
        r = roll_active(log);
    mutex_unlock(&log->append_lock);
    return r;
}

int clog_retain(struct clog *log)
{
    int dropped = 0;
    int r;

    if (!durability_writable(&log->durability))
        return -EROFS;
    r = roll_by_age(log);
    if (r < 0)
        return r;
    mutex_lock(&log->retain_lock);
    while ((r = retain_one(log)) > 0)
        dropped++;
    mutex_unlock(&log->retain_lock);
    return r < 0 ? r : dropped;
}

static int drop_locked(struct clog *log, uint64_t base)
    REQUIRES(log->retain_lock)
{
    struct part *part = NULL;
    struct oldest oldest;
    int r = segments_find_base(&log->segments, base, &part);

    if (r < 0)
        return r;
    segments_put(&log->segments, part);
    r = segments_look_oldest(&log->segments, &oldest);
    if (r < 0)
        return r;
    if (!oldest.sealed || oldest.part->base != base)
        r = -EBUSY;
    else
        r = drop_oldest(log, &oldest, DROP_BY_HAND);
    segments_put(&log->segments, oldest.part);
    return r;
}

int clog_drop(struct clog *log, uint64_t base)
{
    int r;

    if (!durability_writable(&log->durability))
        return -EROFS;
    mutex_lock(&log->retain_lock);
    r = drop_locked(log, base);
    mutex_unlock(&log->retain_lock);
    return r;
}
