/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <errno.h>

#include "fs.h"
#include "handle.h"
#include "tree.h"

int stream_attr(struct fs *fs, uint64_t origin, struct tree_attr *attr)
{
    struct clog_status status;

    clog_status(fs->log, &status);
    if (origin > status.stream_end)
        return -ESTALE;
    attr->stat.st_size = (off_t)(status.stream_end - origin);
    if (status.last_time_ns > 0)
        tree_set_time(attr, status.last_time_ns);
    attr->timeout = 0;
    attr->entry_timeout = 0;
    return 0;
}

int stream_number(struct fs *fs, uint64_t *ret_origin)
{
    struct clog_status status;

    clog_status(fs->log, &status);
    *ret_origin = status.stream_start;
    return 0;
}

int stream_open(struct fs *fs, uint64_t origin, struct handle *handle)
{
    struct clog_status status;

    clog_status(fs->log, &status);
    if (origin < status.stream_start || origin > status.stream_end)
        return -ESTALE;
    /* A page of the cache cannot end at a damaged record. */
    handle->cached =
        status.read_errors == 0 && clog_open_report(fs->log)->rotten == 0;
    return clog_view_stream(fs->log, origin, &handle->view);
}
