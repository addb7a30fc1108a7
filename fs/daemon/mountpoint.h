/* SPDX-License-Identifier: MIT */
/*
 * mountpoint.h - paths, and what is mounted on them.
 */
#ifndef CLOG_FS_DAEMON_MOUNTPOINT_H
#define CLOG_FS_DAEMON_MOUNTPOINT_H

#include <stdbool.h>

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

#endif
