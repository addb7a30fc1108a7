/* SPDX-License-Identifier: MIT */
#include "log/lookup.h"

#include "io/bytes.h"
#include "log/cache.h"
#include "log/reindex.h"
#include "log/segments.h"
#include "segment/stamps.h"

#include <errno.h>

#define CHECK_BUFFER ((size_t)64 << 10)

static int place_once(struct clog *log, struct part *part,
                      const struct extent *extent, uint64_t i, bool nowait,
                      struct place *ret_place, uint64_t *ret_prefix)
{
    struct segment *files = NULL;
    uint8_t prefix[RECORD_PREFIX];
    ssize_t n = 0;
    int r = cache_pin(&log->segments.cache, part, nowait, &files);

    if (r < 0)
        return r;
    r = segment_place(files, extent, i, ret_place);
    if (r == 0)
        n = store_read(&files->store, prefix, sizeof(prefix),
                       ret_place->position, nowait);
    cache_unpin(&log->segments.cache, files);
    if (r < 0)
        return -EUCLEAN;
    if (n < 0)
        return (int)n;
    if (n < (ssize_t)sizeof(prefix))
        return nowait ? -EAGAIN : -EIO;
    *ret_prefix = get_be64(prefix);
    return 0;
}

static int check_once(struct clog *log, struct part *part, uint64_t i,
                      const struct place *place, struct buffer *buffer,
                      bool nowait, enum verdict *ret_verdict)
{
    struct segment *files = NULL;
    int r = buffer_reserve(buffer, place->length < CHECK_BUFFER
                                       ? RECORD_PREFIX + (size_t)place->length
                                       : CHECK_BUFFER);

    if (r == 0)
        r = cache_pin(&log->segments.cache, part, nowait, &files);
    if (r < 0)
        return r;
    r = segment_check(files, i, place, buffer->data, buffer->size, nowait,
                      ret_verdict);
    cache_unpin(&log->segments.cache, files);
    return r;
}

/* The place again, after the index has been mended. */
static int place_mended(struct clog *log, struct part *part,
                        const struct extent *extent, uint64_t i, bool nowait,
                        bool index_failed, struct place *ret_place)
{
    uint64_t prefix;
    int r;

    if (nowait)
        return -EAGAIN;
    r = reindex(log, part, extent, i, index_failed);
    if (r == 0)
        r = place_once(log, part, extent, i, false, ret_place, &prefix);
    return r == -EUCLEAN ? -EIO : r;
}

int lookup_place(struct clog *log, struct part *part,
                 const struct extent *extent, uint64_t i, bool nowait,
                 struct place *ret_place)
{
    struct buffer buffer = {0};
    enum verdict verdict = VERDICT_BAD;
    struct place place;
    uint64_t prefix = 0;
    int r = place_once(log, part, extent, i, nowait, &place, &prefix);

    if (r == -EUCLEAN) {
        r = place_mended(log, part, extent, i, nowait, true, &place);
    } else if (r == 0 && prefix != place.length) {
        /* Index or prefix is wrong: the checksum knows which. */
        r = check_once(log, part, i, &place, &buffer, nowait, &verdict);
        if (r == 0 && verdict == VERDICT_BAD)
            r = place_mended(log, part, extent, i, nowait, false, &place);
        else if (r == 0 && !nowait)
            /* It is well, but what is wrong with its prefix is to be said. */
            (void)reindex(log, part, extent, i, false);
        /* Nothing better is known: a damaged record has a size all the same. */
        if (r == -EIO)
            r = 0;
        buffer_done(&buffer);
    }
    if (r == 0)
        *ret_place = place;
    return r;
}

int lookup_check(struct clog *log, struct part *part,
                 const struct extent *extent, uint64_t i, struct buffer *buffer,
                 bool nowait, struct place *place)
{
    enum verdict verdict = VERDICT_BAD;
    int r = check_once(log, part, i, place, buffer, nowait, &verdict);

    if (r == 0 && verdict == VERDICT_BAD) {
        r = place_mended(log, part, extent, i, nowait, false, place);
        if (r == 0)
            r = check_once(log, part, i, place, buffer, nowait, &verdict);
        if (r == 0 && verdict == VERDICT_BAD)
            r = -EIO;
    }
    if (r == -EIO)
        atomic_fetch_add(&log->read_errors, 1);
    if (r == 0 && verdict == VERDICT_PREFIX)
        atomic_fetch_add(&log->prefixes, 1);
    return r;
}

size_t clip(size_t size, uint64_t position, uint64_t end)
{
    if (position >= end)
        return 0;
    return end - position < size ? (size_t)(end - position) : size;
}

int read_store(struct clog *log, struct part *part, void *data, size_t size,
               uint64_t position, bool nowait)
{
    struct segment *files = NULL;
    ssize_t n;
    int r = cache_pin(&log->segments.cache, part, nowait, &files);

    if (r < 0)
        return r;
    n = store_read(&files->store, data, size, position, nowait);
    cache_unpin(&log->segments.cache, files);
    if (n < 0)
        return (int)n;
    if ((size_t)n == size)
        return 0;
    return nowait ? -EAGAIN : -EIO;
}

/* When the store was changed last, or made. */
static uint64_t file_time(struct clog *log, const struct segment *files)
{
    struct io_stat st;

    if (files->store.fd < 0 || io_stat(log->io, files->store.fd, &st) < 0 ||
        st.time_ns < 0)
        return 0;
    return (uint64_t)st.time_ns;
}

