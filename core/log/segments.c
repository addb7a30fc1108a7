/* SPDX-License-Identifier: MIT */
#include "log/segments.h"

#include "log/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void segments_init(struct segments *segments, struct io *io)
{
    *segments = (struct segments){0};
    rwlock_init(&segments->lock);
    cache_init(&segments->cache, io);
}

/* Nobody refers to the part any more. */
static void free_part(struct segments *segments, struct part *part)
{
    if (part->dropped) {
        atomic_fetch_sub(&segments->pinned_segments, 1);
        atomic_fetch_sub(&segments->pinned_bytes, part->extent.end);
    }
    cache_forget(&segments->cache, part);
    free(part->index);
    free(part);
}

static void free_dead(struct segments *segments)
{
    struct part *part = atomic_exchange(&segments->dead, NULL);

    while (part) {
        struct part *next = part->dead;

        free_part(segments, part);
        part = next;
    }
}

void segments_put(struct segments *segments, struct part *part)
{
    if (part && atomic_fetch_sub(&part->references, 1) == 1)
        free_part(segments, part);
    if (atomic_load(&segments->dead))
        free_dead(segments);
}

void segments_put_later(struct segments *segments, struct part *part)
{
    if (!part || atomic_fetch_sub(&part->references, 1) > 1)
        return;
    part->dead = atomic_load(&segments->dead);
    while (!atomic_compare_exchange_weak(&segments->dead, &part->dead, part))
        ;
}

bool segments_is_last(const struct part *part)
{
    return atomic_load(&part->references) == 1;
}

struct part *segments_get(struct part *part)
{
    atomic_fetch_add(&part->references, 1);
    return part;
}

/* References a part that was found; the caller holds lock, so that the log's
   own reference is there still. */
static void found(struct part *part, struct part **ret_part)
{
    *ret_part = segments_get(part);
}

/* The last part whose base (or stream start) is at or below key; the caller
   holds lock. */
static struct part *search(const struct segments *segments, uint64_t key,
                           bool by_stream)
{
    size_t low = 0;
    size_t high = segments->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct part *part = segments->parts[middle];

        if ((by_stream ? part->stream_start : part->base) <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? segments->parts[low - 1] : NULL;
}

int segments_find(struct segments *segments, uint64_t offset,
                  struct part **ret_part, struct extent *ret_extent)
{
    struct part *part;
    int r = 0;

    rwlock_read(&segments->lock);
    part = search(segments, offset, false);
    if (!part || offset >= segments->next)
        r = -ENOENT;
    else if (offset - part->base >= part->extent.count)
        r = -EIO;
    if (r == 0) {
        found(part, ret_part);
        *ret_extent = part->extent;
    }
    rwlock_unlock(&segments->lock);
    return r;
}

int segments_find_byte(struct segments *segments, uint64_t position,
                       struct part **ret_part, struct extent *ret_extent)
{
    struct part *part;
    int r = 0;

    rwlock_read(&segments->lock);
    /* Empty parts start where the next one does; the last of them is found,
       and it is the one with bytes unless position is the end. */
    part = search(segments, position, true);
    if (position >= segments->stream_end)
        r = -ENOENT;
    else if (!part)
        r = -ESTALE;
    if (r == 0) {
        found(part, ret_part);
        *ret_extent = part->extent;
    }
    rwlock_unlock(&segments->lock);
    return r;
}

/* Whether the part was dropped. */
static bool is_dropped(struct segments *segments, const struct part *part)
{
    bool dropped;

    rwlock_read(&segments->lock);
    dropped = part->dropped;
    rwlock_unlock(&segments->lock);
    return dropped;
}

/* The files of what was dropped are not always kept. */
static int pin_files(struct held *held, bool nowait)
{
    int r;

    held->mended = atomic_load(&held->part->mended);
    r = cache_pin(&held->segments->cache, held->part, nowait, &held->files);
    return r == -EIO && is_dropped(held->segments, held->part) ? -ESTALE : r;
}

/* Pins the files of held->part, whose reference goes where that fails. */
static int pin(struct held *held, struct held *ret_held)
{
    int r = pin_files(held, held->nowait);

    if (r == 0)
        *ret_held = *held;
    else
        segments_release(held);
    return r;
}

int segments_hold(struct segments *segments, uint64_t offset, bool nowait,
                  struct held *ret_held)
{
    struct held held = {.segments = segments, .nowait = nowait};
    int r = segments_find(segments, offset, &held.part, &held.extent);

    return r < 0 ? r : pin(&held, ret_held);
}

int segments_hold_byte(struct segments *segments, uint64_t position,
                       bool nowait, struct held *ret_held)
{
    struct held held = {.segments = segments, .nowait = nowait};
    int r = segments_find_byte(segments, position, &held.part, &held.extent);

    return r < 0 ? r : pin(&held, ret_held);
}

int segments_hold_part(struct segments *segments, struct part *part,
                       bool nowait, struct held *ret_held)
{
    struct held held = {
        .segments = segments,
        .part = segments_get(part),
        .extent = segments_extent(segments, part),
        .nowait = nowait,
    };

    return pin(&held, ret_held);
}

int segments_hold_again(struct held *held)
{
    struct cache *cache = &held->segments->cache;

    if (held->files)
        cache_unpin(cache, held->files);
    held->files = NULL;
    return pin_files(held, false);
}

void segments_release(struct held *held)
{
    if (held->files)
        cache_unpin(&held->segments->cache, held->files);
    if (held->nowait)
        segments_put_later(held->segments, held->part);
    else
        segments_put(held->segments, held->part);
    *held = (struct held){0};
}

int segments_find_base(struct segments *segments, uint64_t base,
                       struct part **ret_part)
{
    struct part *part;
    int r = -ENOENT;

    rwlock_read(&segments->lock);
    part = search(segments, base, false);
    if (part && part->base == base) {
        found(part, ret_part);
        r = 0;
    }
    rwlock_unlock(&segments->lock);
    return r;
}

int segments_find_after(struct segments *segments, uint64_t base,
                        struct part **ret_part, struct extent *ret_extent)
{
    size_t low = 0;
    size_t high;
    int r = -ENOENT;

    rwlock_read(&segments->lock);
    high = segments->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (segments->parts[middle]->base < base)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < segments->count) {
        found(segments->parts[low], ret_part);
        *ret_extent = segments->parts[low]->extent;
        r = 0;
    }
    rwlock_unlock(&segments->lock);
    return r;
}

