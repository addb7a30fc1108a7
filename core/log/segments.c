/* SPDX-License-Identifier: MIT */
#include "log/segments.h"

#include "log/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Nobody refers to the part any more. */
static void free_part(struct clog *log, struct part *part)
{
    struct segment *closed;

    mutex_lock(&log->cache_lock);
    closed = cache_detach(log, part);
    if (part->dropped) {
        log->pinned_segments--;
        log->pinned_bytes -= part->extent.end;
    }
    mutex_unlock(&log->cache_lock);
    cache_close(closed);
    free(part->index);
    free(part);
}

void segments_put(struct clog *log, struct part *part)
{
    if (part && atomic_fetch_sub(&part->references, 1) == 1)
        free_part(log, part);
}

/* References a part that was found; the caller holds lock, so that the log's
   own reference is there still. */
static void found(struct part *part, struct part **ret_part)
{
    atomic_fetch_add(&part->references, 1);
    *ret_part = part;
}

/* The last part whose base (or stream start) is at or below key. */
static struct part *search(const struct clog *log, uint64_t key, bool by_stream)
    REQUIRES_SHARED(log->lock)
{
    size_t low = 0;
    size_t high = log->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct part *part = log->parts[middle];

        if ((by_stream ? part->stream_start : part->base) <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? log->parts[low - 1] : NULL;
}

int segments_find(struct clog *log, uint64_t offset, struct part **ret_part,
                  struct extent *ret_extent)
{
    struct part *part;
    int r = 0;

    rwlock_read(&log->lock);
    part = search(log, offset, false);
    if (!part || offset >= log->next)
        r = -ENOENT;
    else if (offset - part->base >= part->extent.count)
        r = -EIO;
    if (r == 0) {
        found(part, ret_part);
        *ret_extent = part->extent;
    }
    rwlock_unlock(&log->lock);
    return r;
}

int segments_find_byte(struct clog *log, uint64_t position,
                       struct part **ret_part, struct extent *ret_extent)
{
    struct part *part;
    int r = 0;

    rwlock_read(&log->lock);
    /* Empty parts start where the next one does; the last of them is found,
       and it is the one with bytes unless position is the end. */
    part = search(log, position, true);
    if (position >= log->stream_end)
        r = -ENOENT;
    else if (!part)
        r = -ESTALE;
    if (r == 0) {
        found(part, ret_part);
        *ret_extent = part->extent;
    }
    rwlock_unlock(&log->lock);
    return r;
}

int segments_find_base(struct clog *log, uint64_t base, struct part **ret_part)
{
    struct part *part;
    int r = -ENOENT;

    rwlock_read(&log->lock);
    part = search(log, base, false);
    if (part && part->base == base) {
        found(part, ret_part);
        r = 0;
    }
    rwlock_unlock(&log->lock);
    return r;
}

int segments_find_after(struct clog *log, uint64_t base, struct part **ret_part,
                        struct extent *ret_extent)
{
    size_t low = 0;
    size_t high;
    int r = -ENOENT;

    rwlock_read(&log->lock);
    high = log->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (log->parts[middle]->base < base)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < log->count) {
        found(log->parts[low], ret_part);
        *ret_extent = log->parts[low]->extent;
        r = 0;
    }
    rwlock_unlock(&log->lock);
    return r;
}

int segments_find_active(struct clog *log, struct part **ret_part)
{
    int r = -ENOENT;

    rwlock_read(&log->lock);
    if (log->count > 0) {
        found(segments_active(log), ret_part);
        r = 0;
    }
    rwlock_unlock(&log->lock);
    return r;
}

struct part *segments_active(const struct clog *log)
{
    return log->active;
}

struct extent segments_extent(struct clog *log, const struct part *part)
{
    struct extent extent;

    rwlock_read(&log->lock);
    extent = part->extent;
    rwlock_unlock(&log->lock);
    return extent;
}

