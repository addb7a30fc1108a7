/* SPDX-License-Identifier: MIT */
/*
 * background.h - going to the background.
 *
 * The process forks before it has done anything, and its parent waits: it
 * exits 0 when the child says that it serves, and else with the child's exit
 * status. So all that can go wrong reaches the terminal and the exit code,
 * threads are started after the fork, and the process that opens the log is
 * the one that keeps it.
 */
#ifndef CLOG_FS_DAEMON_BACKGROUND_H
#define CLOG_FS_DAEMON_BACKGROUND_H

/*
 * Forks. In the child, 0 and what background_ready() wants. The parent never
 * returns. EAGAIN, ENOMEM, EMFILE.
 */
int background_start(int *ret_parent);

/*
 * Leaves the terminal and the directory, and lets the parent exit 0. On failure
 * the parent still waits.
 */
int background_ready(int parent);

#endif
