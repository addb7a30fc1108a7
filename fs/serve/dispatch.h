/* SPDX-License-Identifier: MIT */
/*
 * dispatch.h - one way for all requests.
 *
 * Each is tried at once, without waiting, by the thread that received it. What
 * would have to wait goes to the threads of its lane: reads and look-ups to a
 * few; appends to one, which keeps their order, and as long as one waits there
 * the next ones queue behind it; changes of cursors to one; removals to the one
 * that keeps the log within its limits. What must be durable first, and what
 * waits for an append, is parked, and no thread with it.
 *
 * Order: the end of an unfinished line, at the last close of its file, goes
 * before all appends that wait; and whatever shows how the log has grown is
 * answered after each such end that was received before it. So after
 * `printf x >>append`, `cat last` shows x.
 */
#ifndef CLOG_FS_SERVE_DISPATCH_H
#define CLOG_FS_SERVE_DISPATCH_H

#include "files/kind.h"
#include "serve/request.h"

struct fs;
struct locks;
struct work;

/* The most bytes of writes that wait; what passes it is refused. */
#define QUEUED_MAX ((size_t)256 << 20)

/*
 * Starts the threads. fs and session are borrowed until work_stop(). ENOMEM,
 * EAGAIN.
 */
int work_start(struct fs *fs, struct fuse_session *session,
               struct work **ret_work);

/* Finishes and answers everything that waits, then ends. NULL is allowed. */
void work_stop(struct work *work);

/*
 * Answers request, now or later. For the thread that has received it.
 * ENOBUFS is answered where too many bytes wait.
 */
void work_do(struct work *work, struct request *request);

/* The locks of flock(2). */
struct locks *work_locks(struct work *work);

/*
 * What a request's run calls, in any thread.
 *
 * work_shown: before what shows how far the log goes. EAGAIN: the end of an
 * unfinished line comes first. work_ended: request has ended a line, or has
 * failed to, once what is there is shown. work_durable: answers req with result
 * once all that is appended by now is durable. work_appended: tells the kernel
 * and the waiting readers, after an append and before its answer; the size
 * bytes at data, if any, and no others, were appended. work_forget: makes the
 * kernel forget names that a drop has taken; for LANE_REMOVALS.
 */
int work_shown(struct request *request, unsigned flags);
void work_ended(struct work *work);
void work_durable(struct work *work, fuse_req_t req, enum answer answer,
                  ssize_t result);
void work_appended(struct work *work, const char *data, size_t size);
void work_forget(struct work *work);

#endif
