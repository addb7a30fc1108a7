/* SPDX-License-Identifier: MIT */
#include "files/door.h"

#include "files/mount.h"

int door_number(struct fs *fs, struct node dir, unsigned flags,
                uint64_t *ret_number)
{
    (void)dir;
    (void)flags;
    *ret_number = 0;
    if (fs->options->sync_always)
        *ret_number = atomic_fetch_add(&fs->door_lookups, 1) & NODE_NUMBER_MAX;
    return 0;
}

int door_attr(struct fs *fs, struct node node, unsigned flags,
              struct attr *attr)
{
    (void)node;
    (void)flags;
    if (fs->options->sync_always)
        attr->entry_timeout = 0;
    return 0;
}
