/* SPDX-License-Identifier: MIT */
#include "recovery/repair.h"

#include "io/buffer.h"
#include "io/bytes.h"
#include "io/files.h"
#include "recovery/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define PIECE  ((size_t)256 << 10)
#define SECTOR 512u /* bytes that a device fails for at the least */

uint64_t index_agrees(const struct slots *index, uint64_t index_size,
                      const struct scan *scan)
{
    uint64_t count = index_size / SLOT_SIZE;
    uint8_t entry[SLOT_SIZE];

    if (count > scan->extent.count)
        count = scan->extent.count;
    for (uint64_t i = 0; i < count; i++)
        if (slots_get(index, i, entry) < 0 ||
            memcmp(entry, scan->index + i * SLOT_SIZE, SLOT_SIZE) != 0)
            return i;
    return count;
}

bool index_fits(const struct slots *index, uint64_t index_size,
                const struct scan *scan)
{
    return index_size == scan->extent.count * SLOT_SIZE &&
           index_agrees(index, index_size, scan) == scan->extent.count;
}

static int write_index(struct io *io, int dir, const struct scan *scan,
                       bool exact)
{
    uint64_t size = scan->extent.count * SLOT_SIZE;
    int fd = io_open_own(io, dir, segment_files[CLOG_INDEX], true);
    int r;

    if (fd < 0)
        return fd;
    r = io_write(io, fd, scan->index, (size_t)size, 0);
    if (r == 0 && exact)
        r = io_truncate(io, fd, size);
    if (r == 0)
        r = io_sync(io, fd);
    if (r == 0)
        r = io_sync(io, dir);
    io_close(io, fd);
    return r;
}

int repair_index(struct io *io, int segments, uint64_t base,
                 const struct scan *scan, unsigned how)
{
    int dir = segment_open_writable(io, segments, base);
    int r;

    if (dir < 0)
        return dir;
    r = write_index(io, dir, scan, how & REPAIR_EXACT);
    io_close(io, dir);
    if (r == 0 && (how & REPAIR_SEALED))
        r = segment_guard(io, segments, base);
    return r;
}

static int write_prefix(struct recovery *recovery, const struct found *found,
                        const struct scan *scan, uint64_t i, int fd)
{
    struct io *io = recovery->io;
    uint64_t position = scan_position(scan, i);
    uint8_t prefix[RECORD_PREFIX];
    ssize_t n = io_read(io, (struct io_from){.fd = fd, .position = position},
                        prefix, sizeof(prefix));
    int r;

    if (n != (ssize_t)sizeof(prefix))
        return n < 0 ? (int)n : -EIO;
    r = quarantine_prefix(io, recovery->root, found->base, found->base + i,
                          prefix);
    if (r < 0)
        return r;
    put_be64(prefix, scan_position(scan, i + 1) - position - RECORD_PREFIX);
    return io_write(io, fd, prefix, sizeof(prefix), position);
}

static int write_prefixes(struct recovery *recovery, const struct found *found,
                          const struct scan *scan, uint64_t count, int fd)
{
    int r = 0;

    for (size_t k = 0; r == 0 && k < scan->run_count; k++) {
        const struct run *run = &scan->runs[k];
        uint64_t end = run->first + run->count;

        if (run->verdict != VERDICT_PREFIX)
            continue;
        for (uint64_t i = run->first; r == 0 && i < end && i < count; i++)
            r = write_prefix(recovery, found, scan, i, fd);
    }
    return r < 0 ? r : io_sync(recovery->io, fd);
}

int repair_prefixes(struct recovery *recovery, const struct found *found,
                    const struct scan *scan, uint64_t count)
{
    struct io *io = recovery->io;
    int dir;
    int fd;
    int r;

    if (scan->prefixes == 0)
        return 0;
    dir = segment_open_writable(io, recovery->segments, found->base);
    if (dir < 0)
        return dir;
    fd = io_open_own(io, dir, segment_files[CLOG_STORE], false);
    r = fd < 0 ? fd : write_prefixes(recovery, found, scan, count, fd);
    io_close(io, fd);
    io_close(io, dir);
    if (r == 0 && found->guarded)
        r = segment_guard(io, recovery->segments, found->base);
    return r < 0 ? r : 1;
}

/* Reads up to size bytes to write them again. A sector that the device cannot
   read is passed over: *ret_size bytes, of which it returns 0. */
static ssize_t read_again(struct io *io, struct io_from from, size_t size,
                          struct buffer *buffer, size_t *ret_size)
{
    size_t sector = SECTOR - from.position % SECTOR;
    ssize_t n = io_read_some(io, from, buffer->data, size);

