/* SPDX-License-Identifier: MIT */
/*
 * session.h - a mount and its connection to the kernel, from start to end. A
 * process has one, since signals end it.
 */
#ifndef CLOG_FS_SERVE_SESSION_H
#define CLOG_FS_SERVE_SESSION_H

struct fs;
struct session;

/* Sends messages of libfuse to message(), its debugging to stderr. */
void session_log_to_message(void);

/* libfuse's version. */
const char *session_library(void);

/*
 * Mounts fs on mountpoint, with logdir as its source; from here on, SIGTERM,
 * SIGINT and SIGHUP end session_serve(). Borrows all until session_end().
 * EIO: mounting failed, and libfuse has said why. ENOMEM, EINVAL.
 */
int session_mount(struct fs *fs, const char *logdir, const char *mountpoint,
                  struct session **ret_session);

/* Starts the threads for requests that wait. ENOMEM, EAGAIN. */
int session_start(struct session *session);

/*
 * Answers requests until the mount goes or a signal comes. Called by one
 * thread. ECONNABORTED: the kernel or an operator has aborted the connection,
 * and the mount is still there. Another negative errno: reading failed.
 */
int session_serve(struct session *session);

/*
 * Ignores signals from here on, so that none interrupts the end, answers the
 * requests that wait and ends the threads. NULL is allowed.
 */
void session_stop(struct session *session);

/*
 * Unmounts the mount, if it is still there and nothing else is mounted over
 * it, and frees session. NULL is allowed.
 */
void session_end(struct session *session);

#endif
