/* SPDX-License-Identifier: MIT */
/*
 * dispatch.h - requests that may have to wait, and the threads that wait.
 *
 * One thread receives all requests. It tries each without waiting; what would
 * wait goes to another thread: appends to one, which keeps their order; reads
 * to a few; what must be durable first to the one that syncs; drops to the one
 * that keeps the log within its limits; and changes of cursors to one more. As
 * long as an append waits there, the next ones queue behind it.
 *
 * All but work_start() and work_stop() are for the receiving thread, and
 * answer req, now or later.
 */
#ifndef CLOG_FS_SERVE_DISPATCH_H
#define CLOG_FS_SERVE_DISPATCH_H

#include "files/node.h"
#include "serve/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fs;
struct handle;
struct work;

/* What may wait: run does it, and answers req. */
struct call {
    void (*run)(fuse_req_t req, const struct call *call);
    struct node node;
    struct handle *handle; /* NULL: none */
    const char *text;      /* size bytes, and a NUL */
    size_t size;
};

/* The most that one read gives, in bytes; the kernel never asks for more. */
#define WORK_READ_MAX ((size_t)1 << 20)

/*
 * Starts the threads. fs and session are borrowed until work_stop(). ENOMEM,
 * EAGAIN.
 */
int work_start(struct fs *fs, struct fuse_session *session,
               struct work **ret_work);

/* Finishes and answers everything that waits, then ends. NULL is allowed. */
void work_stop(struct work *work);

/*
 * Writes to the door handle: data is borrowed for the call. With end, an
 * unfinished line ends with it, and the answer waits until all is durable.
 */
void work_write(struct work *work, fuse_req_t req, struct handle *handle,
                const char *data, size_t size, bool end);

/* Ends handle's unfinished line, if it has one, and makes all durable. */
void work_fsync(struct work *work, fuse_req_t req, struct handle *handle);

/* Makes all durable. */
void work_sync(struct work *work, fuse_req_t req);

/* Reads from handle; what waits at its end fails there with nonblock. */
void work_read(struct work *work, fuse_req_t req, struct handle *handle,
               size_t size, uint64_t position, bool nonblock);

/* Runs call, one after the other; text is borrowed for this. */
void work_later(struct work *work, fuse_req_t req, struct call call);

/* Removes the directory node. */
void work_remove(struct work *work, fuse_req_t req, struct node node,
                 const char *name);

/* The last use of handle: its unfinished line becomes a record. */
void work_release(struct work *work, fuse_req_t req, struct handle *handle);

#endif
