/* SPDX-License-Identifier: MIT */
#include "serve/dispatch.h"

#include "files/claim.h"
#include "files/handle.h"
#include "files/mount.h"
#include "files/put.h"
#include "serve/commit.h"
#include "serve/pool.h"
#include "serve/retention.h"
#include "serve/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READ_THREADS 2

struct work {
    struct fs *fs;
    struct fuse_session *session;
    struct pool appends; /* one thread */
    struct pool reads;
    struct pool calls; /* one thread */
    struct commit commit;
    struct waiters waiters;
    struct keeper keeper;
    char buffer[WORK_READ_MAX]; /* the receiver's */
};

/* A write that waits. */
struct write_job {
    struct job job;
    struct work *work;
    fuse_req_t req;
    struct handle *handle;
    enum answer answer;
    bool end;
    size_t size;
    char data[];
};

/* A read that waits. */
struct read_job {
    struct job job;
    fuse_req_t req;
    struct handle *handle;
    size_t size;
    uint64_t position;
    char data[];
};

/* A call that waits. */
struct call_job {
    struct job job;
    work_call *call;
    fuse_req_t req;
    uint64_t number;
    size_t size;
    char text[];
};

int work_start(struct fs *fs, struct fuse_session *session,
               struct work **ret_work)
{
    const struct options *options = fs->options;
    struct work *work = calloc(1, sizeof(*work));
    int r;

    if (!work)
        return -ENOMEM;
    work->fs = fs;
    work->session = session;
    r = pool_start(&work->appends, 1);
    if (r == 0)
        r = pool_start(&work->reads, READ_THREADS);
    if (r == 0)
        r = pool_start(&work->calls, 1);
    if (r == 0)
        r = keeper_start(&work->keeper, fs->log, session,
                         options_retain(options));
    if (r == 0)
        r = commit_start(&work->commit, fs->log,
                         (unsigned)options->sync_seconds);
    if (r < 0) {
        work_stop(work);
        return r;
    }
    waiting_start(&work->waiters, fs, &work->reads);
    *ret_work = work;
    return 0;
}

void work_stop(struct work *work)
{
    if (!work)
        return;
    keeper_stop(&work->keeper);
    pool_stop(&work->appends);
    pool_stop(&work->calls);
    waiting_stop(&work->waiters);
    pool_stop(&work->reads);
    commit_stop(&work->commit);
    keeper_done(&work->keeper);
    free(work);
}

/* A write to a door, and what came of it. */
struct written {
    const char *data;
    size_t size;
    bool end;   /* it is to be durable, and an unfinished line a record */
    bool whole; /* its bytes, and no others, were appended */
    int result;
};

static int to_door(struct fs *fs, struct handle *handle,
                   const struct written *written, unsigned flags)
{
    const char *data = written->data;
    size_t size = written->size;

    if (handle->node.kind == NODE_APPEND)
        return append_write(&fs->append, &handle->line, data, size,
                            written->end, flags);
    if (handle->node.kind == NODE_CLAIM)
        return claim_write(fs, handle, data, size, flags);
    return size > 0 ? put_write(fs->log, data, size, flags) : 0;
}

static void door_write(struct fs *fs, struct handle *handle,
                       struct written *written, unsigned flags)
{
    bool held = handle->line.size > 0;

    written->result = to_door(fs, handle, written, flags);
    written->whole = written->result == 0 && !held && handle->line.size == 0;
}

/*
 * After an append, before its answer: who follows has something to read, and
 * what the kernel knows of `records` is old. Every path to a record leads
 * through there and checks its permissions, so without a cache each would be a
 * request more. Telling it about attributes alone takes no lock that a request
 * of ours could hold.
 */
static void announce(struct work *work, const struct written *written)
{
    uint64_t ino = 0;

    if (atomic_exchange(&work->fs->records_cached, false) &&
        node_pack((struct node){NODE_RECORDS, 0}, &ino) == 0)
        fuse_lowlevel_notify_inval_inode(work->session, ino, -1, 0);
    waiting_wake(&work->waiters, written->data,
                 written->whole ? written->size : 0);
}

/* Answers a write; now, unless it must be durable first. */
static void finish(struct work *work, fuse_req_t req, enum answer answer,
                   const struct written *written)
{
    int r = written->result;
    ssize_t result = r < 0 ? r : (ssize_t)written->size;

    announce(work, written);
    if (work->fs->options->sync_always || (written->end && r == 0))
        commit_park(&work->commit, req, answer, result);
    else
        request_answer(req, answer, result);
}

static void run_write(struct job *base)
{
    struct write_job *job = (struct write_job *)base;
    struct written written = {
        .data = job->data, .size = job->size, .end = job->end};

    door_write(job->work->fs, job->handle, &written, 0);
    keeper_wake(&job->work->keeper); /* it may have rolled, or dropped */
    finish(job->work, job->req, job->answer, &written);
    handle_put(job->handle);
    free(job);
}

