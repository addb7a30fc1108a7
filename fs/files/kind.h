/* SPDX-License-Identifier: MIT */
/*
 * kind.h - what a kind of file is and does.
 *
 * The ground that the files of all kinds stand on: it knows none of them. A
 * kind stands in one file here and in one row of NODE_LIST (node.h), and no
 * code beside its file asks which kind a node is of.
 */
#ifndef CLOG_FS_FILES_KIND_H
#define CLOG_FS_FILES_KIND_H

#include "files/node.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

struct fs;
struct handle;

/* Seconds that the kernel may keep what does not change. */
#define ATTR_DAY 86400.0

/* Room for every name and every link's target, with its NUL. */
#define ENTRY_NAME 208

/* Room for the value of every extended attribute, and for a node's names. */
#define XATTR_MAX 128

/* What a node is like at one moment. */
struct attr {
    struct stat stat;
    double timeout;       /* seconds that stat may be cached */
    double entry_timeout; /* seconds that the name may be cached */
};

/* An entry of a directory, and where the listing goes on behind it. */
struct entry {
    char name[ENTRY_NAME];
    struct node node;
    uint64_t cookie;
};

/* An extended attribute. */
struct xattr {
    const char *name; /* behind "user.clog."; NULL: the list ends */
    /* Writes the value without a NUL; its length. ENODATA: node has none. */
    ssize_t (*get)(struct fs *fs, struct node node, unsigned flags,
                   char ret_value[XATTR_MAX]);
};

/*
 * A kind of file. What is zero or NULL is not offered, or is the same for all.
 * Functions return 0 or a negative errno, or a count where the comment says so.
 * flags: with CLOG_NOWAIT they answer EAGAIN rather than wait; those that take
 * no flags do not wait unless the comment says so.
 */
struct kind {
    const char *name;      /* in parent; NULL: a directory makes it up */
    enum node_kind parent; /* of a name or a directory: where it is */
    bool hidden;           /* not listed */
    mode_t mode;           /* type, and permissions before the umask */
    mode_t free_mode;      /* permissions that chmod may seem to change */
    bool door;             /* what is written is appended */
    bool watched;          /* each append changes its attributes, and the
                              kernel is told; there is but one of it */
    bool shrinks;          /* dropping a segment takes names from it */
    bool grows;            /* it shows the last record */
    const struct xattr *xattrs;

    /* Sets what differs from the defaults: mount time, size 0, a day. */
    int (*attr)(struct fs *fs, struct node node, unsigned flags,
                struct attr *attr);
    /* The number that the fixed name stands for now, in the directory dir; the
       directory's own without this. ENOENT: it is not there now. */
    int (*number)(struct fs *fs, struct node dir, unsigned flags,
                  uint64_t *ret_number);

    /* Directories; without these two, those that have it as their parent. list
       sets the first entry at or behind cookie and returns 1, or 0 at the end;
       any cookie may come. */
    int (*lookup)(struct fs *fs, struct node dir, const char *name,
                  unsigned flags, struct node *ret_node);
    int (*list)(struct fs *fs, struct node dir, uint64_t cookie, unsigned flags,
                struct entry *ret_entry);
    /* mkdir in a directory, which may wait; opening a new file there. */
    int (*make)(struct fs *fs, const char *name);
    int (*create)(struct fs *fs, const char *name, struct node *ret_node);
    /* rmdir of a directory, which may wait. */
    int (*remove)(struct fs *fs, struct node node, const char *name);

    /* Symbolic links: where it leads now. ENOENT: nowhere. */
    int (*target)(struct fs *fs, struct node node, char ret_target[ENTRY_NAME]);

    /* Files whose contents are a text: prints it as it is now. Its attributes
       follow from that. */
    int (*text)(struct fs *fs, struct node node, FILE *file);

    /* Whether each look-up is to answer a node of its own, so that openers do
       not share what the kernel keeps of a file. */
    bool (*apart)(struct fs *fs, struct node node);

    /* Open files. open may fail after it has set handle->state; close frees
       it, whatever there is, and has no error but EAGAIN. */
    int (*open)(struct handle *handle, unsigned flags);
    int (*close)(struct handle *handle, unsigned flags);
    /* How many bytes; reads of one handle do not overlap. */
    ssize_t (*read)(struct handle *handle, char *data, size_t size,
                    uint64_t position, unsigned flags);
    /* A read at the end waits, until the stream is longer than what this
       returns for its position. UINT64_MAX: there is more to say than bytes. */
    uint64_t (*waits_for)(const struct handle *handle, uint64_t position);
    /* Takes all or nothing. With end, what is unfinished ends with it. Writes
       to doors do not overlap, whatever handle they are for. */
    int (*write)(struct handle *handle, const char *data, size_t size, bool end,
                 unsigned flags);
    /* Whether something that was written is not in the log yet; and its being
       stored, because the file is used no more, whatever comes of it. */
    bool (*unfinished)(const struct handle *handle);
    int (*finish)(struct handle *handle, unsigned flags);
};

/* Each kind, by its name in NODE_LIST. */
#define KIND_DECLARATION(NAME, name) extern const struct kind name##_kind;
NODE_LIST(KIND_DECLARATION)
#undef KIND_DECLARATION

/* For kinds whose nodes always are. */
bool apart_always(struct fs *fs, struct node node);

/* Sets all of attr's times to time_ns, ns since the epoch. */
void attr_set_time(struct attr *attr, uint64_t time_ns);

/*
 * Reads a decimal number as it is written in a name: digits alone, no zero in
 * front of others, at most 2^64 - 1. ENOENT: it is no such name.
 */
int name_number(const char *name, uint64_t *ret_number);

#endif