    if (n == -EIO) {
        size = size < sector ? size : sector;
        n = io_read(io, from, buffer->data, size);
    }
    *ret_size = n > 0 ? (size_t)n : size;
    return n == 0 ? -ENODATA : n == -EIO ? 0 : n;
}

/* Writes bytes [from, to) of a file again, from what reads show of them. */
static int write_again(struct io *io, int fd, uint64_t from, uint64_t to,
                       struct buffer *buffer)
{
    while (from < to) {
        size_t size = to - from < PIECE ? (size_t)(to - from) : PIECE;
        ssize_t n = read_again(io, (struct io_from){.fd = fd, .position = from},
                               size, buffer, &size);
        int r = 0;

        if (n < 0)
            return (int)n;
        if (n > 0)
            r = io_write(io, fd, buffer->data, size, from);
        if (r < 0)
            return r;
        from += size;
    }
    return 0;
}

/* The last segment's files that are cut and made durable. */
struct reopened {
    int dir, store, stamps; /* owned; stamps is -1 where there are none */
};

static int reopen_file(struct recovery *recovery, const struct found *found,
                       int dir, enum clog_file file, int *ret_fd)
{
    int fd;

    if (!found->present[file])
        return 0;
    fd = io_open_own(recovery->io, dir, segment_files[file], false);
    if (fd < 0)
        return fd;
    *ret_fd = fd;
    return 0;
}

static int reopen(struct recovery *recovery, const struct found *found,
                  struct reopened *ret)
{
    int r =
        segment_open_writable(recovery->io, recovery->segments, found->base);

    if (r < 0)
        return r;
    ret->dir = r;
    r = reopen_file(recovery, found, ret->dir, CLOG_STORE, &ret->store);
    if (r == 0)
        r = reopen_file(recovery, found, ret->dir, CLOG_STAMPS, &ret->stamps);
    return r;
}

/*
 * After a failed sync the page cache can show what the disk does not have, and
 * syncing it again proves nothing: the pages are clean. So all that is not
 * known to be durable is made dirty first.
 */
static int make_durable(struct io *io, int fd, uint64_t from, uint64_t to)
{
    struct buffer buffer = {0};
    int r;

    if (fd < 0)
        return 0;
    r = buffer_reserve(&buffer, PIECE);
    if (r == 0)
        r = write_again(io, fd, from, to, &buffer);
    if (r == 0)
        r = io_sync(io, fd);
    buffer_done(&buffer);
    return r;
}

static int cut(struct io *io, const struct reopened *files, uint64_t end,
               uint64_t stamps)
{
    int r = 0;

    /* Stamps first: frames without stamps are a torn tail to any recovery,
       stamps without frames are a loss to one under the same kernel. */
    if (files->stamps >= 0)
        r = io_truncate(io, files->stamps, stamps);
    if (r == 0 && files->store >= 0)
        r = io_truncate(io, files->store, end);
    return r;
}

/* Makes their names durable, and closes them. */
static int finish(struct recovery *recovery, struct reopened *files, int r)
{
    struct io *io = recovery->io;

    if (r == 0)
        r = io_sync_names(io, files->dir);
    io_close(io, files->store);
    io_close(io, files->stamps);
    io_close(io, files->dir);
    return r;
}

int repair_nothing(struct recovery *recovery, const struct found *found)
{
    struct reopened files = {-1, -1, -1};
    int r = reopen(recovery, found, &files);

    if (r == 0 && files.store >= 0)
        r = io_sync(recovery->io, files.store);
    if (r == 0 && files.stamps >= 0)
        r = io_sync(recovery->io, files.stamps);
    return finish(recovery, &files, r);
}

/*
 * A crash leaves the tail in quarantine and in the segment, or cut from some
 * of the files; what is left is judged again, to the same end.
 */
int repair_tail(struct recovery *recovery, const struct found *found,
                const struct scan *scan, const struct decision *decision,
                uint64_t durable)
{
    struct io *io = recovery->io;
    struct reopened files = {-1, -1, -1};
    uint64_t first = durable > found->base ? durable - found->base : 0;
    uint64_t stamps = decision->keep.count * SLOT_SIZE;
    int r = reopen(recovery, found, &files);

    if (first > decision->keep.count)
        first = decision->keep.count;
    /* Stamps may be missing of what is kept: a cut never makes a file grow. */
    if (stamps > found->sizes[CLOG_STAMPS])
        stamps = found->sizes[CLOG_STAMPS];
    if (r == 0 && decision->cut)
        r = cut(io, &files, decision->keep.end, stamps);
    if (r == 0)
        r = make_durable(io, files.store, scan_position(scan, first),
                         decision->keep.end);
    if (r == 0)
        r = make_durable(io, files.stamps, first * SLOT_SIZE, stamps);
    return finish(recovery, &files, r);
}
