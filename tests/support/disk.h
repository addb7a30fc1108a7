/* SPDX-License-Identifier: MIT */
/*
 * disk.h - the inside of a memio: nodes, what is durable of them, and what
 * was done to them since. memio.c makes it an io, powercut.c takes it away,
 * behind.c changes it behind the log's back.
 */
#ifndef CLOG_TESTS_DISK_H
#define CLOG_TESTS_DISK_H

#include "memio.h"

#define DISK_NAME    64 /* bytes of a name with its NUL */
#define DISK_FDS     512
#define DISK_ROOT    0u /* the node above the directory of memio_new() */
#define DISK_NOTHING UINT32_MAX
#define DISK_SECTOR  ((uint64_t)512)
#define DISK_PAGE    ((uint64_t)4096)
#define DISK_SECTORS (MEMIO_FILE_LIMIT / DISK_SECTOR) /* of a file, at most */

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
    uint64_t high;     /* bytes of data that may be other than zero */
    uint64_t reserved; /* bytes that there is room for in any case */
    bool shared;       /* it has been mapped to be written to */
    uint8_t *durable;  /* owned: what is on the disk */
    uint64_t durable_size;
    size_t durable_capacity;
    struct change *changes; /* owned */
    size_t change_count, change_capacity;
    uint8_t *written; /* owned */
    size_t written_size, written_capacity;
    uint64_t bad[DISK_SECTORS / 64]; /* a bit for each sector: unreadable */
    size_t bad_count;
    /* Of a directory. */
    struct names names, durable_names;
    struct naming *namings; /* owned */
    size_t naming_count, naming_capacity;
    bool names_lost; /* the namings are not going to be written back, unless
                        another joins them: a directory is written whole */
    /* Errors of write-back, as Linux keeps them: told once to each descriptor
       that was open, and to those opened later if nobody was told. */
    int error;       /* negative errno of the last */
    uint64_t errors; /* there were so many */
    uint64_t told;   /* of them, those that somebody knows */
};

struct descriptor {
    uint32_t node; /* DISK_NOTHING: free */
    int flags;
    int lock;      /* 0, 1 shared, 2 exclusive */
    uint64_t told; /* errors of the node that it does not ask about */
};

/* Which write-back fails. */
struct failing {
    uint64_t done, at; /* write-backs so far; the one that fails, or 0 */
    int error;         /* negative errno */
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
    struct failing failing[2]; /* of files, of directories */
    bool unjournaled;
    bool lower;        /* no directory can be renamed */
    uint64_t capacity; /* bytes; 0: without end */
};

_Noreturn void disk_give_up(const char *what);

/* Makes *array, of *capacity elements of that size, hold at least count. */
void disk_grow(void *array, size_t *capacity, size_t count, size_t size);

/* A disk without nodes. */
struct memio *disk_new(void);

/* Adds an empty node, durable but for its name, and returns its number. Moves
   the nodes. */
uint32_t disk_add(struct memio *memio, enum io_type type, mode_t mode);

/* Copies a name, which is short enough. */
void disk_copy_name(char to[static DISK_NAME], const char *name);

/* DISK_NOTHING: there is none. */
uint32_t names_find(const struct names *names, const char *name);
void names_put(struct names *names, const char *name, uint32_t node);
void names_drop(struct names *names, const char *name);
void names_apply(struct names *names, const struct naming *naming);

/* Calls each for all of them, as io_ops.list does. */
int names_each(const struct names *names, io_list_fn *each, void *ctx);

/* Frees what the node owns. */
void node_done(struct node *node);

/* Bytes [size, ...) of a file's data become zeros, and size its size. */
void node_resize(struct node *node, uint64_t size);

/* Its size becomes at least that. */
void node_grow(struct node *node, uint64_t size);

/* Applies a change to bytes, of which *size count; what a growing file does
   not say is zeros. bytes has room for MEMIO_FILE_LIMIT. */
void change_apply(const struct node *node, const struct change *change,
                  uint8_t *bytes, uint64_t *size);

/* What reads see becomes what is durable. */
void node_settle(struct node *node);

/* The node's bytes as maps see them. */
const void *node_map(const struct node *node);

bool node_is_bad(const struct node *node, uint64_t sector);
void node_set_bad(struct node *node, uint64_t sector, bool bad);

/* Notes a change of a file, which the caller fills in. */
struct change *disk_change(struct memio *memio, struct node *node);

/* Notes and makes a change of a directory; from may be NULL. */
void disk_name(struct memio *memio, struct node *dir, const char *name,
               const char *from, uint32_t number);

/* Notes and makes a change of a file's size. EFBIG. */
int disk_resize(struct memio *memio, struct node *node, uint64_t size);

/* What was not written back never will be; of names so without a journal, and
   until the directory changes again. */
void disk_lose(const struct memio *memio, struct node *node);

/* Writes back what there is; an error stays with the node, to be told. */
int disk_write_back(struct memio *memio, struct node *node);

/* Sets room aside for the first size bytes of the file. ENOSPC. */
int disk_reserve(const struct memio *memio, struct node *node, uint64_t size);

/* Free bytes. */
uint64_t disk_room(const struct memio *memio);

/* How many of size bytes at position of the file there is room for. */
uint64_t disk_fit(const struct memio *memio, const struct node *node,
                  uint64_t position, uint64_t size);

#endif