int segments_find_active(struct segments *segments, struct part **ret_part)
{
    int r = -ENOENT;

    rwlock_read(&segments->lock);
    if (segments->count > 0) {
        found(segments_active(segments), ret_part);
        r = 0;
    }
    rwlock_unlock(&segments->lock);
    return r;
}

struct part *segments_active(const struct segments *segments)
{
    return segments->active;
}

struct extent segments_extent(struct segments *segments,
                              const struct part *part)
{
    struct extent extent;

    rwlock_read(&segments->lock);
    extent = part->extent;
    rwlock_unlock(&segments->lock);
    return extent;
}

static int make_room(struct segments *segments)
{
    size_t capacity = segments->capacity ? 2 * segments->capacity : 16;
    struct part **parts;

    if (segments->count < segments->capacity)
        return 0;
    parts = reallocarray(segments->parts, capacity, sizeof(struct part *));
    if (!parts)
        return -ENOMEM;
    segments->parts = parts;
    segments->capacity = capacity;
    return 0;
}

static bool is_behind(const struct segments *segments, const struct part *part)
{
    return segments->count == 0 ||
           segments->parts[segments->count - 1]->base < part->base;
}

int segments_add(struct segments *segments, struct part *part)
{
    int r;

    rwlock_write(&segments->lock);
    r = is_behind(segments, part) ? make_room(segments) : -EUCLEAN;
    if (r == 0) {
        part->stream_start = segments->stream_end;
        segments->parts[segments->count++] = part;
        segments->active = part;
        segments->records += part->extent.count;
        segments->stream_end +=
            part->extent.end - RECORD_PREFIX * part->extent.count;
    }
    rwlock_unlock(&segments->lock);
    return r;
}

void segments_grow(struct segments *segments, const struct extent *extent,
                   uint64_t time_ns, int64_t uptime)
{
    struct part *part = segments_active(segments);
    uint64_t count = extent->count - part->extent.count;
    uint64_t payload = extent->end - part->extent.end - RECORD_PREFIX * count;

    rwlock_write(&segments->lock);
    if (part->extent.count == 0)
        part->first_uptime = uptime;
    part->last_uptime = uptime;
    part->extent = *extent;
    if (part->first_ns == 0)
        part->first_ns = time_ns;
    part->last_ns = time_ns;
    segments->last_ns = time_ns;
    segments->next += count;
    segments->records += count;
    segments->stream_end += payload;
    segments->appends++;
    segments->appended += count;
    segments->appended_bytes += payload;
    rwlock_unlock(&segments->lock);
}

void segments_seal(struct segments *segments, struct part *part)
{
    rwlock_write(&segments->lock);
    part->sealed = true;
    rwlock_unlock(&segments->lock);
}

