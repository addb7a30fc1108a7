/* SPDX-License-Identifier: MIT */
/*
 * holder.h - the process that holds a lock on a directory.
 *
 * As Linux tells it in /proc/locks, see proc_locks(5); it is about the system's
 * own files, so it is no entry of struct io_ops.
 */
#ifndef CLOG_IO_HOLDER_H
#define CLOG_IO_HOLDER_H

#include <sys/types.h>

/*
 * Finds a process that holds an flock(2) on path. ENOENT: none does, or one
 * that this process cannot see, in another PID namespace.
 */
int holder_find(const char *path, pid_t *ret_pid);

#endif
