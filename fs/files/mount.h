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
struct work;

struct fs {
    struct clog *log;
    const struct options *options;
    const char *logdir; /* absolute; borrowed */
    struct held held;
    struct work *work;
    pthread_mutex_t handles_lock;
    struct handle *handles; /* all open files; protected by handles_lock */
    uint64_t started_ns;    /* when it was mounted, ns since the epoch */
    uint64_t started_up_ns; /* likewise, ns since the boot */
    _Atomic uint64_t door_lookups; /* numbers given to a door's nodes */
    /* The kernel may have cached attributes that each append changes. */
    atomic_bool watched_cached;
    atomic_size_t following; /* reads of the files `follow` that wait */
};

#endif
