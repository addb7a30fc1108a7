/* SPDX-License-Identifier: MIT */
#include "log/drop.h"
#include "log/limits.h"
#include "log/roll.h"
#include "log/segments.h"

#include <errno.h>

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

    if (limits_drop(oldest->bytes, limits_bytes(&oldest->extent),
                    options->retain_bytes))
        return DROP_BY_BYTES;
    if (limits_drop(oldest->records, oldest->extent.count,
                    options->retain_records))
        return DROP_BY_RECORDS;
    return is_old(log, oldest) ? DROP_BY_AGE : DROP_BY_NONE;
}

/* Drops the oldest segment if a limit says so. Returns 1 if it did. */
static int retain_one(struct clog *log) REQUIRES(log->retain_lock)
{
    struct oldest oldest;
    enum drop_cause cause = DROP_BY_NONE;
    int r = segments_look_oldest(&log->segments, &oldest);

    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (oldest.sealed)
        cause = due(log, &oldest);
    if (cause != DROP_BY_NONE && drop_is_kept(log, &oldest))
        cause = DROP_BY_NONE;
    if (cause != DROP_BY_NONE)
        r = drop_oldest(log, &oldest, cause);
    segments_put(&log->segments, oldest.part);
    return r == 0 && cause != DROP_BY_NONE ? 1 : r;
}

/* Returns how many were dropped. */
static int retain_all(struct clog *log)
{
    int dropped = 0;
    int r;

    mutex_lock(&log->retain_lock);
    while ((r = retain_one(log)) > 0)
        dropped++;
    mutex_unlock(&log->retain_lock);
    return r < 0 ? r : dropped;
}

/* Whether the active segment's first record is older than it may be. */
static bool is_aged(const struct clog *log) REQUIRES(log->append_lock)
{
    uint64_t age_ns = log->options.segment_age_ns;
    uint64_t first_ns = segments_active(&log->segments)->first_ns;
    int64_t now = io_now(log->io);

    return age_ns > 0 && now > 0 && first_ns > 0 && (uint64_t)now > first_ns &&
           (uint64_t)now - first_ns > age_ns;
}

/* Whether it is larger than a limit of the log wants it. */
static bool is_large(struct clog *log) REQUIRES(log->append_lock)
{
    const struct clog_options *options = &log->options;

    if (options->retain_bytes == 0 && options->retain_records == 0 &&
        !(options->flags & CLOG_DROP_OLDEST))
        return false;
    roll_measure(log);
    return roll_is_due(log, 0, 0);
}

/* Rolls the active segment if it is to be rolled by itself. Returns 1 if it
   did. */
static int roll_if_due(struct clog *log)
{
    int r = 0;

    mutex_lock(&log->append_lock);
    if (segments_active(&log->segments)->extent.count > 0 &&
        (is_aged(log) || is_large(log))) {
        r = roll_active(log);
        if (r == 0)
            r = 1;
    }
    mutex_unlock(&log->append_lock);
    return r;
}

/* Dropping comes first: it needs no room, and makes some. */
int clog_retain(struct clog *log)
{
    int dropped, more, rolled;

    if (!durability_writable(&log->durability))
        return -EROFS;
    dropped = retain_all(log);
    rolled = roll_if_due(log);
    more = rolled > 0 ? retain_all(log) : 0;
    if (dropped < 0)
        return dropped;
    if (rolled < 0)
        return rolled;
    return more < 0 ? more : dropped + more;
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
    if (!oldest.sealed || oldest.part->base != base ||
        drop_is_kept(log, &oldest))
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
