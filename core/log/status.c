/* SPDX-License-Identifier: MIT */
#include "log/lookup.h"
#include "log/sized.h"
#include "log/times.h"

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
    *ret_space = (struct clog_space){
        .block_size = space.block_size,
        .blocks = space.blocks,
        .blocks_free = space.blocks_free,
        .blocks_available = space.blocks_available,
        /* Its frame, its index entry, its stamp. */
        .records_available = space.blocks_available * space.block_size /
                             (RECORD_PREFIX + 1 + 2 * SLOT_SIZE),
    };
    return 0;
}

int clog_status(struct clog *log, struct clog_status *ret_status)
{
    struct clocks clocks = {io_now(log->io), io_uptime(log->io)};
    struct clog_status status = {0};

    segments_status(&log->segments, &status);
    status.cursors = cursors_count(&log->cursors);
    status.durable = durability_offset(&log->durability);
    if (status.durable > status.next)
        status.durable = status.next;
    status.payload_bytes = status.stream_end - status.stream_start;
    status.append_errors = atomic_load(&log->append_errors);
    status.syncs = atomic_load(&log->durability.syncs);
    status.rolls = atomic_load(&log->rolls);
    status.staging = log->stage.off ? 0 : log->stage.staging.size;
    status.staging_error = -atomic_load(&log->stage.error);
    status.staged = atomic_load(&log->stage.bytes);
    status.read_errors = atomic_load(&log->read_errors);
    status.indexes_rebuilt = log->report.indexes + atomic_load(&log->indexes);
    status.prefixes_mended = atomic_load(&log->prefixes);
    status.sync_error = -durability_error(&log->durability);
    status.writable = durability_writable(&log->durability);
    status.clock_ahead_ns = ages_ahead(&log->ages, &clocks);
    status.age_withheld_ns = ages_withheld(&log->ages, &clocks);
    return sized_give(&status, sizeof(status), ret_status);
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

/* The time of its last record, or of its file where no record shows it. */
static int segment_time(struct clog *log, struct part *part, unsigned flags,
                        uint64_t *ret_time_ns)
{
    uint64_t time_ns = 0;
    struct lookup lookup;
    int r = times_last(log, part, flags, &time_ns);

    if (r == 0 && time_ns == 0) {
        r = lookup_begin_part(&lookup, log, part, flags);
        if (r == 0) {
            time_ns = lookup_file_time(&lookup);
            lookup_end(&lookup);
        }
    }
    if (r == -EAGAIN)
        return r;
    *ret_time_ns = time_ns;
    return 0;
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
    if (segment.time_ns == 0)
        r = segment_time(log, part, flags, &segment.time_ns);
    segments_put(&log->segments, part);
    if (r == 0)
        *ret = segment;
    return r;
}
