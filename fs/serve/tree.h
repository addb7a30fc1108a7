/* SPDX-License-Identifier: MIT */
/*
 * tree.h - names, attributes and listings of everything in the mount.
 *
 * What each kind of node is and can do stands in one table; the functions of
 * the table live in the files named for the kind.
 */
#ifndef CLOG_FS_SERVE_TREE_H
#define CLOG_FS_SERVE_TREE_H

#include "files/node.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct fs;
struct handle;

/* Seconds that the kernel may keep what does not change. */
#define TREE_DAY 86400.0

/* Room for every name, with its NUL: a cursor's is the longest. */
#define TREE_NAME 208

struct tree_attr {
    struct stat stat;
    double timeout;       /* seconds that stat may be cached */
    double entry_timeout; /* seconds that the name may be cached */
    bool watched;         /* the next append ends timeout: the kernel is told,
                             provided that it has the inode already */
};

/* An entry of a directory, and where the listing goes on behind it. */
struct tree_entry {
    char name[TREE_NAME];
    struct node node;
    uint64_t cookie;
};

/*
 * A kind of node. The functions are NULL where the answer is the same for all;
 * number is the node's. They return 0 or a negative errno.
 */
struct kind {
    mode_t mode; /* type, and permissions before the umask */
    bool door;   /* what is written is appended */
    bool fresh;  /* its text is made anew by each read from the start */
    bool blocks; /* a read at its end waits */
    bool one;    /* one st_ino whatever the number */
    /* Sets what differs from the defaults: mount time, size 0, a day. */
    int (*attr)(struct fs *fs, uint64_t number, struct tree_attr *attr);
    /* The number that a fixed name stands for now. ENOENT: not there now. */
    int (*number)(struct fs *fs, uint64_t *ret_number);
    /* Directories. list sets the first entry at or behind cookie and returns
       1, or 0 at the end; any cookie may come. */
    int (*lookup)(struct fs *fs, uint64_t number, const char *name,
                  struct node *ret_node);
    int (*list)(struct fs *fs, uint64_t number, uint64_t cookie,
                struct tree_entry *ret_entry);
    /* Files that are read: fills handle's view, or its text. */
    int (*open)(struct fs *fs, uint64_t number, struct handle *handle);
};

/* The table's line; kind must be one. */
const struct kind *tree_kind(enum node_kind kind);

/*
 * Finds name in the directory dir. ENOENT, ENOTDIR, EIO (a record that lies in
 * a gap).
 */
int tree_lookup(struct fs *fs, struct node dir, const char *name,
                struct node *ret_node);

/*
 * What node is at this moment. ENOENT: nothing yet; ESTALE: nothing any more.
 */
int tree_attr(struct fs *fs, struct node node, struct tree_attr *ret_attr);

/*
 * The first entry of dir at or behind cookie: 0 is the start, any other comes
 * from an entry. Returns 1, or 0 at the end. No state is kept between calls
 * and entries that come and go do not move the others. ENOTDIR.
 */
int tree_list(struct fs *fs, struct node dir, uint64_t cookie,
              struct tree_entry *ret_entry);

/* The inode number that the entry's listing shows. */
uint64_t tree_ino(struct node node);

/*
 * Where the symbolic link node leads now. EINVAL: it is none. ENOENT: nowhere.
 */
int tree_target(struct fs *fs, struct node node, char ret_target[TREE_NAME]);

/* Sets all of attr's times to time_ns, ns since the epoch. */
void tree_set_time(struct tree_attr *attr, uint64_t time_ns);

/*
 * Reads a decimal number as it is written in a name: digits alone, no zero in
 * front of others, at most 2^64 - 1. ENOENT: it is no such name.
 */
int tree_parse_number(const char *name, uint64_t *ret_number);

#endif
