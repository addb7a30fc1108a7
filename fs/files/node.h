/* SPDX-License-Identifier: MIT */
/*
 * node.h - inode numbers.
 *
 * Everything in the mount is named by a kind and a number, and an inode number
 * is nothing but the two packed together. So there is no table of inodes, an
 * inode number is the same in each mount, and forgetting one needs no work.
 */
#ifndef CLOG_FS_FILES_NODE_H
#define CLOG_FS_FILES_NODE_H

#include <stdint.h>

enum node_kind {
    NODE_ROOT = 1, /* packs to 1, the number FUSE gives the root */
    NODE_APPEND,   /* number: which look-up of it, where that matters */
    NODE_PUT,      /* likewise */
    NODE_LOG,      /* number: position in the stream where the file begins */
    NODE_RECORDS,
    NODE_RECORD, /* number: offset */
    NODE_FIRST,
    NODE_LAST,
    NODE_SEGMENTS,
    NODE_SEGMENT, /* number: base offset, as for the next three */
    NODE_STORE,
    NODE_INDEX,
    NODE_STAMPS,
    NODE_STATUS,
    NODE_METRICS,
    NODE_CLAIM,  /* number: the offset it is for */
    NODE_FOLLOW, /* the mount's own */
    NODE_AT,
    NODE_AT_LINK, /* number: the offset it leads to */
    NODE_CURSORS,
    NODE_CURSOR, /* number: the cursor's id, as for the next four */
    NODE_CURSOR_OFFSET,
    NODE_CURSOR_LAG,
    NODE_CURSOR_LOST,
    NODE_CURSOR_FOLLOW,
    NODE_CURSOR_LOG, /* number: as of NODE_LOG */
    NODE_KINDS       /* how many, and no kind itself */
};

struct node {
    enum node_kind kind;
    uint64_t number; /* in [0, NODE_NUMBER_MAX] */
};

/* The kind takes the low 6 bits, the number the other 58. */
#define NODE_KIND_BITS  6
#define NODE_NUMBER_MAX (UINT64_MAX >> NODE_KIND_BITS)

/* EOVERFLOW: the number does not fit. */
int node_pack(struct node node, uint64_t *ret_ino);

/* ESTALE: no node packs to ino. */
int node_unpack(uint64_t ino, struct node *ret_node);

#endif
