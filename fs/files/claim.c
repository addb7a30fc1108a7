/* SPDX-License-Identifier: MIT */
#include "files/claim.h"

#include "files/handle.h"
#include "files/kind.h"
#include "files/mount.h"
#include "files/put.h"

#include <errno.h>

int claim_make(struct fs *fs, struct node dir, const char *name,
               struct node *ret_node)
{
    struct clog_status status = {.size = sizeof(status)};
    uint64_t offset;

    if (dir.kind != NODE_RECORDS || name_number(name, &offset) < 0)
        return -EPERM;
    clog_status(fs->log, &status);
    if (offset < status.next)
        return -EEXIST;
    if (offset > status.next)
        return -EPERM;
    if (!status.writable)
        return -EROFS;
    *ret_node = (struct node){NODE_CLAIM, offset};
    return 0;
}

/* The name must be looked up again and again, until it is the record's. */
int claim_attr(struct fs *fs, uint64_t offset, struct attr *attr)
{
    (void)fs;
    (void)offset;
    attr->timeout = 0;
    attr->entry_timeout = 0;
    return 0;
}

int claim_write(struct fs *fs, struct handle *handle, const char *data,
                size_t size, unsigned flags)
{
    int r;

    if (size == 0)
        return 0;
    if (handle->claimed || size > PUT_MAX)
        return -EMSGSIZE;
    r = clog_append_at(fs->log, handle->node.number, data, size, flags);
    handle->claimed = r == 0;
    return r;
}
