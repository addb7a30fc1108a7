/* SPDX-License-Identifier: MIT */
#include "files/stream.h"

#include "files/handle.h"
#include "files/kind.h"
#include "files/mount.h"

#include <errno.h>

int stream_attr(struct fs *fs, uint64_t origin, struct attr *attr)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(fs->log, &status);
    if (origin > status.stream_end)
        return -ESTALE;
    attr->stat.st_size = (off_t)(status.stream_end - origin);
    if (status.last_time_ns > 0)
        attr_set_time(attr, status.last_time_ns);
    attr->timeout = 0;
    attr->entry_timeout = 0;
    return 0;
}

int stream_number(struct fs *fs, uint64_t *ret_origin)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(fs->log, &status);
    *ret_origin = status.stream_start;
    return 0;
}

/* Where the record at hand begins, by its place in its segment. */
static int record_position(struct fs *fs, const struct clog_record *record,
                           uint64_t *ret_position)
{
    struct clog_segment segment;
    int r = clog_segment(fs->log, record->segment, 0, &segment);

    if (r < 0)
        return r;
    if (segment.base != record->segment)
        return -ENOENT;
    *ret_position = segment.stream_start + record->position -
                    8 * (record->offset - segment.base);
    return 0;
}

int stream_position(struct fs *fs, uint64_t offset, uint64_t *ret_position)
{
    struct clog_record record;
    struct clog_status status = {.size = sizeof(status)};
    int r;

    clog_status(fs->log, &status);
    offset = clog_seek(fs->log, offset);
    if (offset >= status.next) {
        *ret_position = status.stream_end;
        return 0;
    }
    r = clog_stat(fs->log, offset, 0, &record);
    if (r == 0)
        r = record_position(fs, &record, ret_position);
    return r == -ENOENT ? -ESTALE : r;
}

int stream_open(struct fs *fs, uint64_t origin, struct handle *handle)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(fs->log, &status);
    if (origin < status.stream_start || origin > status.stream_end)
        return -ESTALE;
    /* A page of the cache cannot end at a damaged record, nor begin with what
       is dropped while its end is not. */
    handle->cached = status.read_errors == 0 &&
                     clog_open_report(fs->log)->rotten == 0 &&
                     status.drops.segments == 0 && !options_retain(fs->options);
    return clog_view_stream(fs->log, origin, &handle->view);
}
