/* SPDX-License-Identifier: MIT */
/*
 * door.h - what the doors `append` and `put` have in common: their nodes.
 *
 * The kernel lets one write at a time into an inode, its reply included. Where
 * every write waits for the disk, each opening gets an inode of its own, so
 * that they can wait together.
 */
#ifndef CLOG_FS_FILES_DOOR_H
#define CLOG_FS_FILES_DOOR_H

#include "files/kind.h"

/* A door's mode says who may write; it is nothing to be read or run, so chmod
   may set those as it likes: cp -p and rsync --inplace do. */
#define DOOR_MODE      (S_IFREG | 0222)
#define DOOR_FREE_MODE 0555

/* A function of kind.h. */
bool door_apart(struct fs *fs, struct node node);

#endif
