/* SPDX-License-Identifier: MIT */
#include "io/files.h"

#include "io/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define PIECE ((size_t)64 << 10)

static int check_file(struct io *io, int fd, struct io_stat *ret)
{
    int r = io_stat(io, fd, ret);

    return r == 0 && ret->type != IO_FILE ? -EUCLEAN : r;
}

/* The bytes of the file that is open as fd. */
static ssize_t load(struct io *io, int fd, void *data, size_t size)
{
    char more;
    ssize_t n = io_read(io, (struct io_from){.fd = fd}, data, size);
    ssize_t rest;

    if (n != (ssize_t)size)
        return n;
    rest = io_read(io, (struct io_from){.fd = fd, .position = size}, &more, 1);
    if (rest != 0)
        return rest < 0 ? rest : -EFBIG;
    return n;
}

ssize_t io_load(struct io *io, int dir, const char *name, void *data,
                size_t size)
{
    int fd = io_open(io, dir, name, O_RDONLY, 0);
    struct io_stat st;
    ssize_t n;

    if (fd < 0)
        return fd;
    n = check_file(io, fd, &st);
    if (n == 0)
        n = load(io, fd, data, size);
    io_close(io, fd);
    return n;
}

int io_make(struct io *io, int dir, const char *name)
{
    int r = io_unlink(io, dir, name, false);

    if (r < 0 && r != -ENOENT)
        return r;
    return io_open(io, dir, name, O_RDWR | O_CREAT | O_EXCL, 0600);
}

int io_sync_names(struct io *io, int dir)
{
    static const char name[] = "sync.new";
    int fd = io_make(io, dir, name);
    int r = 0;

    if (fd >= 0)
        r = io_unlink(io, dir, name, false);
    else if (fd != -ENOSPC && fd != -EDQUOT && fd != -EACCES)
        r = fd;
    io_close(io, fd);
    return r < 0 ? r : io_sync(io, dir);
}

bool io_is_zero(const void *data, size_t size)
{
    const uint8_t *bytes = data;

    return size == 0 ||
           (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static int copy_piece(struct io *io, int from, uint64_t at,
                      struct buffer *piece, size_t size)
{
    ssize_t n = io_read(io, (struct io_from){.fd = from, .position = at},
                        piece->data, size);

    if (n != (ssize_t)size)
        return n < 0 ? (int)n : -EIO;
    return 0;
}

int io_copy(struct io *io, int from, uint64_t at, uint64_t size, int to)
{
    struct buffer piece = {0};
    uint64_t done = 0;
    int r = buffer_reserve(&piece, PIECE);

    while (r == 0 && done < size) {
        size_t n = size - done < PIECE ? (size_t)(size - done) : PIECE;
        uint64_t data = 0;

        r = io_next_data(io, from, at + done, &data);
        if (r == 0 && data > at + done) {
            done = data - at < size ? data - at : size;
            continue;
        }
        if (r == 0)
            r = copy_piece(io, from, at + done, &piece, n);
        if (r == 0 && !io_is_zero(piece.data, n))
            r = io_write(io, to, piece.data, n, done);
        done += n;
    }
    if (r == 0)
        r = io_truncate(io, to, size);
    buffer_done(&piece);
    return r;
}

/* The name of the file that is to replace name. */
static void temporary_name(const char *name, char ret[static NAME_MAX + 1])
{
    (void)snprintf(ret, NAME_MAX + 1, "%s.new", name);
}

/* The new file, which is complete, takes the place of the one called name. */
static int put_in_place(struct io *io, int dir, const char *name, int fd)
{
    char temporary[NAME_MAX + 1];
    int r = io_sync(io, fd);

    temporary_name(name, temporary);
    return r < 0 ? r : io_rename(io, dir, temporary, name);
}

int io_put(struct io *io, int dir, const char *name, const void *data,
           size_t size)
{
    char temporary[NAME_MAX + 1];
    int fd;
    int r;

    temporary_name(name, temporary);
    fd = io_make(io, dir, temporary);
    if (fd < 0)
        return fd;
    r = io_write(io, fd, data, size, 0);
    if (r == 0)
        r = put_in_place(io, dir, name, fd);
    io_close(io, fd);
    return r;
}

int io_replace(struct io *io, int dir, const char *name, const void *data,
               size_t size)
{
    int r = io_put(io, dir, name, data, size);

    return r < 0 ? r : io_sync(io, dir);
}

/* A copy of the file that is open as fd takes its name. */
static int replace_by_copy(struct io *io, int dir, const char *name, int from,
                           const struct io_stat *st)
{
    char temporary[NAME_MAX + 1];
    int fd;
    int r;

    temporary_name(name, temporary);
    fd = io_make(io, dir, temporary);
    if (fd < 0)
        return fd;
    r = io_copy(io, from, 0, st->size, fd);
    if (r == 0)
        r = io_chmod(io, fd, st->mode | 0600);
    if (r == 0)
        r = put_in_place(io, dir, name, fd);
    if (r == 0)
        r = io_sync(io, dir);
    else
        (void)io_unlink(io, dir, temporary, false);
    io_close(io, fd);
    return r;
}

void io_let_owner_write(struct io *io, int dir)
{
    struct io_stat st;

    if (io_stat(io, dir, &st) == 0 && (st.mode & 0700) != 0700)
        (void)io_chmod(io, dir, st.mode | 0700);
}

/* Makes of what is called name a file of its own that its owner may write to.
   A process that does not own it cannot, and need not. */
static int make_own(struct io *io, int dir, const char *name)
{
    int fd = io_open(io, dir, name, O_RDONLY, 0);
    struct io_stat st;
    int r;

    if (fd < 0)
        return fd;
    r = check_file(io, fd, &st);
    if (r == 0 && st.links > 1)
        r = replace_by_copy(io, dir, name, fd, &st);
    else if (r == 0 && (st.mode & 0600) != 0600)
        (void)io_chmod(io, fd, st.mode | 0600);
    io_close(io, fd);
    return r;
}

int io_open_own(struct io *io, int dir, const char *name, bool create)
{
    struct io_stat st;
    int r = make_own(io, dir, name);
    int fd;

    if (r == -ENOENT && create)
        r = 0;
    if (r < 0)
        return r;
    fd = io_open(io, dir, name, O_RDWR | (create ? O_CREAT : 0), 0600);
    if (fd < 0)
        return fd;
    r = check_file(io, fd, &st);
    /* Another name has come in between. */
    if (r == 0 && st.links > 1)
        r = -EMLINK;
    if (r == 0)
        return fd;
    io_close(io, fd);
    return r;
}
