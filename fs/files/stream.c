/* SPDX-License-Identifier: MIT */
#include "files/stream.h"

#include "files/handle.h"
#include "files/mount.h"
#include "files/view.h"

#include <errno.h>

static void set_origin(const struct handle *handle, void *ctx)
{
    uint64_t *origin = ctx;

    *origin = handle->origin;
}

int stream_attr(struct fs *fs, struct node node, uint64_t origin,
                struct attr *attr)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)handle_find(fs, node, set_origin, &origin);
    clog_status(fs->log, &status);
    if (origin > status.stream_end)
        return -ESTALE;
    attr->stat.st_size = (off_t)(status.stream_end - origin);
    if (status.last_time_ns > 0)
        attr_set_time(attr, status.last_time_ns);
    attr->timeout = 0;
    return 0;
}

int stream_open(struct handle *handle, uint64_t origin)
{
    struct fs *fs = handle->fs;
    struct clog_status status = {.size = sizeof(status)};
    struct clog_view *view = NULL;
    int r;

    (void)handle_find(fs, handle->node, set_origin, &origin);
    clog_status(fs->log, &status);
    handle->origin = origin;
    handle->dropped =
        origin < status.stream_start ? status.stream_start - origin : 0;
    r = clog_view_stream(fs->log, origin + handle->dropped, &view);
    handle->state = view;
    return r == -ENOENT ? -ESTALE : r;
}

ssize_t stream_pread(struct handle *handle, char *data, size_t size,
                     uint64_t position, unsigned flags)
{
    if (position < handle->dropped)
        return -ESTALE;
    return view_read(handle, data, size, position - handle->dropped, flags);
}

static uint64_t begin(struct fs *fs)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(fs->log, &status);
    return status.stream_start;
}

static int log_attr(struct fs *fs, struct node node, unsigned flags,
                    struct attr *attr)
{
    (void)flags;
    return stream_attr(fs, node, begin(fs), attr);
}

static int log_open(struct handle *handle, unsigned flags)
{
    (void)flags;
    return stream_open(handle, begin(handle->fs));
}

const struct kind log_kind = {
    .name = "log",
    .parent = NODE_ROOT,
    .mode = S_IFREG | 0444,
    .grows = true,
    .attr = log_attr,
    .apart = apart_always,
    .open = log_open,
    .close = view_close,
    .read = stream_pread,
};