void segments_remove_first(struct segments *segments)
{
    struct part *part;

    rwlock_write(&segments->lock);
    part = segments->parts[0];
    segments->count--;
    memmove(segments->parts, segments->parts + 1,
            segments->count * sizeof(struct part *));
    segments->records -= part->extent.count;
    part->dropped = true;
    atomic_fetch_add(&segments->pinned_segments, 1);
    atomic_fetch_add(&segments->pinned_bytes, part->extent.end);
    rwlock_unlock(&segments->lock);
    segments_put(segments, part);
}

void segments_done(struct segments *segments)
{
    for (size_t k = 0; k < segments->count; k++)
        segments_put(segments, segments->parts[k]);
    free_dead(segments);
    free(segments->parts);
    segments->parts = NULL;
    segments->count = 0;
    cache_done(&segments->cache);
    rwlock_done(&segments->lock);
}

uint64_t segments_next(struct segments *segments)
{
    uint64_t next;

    rwlock_read(&segments->lock);
    next = segments->next;
    rwlock_unlock(&segments->lock);
    return next;
}

static uint64_t first_offset(const struct segments *segments)
{
    return segments->count > 0 ? segments->parts[0]->base : segments->next;
}

uint64_t segments_oldest(struct segments *segments)
{
    uint64_t offset;

    rwlock_read(&segments->lock);
    offset = first_offset(segments);
    rwlock_unlock(&segments->lock);
    return offset;
}

/* The caller holds lock. A record has a prefix, an index entry and a stamp. */
static uint64_t stored_bytes(const struct segments *segments)
{
    uint64_t start = segments->count > 0 ? segments->parts[0]->stream_start : 0;

    return segments->stream_end - start +
           (RECORD_PREFIX + 2 * (uint64_t)SLOT_SIZE) * segments->records;
}

int segments_look_oldest(struct segments *segments, struct oldest *ret_oldest)
{
    int r = -ENOENT;

    rwlock_read(&segments->lock);
    if (segments->count > 0) {
        found(segments->parts[0], &ret_oldest->part);
        ret_oldest->sealed = ret_oldest->part->sealed;
        ret_oldest->extent = ret_oldest->part->extent;
        ret_oldest->bytes = stored_bytes(segments);
        ret_oldest->records = segments->records;
        r = 0;
    }
    rwlock_unlock(&segments->lock);
    return r;
}

uint64_t segments_droppable(struct segments *segments)
{
    uint64_t bytes = 0;

    rwlock_read(&segments->lock);
    for (size_t k = 0; k < segments->count; k++) {
        const struct part *part = segments->parts[k];

        if (!part->sealed || atomic_load(&part->views) > 0)
            break;
        bytes += limits_bytes(&part->extent);
    }
    rwlock_unlock(&segments->lock);
    return bytes;
}

void segments_totals(struct segments *segments, uint64_t *ret_bytes,
                     uint64_t *ret_records)
{
    rwlock_read(&segments->lock);
    *ret_bytes = stored_bytes(segments);
    *ret_records = segments->records;
    rwlock_unlock(&segments->lock);
}

void segments_stream(struct segments *segments, uint64_t *ret_start,
                     uint64_t *ret_end)
{
    rwlock_read(&segments->lock);
    *ret_start = segments->count ? segments->parts[0]->stream_start : 0;
    *ret_end = segments->stream_end;
    rwlock_unlock(&segments->lock);
}

void segments_status(struct segments *segments, struct clog_status *status)
{
    rwlock_read(&segments->lock);
    status->oldest = first_offset(segments);
    status->next = segments->next;
    status->active =
        segments->count ? segments_active(segments)->base : segments->next;
    status->segments = segments->count;
    status->records = segments->records;
    status->stored_bytes = stored_bytes(segments);
    status->stream_start =
        segments->count ? segments->parts[0]->stream_start : 0;
    status->stream_end = segments->stream_end;
    for (size_t k = 0; k < segments->count && status->oldest_time_ns == 0; k++)
        if (segments->parts[k]->extent.count > 0) {
            status->oldest_time_ns = segments->parts[k]->first_ns;
            break;
        }
    status->last_time_ns = segments->last_ns;
    status->appends = segments->appends;
    status->appended = segments->appended;
    status->appended_bytes = segments->appended_bytes;
    status->drops = segments->drops;
    rwlock_unlock(&segments->lock);
    status->pinned_segments = atomic_load(&segments->pinned_segments);
    status->pinned_bytes = atomic_load(&segments->pinned_bytes);
}
