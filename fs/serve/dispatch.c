/* SPDX-License-Identifier: MIT */
#include "serve/dispatch.h"

#include "files/handle.h"
#include "files/mount.h"
#include "serve/commit.h"
#include "serve/flush.h"
#include "serve/pool.h"
#include "serve/retention.h"
#include "serve/tree.h"
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
    struct flush flush;
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
    fuse_req_t req;
    struct call call;
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
        r = keeper_start(&work->keeper, fs, session, !options->read_only);
    if (r == 0)
        r = commit_start(&work->commit, fs, (unsigned)options->sync_seconds);
    if (r == 0)
        r = flush_start(&work->flush, fs);
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
    flush_stop(&work->flush);
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

static void door_write(struct handle *handle, struct written *written,
                       unsigned flags)
{
    const struct kind *kind = handle->kind;
    bool held = kind->unfinished && kind->unfinished(handle);

    written->result =
        kind->write(handle, written->data, written->size, written->end, flags);
    written->whole = written->result == 0 && !held &&
                     !(kind->unfinished && kind->unfinished(handle));
}

/*
 * Tells the kernel that what it knows of watched files is old. Every path to a
 * record leads through `records` and checks its permissions, so without a cache
 * each would be a request more. Telling it about attributes alone takes no lock
 * that a request of ours could hold.
 */
static void tell_watched(struct work *work)
{
    for (enum node_kind kind = NODE_ROOT; kind < NODE_KINDS; kind++) {
        if (tree_kind(kind)->watched)
            fuse_lowlevel_notify_inval_inode(
                work->session, tree_ino((struct node){kind, 0}), -1, 0);
    }
}

/* After an append, before its answer. */
static void announce(struct work *work, const struct written *written)
{
    if (atomic_exchange(&work->fs->watched_cached, false))
        tell_watched(work);
    flush_wake(&work->flush);
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

    door_write(job->handle, &written, 0);
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
        door_write(handle, &written, CLOG_NOWAIT);
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
    n = handle->kind->read(handle, job->data, job->size, job->position, 0);
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
               size_t size, uint64_t position, bool nonblock)
{
    ssize_t n = -EAGAIN;

    if (handle->kind->waits_for) {
        waiting_read(&work->waiters, req, handle, size, position, nonblock);
        return;
    }

    if (size > WORK_READ_MAX)
        size = WORK_READ_MAX;
    if (pthread_mutex_trylock(&handle->busy) == 0) {
        n = handle->kind->read(handle, work->buffer, size, position,
                               CLOG_NOWAIT);
        (void)pthread_mutex_unlock(&handle->busy);
    }
    if (n == -EAGAIN)
        queue_read(work, req, handle, size, position);
    else
        answer_read(req, work->buffer, n);
}

static void run_call(struct job *base)
{
    struct call_job *job = (struct call_job *)base;

    job->call.run(job->req, &job->call);
    if (job->call.handle)
        handle_put(job->call.handle);
    free(job);
}

void work_later(struct work *work, fuse_req_t req, struct call call)
{
    struct call_job *job = malloc(sizeof(*job) + call.size + 1);

    if (!job) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    memcpy(job->text, call.text, call.size);
    job->text[call.size] = '\0';
    call.text = job->text;
    if (call.handle)
        handle_get(call.handle);
    job->job.run = run_call;
    job->req = req;
    job->call = call;
    pool_add(&work->calls, &job->job);
}

void work_remove(struct work *work, fuse_req_t req, struct node node,
                 const char *name)
{
    keeper_remove(&work->keeper, req, node, name);
}

/*
 * Waits where it must, rather than handing over: what is looked up after the
 * file was closed must see the record.
 */
void work_release(struct work *work, fuse_req_t req, struct handle *handle)
{
    const struct kind *kind = handle->kind;
    bool durable = false;

    if (kind->unfinished &&
        (handle->references > 1 || kind->unfinished(handle)))
        pool_drain(&work->appends);
    if (kind->unfinished && kind->unfinished(handle)) {
        (void)kind->finish(handle, 0);
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
