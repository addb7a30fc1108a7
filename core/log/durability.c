/* SPDX-License-Identifier: MIT */
#include "log/durability.h"

#include "io/files.h"
#include "recovery/metadata.h"

#include <errno.h>
#include <fcntl.h>

void durability_init(struct durability *durability, struct io *io)
{
    *durability = (struct durability){.io = io, .fd = -1};
    mutex_init(&durability->gate);
    mutex_init(&durability->lock);
    cond_init(&durability->synced);
}

void durability_done(struct durability *durability)
{
    io_close(durability->io, durability->fd);
    (void)pthread_cond_destroy(&durability->synced);
    mutex_done(&durability->lock);
    mutex_done(&durability->gate);
}

int durability_open(struct durability *durability, int root)
{
    int fd = io_open_own(durability->io, root, METADATA_DURABLE, true);

    if (fd < 0)
        return fd;
    durability->fd = fd;
    (void)durable_write(durability->io, fd, durability_offset(durability));
    return 0;
}

bool durability_writable(const struct durability *durability)
{
    return durability->fd >= 0 && durability_error(durability) == 0;
}

int durability_error(const struct durability *durability)
{
    return atomic_load(&durability->error);
}

uint64_t durability_offset(const struct durability *durability)
{
    return atomic_load(&durability->offset);
}

void durability_stop(struct durability *durability, int error)
{
    mutex_lock(&durability->lock);
    if (durability_error(durability) == 0)
        atomic_store(&durability->error, error);
    mutex_unlock(&durability->lock);
}

void durability_raise(struct durability *durability, uint64_t next)
{
    bool raised;

    mutex_lock(&durability->lock);
    raised = durability_error(durability) == 0 &&
             next > durability_offset(durability);
    if (raised)
        atomic_store(&durability->offset, next);
    mutex_unlock(&durability->lock);
    /* A lower bound for the next open: nothing depends on its being there. */
    if (raised && durability->fd >= 0)
        (void)durable_write(durability->io, durability->fd, next);
}

int durability_sync(struct durability *durability, durability_sync_fn *sync,
                    void *ctx)
{
    uint64_t next = 0;
    int r = -EIO;

    mutex_lock(&durability->gate);
    if (durability_error(durability) == 0) {
        r = sync(ctx, &next);
        if (r < 0)
            durability_stop(durability, r);
        else
            durability_raise(durability, next);
    }
    mutex_unlock(&durability->gate);
    return r;
}

struct file {
    struct io *io;
    int fd;
};

static int sync_file(void *ctx, uint64_t *ret_next)
{
    const struct file *file = ctx;

    (void)ret_next;
    return io_sync(file->io, file->fd);
}

int durability_sync_file(struct durability *durability, int fd)
{
    struct file file = {durability->io, fd};

    return durability_sync(durability, sync_file, &file);
}

/* Waits for the thread that syncs, or becomes it. */
static int commit_once(struct durability *durability, durability_sync_fn *sync,
                       void *ctx) REQUIRES(durability->lock)
{
    int r;

    if (durability_error(durability) != 0)
        return -EIO;
    if (durability->fd < 0)
        return -EROFS;
    if (durability->syncing) {
        (void)mutex_wait(&durability->lock, &durability->synced, NULL);
        return 0;
    }
    durability->syncing = true;
    mutex_unlock(&durability->lock);
    r = durability_sync(durability, sync, ctx);
    if (r == 0)
        atomic_fetch_add(&durability->syncs, 1);
    mutex_lock(&durability->lock);
    durability->syncing = false;
    (void)pthread_cond_broadcast(&durability->synced);
    return r;
}

int durability_commit(struct durability *durability, uint64_t upto,
                      durability_sync_fn *sync, void *ctx)
{
    int r = 0;

    mutex_lock(&durability->lock);
    while (r == 0 && durability_offset(durability) < upto)
        r = commit_once(durability, sync, ctx);
    mutex_unlock(&durability->lock);
    return r;
}
