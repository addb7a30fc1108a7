/* SPDX-License-Identifier: MIT */
/*
 * request.h - a request of the kernel, and libfuse's API, the same version
 * everywhere.
 *
 * A request is made on the stack of the thread that receives it, and runs there
 * first, without waiting. One that would have to wait is kept: copied, with
 * what it borrows, for the thread that will run it again.
 */
#ifndef CLOG_FS_SERVE_REQUEST_H
#define CLOG_FS_SERVE_REQUEST_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "files/node.h"
#include "serve/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fs;
struct handle;
struct request;
struct share;
struct waiters;
struct work;

/* The most that one request carries, either way: 256 pages. */
#define REQUEST_MAX SCRATCH_SIZE

/* What a request that went well wants to hear. */
enum answer {
    ANSWER_DONE,  /* nothing more */
    ANSWER_WRITE, /* result: how many bytes were taken */
};

/* The threads that run a request that has to wait. */
enum lane {
    LANE_READS,   /* some; they are tried first */
    LANE_APPENDS, /* one, in order; they are tried if none is queued */
    LANE_CHANGES, /* one, in order; they always wait */
    LANE_REMOVALS /* the one that drops segments; likewise */
};

/* What a request's run returns besides 0, when it has answered, and the
   negative errno to answer with: it is to be parked until the log has grown. */
#define REQUEST_PARK 1

struct request {
    struct job job; /* while it is queued; the first member */
    struct fs *fs;
    struct work *work;
    fuse_req_t req;
    /* Answers, or returns as above. EAGAIN with CLOG_NOWAIT in flags: it would
       have to wait, and has done nothing. */
    int (*run)(struct request *request, unsigned flags);
    enum lane lane;
    enum answer answer;
    struct node node;      /* what it is about; of a name, the directory */
    struct handle *handle; /* NULL: none; a kept request has a reference */
    uint64_t position;
    const void *data; /* borrowed, or the kept copy; NULL: none */
    size_t data_size;
    size_t size; /* bytes that are asked for, or how many data has */
    int flags;   /* open(2)'s, or what is to be set */
    uid_t uid;   /* whose it is; of one that is parked */
    bool end;    /* of a write: it is to be durable, half lines too */
    bool plus;   /* of a listing: with attributes */
    bool kept;
    /* dispatch's own */
    bool in_turn;  /* it reads handle, as one at a time may */
    bool has_turn; /* it is the one */
    bool ends;     /* it ends an unfinished line */
    bool behind;   /* it comes behind such ends that were received before */
    /* waiting's own, but for at */
    bool watched; /* for interrupts */
    bool interrupted;
    uint64_t at; /* position in the stream that it waits for */
    struct waiters *waiters;
    struct share *share;
    uint64_t since_ns; /* when it was parked first */
    struct request *next, **link;
};

/* A copy that lives on, or request itself if it is one. NULL: no memory. */
struct request *request_keep(struct request *request);

/* Frees a kept request; any other is left alone. */
void request_free(struct request *request);

/* Answers req with result: a negative errno, or what the answer wants. */
void request_answer(fuse_req_t req, enum answer answer, ssize_t result);

#endif
