/* SPDX-License-Identifier: MIT */
/*
 * disk.h - the inside of a memio: nodes, what is durable of them, and what
 * was done to them since. memio.c makes it an io, powercut.c takes it away.
 */
#ifndef CLOG_TESTS_DISK_H
#define CLOG_TESTS_DISK_H

#include "memio.h"

#define DISK_NAME    64 /* bytes of a name with its NUL */
#define DISK_FDS     512
#define DISK_ROOT    0u /* the node above the directory of memio_new() */
#define DISK_NOTHING UINT32_MAX

/* A change of a file since its last sync. */
struct change {
    uint64_t moment; /* the disk's count of changes when it was made */
    bool write;      /* else a truncation to at */
    uint64_t at;     /* byte in the file */
    size_t size;     /* bytes that were written */
    size_t bytes;    /* where they are in the node's `written` */
};

struct entry {
    char name[DISK_NAME];
    uint32_t node;
};

/* Names of a directory, in no order. */
struct names {
    struct entry *entries; /* owned */
    size_t count, capacity;
};

/* A change of a directory: name now is node, or nothing; a renaming takes
   `from` away at the same moment. */
struct naming {
    uint64_t moment;
    char name[DISK_NAME];
    char from[DISK_NAME];
    uint32_t node;
};

struct node {
    enum io_type type;
    mode_t mode, durable_mode;
    uint64_t ino;
    int64_t time_ns;
    /* Of a file: what reads see, in a place that never moves. */
    uint8_t *data;
    uint64_t size;
    uint64_t high;    /* bytes of data that may be other than zero */
    uint8_t *durable; /* owned: what is on the disk */
    uint64_t durable_size;
    size_t durable_capacity;
    struct change *changes; /* owned */
    size_t change_count, change_capacity;
    uint8_t *written; /* owned */
    size_t written_size, written_capacity;
    /* Of a directory. */
    struct names names, durable_names;
    struct naming *namings; /* owned */
    size_t naming_count, naming_capacity;
};

struct descriptor {
    uint32_t node; /* DISK_NOTHING: free */
    int flags;
    int lock; /* 0, 1 shared, 2 exclusive */
};

struct memio {
    struct io io;       /* first: an io is cast back to its memio */
    struct node *nodes; /* owned */
    size_t node_count, node_capacity;
    struct descriptor fds[DISK_FDS];
    uint64_t moment;
    uint64_t next_ino;
    uint64_t boot;
    int64_t clock;
    bool cold;
};

/* Makes *array, of *capacity elements of that size, hold at least count. */
void disk_grow(void *array, size_t *capacity, size_t count, size_t size);

/* A disk without nodes. */
struct memio *disk_new(void);

/* Adds an empty node, durable but for its name, and returns its number. Moves
   the nodes. */
uint32_t disk_add(struct memio *memio, enum io_type type, mode_t mode);

/* DISK_NOTHING: there is none. */
uint32_t names_find(const struct names *names, const char *name);
void names_put(struct names *names, const char *name, uint32_t node);
void names_drop(struct names *names, const char *name);
void names_apply(struct names *names, const struct naming *naming);

/* Bytes [size, ...) of a file's data become zeros, and size its size. */
void node_resize(struct node *node, uint64_t size);

/* Applies a change to bytes, of which *size count; what a growing file does
   not say is zeros. bytes has room for MEMIO_FILE_LIMIT. */
void change_apply(const struct node *node, const struct change *change,
                  uint8_t *bytes, uint64_t *size);

/* What reads see becomes what is durable. */
void node_settle(struct node *node);

#endif
