/* SPDX-License-Identifier: MIT */
#include "files/door.h"

#include "files/mount.h"

bool door_apart(struct fs *fs, struct node node)
{
    (void)node;
    return fs->options->sync_always;
}
