/* SPDX-License-Identifier: MIT */
#include "io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

/* The call's result, made again for as long as a signal interrupts it. */
#define RETRY(call)               \
    __extension__({               \
        int retry_;               \
                                  \
        do                        \
            retry_ = (call);      \
        while (retry_ == -EINTR); \
        retry_;                   \
    })

int io_open(struct io *io, int dir, const char *name, int flags, mode_t mode)
{
    return RETRY(io->ops->open(io, dir, name, flags, mode));
}

int io_open_root(struct io *io, const char *path)
{
    char inside[PATH_MAX];
    int n = snprintf(inside, sizeof(inside), "%s/.", path);

    /* By way of its own ".", so that path itself may be a symbolic link. */
    if (n < 0 || (size_t)n >= sizeof(inside))
        return -ENAMETOOLONG;
    return io_open(io, AT_FDCWD, inside, O_RDONLY | O_DIRECTORY, 0);
}

void io_close(struct io *io, int fd)
{
    if (fd >= 0)
        (void)io->ops->close(io, fd);
}

/* Steps over n bytes of the pieces from first on; returns the piece it ends
   in. */
static size_t advance(struct iovec *iov, size_t first, size_t count, size_t n)
{
    while (first < count && n >= iov[first].iov_len)
        n -= iov[first++].iov_len;
    if (n > 0) {
        iov[first].iov_base = (char *)iov[first].iov_base + n;
        iov[first].iov_len -= n;
    }
    return first;
}

/* Reads until the pieces are full, the file ends, or there is an error, which
   is *ret_error. Returns how many bytes it was. */
static size_t read_pieces(struct io *io, struct io_from from, struct iovec *iov,
                          int count, int *ret_error)
{
    size_t first = 0;
    size_t done = 0;

    *ret_error = 0;
    while (first < (size_t)count) {
        ssize_t n = io->ops->readv(io, from, iov + first, count - (int)first);

        if (n == -EINTR)
            continue;
        if (n < 0)
            *ret_error = (int)n;
        if (n <= 0)
            break;
        done += (size_t)n;
        from.position += (uint64_t)n;
        first = advance(iov, first, (size_t)count, (size_t)n);
    }
    return done;
}

ssize_t io_readv(struct io *io, struct io_from from, struct iovec *iov,
                 int count)
{
    int error;
    size_t done = read_pieces(io, from, iov, count, &error);

    if (error < 0 && (error != -EAGAIN || done == 0))
        return error;
    return (ssize_t)done;
}

ssize_t io_read(struct io *io, struct io_from from, void *data, size_t size)
{
    struct iovec piece = {data, size};

    return size ? io_readv(io, from, &piece, 1) : 0;
}

ssize_t io_read_some(struct io *io, struct io_from from, void *data,
                     size_t size)
{
    struct iovec piece = {data, size};
    int error = 0;
    size_t done = size ? read_pieces(io, from, &piece, 1, &error) : 0;

    return done > 0 || error == 0 ? (ssize_t)done : error;
}

int io_writev(struct io *io, int fd, struct iovec *iov, size_t count,
              uint64_t position)
{
    size_t first = 0;

    while (first < count) {
        size_t pieces = count - first < IOV_MAX ? count - first : IOV_MAX;
        ssize_t n = io->ops->writev(io, fd, iov + first, (int)pieces, position);

        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        position += (uint64_t)n;
        first = advance(iov, first, count, (size_t)n);
    }
    return 0;
}

int io_write(struct io *io, int fd, const void *data, size_t size,
             uint64_t position)
{
    struct iovec piece = {(void *)(uintptr_t)data, size};

    return size ? io_writev(io, fd, &piece, 1, position) : 0;
}

int io_next_data(struct io *io, int fd, uint64_t at, uint64_t *ret)
{
    if (io->ops->next_data)
        return RETRY(io->ops->next_data(io, fd, at, ret));
    *ret = at;
    return 0;
}

int io_truncate(struct io *io, int fd, uint64_t size)
{
    return RETRY(io->ops->truncate(io, fd, size));
}

int io_datasync(struct io *io, int fd)
{
    return RETRY(io->ops->datasync(io, fd));
}

int io_sync(struct io *io, int fd)
{
    return RETRY(io->ops->sync(io, fd));
}

int io_stat(struct io *io, int fd, struct io_stat *ret)
{
    return RETRY(io->ops->stat(io, fd, ret));
}

int io_statat(struct io *io, int dir, const char *name, struct io_stat *ret)
{
    return RETRY(io->ops->statat(io, dir, name, ret));
}

int io_chmod(struct io *io, int fd, mode_t mode)
{
    return RETRY(io->ops->chmod(io, fd, mode));
}

int io_mkdir(struct io *io, int dir, const char *name, mode_t mode)
{
    return RETRY(io->ops->mkdir(io, dir, name, mode));
}

int io_unlink(struct io *io, int dir, const char *name, bool directory)
{
    return RETRY(io->ops->unlink(io, dir, name, directory));
}

int io_rename(struct io *io, int dir, const char *from, const char *to)
{
    return RETRY(io->ops->rename(io, dir, from, to));
}

int io_list(struct io *io, int dir, io_list_fn *each, void *ctx)
{
    return io->ops->list(io, dir, each, ctx);
}

int io_lock(struct io *io, int fd, bool exclusive)
{
    return RETRY(io->ops->lock(io, fd, exclusive));
}

int io_space(struct io *io, int fd, struct io_space *ret)
{
    return RETRY(io->ops->space(io, fd, ret));
}

int io_map(struct io *io, int fd, size_t size, const void **ret)
{
    return RETRY(io->ops->map(io, fd, size, ret));
}

void io_unmap(struct io *io, const void *map, size_t size)
{
    io->ops->unmap(io, map, size);
}

int io_map_shared(struct io *io, int fd, size_t size, void **ret)
{
    return RETRY(io->ops->map_shared(io, fd, size, ret));
}

int io_allocate(struct io *io, int fd, uint64_t from, uint64_t size)
{
    return RETRY(io->ops->allocate(io, fd, from, size));
}

bool io_cached(struct io *io, const void *from, size_t size)
{
    return io->ops->cached(io, from, size);
}

int64_t io_now(struct io *io)
{
    return io->ops->now(io);
}

int64_t io_uptime(struct io *io)
{
    return io->ops->uptime(io);
}

int io_boot_id(struct io *io, char ret[static 37])
{
    return RETRY(io->ops->boot_id(io, ret));
}