static void queue_write(struct work *work, fuse_req_t req,
                        struct handle *handle, enum answer answer,
                        const char *data, size_t size, bool end)
{
    struct write_job *job = malloc(sizeof(*job) + size);

    if (!job) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    *job = (struct write_job){
        .job.run = run_write,
        .work = work,
        .req = req,
        .handle = handle_get(handle),
        .answer = answer,
        .end = end,
        .size = size,
    };
    memcpy(job->data, data, size);
    pool_add(&work->appends, &job->job);
}

static void submit(struct work *work, fuse_req_t req, struct handle *handle,
                   enum answer answer, const char *data, size_t size, bool end)
{
    struct written written = {
        .data = data, .size = size, .end = end, .result = -EAGAIN};

    if (pool_idle(&work->appends))
        door_write(work->fs, handle, &written, CLOG_NOWAIT);
    if (written.result == -EAGAIN)
        queue_write(work, req, handle, answer, data, size, end);
    else
        finish(work, req, answer, &written);
}

void work_write(struct work *work, fuse_req_t req, struct handle *handle,
                const char *data, size_t size, bool end)
{
    submit(work, req, handle, ANSWER_WRITE, data, size, end);
}

void work_fsync(struct work *work, fuse_req_t req, struct handle *handle)
{
    submit(work, req, handle, ANSWER_DONE, "", 0, true);
}

void work_sync(struct work *work, fuse_req_t req)
{
    commit_park(&work->commit, req, ANSWER_DONE, 0);
}

/*
 * Reads as the kernel needs it. Into its cache, a read that ends early would
 * pass for the end of the file, so there it is whole or an error.
 */
static ssize_t view_read(struct handle *handle, char *data, size_t size,
                         uint64_t position, unsigned flags)
{
    uint64_t end = clog_view_size(handle->view);
    ssize_t n = clog_view_read(handle->view, data, size, position, flags);
    bool early = n >= 0 && (size_t)n < size && position < end &&
                 (uint64_t)n < end - position;

    if (early && (flags & CLOG_NOWAIT) != 0)
        return -EAGAIN;
    return early && handle->cached ? -EIO : n;
}

static void answer_read(fuse_req_t req, const char *data, ssize_t n)
{
    if (n < 0)
        fuse_reply_err(req, (int)-n);
    else
        fuse_reply_buf(req, data, (size_t)n);
}

static void run_read(struct job *base)
{
    struct read_job *job = (struct read_job *)base;
    struct handle *handle = job->handle;
    ssize_t n;

    (void)pthread_mutex_lock(&handle->busy);
    n = view_read(handle, job->data, job->size, job->position, 0);
    (void)pthread_mutex_unlock(&handle->busy);
    answer_read(job->req, job->data, n);
    handle_put(handle);
    free(job);
}

static void queue_read(struct work *work, fuse_req_t req, struct handle *handle,
                       size_t size, uint64_t position)
{
    struct read_job *job = malloc(sizeof(*job) + size);

    if (!job) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    *job = (struct read_job){
        .job.run = run_read,
        .req = req,
        .handle = handle_get(handle),
        .size = size,
        .position = position,
    };
    pool_add(&work->reads, &job->job);
}

void work_read(struct work *work, fuse_req_t req, struct handle *handle,
               size_t size, uint64_t position)
{
    ssize_t n = -EAGAIN;

    if (size > WORK_READ_MAX)
        size = WORK_READ_MAX;
    if (pthread_mutex_trylock(&handle->busy) == 0) {
        n = view_read(handle, work->buffer, size, position, CLOG_NOWAIT);
        (void)pthread_mutex_unlock(&handle->busy);
    }
    if (n == -EAGAIN)
        queue_read(work, req, handle, size, position);
    else
        answer_read(req, work->buffer, n);
}

void work_follow(struct work *work, fuse_req_t req, struct handle *handle,
                 size_t size, uint64_t position, bool nonblock)
{
    waiting_read(&work->waiters, req, handle, size, position, nonblock);
}

static void run_call(struct job *base)
{
    struct call_job *job = (struct call_job *)base;

    job->call(job->req, job->number, job->text, job->size);
    free(job);
}

void work_later(struct work *work, fuse_req_t req, work_call *call,
                uint64_t number, const char *text, size_t size)
{
    struct call_job *job = malloc(sizeof(*job) + size + 1);

    if (!job) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    *job = (struct call_job){
        .job.run = run_call,
        .call = call,
        .req = req,
        .number = number,
        .size = size,
    };
    memcpy(job->text, text, size);
    job->text[size] = '\0';
    pool_add(&work->calls, &job->job);
}

void work_drop(struct work *work, fuse_req_t req, uint64_t base)
{
    keeper_drop(&work->keeper, req, base);
}

/*
 * Waits where it must, rather than handing over: what is looked up after the
 * file was closed must see the record.
 */
void work_release(struct work *work, fuse_req_t req, struct handle *handle)
{
    bool durable = false;

    if (handle->node.kind == NODE_APPEND &&
        (handle->references > 1 || handle->line.size > 0))
        pool_drain(&work->appends);
    if (handle->line.size > 0) {
        append_finish(&work->fs->append, &handle->line);
        keeper_wake(&work->keeper);
        announce(work, &(struct written){0});
        durable = work->fs->options->sync_always;
    }
    handle_put(handle);
    if (durable)
        work_sync(work, req);
    else
        fuse_reply_err(req, 0);
}
