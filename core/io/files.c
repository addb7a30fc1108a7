/* SPDX-License-Identifier: MIT */
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

ssize_t io_load(struct io *io, int dir, const char *name, void *data,
                size_t size)
{
    int fd = io_open(io, dir, name, O_RDONLY, 0);
    char more;
    ssize_t n;

    if (fd < 0)
        return fd;
    n = io_read(io, fd, data, size, 0, false);
    if (n == (ssize_t)size) {
        ssize_t rest = io_read(io, fd, &more, 1, size, false);

        if (rest != 0)
            n = rest < 0 ? rest : -EFBIG;
    }
    io_close(io, fd);
    return n;
}

int io_put(struct io *io, int dir, const char *name, const void *data,
           size_t size)
{
    char temporary[NAME_MAX + 1];
    int fd;
    int r;

    (void)snprintf(temporary, sizeof(temporary), "%s.new", name);
    fd = io_open(io, dir, temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return fd;
    r = io_write(io, fd, data, size, 0);
    if (r == 0)
        r = io_sync(io, fd);
    io_close(io, fd);
    if (r == 0)
        r = io_rename(io, dir, temporary, name);
    return r;
}

int io_replace(struct io *io, int dir, const char *name, const void *data,
               size_t size)
{
    int r = io_put(io, dir, name, data, size);

    return r < 0 ? r : io_sync(io, dir);
}