int lookup_stamp(struct clog *log, struct part *part, uint64_t i, bool nowait,
                 struct clog_record *record)
{
    struct segment *files = NULL;
    struct stamp stamp;
    int r = cache_pin(&log->segments.cache, part, nowait, &files);

    if (r < 0)
        return r == -EAGAIN ? r : 0;
    record->verifiable = stamps_get(&files->stamps, i, &stamp) == 0;
    if (record->verifiable) {
        record->time_ns = stamp.time_ns;
        record->crc32c = stamp.crc;
    } else {
        record->time_ns = file_time(log, files);
    }
    cache_unpin(&log->segments.cache, files);
    return 0;
}

int clog_stat(struct clog *log, uint64_t offset, unsigned flags,
              struct clog_record *ret)
{
    bool nowait = (flags & CLOG_NOWAIT) != 0;
    struct clog_record record = {.offset = offset};
    struct extent extent;
    struct part *part = NULL;
    struct place place;
    int r = segments_find(&log->segments, offset, &part, &extent);

    if (r == 0)
        r = lookup_place(log, part, &extent, offset - part->base, nowait,
                         &place);
    if (r == 0) {
        record.length = place.length;
        record.position = place.position;
        record.segment = part->base;
        r = lookup_stamp(log, part, offset - part->base, nowait, &record);
    }
    if (r == 0)
        *ret = record;
    segments_put(&log->segments, part);
    return r;
}

/* A record's time alone; 0 if it is not there any more. */
static int time_of(struct clog *log, uint64_t offset, bool nowait,
                   struct clog_record *record)
{
    struct extent extent;
    struct part *part = NULL;
    int r = 0;

    if (segments_find(&log->segments, offset, &part, &extent) == 0)
        r = lookup_stamp(log, part, offset - part->base, nowait, record);
    segments_put(&log->segments, part);
    return r;
}

int clog_find(struct clog *log, uint64_t time_ns, unsigned flags,
              uint64_t *ret_offset)
{
    uint64_t low = segments_oldest(&log->segments);
    uint64_t high = segments_next(&log->segments);
    uint64_t next = high;

    /* Times never decrease; so the first one that is not before time_ns is
       found as in any sorted list. What is dropped meanwhile is before it. */
    while (low < high) {
        uint64_t middle = clog_seek(log, low + (high - low) / 2);
        struct clog_record record = {.offset = middle};
        int r;

        if (middle >= high) {
            high = low + (high - low) / 2;
            continue;
        }
        r = time_of(log, middle, (flags & CLOG_NOWAIT) != 0, &record);
        if (r < 0)
            return r;
        if (record.time_ns < time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    low = clog_seek(log, low);
    if (low >= next)
        return -ENOENT;
    *ret_offset = low;
    return 0;
}

uint64_t clog_seek(struct clog *log, uint64_t offset)
{
    struct part *part = NULL;
    struct extent extent;
    int r = segments_find(&log->segments, offset, &part, &extent);

    if (r == -EIO || r == -ENOENT) {
        /* In a gap, or below oldest: the next segment that has a record. */
        while ((r = segments_find_after(&log->segments, offset, &part,
                                        &extent)) == 0 &&
               extent.count == 0) {
            offset = part->base + 1;
            segments_put(&log->segments, part);
        }
        offset = r == 0 ? part->base : segments_next(&log->segments);
    }
    if (r == 0)
        segments_put(&log->segments, part);
    return offset;
}

/* The time of a segment's last record, or of the segment's making. */
static int last_time(struct clog *log, struct part *part,
                     const struct extent *extent, bool nowait,
                     uint64_t *ret_time_ns)
{
    struct clog_record record = {0};
    struct segment *files = NULL;
    int r = 0;

    if (extent->count > 0) {
        r = lookup_stamp(log, part, extent->count - 1, nowait, &record);
    } else if ((r = cache_pin(&log->segments.cache, part, nowait, &files)) ==
               0) {
        record.time_ns = file_time(log, files);
        cache_unpin(&log->segments.cache, files);
    }
    if (r == -EAGAIN)
        return r;
    *ret_time_ns = record.time_ns;
    return 0;
}

static void fill_segment(struct clog *log, const struct part *part,
                         struct clog_segment *segment)
{
    const struct extent *extent = &part->extent;

    rwlock_read(&log->segments.lock);
    segment->base = part->base;
    segment->next = part->base + extent->count;
    segment->sizes[CLOG_STORE] = extent->end;
    segment->sizes[CLOG_INDEX] = extent->count * SLOT_SIZE;
    segment->sizes[CLOG_STAMPS] = extent->count * SLOT_SIZE;
    segment->time_ns = part->last_ns;
    segment->stream_start = part->stream_start;
    segment->sealed = part->sealed;
    rwlock_unlock(&log->segments.lock);
}

int clog_segment(struct clog *log, uint64_t base, unsigned flags,
                 struct clog_segment *ret)
{
    struct clog_segment segment = {0};
    struct part *part = NULL;
    struct extent extent;
    int r = segments_find_after(&log->segments, base, &part, &extent);

    if (r < 0)
        return r;
    fill_segment(log, part, &segment);
    if (segment.time_ns == 0) {
        r = last_time(log, part, &extent, (flags & CLOG_NOWAIT) != 0,
                      &segment.time_ns);
        rwlock_write(&log->segments.lock);
        if (part->last_ns == 0 && part->sealed)
            part->last_ns = segment.time_ns;
        rwlock_unlock(&log->segments.lock);
    }
    segments_put(&log->segments, part);
    if (r == 0)
        *ret = segment;
    return r;
}
