/* SPDX-License-Identifier: MIT */
/*
 * mountpoint.h - paths, and what is mounted on them.
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
 * Makes sure that a log can be mounted on path, absolute, and says what is
 * wrong if not. What a killed daemon has left mounted there is unmounted.
 * ENOENT, ENOTDIR. EBUSY: a log is mounted there already.
 */
int mountpoint_prepare(const char *path);

/*
 * Looks at what a mount on path, a directory, would hide. A log there is
 * refused, with a message; other files are named in a warning. EINVAL.
 */
int mountpoint_look(const char *path);

/* What tells a mount from others, as long as it exists. */
struct mountpoint_id {
    uint64_t mount;
    dev_t device;
};

/*
 * Which mount lies uppermost on path; asks no filesystem. ENOSYS: the kernel is
 * older than 5.8 and does not say.
 */
int mountpoint_identify(const char *path, struct mountpoint_id *ret_id);

/* Whether that mount exists, wherever. */
bool mountpoint_exists(const struct mountpoint_id *id);

/* Whether nobody answers for the mount on path any more. */
bool mountpoint_is_dead(const char *path);

/* Unmounts what lies uppermost on path, even if it is in use. EPERM. */
int mountpoint_detach(const char *path);

#endif
