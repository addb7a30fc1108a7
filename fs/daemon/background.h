/* SPDX-License-Identifier: MIT */
/*
 * background.h - going to the background.
 *
 * The process forks first. The parent waits: it exits 0 when the child serves,
 * or with the child's exit status. So the terminal and the exit status show
 * every error, threads start after the fork, and the process that opens the
 * log keeps its lock.
 */
#ifndef CLOG_FS_DAEMON_BACKGROUND_H
#define CLOG_FS_DAEMON_BACKGROUND_H

/*
 * Forks. Returns 0 in the child, and sets *ret_parent for background_ready();
 * never returns in the parent. EAGAIN, ENOMEM, EMFILE.
 */
int background_start(int *ret_parent);

/*
 * Leaves the terminal and the working directory and lets the parent exit 0. On
 * failure the parent waits on.
 */
int background_ready(int parent);

#endif
