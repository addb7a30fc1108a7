/* SPDX-License-Identifier: MIT */
#include "killer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECES 1024 /* of a write that is cut in half */

static struct killer *killer_of(struct io *io)
{
    return (struct killer *)io;
}

static const struct io_ops *real(void)
{
    return io_posix()->ops;
}

static _Noreturn void die(void)
{
    for (;;)
        (void)kill(getpid(), SIGKILL);
}

/* What a call is to who is killed in it. */
enum call { CALL_SYNC, CALL_WRITE, CALL_CHANGE };

/* A storage call begins; whether it is the last one. */
static bool begin(struct io *io, enum call call)
{
    struct killer *killer = killer_of(io);
    bool last;

    if (killer->ret_changes)
        *killer->ret_changes = killer->changes;
    if (killer->blow == BLOW_HALF && call != CALL_WRITE)
        return false;
    killer->changes += call != CALL_SYNC;
    last = ++killer->calls == killer->at;
    if (last && killer->blow == BLOW_BEFORE)
        die();
    return last;
}

/* It is over, with result r. */
static int end(bool last, int r)
{
    if (last)
        die();
    return r;
}

static int killer_open(struct io *io, int dir, const char *name, int flags,
                       mode_t mode)
{
    bool last;

    if (!(flags & O_CREAT))
        return real()->open(io, dir, name, flags, mode);
    last = begin(io, CALL_CHANGE);
    return end(last, real()->open(io, dir, name, flags, mode));
}

/* The first half of the bytes, whatever pieces they lie in. */
static void write_half(struct io *io, int fd, const struct iovec *iov,
                       int count, uint64_t position)
{
    struct iovec pieces[PIECES];
    size_t left = 0;
    int n = 0;

    for (int i = 0; i < count; i++)
        left += iov[i].iov_len;
    left /= 2;
    while (left > 0 && n < PIECES) {
        pieces[n] = iov[n];
        if (pieces[n].iov_len > left)
            pieces[n].iov_len = left;
        left -= pieces[n++].iov_len;
    }
    if (n > 0)
        (void)real()->writev(io, fd, pieces, n, position);
}

static ssize_t killer_writev(struct io *io, int fd, const struct iovec *iov,
                             int count, uint64_t position)
{
    bool last = begin(io, CALL_WRITE);
    ssize_t n;

    if (last && killer_of(io)->blow == BLOW_HALF) {
        write_half(io, fd, iov, count, position);
        die();
    }
    n = real()->writev(io, fd, iov, count, position);
    (void)end(last, 0);
    return n;
}

static int killer_truncate(struct io *io, int fd, uint64_t size)
{
    bool last = begin(io, CALL_CHANGE);

    return end(last, real()->truncate(io, fd, size));
}

static int killer_datasync(struct io *io, int fd)
{
    bool last = begin(io, CALL_SYNC);

    return end(last, real()->datasync(io, fd));
}

static int killer_sync(struct io *io, int fd)
{
    bool last = begin(io, CALL_SYNC);

    return end(last, real()->sync(io, fd));
}

static int killer_chmod(struct io *io, int fd, mode_t mode)
{
    bool last = begin(io, CALL_CHANGE);

    return end(last, real()->chmod(io, fd, mode));
}

static int killer_mkdir(struct io *io, int dir, const char *name, mode_t mode)
{
    bool last = begin(io, CALL_CHANGE);

    return end(last, real()->mkdir(io, dir, name, mode));
}

static int killer_unlink(struct io *io, int dir, const char *name,
                         bool directory)
{
    bool last = begin(io, CALL_CHANGE);

    return end(last, real()->unlink(io, dir, name, directory));
}

static int killer_rename(struct io *io, int dir, const char *from,
                         const char *to)
{
    bool last = begin(io, CALL_CHANGE);

    return end(last, real()->rename(io, dir, from, to));
}

static int killer_boot_id(struct io *io, char ret[static 37])
{
    (void)snprintf(ret, 37, "%08x-1111-2222-3333-444444444444",
                   killer_of(io)->boot);
    return 0;
}

void killer_init(struct killer *killer)
{
    *killer = (struct killer){.ops = *real()};
    killer->ops.open = killer_open;
    killer->ops.writev = killer_writev;
    killer->ops.truncate = killer_truncate;
    killer->ops.datasync = killer_datasync;
    killer->ops.sync = killer_sync;
    killer->ops.chmod = killer_chmod;
    killer->ops.mkdir = killer_mkdir;
    killer->ops.unlink = killer_unlink;
    killer->ops.rename = killer_rename;
    killer->ops.boot_id = killer_boot_id;
    killer->io.ops = &killer->ops;
}
