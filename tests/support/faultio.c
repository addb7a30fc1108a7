/* SPDX-License-Identifier: MIT */
#include "faultio.h"

#include <fcntl.h>
#include <string.h>

/* What kind of call it is. */
enum call {
    CALL_LOOK,   /* changes nothing */
    CALL_CHANGE, /* of names, sizes and modes */
    CALL_READ,
    CALL_WRITE,
    CALL_SYNC,
};

static struct faultio *layer(struct io *io)
{
    return (struct faultio *)(void *)io;
}

static bool is_due(struct faultio *fault, enum call call)
{
    bool counts =
        !fault->changes_only || (call != CALL_LOOK && call != CALL_READ);

    if (!counts)
        return false;
    fault->calls++;
    return fault->at != 0 && (fault->calls == fault->at ||
                              (fault->forever && fault->calls > fault->at));
}

/* The error that this call is to end in, or 0. *ret_part is set where it is to
   do a part: 1 half, 2 fault->part bytes. */
static int spoil(struct faultio *fault, enum call call, int *ret_part)
{
    bool due = is_due(fault, call);

    if (fault->dead)
        return FAULT_DEAD;
    if (fault->full && call == CALL_WRITE) {
        fault->full = fault->forever;
        return -ENOSPC;
    }
    if (!due)
        return 0;
    fault->spoiled++;
    switch (fault->fault) {
    case FAULT_EIO:
        return -EIO;
    case FAULT_ENOSPC:
        return -ENOSPC;
    case FAULT_EINTR:
        fault->interrupted = !fault->interrupted;
        return fault->interrupted ? -EINTR : 0;
    case FAULT_SHORT:
        *ret_part = call == CALL_READ || call == CALL_WRITE ? 1 : 0;
        return 0;
    case FAULT_FULL:
        fault->full = call == CALL_WRITE;
        *ret_part = call == CALL_WRITE ? 1 : 0;
        return 0;
    case FAULT_STOP:
        fault->dead = true;
        *ret_part = call == CALL_WRITE ? 2 : 0;
        return FAULT_DEAD;
    default:
        return 0;
    }
}

/* Makes a call below, unless it is spoiled. */
#define MAKE(io, kind, ...)                \
    do {                                   \
        struct faultio *fault = layer(io); \
        int part = 0;                      \
        int r = spoil(fault, kind, &part); \
                                           \
        if (r < 0)                         \
            return r;                      \
        fault->depth++;                    \
        r = __VA_ARGS__;                   \
        fault->depth--;                    \
        return r;                          \
    } while (0)

#define BELOW(call, ...) \
    fault->below->ops->call(fault->below __VA_OPT__(, ) __VA_ARGS__)

static int fault_open(struct io *io, int dir, const char *name, int flags,
                      mode_t mode)
{
    enum call call = flags & (O_CREAT | O_TRUNC) ? CALL_CHANGE : CALL_LOOK;

    MAKE(io, call, BELOW(open, dir, name, flags, mode));
}

/* What close(2) says is of no use, and a dead process has no descriptors. */
static int fault_close(struct io *io, int fd)
{
    struct faultio *fault = layer(io);

    return BELOW(close, fd);
}

/* Copies the first size bytes' worth of pieces; returns how many. */
static int clip(struct iovec *to, const struct iovec *iov, int count,
                size_t size)
{
    int n = 0;

    while (n < count && size > 0) {
        to[n] = iov[n];
        if (to[n].iov_len > size)
            to[n].iov_len = size;
        size -= to[n].iov_len;
        n++;
    }
    return n;
}

static size_t total(const struct iovec *iov, int count)
{
    size_t size = 0;

    for (int i = 0; i < count; i++)
        size += iov[i].iov_len;
    return size;
}

/* The pieces of a call that does less than asked. */
static int shorten(const struct faultio *fault, int part, struct iovec *to,
                   const struct iovec *iov, int count)
{
    size_t size = total(iov, count);

    if (part == 1)
        return clip(to, iov, count, size > 1 ? size / 2 : size);
    if (part == 2)
        return clip(to, iov, count, fault->part % (size + 1));
    return clip(to, iov, count, size);
}

#define PIECES 64 /* of a call; the rest is left for the next */

static ssize_t fault_readv(struct io *io, struct io_from from,
                           const struct iovec *iov, int count)
{
    struct faultio *fault = layer(io);
    struct iovec pieces[PIECES];
    int part = 0;
    int r = spoil(fault, CALL_READ, &part);
    ssize_t n;

    if (r < 0)
        return r;
    count = shorten(fault, part, pieces, iov, count < PIECES ? count : PIECES);
    fault->depth++;
    n = BELOW(readv, from, pieces, count);
    fault->depth--;
    return n;
}

static ssize_t fault_writev(struct io *io, int fd, const struct iovec *iov,
                            int count, uint64_t position)
{
    struct faultio *fault = layer(io);
    struct iovec pieces[PIECES];
    int part = 0;
    int r = spoil(fault, CALL_WRITE, &part);
    ssize_t n = 0;

    if (r < 0 && part == 0)
        return r;
    count = shorten(fault, part, pieces, iov, count < PIECES ? count : PIECES);
    fault->depth++;
    if (count > 0)
        n = BELOW(writev, fd, pieces, count, position);
    fault->depth--;
    return r < 0 ? r : n;
}

static int fault_truncate(struct io *io, int fd, uint64_t size)
{
    if (layer(io)->no_truncate && layer(io)->spoiled > 0)
        return 0;
    MAKE(io, CALL_CHANGE, BELOW(truncate, fd, size));
}

