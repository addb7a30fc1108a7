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

#include <stdbool.h>
#include <stdint.h>

/*
 * The kinds, each with the name of its struct kind without "_kind". Directories
 * list fixed names in this order. A kind's place here is part of inode numbers:
 * a new one comes last. What the number of a node is:
 */
#define NODE_LIST(KIND)                                              \
    KIND(ROOT, root)                                                 \
    KIND(APPEND, append)                                             \
    KIND(PUT, put)                                                   \
    KIND(LOG, log)                                                   \
    KIND(RECORDS, records)                                           \
    KIND(RECORD, record) /* offset */                                \
    KIND(FIRST, first)                                               \
    KIND(LAST, last)                                                 \
    KIND(SEGMENTS, segments)                                         \
    KIND(SEGMENT, segment) /* base offset, as for the next three */  \
    KIND(STORE, store)                                               \
    KIND(INDEX, index)                                               \
    KIND(STAMPS, stamps)                                             \
    KIND(STATUS, status)                                             \
    KIND(METRICS, metrics)                                           \
    KIND(CLAIM, claim)   /* the offset it is for */                  \
    KIND(FOLLOW, follow) /* the mount's own */                       \
    KIND(AT, at)                                                     \
    KIND(AT_LINK, at_link) /* the offset it leads to */              \
    KIND(CURSORS, cursors)                                           \
    KIND(CURSOR, cursor) /* the cursor's id, as for the next five */ \
    KIND(CURSOR_OFFSET, cursor_offset)                               \
    KIND(CURSOR_LAG, cursor_lag)                                     \
    KIND(CURSOR_LOST, cursor_lost)                                   \
    KIND(CURSOR_FOLLOW, cursor_follow)                               \
    KIND(CURSOR_LOG, cursor_log)                                     \
    KIND(VERSION, version)

/* The root packs to 1, the number that FUSE gives it. */
enum node_kind {
    NODE_NONE,
#define NODE_CONSTANT(NAME, name) NODE_##NAME,
    NODE_LIST(NODE_CONSTANT)
#undef NODE_CONSTANT
        NODE_KINDS /* one more than there are, and no kind itself */
};

struct node {
    enum node_kind kind;
    uint64_t number; /* in [0, NODE_NUMBER_MAX] */
    uint32_t look;   /* in [0, NODE_LOOK_MAX]: which look-up, 0: any */
};

/*
 * The kind takes the low 6 bits, the number 57 others. What the kernel keeps of
 * a file, it keeps by this number; so where openers must not share that, as of
 * what grows, each look-up answers a node of its own. Then the highest bit is
 * set, and the number has 38 bits; one that is larger does without.
 */
#define NODE_KIND_BITS  6
#define NODE_LOOK_BITS  19
#define NODE_NUMBER_MAX (UINT64_MAX >> (NODE_KIND_BITS + 1))
#define NODE_LOOK_MAX   ((UINT32_C(1) << NODE_LOOK_BITS) - 1)

/* EOVERFLOW: the number does not fit. */
int node_pack(struct node node, uint64_t *ret_ino);

/* ESTALE: no node packs to ino. */
int node_unpack(uint64_t ino, struct node *ret_node);

bool node_same(struct node a, struct node b);

#endif
