/* SPDX-License-Identifier: MIT */
#include "log/times.h"

#include "log/lookup.h"

#include <errno.h>

#define FEW   16 /* records that are asked */
#define PARTS 3  /* segments that are asked for the log's last time */

/* The time of record i by a stamp that holds; 0: it has none. EAGAIN. */
static int checked_time(struct lookup *lookup, uint64_t i,
                        uint64_t *ret_time_ns)
{
    struct clog_record record = {0};
    enum verdict verdict = VERDICT_BAD;
    struct place place;
    int r;

    lookup->i = i;
    r = lookup_place(lookup, &place);
    if (r == 0)
        r = lookup_verify(lookup, &place, &verdict);
    if (r == 0)
        r = lookup_stamp(lookup, &record);
    if (r == -EAGAIN)
        return r;
    if (r == 0 && (verdict == VERDICT_GOOD || verdict == VERDICT_PREFIX))
        *ret_time_ns = record.time_ns;
    return 0;
}

/* Asks the part's first few records, in order, or its last few, backwards. */
static int ask(struct clog *log, struct part *part, bool backwards,
               unsigned flags, uint64_t *ret_time_ns)
{
    uint64_t time_ns = 0;
    struct lookup lookup;
    uint64_t count;
    int r = lookup_begin_part(&lookup, log, part, flags);

    if (r == -EAGAIN)
        return r;
    *ret_time_ns = 0;
    if (r < 0)
        return 0;
    count = lookup.held.extent.count;
    for (uint64_t k = 0; r == 0 && time_ns == 0 && k < FEW && k < count; k++)
        r = checked_time(&lookup, backwards ? count - 1 - k : k, &time_ns);
    lookup_end(&lookup);
    if (r == 0)
        *ret_time_ns = time_ns;
    return r;
}

int times_first(struct clog *log, struct part *part, unsigned flags,
                uint64_t *ret_time_ns)
{
    return ask(log, part, false, flags, ret_time_ns);
}

/* The first time that the part after this one shows. */
static int after(struct clog *log, const struct part *part, unsigned flags,
                 uint64_t *ret_time_ns)
{
    struct segments *segments = &log->segments;
    struct part *next = NULL;
    struct extent extent;
    int r;

    *ret_time_ns = 0;
    if (segments_find_after(segments, part->base + 1, &next, &extent) < 0)
        return 0;
    r = times_first(log, next, flags, ret_time_ns);
    segments_put(segments, next);
    return r;
}

/* What is remembered of the part. */
static uint64_t remembered(struct clog *log, const struct part *part)
{
    uint64_t time_ns;

    rwlock_read(&log->segments.lock);
    time_ns = part->last_ns;
    rwlock_unlock(&log->segments.lock);
    return time_ns;
}

static void remember(struct clog *log, struct part *part, uint64_t time_ns)
{
    rwlock_write(&log->segments.lock);
    if (part->sealed && part->last_ns == 0)
        part->last_ns = time_ns;
    rwlock_unlock(&log->segments.lock);
}

int times_last(struct clog *log, struct part *part, unsigned flags,
               uint64_t *ret_time_ns)
{
    uint64_t time_ns = remembered(log, part);
    int r = 0;

    if (time_ns == 0 && segments_extent(&log->segments, part).count > 0) {
        r = ask(log, part, true, flags, &time_ns);
        if (r == 0 && time_ns == 0)
            r = after(log, part, flags, &time_ns);
        if (r == 0)
            remember(log, part, time_ns);
    }
    if (r == 0)
        *ret_time_ns = time_ns;
    return r;
}

uint64_t times_file(struct clog *log, struct part *part)
{
    struct lookup lookup;
    uint64_t time_ns;

    if (lookup_begin_part(&lookup, log, part, 0) < 0)
        return 0;
    time_ns = lookup_file_time(&lookup);
    lookup_end(&lookup);
    return time_ns;
}

/* The part's first time, or that of its file. */
static uint64_t first_time(struct clog *log, struct part *part)
{
    uint64_t time_ns = 0;

    (void)times_first(log, part, 0, &time_ns);
    return time_ns > 0 ? time_ns : times_file(log, part);
}

void times_learn_first(struct clog *log, uint64_t base)
{
    struct segments *segments = &log->segments;
    struct part *part = NULL;
    struct extent extent;
    uint64_t time_ns;

    while (segments_find_after(segments, base, &part, &extent) == 0 &&
           extent.count == 0) {
        base = part->base + 1;
        segments_put(segments, part);
        part = NULL;
    }
    if (!part)
        return;
    rwlock_read(&segments->lock);
    time_ns = part->first_ns;
    rwlock_unlock(&segments->lock);
    if (time_ns == 0) {
        time_ns = first_time(log, part);
        rwlock_write(&segments->lock);
        if (part->first_ns == 0)
            part->first_ns = time_ns;
        rwlock_unlock(&segments->lock);
    }
    segments_put(segments, part);
}

void times_learn_last(struct clog *log)
{
    struct segments *segments = &log->segments;
    uint64_t time_ns = 0;
    int asked = 0;

    for (size_t k = segments->count; k > 0 && time_ns == 0; k--) {
        struct part *part = segments->parts[k - 1];

        if (part->extent.count == 0)
            continue;
        if (asked++ == PARTS)
            break;
        (void)ask(log, part, true, 0, &time_ns);
    }
    rwlock_write(&segments->lock);
    segments->last_ns = time_ns;
    rwlock_unlock(&segments->lock);
}
