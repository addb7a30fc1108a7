/* SPDX-License-Identifier: MIT */
/*
 * tree.h - names, attributes and listings of everything in the mount.
 *
 * What is the same for all kinds is here, and the table of them. flags are
 * those of kind.h: with CLOG_NOWAIT each call may answer EAGAIN.
 */
#ifndef CLOG_FS_SERVE_TREE_H
#define CLOG_FS_SERVE_TREE_H

#include "files/kind.h"

/* The kind of a node; kind must be one. */
const struct kind *tree_kind(enum node_kind kind);

/*
 * Finds name in the directory dir. ENOENT, ENOTDIR, EIO (a record that lies in
 * a gap).
 */
int tree_lookup(struct fs *fs, struct node dir, const char *name,
                unsigned flags, struct node *ret_node);

/* What a look-up that has found node is to answer: node, or one of its own. */
struct node tree_look(struct fs *fs, struct node node);

/*
 * What node is at this moment. ENOENT: nothing yet; ESTALE: nothing any more.
 */
int tree_attr(struct fs *fs, struct node node, unsigned flags,
              struct attr *ret_attr);

/*
 * The first entry of dir at or behind cookie: 0 is the start, any other comes
 * from an entry. Returns 1, or 0 at the end. No state is kept between calls
 * and entries that come and go do not move the others. ENOTDIR.
 */
int tree_list(struct fs *fs, struct node dir, uint64_t cookie, unsigned flags,
              struct entry *ret_entry);

/* The inode number that the entry's listing shows. */
uint64_t tree_ino(struct node node);

/*
 * The node that is opened where name is created in the directory dir. EPERM:
 * there is none.
 */
int tree_create(struct fs *fs, struct node dir, const char *name,
                struct node *ret_node);

/*
 * Where the symbolic link node leads now. EINVAL: it is none. ENOENT: nowhere.
 */
int tree_target(struct fs *fs, struct node node, char ret_target[ENTRY_NAME]);

#endif
