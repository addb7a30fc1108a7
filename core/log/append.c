/* SPDX-License-Identifier: MIT */
#include "log/log.h"

#include "log/drop.h"
#include "log/limits.h"
#include "log/roll.h"
#include "log/segments.h"

#include <errno.h>

/* An append, measured. */
struct request {
    struct batch batch;
    struct extent more;       /* its records, and the bytes of their frames */
    const uint64_t *expected; /* the offset it must get; NULL: any */
    bool nowait;
};

/* Whether there is no room, and nothing else is wrong: a sync that failed is
   no matter of room, whatever its errno. */
static bool is_full(const struct clog *log, int r)
{
    return (r == -ENOSPC || r == -EDQUOT) &&
           durability_writable(&log->durability);
}

/* On a full disk, drops old segments for as long as that is wanted and helps
   the append, and tries again. */
static int roll_with_room(struct clog *log, struct room *room)
    REQUIRES(log->append_lock)
{
    int r = roll_active(log);

    while (is_full(log, r) && drop_for_room(log, room) == 0)
        r = roll_active(log);
    return r;
}

static int sync_cut(void *ctx, uint64_t *ret_next)
{
    (void)ret_next;
    return segment_sync(ctx);
}

static int append_once(struct clog *log, const struct stage_append *append,
                       struct extent *ret_extent) REQUIRES(log->append_lock)
{
    struct part *part = segments_active(&log->segments);
    struct appended appended = {.remains = REMAINS_NOTHING};
    int r = stage_append(&log->stage, part->files, &part->extent, append,
                         &appended);

    if (r == 0)
        *ret_extent = appended.extent;
    if (appended.remains == REMAINS_CUT)
        (void)durability_sync(&log->durability, sync_cut, part->files);
    else if (appended.remains == REMAINS_MORE)
        durability_stop(&log->durability, r < 0 ? r : -EIO);
    return r;
}

static int append_with_room(struct clog *log, const struct stage_append *append,
                            struct room *room, struct extent *ret_extent)
    REQUIRES(log->append_lock)
{
    int r;

    do
        r = append_once(log, append, ret_extent);
    while (is_full(log, r) && !append->nowait && drop_for_room(log, room) == 0);
    if (is_full(log, r) && append->nowait && drop_makes_room(log))
        return -EAGAIN;
    return r;
}

/* Asked for only where it is wanted for ages. */
static int64_t uptime(const struct clog *log)
{
    return log->options.segment_age_ns > 0 ? io_uptime(log->io) : 0;
}

/* The time of a batch: that of the clock, but never before the last one's. */
static uint64_t batch_time(const struct clog *log) REQUIRES(log->append_lock)
{
    int64_t now = io_now(log->io);
    uint64_t time_ns = now > 0 ? (uint64_t)now : 0;

    return time_ns < log->segments.last_ns ? log->segments.last_ns : time_ns;
}

/* Whether the append may be made at all. */
static int admit(struct clog *log, const struct request *request)
    REQUIRES(log->append_lock)
{
    if (!durability_writable(&log->durability))
        return -EROFS;
    if (request->expected && *request->expected < log->segments.next)
        return -EEXIST;
    if (request->expected && *request->expected > log->segments.next)
        return -EPERM;
    if (request->batch.count > UINT64_MAX - log->segments.next)
        return -EFBIG;
    return drop_admit(log, &request->more);
}

/* next and the active part change under append_lock alone; so they are read
   here without lock. */
static int append_locked(struct clog *log, struct request *request,
                         uint64_t *ret_offset) REQUIRES(log->append_lock)
{
    struct batch *batch = &request->batch;
    struct room room = {.wanted = limits_bytes(&request->more)};
    uint64_t first = log->segments.next;
    struct extent extent;
    int r = admit(log, request);

    if (r == 0 && roll_is_due(log, request->more.count, request->more.end))
        r = request->nowait ? -EAGAIN : roll_with_room(log, &room);
    if (r < 0)
        return r;
    batch->time_ns = batch_time(log);
    batch->durable = durability_offset(&log->durability);
    r = append_with_room(log,
                         &(struct stage_append){batch, request->more.end,
                                                request->nowait, &log->scratch},
                         &room, &extent);
    if (r < 0)
        return r;
    segments_grow(&log->segments, &extent, batch->time_ns, uptime(log));
    *ret_offset = first;
    return 0;
}

/* What the records will take. EINVAL, EMSGSIZE: a record's length. */
static int measure(const struct clog *log, const struct iovec *records,
                   size_t count, struct extent *ret_more)
{
    struct extent more = {count, 0};

    if (count == 0 || count > SIZE_MAX / SLOT_SIZE / 2)
        return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (records[i].iov_len == 0)
            return -EINVAL;
        if (records[i].iov_len > log->options.max_record)
            return -EMSGSIZE;
        more.end += RECORD_PREFIX + records[i].iov_len;
    }
    *ret_more = more;
    return 0;
}

static int append(struct clog *log, struct request *request,
                  uint64_t *ret_offset)
{
    uint64_t offset = 0;
    int r = measure(log, request->batch.records, request->batch.count,
                    &request->more);

    if (r < 0)
        goto out;
    if (!request->nowait)
        mutex_lock(&log->append_lock);
    else if (!mutex_trylock(&log->append_lock))
        return -EAGAIN;
    r = append_locked(log, request, &offset);
    scratch_trim(&log->scratch);
    mutex_unlock(&log->append_lock);
out:
    if (r == 0)
        waiters_wake(&log->waiters);
    else if (r != -EAGAIN)
        atomic_fetch_add(&log->append_errors, 1);
    if (r == 0 && ret_offset)
        *ret_offset = offset;
    return r;
}

int clog_append_batch(struct clog *log, const struct iovec *records,
                      size_t count, unsigned flags, uint64_t *ret_offset)
{
    struct request request = {
        .batch = {.records = records, .count = count},
        .nowait = (flags & CLOG_NOWAIT) != 0,
    };

    return append(log, &request, ret_offset);
}

int clog_append(struct clog *log, const void *data, size_t size, unsigned flags,
                uint64_t *ret_offset)
{
    struct iovec record = {(void *)(uintptr_t)data, size};

    return clog_append_batch(log, &record, 1, flags, ret_offset);
}

int clog_append_at(struct clog *log, uint64_t offset, const void *data,
                   size_t size, unsigned flags)
{
    struct iovec record = {(void *)(uintptr_t)data, size};
    struct request request = {
        .batch = {.records = &record, .count = 1},
        .expected = &offset,
        .nowait = (flags & CLOG_NOWAIT) != 0,
    };

    return append(log, &request, NULL);
}
