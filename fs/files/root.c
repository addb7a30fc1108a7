/* SPDX-License-Identifier: MIT */
/*
 * root.c - the mount's own directory: every kind that has it as its parent.
 */
#include "files/kind.h"

#include "clog.h"

#include <string.h>

static int root_attr(struct fs *fs, struct node node, unsigned flags,
                     struct attr *attr)
{
    (void)fs;
    (void)node;
    (void)flags;
    attr->stat.st_nlink = 5; /* itself, "..", records, segments, cursors */
    return 0;
}

static ssize_t get_version(struct fs *fs, struct node node, unsigned flags,
                           char value[XATTR_MAX])
{
    (void)fs;
    (void)node;
    (void)flags;
    return snprintf(value, XATTR_MAX, "%s", clog_version());
}

static const struct xattr xattrs[] = {
    {"version", get_version},
    {NULL, NULL},
};

const struct kind root_kind = {
    .parent = NODE_ROOT,
    .mode = S_IFDIR | 0555,
    .xattrs = xattrs,
    .attr = root_attr,
};
