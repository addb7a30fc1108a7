/* SPDX-License-Identifier: MIT */
#include "log/lookup.h"
#include "log/segments.h"
#include "log/sized.h"

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

    if (segments_find_after(&log->segments, 0, &part, &extent) < 0)
        return 0;
    if (extent.count > 0)
        (void)lookup_stamp(log, part, 0, false, &record);
    rwlock_write(&log->segments.lock);
    /* An append may have set it meanwhile. */
    if (part->first_ns == 0)
        part->first_ns = record.time_ns;
    rwlock_unlock(&log->segments.lock);
    segments_put(&log->segments, part);
    return record.time_ns;
}

int clog_status(struct clog *log, struct clog_status *ret_status)
{
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
    status.read_errors = atomic_load(&log->read_errors);
    status.indexes_rebuilt = log->report.indexes + atomic_load(&log->indexes);
    status.prefixes_mended = atomic_load(&log->prefixes);
    status.sync_error = -durability_error(&log->durability);
    status.writable = durability_writable(&log->durability);
    if (status.records > 0 && status.oldest_time_ns == 0)
        status.oldest_time_ns = oldest_time(log);
    return sized_give(&status, sizeof(status), ret_status);
}
