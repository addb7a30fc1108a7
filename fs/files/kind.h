/* SPDX-License-Identifier: MIT */
/*
 * kind.h - what a kind of file is and does.
 *
 * The ground that the files of all kinds stand on: it knows none of them.
 */
#ifndef CLOG_FS_FILES_KIND_H
#define CLOG_FS_FILES_KIND_H

#include "files/node.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct fs;
struct handle;

/* Seconds that the kernel may keep what does not change. */
#define ATTR_DAY 86400.0

/* Room for every name, with its NUL: a cursor's is the longest. */
#define ENTRY_NAME 208

/* What a node is like at one moment. */
struct attr {
    struct stat stat;
    double timeout;       /* seconds that stat may be cached */
    double entry_timeout; /* seconds that the name may be cached */
    bool watched;         /* the next append ends timeout: the kernel is told,
                             provided that it has the inode already */
};

/* An entry of a directory, and where the listing goes on behind it. */
struct entry {
    char name[ENTRY_NAME];
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
    int (*attr)(struct fs *fs, uint64_t number, struct attr *attr);
    /* The number that a fixed name stands for now. ENOENT: not there now. */
    int (*number)(struct fs *fs, uint64_t *ret_number);
    /* Directories. list sets the first entry at or behind cookie and returns
       1, or 0 at the end; any cookie may come. */
    int (*lookup)(struct fs *fs, uint64_t number, const char *name,
                  struct node *ret_node);
    int (*list)(struct fs *fs, uint64_t number, uint64_t cookie,
                struct entry *ret_entry);
    /* Files that are read: fills handle's view, or its text. */
    int (*open)(struct fs *fs, uint64_t number, struct handle *handle);
};

/* Sets all of attr's times to time_ns, ns since the epoch. */
void attr_set_time(struct attr *attr, uint64_t time_ns);

/*
 * Reads a decimal number as it is written in a name: digits alone, no zero in
 * front of others, at most 2^64 - 1. ENOENT: it is no such name.
 */
int name_number(const char *name, uint64_t *ret_number);

#endif
