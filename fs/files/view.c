/* SPDX-License-Identifier: MIT */
#include "files/view.h"

#include "clog.h"
#include "files/handle.h"
#include "files/mount.h"

#include <errno.h>

unsigned view_flags(const struct handle *handle, unsigned flags)
{
    return handle->fs->options->skip_damaged ? flags | CLOG_BLANK_DAMAGED
                                             : flags;
}

/*
 * Reads as the kernel needs it. Into its cache, a read that ends early would
 * pass for the end of the file, so there it is whole or an error.
 */
ssize_t view_read(struct handle *handle, char *data, size_t size,
                  uint64_t position, unsigned flags)
{
    struct clog_view *view = handle->state;
    uint64_t end = clog_view_size(view);
    ssize_t n =
        clog_view_read(view, data, size, position, view_flags(handle, flags));
    bool early = n >= 0 && (size_t)n < size && position < end &&
                 (uint64_t)n < end - position;

    if (early && (flags & CLOG_NOWAIT) != 0)
        return -EAGAIN;
    return early && handle->cached ? -EIO : n;
}

static void set_size(const struct handle *handle, void *ctx)
{
    struct attr *attr = ctx;

    if (handle->state)
        attr->stat.st_size = (off_t)clog_view_size(handle->state);
}

int view_attr(struct fs *fs, struct node node, struct attr *attr)
{
    attr->timeout = 0;
    return handle_find(fs, node, set_size, attr) ? 0 : -ESTALE;
}

int view_close(struct handle *handle, unsigned flags)
{
    if ((flags & CLOG_NOWAIT) != 0)
        return clog_view_try_close(handle->state);
    clog_view_close(handle->state);
    return 0;
}
