/* SPDX-License-Identifier: MIT */
/*
 * handle.h - an open file.
 */
#ifndef CLOG_FS_FILES_HANDLE_H
#define CLOG_FS_FILES_HANDLE_H

#include "files/append.h"
#include "files/follow.h"
#include "files/kind.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct clog_view;

/* Of these, a door uses line or claimed, a view view, and a text text. */
struct handle {
    struct fs *fs;               /* not owned */
    struct handle *next, **link; /* among fs->handles; by its lock */
    const struct kind *kind;
    struct node node;
    bool cached;              /* the kernel reads it by pages, into its cache */
    bool keep;                /* cached, and what is cached already is right */
    atomic_uint references;   /* the open file's, and one of each job's */
    struct line line;         /* NODE_APPEND */
    bool claimed;             /* NODE_CLAIM: it has written its record */
    pthread_mutex_t busy;     /* view: one read at a time */
    struct clog_view *view;   /* NULL: no view */
    struct follower follower; /* of a view that blocks at its end */
    char *text;               /* NULL: no text */
    size_t text_size;
};

/*
 * Opens node, which is of that kind, with open(2)'s flags. EACCES: it is not
 * offered for that. ELOOP: a symbolic link. EISDIR. ENOMEM. Else what the
 * file's own opening answers.
 */
int handle_open(struct fs *fs, const struct kind *kind, struct node node,
                int flags, struct handle **ret_handle);

/* Another user of handle; returns it. */
struct handle *handle_get(struct handle *handle);

/*
 * One user less; the last one closes it. An unfinished line is thrown away.
 * A door's last user must be the thread that opens them.
 */
void handle_put(struct handle *handle);

/* Closes every file that is still open, when nothing uses them any more. */
void handle_close_all(struct fs *fs);

#endif
