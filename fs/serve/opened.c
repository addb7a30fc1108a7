/* SPDX-License-Identifier: MIT */
#include "serve/opened.h"

#include "files/handle.h"
#include "files/mount.h"
#include "serve/dispatch.h"
#include "serve/names.h"
#include "serve/tree.h"
#include "serve/waiting.h"

#include <errno.h>
#include <fcntl.h>

/* How the kernel is to use an open file. */
static struct fuse_file_info describe(struct handle *handle)
{
    struct fuse_file_info fi = {
        .fh = (uint64_t)(uintptr_t)handle,
        .direct_io = !handle->cached,
        .keep_cache = handle->keep,
        .noflush = 1,
    };

    return fi;
}

int opened_open(struct request *request, unsigned flags)
{
    const struct kind *kind = tree_kind(request->node.kind);
    struct handle *handle = NULL;
    struct fuse_file_info fi;
    int r = kind->grows ? work_shown(request, flags) : 0;

    if (r == 0)
        r = handle_open(request->fs, kind, request->node, request->flags, flags,
                        &handle);
    if (r < 0)
        return r;
    fi = describe(handle);
    if (fuse_reply_open(request->req, &fi) == -ENOENT)
        handle_put(handle); /* interrupted: no release will come */
    return 0;
}

int opened_create(struct request *request, unsigned flags)
{
    struct fs *fs = request->fs;
    struct fuse_entry_param entry = {0};
    struct handle *handle = NULL;
    struct fuse_file_info fi;
    struct node node = {0};
    int r = tree_create(fs, request->node, request->data, &node);

    if (r == 0)
        r = names_describe(fs, node, flags, &entry);
    if (r == 0)
        r = handle_open(fs, tree_kind(node.kind), node, request->flags, flags,
                        &handle);
    if (r < 0)
        return r;
    fi = describe(handle);
    if (fuse_reply_create(request->req, &entry, &fi) == -ENOENT)
        handle_put(handle); /* interrupted: no release will come */
    return 0;
}

int opened_read(struct request *request, unsigned flags)
{
    struct handle *handle = request->handle;
    const struct kind *kind = handle->kind;
    size_t size = request->size < REQUEST_MAX ? request->size : REQUEST_MAX;
    char *data = scratch_get();
    ssize_t n = kind->grows ? work_shown(request, flags) : 0;

    if (n == 0)
        n = data ? kind->read(handle, data, size, request->position, flags)
                 : -ENOMEM;
    if (n < 0)
        return (int)n;
    if (n == 0 && kind->waits_for) {
        request->at = kind->waits_for(handle, request->position);
        if ((request->flags & O_NONBLOCK) == 0)
            return REQUEST_PARK;
    }
    waiting_settle(request);
    if (n == 0 && kind->waits_for)
        fuse_reply_err(request->req, EAGAIN);
    else
        fuse_reply_buf(request->req, data, (size_t)n);
    return 0;
}

/* Whether a line is held. */
static bool is_unfinished(const struct handle *handle)
{
    return handle->kind->unfinished && handle->kind->unfinished(handle);
}

int opened_write(struct request *request, unsigned flags)
{
    struct work *work = request->work;
    struct handle *handle = request->handle;
    const char *data = request->data;
    size_t size = request->data_size;
    bool joins = is_unfinished(handle);
    int r = handle->kind->write(handle, data, size, request->end, flags);

    if (r == -EAGAIN)
        return r;
    /* What is held became a record if the write was refused. */
    if (handle->kind->door)
        work_appended(work, data,
                      r == 0 && !joins && !is_unfinished(handle) ? size : 0);
    if (r < 0)
        return r;
    if (handle->kind->door &&
        (request->fs->options->sync_always || request->end))
        work_durable(work, request->req, request->answer, (ssize_t)size);
    else
        request_answer(request->req, request->answer, (ssize_t)size);
    return 0;
}

int opened_release(struct request *request, unsigned flags)
{
    struct work *work = request->work;
    struct handle *handle = request->handle;
    bool durable = request->ends && request->fs->options->sync_always;
    int r = 0;

    if (request->ends)
        r = handle->kind->finish(handle, flags);
    if (r == -EAGAIN)
        return r;
    if (request->ends) {
        work_appended(work, NULL, 0);
        work_ended(work);
    }
    /* What ends a line is no view, and its closing does not wait. */
    if (request->ends || (flags & CLOG_NOWAIT) == 0)
        handle_put(handle);
    else if (handle_try_put(handle) == -EAGAIN)
        return -EAGAIN;
    if (durable)
        work_durable(work, request->req, ANSWER_DONE, 0);
    else
        request_answer(request->req, ANSWER_DONE, 0);
    return 0;
}