static int sync_below(struct faultio *fault, int fd, bool data_only)
{
    int part = 0;
    int r = spoil(fault, CALL_SYNC, &part);

    if (r < 0 && r != -EINTR && r != FAULT_DEAD && fault->lose)
        fault->lose(fault->below, fd);
    if (r < 0 || fault->no_sync)
        return r;
    fault->depth++;
    r = data_only ? BELOW(datasync, fd) : BELOW(sync, fd);
    fault->depth--;
    return r;
}

static int fault_datasync(struct io *io, int fd)
{
    return sync_below(layer(io), fd, true);
}

static int fault_sync(struct io *io, int fd)
{
    return sync_below(layer(io), fd, false);
}

static int fault_stat(struct io *io, int fd, struct io_stat *ret)
{
    MAKE(io, CALL_LOOK, BELOW(stat, fd, ret));
}

static int fault_statat(struct io *io, int dir, const char *name,
                        struct io_stat *ret)
{
    MAKE(io, CALL_LOOK, BELOW(statat, dir, name, ret));
}

static int fault_chmod(struct io *io, int fd, mode_t mode)
{
    MAKE(io, CALL_CHANGE, BELOW(chmod, fd, mode));
}

static int fault_mkdir(struct io *io, int dir, const char *name, mode_t mode)
{
    MAKE(io, CALL_CHANGE, BELOW(mkdir, dir, name, mode));
}

static int fault_unlink(struct io *io, int dir, const char *name,
                        bool directory)
{
    MAKE(io, CALL_CHANGE, BELOW(unlink, dir, name, directory));
}

static int fault_rename(struct io *io, int dir, const char *from,
                        const char *to)
{
    MAKE(io, CALL_CHANGE, BELOW(rename, dir, from, to));
}

/* Each name is given to the caller outside of the call below. */
struct listing {
    struct faultio *fault;
    io_list_fn *each;
    void *ctx;
};

static int list_outside(void *ctx, const char *name)
{
    struct listing *listing = ctx;
    int r;

    listing->fault->depth--;
    r = listing->each(listing->ctx, name);
    listing->fault->depth++;
    return r;
}

static int fault_list(struct io *io, int dir, io_list_fn *each, void *ctx)
{
    struct listing listing = {layer(io), each, ctx};

    MAKE(io, CALL_LOOK, BELOW(list, dir, list_outside, &listing));
}

static int fault_lock(struct io *io, int fd, bool exclusive)
{
    MAKE(io, CALL_LOOK, BELOW(lock, fd, exclusive));
}

static int fault_space(struct io *io, int fd, struct io_space *ret)
{
    MAKE(io, CALL_LOOK, BELOW(space, fd, ret));
}

static int fault_map(struct io *io, int fd, size_t size, const void **ret)
{
    MAKE(io, CALL_LOOK, BELOW(map, fd, size, ret));
}

static void fault_unmap(struct io *io, const void *map, size_t size)
{
    struct faultio *fault = layer(io);

    BELOW(unmap, map, size);
}

static int fault_map_shared(struct io *io, int fd, size_t size, void **ret)
{
    MAKE(io, CALL_LOOK, BELOW(map_shared, fd, size, ret));
}

static int fault_allocate(struct io *io, int fd, uint64_t from, uint64_t size)
{
    MAKE(io, CALL_CHANGE, BELOW(allocate, fd, from, size));
}

/* A look at memory: it cannot fail. */
static bool fault_cached(struct io *io, const void *from, size_t size)
{
    struct faultio *fault = layer(io);

    return BELOW(cached, from, size);
}

static int64_t fault_now(struct io *io)
{
    struct faultio *fault = layer(io);

    return fault->below->ops->now(fault->below);
}

static int64_t fault_uptime(struct io *io)
{
    struct faultio *fault = layer(io);

    return fault->below->ops->uptime(fault->below);
}

static int fault_boot_id(struct io *io, char ret[static 37])
{
    MAKE(io, CALL_LOOK, BELOW(boot_id, ret));
}

static const struct io_ops fault_ops = {
    .open = fault_open,
    .close = fault_close,
    .readv = fault_readv,
    .writev = fault_writev,
    .truncate = fault_truncate,
    .datasync = fault_datasync,
    .sync = fault_sync,
    .stat = fault_stat,
    .statat = fault_statat,
    .chmod = fault_chmod,
    .mkdir = fault_mkdir,
    .unlink = fault_unlink,
    .rename = fault_rename,
    .list = fault_list,
    .lock = fault_lock,
    .space = fault_space,
    .map = fault_map,
    .unmap = fault_unmap,
    .map_shared = fault_map_shared,
    .allocate = fault_allocate,
    .cached = fault_cached,
    .now = fault_now,
    .uptime = fault_uptime,
    .boot_id = fault_boot_id,
};

void faultio_init(struct faultio *fault, struct io *below)
{
    *fault = (struct faultio){.io = {&fault_ops}, .below = below};
}

void faultio_reset(struct faultio *fault)
{
    fault->calls = 0;
    fault->at = 0;
    fault->fault = FAULT_NONE;
    fault->forever = false;
    fault->spoiled = 0;
    fault->dead = false;
    fault->full = false;
    fault->interrupted = false;
}

const char *fault_name(enum fault fault)
{
    static const char *const names[FAULTS] = {
        "none", "EIO", "ENOSPC", "EINTR", "short", "full", "stop"};

    return names[fault];
}
