/* SPDX-License-Identifier: MIT */
#include "files/stream.h"

#include "files/handle.h"
#include "files/mount.h"
#include "files/view.h"

#include <errno.h>

int stream_attr(struct fs *fs, struct node node, unsigned flags,
                struct attr *attr)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)flags;
    clog_status(fs->log, &status);
    if (node.number > status.stream_end)
        return -ESTALE;
    attr->stat.st_size = (off_t)(status.stream_end - node.number);
    if (status.last_time_ns > 0)
        attr_set_time(attr, status.last_time_ns);
    attr->timeout = 0;
    attr->entry_timeout = 0;
    return 0;
}

int stream_open(struct handle *handle, unsigned flags)
{
    struct fs *fs = handle->fs;
    uint64_t origin = handle->node.number;
    struct clog_status status = {.size = sizeof(status)};
    struct clog_view *view = NULL;
    int r;

    (void)flags;
    clog_status(fs->log, &status);
    /* A page of the cache cannot end at a damaged record, nor begin with what
       is dropped while its end is not. */
    handle->cached = status.read_errors == 0 &&
                     clog_open_report(fs->log)->rotten == 0 &&
                     status.drops.segments == 0 && !options_retain(fs->options);
    r = clog_view_stream(fs->log, origin, &view);
    handle->state = view;
    return r == -ENOENT ? -ESTALE : r;
}

static int log_number(struct fs *fs, struct node dir, unsigned flags,
                      uint64_t *ret_origin)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)dir;
    (void)flags;
    clog_status(fs->log, &status);
    *ret_origin = status.stream_start;
    return 0;
}

const struct kind log_kind = {
    .name = "log",
    .parent = NODE_ROOT,
    .mode = S_IFREG | 0444,
    .grows = true,
    .one = true,
    .attr = stream_attr,
    .number = log_number,
    .open = stream_open,
    .close = view_close,
    .read = view_read,
};
