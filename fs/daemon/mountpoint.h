/* SPDX-License-Identifier: MIT */
/*
 * mountpoint.h - paths, and the mounts on them.
 */
#ifndef CLOG_FS_DAEMON_MOUNTPOINT_H
#define CLOG_FS_DAEMON_MOUNTPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The absolute path of path, which need not exist itself, or may be a mount
 * whose daemon has died. The caller frees it. ENOENT: no parent. ENOMEM.
 */
int mountpoint_resolve(const char *path, char **ret_path);

/* Whether path, absolute, is dir or lies below it. */
bool mountpoint_covers(const char *dir, const char *path);

/*
 * Checks that a log can be mounted on path, absolute, and prints the reason if
 * it cannot. Unmounts the mount of a killed daemon first.
 * ENOENT, ENOTDIR. EBUSY: a log is mounted there already.
 */
int mountpoint_prepare(const char *path);

/*
 * Looks at the files that a mount on path, a directory, would hide: refuses a
 * log, and warns of other files with their names. EINVAL.
 */
int mountpoint_look(const char *path);

/* Identifies a mount. Before Linux 6.8 the kernel gives both numbers again to
   other mounts when this one is gone. */
struct mountpoint_id {
    uint64_t mount;
    dev_t device;
    bool unique; /* mount is never given again */
};

/*
 * Identifies the uppermost mount on path, without a request to its filesystem.
 * ENOSYS: the kernel is older than 5.8 and cannot tell.
 */
int mountpoint_identify(const char *path, struct mountpoint_id *ret_id);

/* Whether that mount exists, on whatever path. */
bool mountpoint_exists(const struct mountpoint_id *id);

/* Whether nobody answers for the mount on path any more. */
bool mountpoint_is_dead(const char *path);

/* Unmounts the uppermost mount on path, even if it is in use. EPERM. */
int mountpoint_detach(const char *path);

#endif
