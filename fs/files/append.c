/* SPDX-License-Identifier: MIT */
/*
 * append.c - the door `append`: one line, one record.
 *
 * An unfinished line is held per open file until the bytes that finish it, or
 * the end of the file's use.
 */
#include "files/door.h"
#include "files/handle.h"
#include "files/held.h"
#include "files/mount.h"

#include <errno.h>
#include <stdlib.h>

/* Writers of lines that buffer should not keep a MiB to themselves. */
static int append_attr(struct fs *fs, struct node node, unsigned flags,
                       struct attr *attr)
{
    (void)fs;
    (void)node;
    (void)flags;
    attr->stat.st_blksize = 4096;
    return 0;
}

static int line_open(struct handle *handle, unsigned flags)
{
    (void)flags;
    handle->state = calloc(1, sizeof(struct line));
    return handle->state ? 0 : -ENOMEM;
}

static int line_close(struct handle *handle, unsigned flags)
{
    (void)flags;
    if (handle->state)
        held_drop(&handle->fs->held, handle->state);
    free(handle->state);
    return 0;
}

static int line_write(struct handle *handle, const char *data, size_t size,
                      bool end, unsigned flags)
{
    return held_write(&handle->fs->held, handle->state, data, size, end, flags);
}

static bool line_unfinished(const struct handle *handle)
{
    const struct line *line = handle->state;

    return line->size > 0;
}

static int line_finish(struct handle *handle, unsigned flags)
{
    if (!line_unfinished(handle))
        return 0;
    return held_finish(&handle->fs->held, handle->state, flags);
}

const struct kind append_kind = {
    .name = "append",
    .parent = NODE_ROOT,
    .mode = DOOR_MODE,
    .free_mode = DOOR_FREE_MODE,
    .door = true,
    .attr = append_attr,
    .apart = door_apart,
    .open = line_open,
    .close = line_close,
    .write = line_write,
    .unfinished = line_unfinished,
    .finish = line_finish,
};