static int make_room(struct clog *log) REQUIRES(log->lock)
{
    size_t capacity = log->capacity ? 2 * log->capacity : 16;
    struct part **parts;

    if (log->count < log->capacity)
        return 0;
    parts = reallocarray(log->parts, capacity, sizeof(struct part *));
    if (!parts)
        return -ENOMEM;
    log->parts = parts;
    log->capacity = capacity;
    return 0;
}

int segments_add(struct clog *log, struct part *part)
{
    int r;

    rwlock_write(&log->lock);
    r = make_room(log);
    if (r == 0) {
        part->stream_start = log->stream_end;
        log->parts[log->count++] = part;
        log->active = part;
        log->records += part->extent.count;
        log->stream_end +=
            part->extent.end - RECORD_PREFIX * part->extent.count;
    }
    rwlock_unlock(&log->lock);
    return r;
}

void segments_remove_first(struct clog *log)
{
    struct part *part;

    rwlock_write(&log->lock);
    part = log->parts[0];
    log->count--;
    memmove(log->parts, log->parts + 1, log->count * sizeof(struct part *));
    log->records -= part->extent.count;
    rwlock_unlock(&log->lock);
    mutex_lock(&log->cache_lock);
    part->dropped = true;
    log->pinned_segments++;
    log->pinned_bytes += part->extent.end;
    mutex_unlock(&log->cache_lock);
    segments_put(log, part);
}

void segments_done(struct clog *log)
{
    for (size_t k = 0; k < log->count; k++)
        segments_put(log, log->parts[k]);
    free(log->parts);
    log->parts = NULL;
    log->count = 0;
}

uint64_t segments_next(struct clog *log)
{
    uint64_t next;

    rwlock_read(&log->lock);
    next = log->next;
    rwlock_unlock(&log->lock);
    return next;
}

static uint64_t first_offset(const struct clog *log) REQUIRES_SHARED(log->lock)
{
    return log->count > 0 ? log->parts[0]->base : log->next;
}

uint64_t segments_oldest(struct clog *log)
{
    uint64_t offset;

    rwlock_read(&log->lock);
    offset = first_offset(log);
    rwlock_unlock(&log->lock);
    return offset;
}

/* A record has a prefix, an index entry and a stamp. */
static uint64_t stored_bytes(const struct clog *log) REQUIRES_SHARED(log->lock)
{
    uint64_t start = log->count > 0 ? log->parts[0]->stream_start : 0;

    return log->stream_end - start +
           (RECORD_PREFIX + 2 * (uint64_t)SLOT_SIZE) * log->records;
}

void segments_totals(struct clog *log, uint64_t *ret_bytes,
                     uint64_t *ret_records)
{
    rwlock_read(&log->lock);
    *ret_bytes = stored_bytes(log);
    *ret_records = log->records;
    rwlock_unlock(&log->lock);
}

void segments_stream(struct clog *log, uint64_t *ret_start, uint64_t *ret_end)
{
    rwlock_read(&log->lock);
    *ret_start = log->count ? log->parts[0]->stream_start : 0;
    *ret_end = log->stream_end;
    rwlock_unlock(&log->lock);
}

void segments_status(struct clog *log, struct clog_status *status)
{
    rwlock_read(&log->lock);
    status->oldest = first_offset(log);
    status->next = log->next;
    status->active = log->count ? segments_active(log)->base : log->next;
    status->segments = log->count;
    status->records = log->records;
    status->stored_bytes = stored_bytes(log);
    status->stream_start = log->count ? log->parts[0]->stream_start : 0;
    status->stream_end = log->stream_end;
    status->oldest_time_ns = log->count ? log->parts[0]->first_ns : 0;
    status->last_time_ns = log->last_ns;
    status->appends = log->appends;
    status->appended = log->appended;
    status->appended_bytes = log->appended_bytes;
    status->drops = log->drops;
    rwlock_unlock(&log->lock);
    mutex_lock(&log->cache_lock);
    status->pinned_segments = log->pinned_segments;
    status->pinned_bytes = log->pinned_bytes;
    mutex_unlock(&log->cache_lock);
}
