/* SPDX-License-Identifier: MIT */
#include "files/claim.h"

#include "files/door.h"
#include "files/handle.h"
#include "files/mount.h"
#include "files/put.h"

#include <errno.h>
#include <stdlib.h>

int claim_make(struct fs *fs, const char *name, struct node *ret_node)
{
    struct clog_status status = {.size = sizeof(status)};
    uint64_t offset;

    if (name_number(name, &offset) < 0)
        return -EPERM;
    clog_status(fs->log, &status);
    if (offset < status.next)
        return -EEXIST;
    if (offset > status.next)
        return -EPERM;
    if (!status.writable)
        return -EROFS;
    *ret_node = (struct node){.kind = NODE_CLAIM, .number = offset};
    return 0;
}

/* The name must be looked up again and again, until it is the record's. */
static int claim_attr(struct fs *fs, struct node node, unsigned flags,
                      struct attr *attr)
{
    (void)fs;
    (void)node;
    (void)flags;
    attr->timeout = 0;
    attr->entry_timeout = 0;
    return 0;
}

/* What an open file knows. */
struct claim {
    bool used; /* its record is written */
};

static int claim_open(struct handle *handle, unsigned flags)
{
    (void)flags;
    handle->state = calloc(1, sizeof(struct claim));
    return handle->state ? 0 : -ENOMEM;
}

static int claim_close(struct handle *handle, unsigned flags)
{
    (void)flags;
    free(handle->state);
    return 0;
}

static int claim_write(struct handle *handle, const char *data, size_t size,
                       bool end, unsigned flags)
{
    struct claim *claim = handle->state;
    int r;

    (void)end;
    if (size == 0)
        return 0;
    if (claim->used || size > PUT_MAX)
        return -EMSGSIZE;
    r = clog_append_at(handle->fs->log, handle->node.number, data, size, flags);
    claim->used = r == 0;
    return r;
}

const struct kind claim_kind = {
    .mode = DOOR_MODE,
    .free_mode = DOOR_FREE_MODE,
    .door = true,
    .attr = claim_attr,
    .open = claim_open,
    .close = claim_close,
    .write = claim_write,
};
