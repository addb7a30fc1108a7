/* SPDX-License-Identifier: MIT */
#include "log/lookup.h"

#include "log/reindex.h"
#include "log/segments.h"
#include "segment/stamps.h"

#include <errno.h>

uint32_t clog_max_record(const struct clog *log)
{
    return log->options.max_record;
}

const struct clog_report *clog_open_report(const struct clog *log)
{
    return &log->report;
}

int clog_space(struct clog *log, struct clog_space *ret_space)
{
    struct io_space space;
    int r = io_space(log->io, log->root, &space);

    if (r < 0)
        return r;
    *ret_space = (struct clog_space){space.block_size, space.blocks,
                                     space.blocks_free, space.blocks_available};
    return 0;
}

/* Looks the time of the first segment's first record up, once. */
static uint64_t oldest_time(struct clog *log)
{
    struct clog_record record = {0};
    struct part *part = NULL;
    struct extent extent;

    if (parts_find_after(log, 0, &part, &extent) < 0)
        return 0;
    if (extent.count > 0)
        (void)look_stamp(log, part, 0, false, &record);
    (void)pthread_rwlock_wrlock(&log->lock);
    /* An append may have set it meanwhile. */
    if (part->first_ns == 0)
        part->first_ns = record.time_ns;
    (void)pthread_rwlock_unlock(&log->lock);
    parts_put(log, part);
    return record.time_ns;
}

void clog_status(struct clog *log, struct clog_status *ret_status)
{
    struct clog_status status = {0};

    parts_status(log, &status);
    (void)pthread_mutex_lock(&log->cursor_lock);
    status.cursors = log->cursor_count;
    (void)pthread_mutex_unlock(&log->cursor_lock);
    status.durable = atomic_load(&log->durable);
    if (status.durable > status.next)
        status.durable = status.next;
    status.payload_bytes = status.stream_end - status.stream_start;
    status.append_errors = atomic_load(&log->append_errors);
    status.syncs = atomic_load(&log->syncs);
    status.rolls = atomic_load(&log->rolls);
    status.read_errors = atomic_load(&log->read_errors);
    status.indexes_rebuilt = log->report.indexes + atomic_load(&log->indexes);
    status.prefixes_mended = atomic_load(&log->prefixes);
    status.sync_error = -atomic_load(&log->sync_error);
    status.writable = atomic_load(&log->writable);
    if (status.records > 0 && status.oldest_time_ns == 0)
        status.oldest_time_ns = oldest_time(log);
    *ret_status = status;
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

int look_stamp(struct clog *log, struct part *part, uint64_t i, bool nowait,
               struct clog_record *record)
{
    struct segment *files = NULL;
    struct stamp stamp;
    int r = parts_pin(log, part, nowait, &files);

    if (r < 0)
        return r == -EAGAIN ? r : 0;
    record->verifiable = stamps_get(&files->stamps, i, &stamp) == 0;
    if (record->verifiable) {
        record->time_ns = stamp.time_ns;
        record->crc32c = stamp.crc;
    } else {
        record->time_ns = file_time(log, files);
    }
    parts_unpin(log, part);
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
    int r = parts_find(log, offset, &part, &extent);

    if (r == 0)
        r = mend_place(log, part, &extent, offset - part->base, nowait, &place);
    if (r == 0) {
        record.length = place.length;
        record.position = place.position;
        record.segment = part->base;
        r = look_stamp(log, part, offset - part->base, nowait, &record);
    }
    if (r == 0)
        *ret = record;
    parts_put(log, part);
    return r;
}

/* A record's time alone; 0 if it is not there any more. */
static int time_of(struct clog *log, uint64_t offset, bool nowait,
                   struct clog_record *record)
{
    struct extent extent;
    struct part *part = NULL;
    int r = 0;

    if (parts_find(log, offset, &part, &extent) == 0)
        r = look_stamp(log, part, offset - part->base, nowait, record);
    parts_put(log, part);
    return r;
}

int clog_find(struct clog *log, uint64_t time_ns, unsigned flags,
              uint64_t *ret_offset)
{
    uint64_t low = parts_oldest(log);
    uint64_t high = parts_next(log);
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
    int r = parts_find(log, offset, &part, &extent);

    if (r == -EIO || r == -ENOENT) {
        /* In a gap, or below oldest: the next segment that has a record. */
        while ((r = parts_find_after(log, offset, &part, &extent)) == 0 &&
               extent.count == 0) {
            offset = part->base + 1;
            parts_put(log, part);
        }
        offset = r == 0 ? part->base : parts_next(log);
    }
    if (r == 0)
        parts_put(log, part);
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
        r = look_stamp(log, part, extent->count - 1, nowait, &record);
    } else if ((r = parts_pin(log, part, nowait, &files)) == 0) {
        record.time_ns = file_time(log, files);
        parts_unpin(log, part);
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

    (void)pthread_rwlock_rdlock(&log->lock);
    segment->base = part->base;
    segment->next = part->base + extent->count;
    segment->sizes[CLOG_STORE] = extent->end;
    segment->sizes[CLOG_INDEX] = extent->count * SLOT_SIZE;
    segment->sizes[CLOG_STAMPS] = extent->count * SLOT_SIZE;
    segment->time_ns = part->last_ns;
    segment->stream_start = part->stream_start;
    segment->sealed = part->sealed;
    (void)pthread_rwlock_unlock(&log->lock);
}

int clog_segment(struct clog *log, uint64_t base, unsigned flags,
                 struct clog_segment *ret)
{
    struct clog_segment segment = {0};
    struct part *part = NULL;
    struct extent extent;
    int r = parts_find_after(log, base, &part, &extent);

    if (r < 0)
        return r;
    fill_segment(log, part, &segment);
    if (segment.time_ns == 0) {
        r = last_time(log, part, &extent, (flags & CLOG_NOWAIT) != 0,
                      &segment.time_ns);
        (void)pthread_rwlock_wrlock(&log->lock);
        if (part->last_ns == 0 && part->sealed)
            part->last_ns = segment.time_ns;
        (void)pthread_rwlock_unlock(&log->lock);
    }
    parts_put(log, part);
    if (r == 0)
        *ret = segment;
    return r;
}
