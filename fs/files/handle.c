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

static struct handle **list_of(struct fs *fs, struct node node)
{
    return &fs->handles[node.look > 0 ? 1 + node.look % (HANDLE_LISTS - 1) : 0];
}

static void enlist(struct handle *handle)
{
    struct fs *fs = handle->fs;

    (void)pthread_mutex_lock(&fs->handles_lock);
    handle->link = list_of(fs, handle->node);
    handle->next = *handle->link;
    if (handle->next)
        handle->next->link = &handle->next;
    *handle->link = handle;
    (void)pthread_mutex_unlock(&fs->handles_lock);
}

static void delist(struct handle *handle)
{
    (void)pthread_mutex_lock(&handle->fs->handles_lock);
    *handle->link = handle->next;
    if (handle->next)
        handle->next->link = handle->link;
    (void)pthread_mutex_unlock(&handle->fs->handles_lock);
}

bool handle_find(struct fs *fs, struct node node,
                 void (*found)(const struct handle *handle, void *ctx),
                 void *ctx)
{
    struct handle *handle;

    (void)pthread_mutex_lock(&fs->handles_lock);
    handle = *list_of(fs, node);
    while (handle && !node_same(handle->node, node))
        handle = handle->next;
    if (handle)
        found(handle, ctx);
    (void)pthread_mutex_unlock(&fs->handles_lock);
    return handle;
}

static void nothing(const struct handle *handle, void *ctx)
{
    (void)handle;
    (void)ctx;
}

struct node handle_look(struct fs *fs, struct node node)
{
    do
        node.look = 1 + atomic_fetch_add(&fs->looks, 1) % NODE_LOOK_MAX;
    while (handle_find(fs, node, nothing, NULL));
    return node;
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
    if (kind->open)
        r = kind->open(handle, flags);
    enlist(handle);
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
    delist(handle);
    r = handle->kind->close ? handle->kind->close(handle, flags) : 0;
    if (r < 0) {
        enlist(handle);
        handle->references = 1;
        return r;
    }
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
    for (size_t i = 0; i < HANDLE_LISTS; i++)
        for (struct handle *h = fs->handles[i]; h; h = h->next)
            if (h->kind->finish)
                (void)h->kind->finish(h, 0);
}

void handle_close_all(struct fs *fs)
{
    for (size_t i = 0; i < HANDLE_LISTS; i++) {
        struct handle *next;

        for (struct handle *h = fs->handles[i]; h; h = next) {
            next = h->next;
            handle_put(h);
        }
    }
}
