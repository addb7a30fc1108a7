/* SPDX-License-Identifier: MIT */
#include "files/handle.h"

#include "files/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

static int check_flags(const struct kind *kind, int flags)
{
    int mode = flags & O_ACCMODE;

    if (S_ISDIR(kind->mode))
        return -EISDIR;
    if (S_ISLNK(kind->mode))
        return -ELOOP;
    if (mode != O_WRONLY && !kind->read)
        return -EACCES;
    if ((mode != O_RDONLY || (flags & O_TRUNC) != 0) && !kind->write)
        return -EACCES;
    return 0;
}

static void enlist(struct fs *fs, struct handle *handle)
{
    (void)pthread_mutex_lock(&fs->handles_lock);
    handle->next = fs->handles;
    handle->link = &fs->handles;
    if (handle->next)
        handle->next->link = &handle->next;
    fs->handles = handle;
    (void)pthread_mutex_unlock(&fs->handles_lock);
}

static void delist(struct fs *fs, struct handle *handle)
{
    (void)pthread_mutex_lock(&fs->handles_lock);
    *handle->link = handle->next;
    if (handle->next)
        handle->next->link = handle->link;
    (void)pthread_mutex_unlock(&fs->handles_lock);
}

int handle_open(struct fs *fs, const struct kind *kind, struct node node,
                int flags_open, unsigned flags, struct handle **ret_handle)
{
    struct handle *handle = NULL;
    int r = check_flags(kind, flags_open);

    if (r < 0)
        return r;
    handle = calloc(1, sizeof(*handle));
    if (!handle)
        return -ENOMEM;
    handle->fs = fs;
    handle->kind = kind;
    handle->node = node;
    handle->references = 1;
    (void)pthread_mutex_init(&handle->lock, NULL);
    enlist(fs, handle);
    if (kind->open)
        r = kind->open(handle, flags);
    if (r < 0) {
        handle_put(handle);
        return r;
    }
    *ret_handle = handle;
    return 0;
}

struct handle *handle_get(struct handle *handle)
{
    handle->references++;
    return handle;
}

static int put(struct handle *handle, unsigned flags)
{
    int r;

    if (--handle->references > 0)
        return 0;
    r = handle->kind->close ? handle->kind->close(handle, flags) : 0;
    if (r < 0) {
        handle->references = 1;
        return r;
    }
    delist(handle->fs, handle);
    (void)pthread_mutex_destroy(&handle->lock);
    free(handle);
    return 0;
}

void handle_put(struct handle *handle)
{
    (void)put(handle, 0);
}

int handle_try_put(struct handle *handle)
{
    return put(handle, CLOG_NOWAIT);
}

void handle_finish_all(struct fs *fs)
{
    for (struct handle *handle = fs->handles; handle; handle = handle->next) {
        if (handle->kind->finish)
            (void)handle->kind->finish(handle, 0);
    }
}

void handle_close_all(struct fs *fs)
{
    struct handle *next;

    for (struct handle *handle = fs->handles; handle; handle = next) {
        next = handle->next;
        handle_put(handle);
    }
}
