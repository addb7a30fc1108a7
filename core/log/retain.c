/* SPDX-License-Identifier: MIT */
#include "log/ahead.h"
#include "log/drop.h"
#include "log/limits.h"
#include "log/presence.h"
#include "log/roll.h"
#include "log/segments.h"
#include "log/times.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static struct clocks read_clocks(const struct clog *log)
{
    return (struct clocks){io_now(log->io), io_uptime(log->io)};
}

/* The age of a part's first or last record. It was appended at that uptime; or,
   0, before the log was opened, at that time by a stamp whose checksum holds;
   or, where that is none or not yet, when its file was last changed. */
static uint64_t age_of(struct clog *log, struct part *part, int64_t uptime,
                       uint64_t time_ns)
{
    struct clocks clocks = read_clocks(log);

    if (uptime > 0)
        return ages_since(uptime, &clocks);
    if (time_ns == 0 || ages_time(time_ns) > log->ages.opened.now)
        time_ns = times_file(log, part);
    return ages_before(&log->ages, ages_time(time_ns), &clocks);
}

/* Whether the last record of the part, which is sealed, is older than it may
   be. */
static bool is_old(struct clog *log, struct part *part)
{
    uint64_t time_ns = 0;

    if (log->options.retain_age_ns == 0)
        return false;
    if (part->last_uptime == 0)
        (void)times_last(log, part, 0, &time_ns);
    return age_of(log, part, part->last_uptime, time_ns) >
           log->options.retain_age_ns;
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
    return is_old(log, oldest->part) ? DROP_BY_AGE : DROP_BY_NONE;
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
static bool is_aged(struct clog *log) REQUIRES(log->append_lock)
{
    struct part *part = segments_active(&log->segments);
    uint64_t first_ns;

    if (log->options.segment_age_ns == 0)
        return false;
    rwlock_read(&log->segments.lock);
    first_ns = part->first_ns;
    rwlock_unlock(&log->segments.lock);
    return age_of(log, part, part->first_uptime, first_ns) >
           log->options.segment_age_ns;
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

/* Says once that the time of day has been set ahead, where ages matter. */
static void tell_of_clock(struct clog *log)
{
    struct clocks clocks = read_clocks(log);
    uint64_t ahead = ages_ahead(&log->ages, &clocks);
    struct clog_note note = {.kind = CLOG_NOTE_CLOCK};
    bool tell;

    if (log->options.segment_age_ns == 0 || !log->options.noticed)
        return;
    mutex_lock(&log->retain_lock);
    tell = ahead > 0 && !log->told_of_clock;
    log->told_of_clock = ahead > 0;
    mutex_unlock(&log->retain_lock);
    if (!tell)
        return;
    (void)snprintf(note.text, sizeof(note.text),
                   "the time of day went ahead by %" PRIu64 " seconds; records "
                   "do not age by that",
                   ahead / 1000000000);
    log->options.noticed(log->options.noticed_ctx, &note);
}

/* Dropping comes first: it needs no room, and makes some. */
int clog_retain(struct clog *log)
{
    int dropped, more, rolled, r;

    if (!durability_writable(&log->durability))
        return -EROFS;
    r = presence_check(log);
    if (r < 0)
        return r;
    tell_of_clock(log);
    dropped = retain_all(log);
    rolled = roll_if_due(log);
    if (rolled == 0)
        rolled = ahead_work(log);
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
