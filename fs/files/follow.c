/* SPDX-License-Identifier: MIT */
#include "files/follow.h"

#include "clog.h"
#include "files/handle.h"
#include "files/mount.h"
#include "files/put.h"
#include "files/view.h"

#include <errno.h>
#include <stdlib.h>

/* What an open file knows. */
struct follower {
    struct clog_view *view;
    uint64_t origin; /* where view begins in the stream */
    uint64_t moved;  /* a position of the file is this much further in it */
    bool overrun;    /* the next read says that something was missed */
};

int follow_begin(struct handle *handle, uint64_t position, bool overrun)
{
    struct follower *follower = calloc(1, sizeof(*follower));
    int r;

    if (!follower)
        return -ENOMEM;
    handle->state = follower;
    follower->origin = position;
    follower->overrun = overrun;
    r = clog_view_stream(handle->fs->log, position, &follower->view);
    return r == -ENOENT ? -ESTALE : r;
}

int follow_close(struct handle *handle, unsigned flags)
{
    struct follower *follower = handle->state;

    if (follower && (flags & CLOG_NOWAIT) != 0) {
        int r = clog_view_try_close(follower->view);

        if (r < 0)
            return r;
    } else if (follower) {
        clog_view_close(follower->view);
    }
    free(follower);
    return 0;
}

static uint64_t place(const struct follower *follower, uint64_t position)
{
    return follower->origin + follower->moved + position;
}

uint64_t follow_waits_for(const struct handle *handle, uint64_t position)
{
    const struct follower *follower = handle->state;

    return follower->overrun ? UINT64_MAX : place(follower, position);
}

/* How many of size bytes from position at on are whole records, or size where
   not even one is; there are more than size. EAGAIN. */
static int whole_records(struct clog *log, uint64_t at, unsigned flags,
                         size_t *size)
{
    struct clog_span span;
    int r = clog_stream_find(log, at + *size, flags, &span);

    if (r == -EAGAIN)
        return r;
    if (r == 0 && span.start > at)
        *size = (size_t)(span.start - at);
    return 0;
}

/* The record at position at is damaged: the file goes on behind it. Returns
   what the reader is told. */
static int skip(struct clog *log, struct follower *follower, uint64_t at,
                unsigned flags)
{
    struct clog_span span;
    int r = clog_stream_find(log, at, flags, &span);

    if (r == 0)
        follower->moved += span.end - at;
    return r == -EAGAIN ? r : -EIO;
}

/* Reads from position at of the stream. ESTALE: it has just been dropped. */
static ssize_t read_at(struct handle *handle, char *data, size_t size,
                       uint64_t at, unsigned flags)
{
    struct follower *follower = handle->state;
    struct clog *log = handle->fs->log;
    struct clog_status status = {.size = sizeof(status)};
    ssize_t n;

    clog_status(log, &status);
    if (at < status.stream_start || follower->overrun) {
        if (at < status.stream_start)
            follower->moved += status.stream_start - at;
        follower->overrun = false;
        return -EPIPE;
    }
    if (at >= status.stream_end)
        return 0;
    if (size >= status.stream_end - at)
        size = (size_t)(status.stream_end - at);
    else if (whole_records(log, at, flags, &size) < 0)
        return -EAGAIN;
    n = clog_view_read(follower->view, data, size, at - follower->origin,
                       view_flags(handle, flags));
    if (n >= 0 && (size_t)n < size && (flags & CLOG_NOWAIT) != 0)
        return -EAGAIN;
    return n == 0 || n == -EIO ? skip(log, follower, at, flags) : n;
}

/*
 * A read(2) may come in pieces, each longer than PUT_MAX but for the last: the
 * next piece would wait, with this one's bytes. One that ends early is the
 * last. And what is dropped between two looks is seen as dropped at the second.
 */
ssize_t follow_read(struct handle *handle, char *data, size_t size,
                    uint64_t position, unsigned flags)
{
    uint64_t at = place(handle->state, position);
    ssize_t n;

    if (size > PUT_MAX)
        size = PUT_MAX;
    n = read_at(handle, data, size, at, flags);
    return n == -ESTALE ? read_at(handle, data, size, at, flags) : n;
}

static int follow_open(struct handle *handle, unsigned flags)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)flags;
    clog_status(handle->fs->log, &status);
    return follow_begin(handle, status.stream_end, false);
}

const struct kind follow_kind = {
    .name = "follow",
    .parent = NODE_ROOT,
    .hidden = true,
    .mode = S_IFREG | 0444,
    .open = follow_open,
    .close = follow_close,
    .read = follow_read,
    .waits_for = follow_waits_for,
};
