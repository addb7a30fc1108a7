/* SPDX-License-Identifier: MIT */
#include "files/follow.h"

#include "clog.h"
#include "files/handle.h"
#include "files/mount.h"
#include "files/stream.h"

#include <errno.h>
#include <stdlib.h>

int follow_begin(struct fs *fs, struct handle *handle, uint64_t position,
                 bool overrun)
{
    int r = clog_view_stream(fs->log, position, &handle->view);

    handle->follower =
        (struct follower){.origin = position, .overrun = overrun};
    return r == -ENOENT ? -ESTALE : r;
}

int follow_open(struct fs *fs, uint64_t number, struct handle *handle)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)number;
    clog_status(fs->log, &status);
    return follow_begin(fs, handle, status.stream_end, false);
}

/* Where the record that lies at or behind that position of the stream ends
   or, with before, the last one that ends at or before it; found by halving,
   since the log knows records by offset. */
static int find_end(struct fs *fs, const struct clog_status *status,
                    uint64_t position, bool before, uint64_t *ret_end)
{
    uint64_t low = status->oldest;
    uint64_t high = status->next;
    uint64_t end = before ? status->stream_start : status->stream_end;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t start;
        int r = stream_position(fs, middle, &start);

        if (r < 0)
            return r;
        if (start <= position) {
            low = middle + 1;
            end = before ? start : end;
        } else {
            high = middle;
            end = before ? end : start;
        }
    }
    *ret_end = end;
    return 0;
}

/* How many bytes from position on a read of size bytes is to give, where there
   are more: up to the end of a record, if one fits. */
static size_t whole_records(struct fs *fs, const struct clog_status *status,
                            uint64_t position, size_t size)
{
    uint64_t end;

    if (find_end(fs, status, position + size, true, &end) < 0 ||
        end <= position)
        return size;
    return (size_t)(end - position);
}

/* The record at position is damaged: the file goes on behind it. */
static void skip(struct handle *handle, const struct clog_status *status,
                 uint64_t position)
{
    uint64_t end;

    if (find_end(handle->fs, status, position, false, &end) == 0)
        handle->follower.moved += end - position;
}

uint64_t follow_place(const struct handle *handle, uint64_t position)
{
    const struct follower *follower = &handle->follower;

    return follower->origin + follower->moved + position;
}

/* Once; what is dropped between two looks means overrun at the second. */
static ssize_t take(struct handle *handle, size_t size, uint64_t at,
                    unsigned flags, char **ret_data)
{
    struct follower *follower = &handle->follower;
    struct clog_status status = {.size = sizeof(status)};
    char *data = NULL;
    ssize_t n;

    clog_status(handle->fs->log, &status);
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
    else
        size = whole_records(handle->fs, &status, at, size);
    data = malloc(size);
    if (!data)
        return -ENOMEM;
    n = clog_view_read(handle->view, data, size, at - follower->origin, flags);
    if (n >= 0 && (size_t)n < size && (flags & CLOG_NOWAIT) != 0)
        n = -EAGAIN;
    if (n == 0)
        n = -EIO;
    if (n == -EIO)
        skip(handle, &status, at);
    if (n < 0)
        free(data);
    else
        *ret_data = data;
    return n;
}

ssize_t follow_take(struct handle *handle, size_t size, uint64_t position,
                    unsigned flags, char **ret_data)
{
    uint64_t at = follow_place(handle, position);
    ssize_t n = take(handle, size, at, flags, ret_data);

    return n == -ESTALE ? take(handle, size, at, flags, ret_data) : n;
}
