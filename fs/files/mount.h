/* SPDX-License-Identifier: MIT */
/*
 * mount.h - what one mount knows.
 */
#ifndef CLOG_FS_FILES_MOUNT_H
#define CLOG_FS_FILES_MOUNT_H

#include "clog.h"
#include "daemon/options.h"
#include "files/held.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct handle;
struct texts;
struct work;

/* The lists of open files: the first is of nodes that all look-ups share. */
#define HANDLE_LISTS 64

struct fs {
    struct clog *log;
    const struct options *options;
    const char *logdir; /* absolute; borrowed */
    struct held held;
    struct work *work;
    pthread_mutex_t handles_lock; /* protects what follows, but for looks */
    struct handle *handles[HANDLE_LISTS]; /* all open files, by node */
    struct texts *texts;                  /* text.h's own; NULL: none yet */
    atomic_uint looks;                    /* given to nodes so far */
    uint64_t started_ns;    /* when it was mounted, ns since the epoch */
    uint64_t started_up_ns; /* likewise, ns since the boot */
    /* The kernel may have cached attributes that each append changes. */
    atomic_bool watched_cached;
    atomic_size_t following; /* reads of the files `follow` that wait */
};

#endif
