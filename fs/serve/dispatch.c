/* SPDX-License-Identifier: MIT */
#include "serve/dispatch.h"

#include "daemon/clock.h"
#include "files/handle.h"
#include "files/mount.h"
#include "serve/commit.h"
#include "serve/flush.h"
#include "serve/locks.h"
#include "serve/patience.h"
#include "serve/receive.h"
#include "serve/retention.h"
#include "serve/tree.h"
#include "serve/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define READ_THREADS 4

/* So many reads that wait an append answers by itself. */
#define AT_ONCE 2

/* After an append that took long, so long no other is tried at once. */
#define SLOW_NS UINT64_C(1000000000)

struct work {
    struct fs *fs;
    struct fuse_session *session;
    struct pool appends; /* one thread */
    struct pool reads;
    struct pool changes; /* one thread */
    struct commit commit;
    struct flush flush;
    struct waiters waiters;
    struct keeper keeper;
    struct locks locks;
    struct patience patience;
    _Atomic size_t queued;    /* bytes of writes that wait */
    _Atomic uint64_t slow_ns; /* until then, appends are not tried; 0: never */
    atomic_uint ending;       /* unfinished lines that are being ended */
};

static void end_waiting(void *ctx, uint64_t since_ns)
{
    struct work *work = ctx;

    waiting_end(&work->waiters, since_ns);
    locks_end(&work->locks, since_ns);
}

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
    locks_start(&work->locks);
    waiting_start(&work->waiters, fs);
    r = pool_start(&work->appends, 1);
    if (r == 0)
        r = pool_start(&work->reads, READ_THREADS);
    if (r == 0)
        r = pool_start(&work->changes, 1);
    if (r == 0)
        r = keeper_start(&work->keeper, fs, session, !options->read_only);
    if (r == 0)
        r = commit_start(&work->commit, fs, (unsigned)options->sync_seconds);
    if (r == 0)
        r = flush_start(&work->flush, fs);
    if (r == 0)
        r = patience_start(&work->patience, end_waiting, work);
    if (r < 0) {
        work_stop(work);
        return r;
    }
    *ret_work = work;
    return 0;
}

void work_stop(struct work *work)
{
    if (!work)
        return;
    patience_stop(&work->patience);
    keeper_stop(&work->keeper);
    pool_stop(&work->appends);
    pool_stop(&work->changes);
    waiting_stop(&work->waiters);
    locks_stop(&work->locks);
    pool_stop(&work->reads);
    commit_stop(&work->commit);
    flush_stop(&work->flush);
    keeper_done(&work->keeper);
    locks_done(&work->locks);
    scratch_free();
    free(work);
}

struct locks *work_locks(struct work *work)
{
    return &work->locks;
}

/*
 * Reads of one handle take turns. Gives its turn to request; or else queues it,
 * if that is wanted, until the turn comes to it.
 */
static bool take_turn(struct request *request, bool queue)
{
    struct handle *handle = request->handle;
    bool taken;

    (void)pthread_mutex_lock(&handle->lock);
    taken = !handle->reading;
    if (taken)
        request->has_turn = true;
    else if (queue)
        jobs_add(&handle->readers, &request->job);
    handle->reading = true;
    (void)pthread_mutex_unlock(&handle->lock);
    return taken;
}

/* Gives the turn on to the next one that is queued, which runs then. */
static void give_turn(struct request *request)
{
    struct handle *handle = request->handle;
    struct request *next;

    if (!request->has_turn)
        return;
    request->has_turn = false;
    (void)pthread_mutex_lock(&handle->lock);
    next = (struct request *)jobs_take(&handle->readers);
    handle->reading = next;
    (void)pthread_mutex_unlock(&handle->lock);
    if (next) {
        next->has_turn = true;
        pool_add(&next->work->reads, &next->job);
    }
}

/* Runs request without waiting. EAGAIN: it has to. */
static int try_read(struct request *request)
{
    int r;

    if (request->in_turn && !take_turn(request, false))
        return -EAGAIN;
    r = request->run(request, CLOG_NOWAIT);
    give_turn(request);
    return r;
}

static bool is_slow(struct work *work)
{
    uint64_t until = atomic_load(&work->slow_ns);

    if (until == 0)
        return false;
    if (clock_ns(CLOCK_MONOTONIC) < until)
        return true;
    atomic_store(&work->slow_ns, 0);
    return false;
}

static int try_append(struct work *work, struct request *request)
{
    int r;

    if (is_slow(work) || !pool_enter(&work->appends))
        return -EAGAIN;
    r = request->run(request, CLOG_NOWAIT);
    if (receive_replaced())
        atomic_store(&work->slow_ns, clock_ns(CLOCK_MONOTONIC) + SLOW_NS);
    pool_leave(&work->appends);
    return r;
}

static void finish(struct request *request, int r);

static void run(struct job *job)
{
    struct request *request = (struct request *)job;
    int r = request->run(request, 0);

    give_turn(request);
    finish(request, r);
}

/* How often this thread has slept. */
static long naps(void)
{
    struct rusage usage = {0};

    (void)getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

/* An append, of which one that sleeps long means that the next may too. */
static void run_append(struct job *job)
{
    struct request *request = (struct request *)job;
    struct work *work = request->work;
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    long slept = naps();

    atomic_fetch_sub(&work->queued, request->data_size);
    run(job);
    keeper_wake(&work->keeper); /* it may have rolled, or dropped */
    if (clock_ns(CLOCK_MONOTONIC) - start >
            RECEIVE_TICK_MS * UINT64_C(1000000) &&
        naps() > slept)
        atomic_store(&work->slow_ns, clock_ns(CLOCK_MONOTONIC) + SLOW_NS);
}

static void add_read(struct request *request)
{
    request->job.run = run;
    if (!request->in_turn || take_turn(request, true))
        pool_add(&request->work->reads, &request->job);
}

/* What was to come behind the end of a line has done so. */
static void run_behind(struct job *job)
{
    add_read((struct request *)job);
}

static int add_append(struct request *request)
{
    struct work *work = request->work;
    size_t size = request->data_size;

    if (atomic_fetch_add(&work->queued, size) + size > QUEUED_MAX && size > 0) {
        atomic_fetch_sub(&work->queued, size);
        return -ENOBUFS;
    }
    request->job.run = run_append;
    if (request->ends)
        pool_add_urgent(&work->appends, &request->job);
    else
        pool_add(&work->appends, &request->job);
    return 0;
}

/* Gives a kept request to the threads of its lane. */
static int add(struct request *request)
{
    struct work *work = request->work;

    request->job.run = run;
    switch (request->lane) {
    case LANE_APPENDS:
        return add_append(request);
    case LANE_CHANGES:
        pool_add(&work->changes, &request->job);
        return 0;
    case LANE_REMOVALS:
        return keeper_add(&work->keeper, &request->job);
    case LANE_READS:
    default:
        if (!request->behind) {
            add_read(request);
        } else {
            request->job.run = run_behind;
            pool_add_urgent(&work->appends, &request->job);
        }
        return 0;
    }
}

/*
 * Gives a request that has to wait to the thread that will run it. One that
 * ends a line must not fail for want of memory: nobody would be told.
 */
static int hand_over(struct request *request)
{
    struct request *kept = request_keep(request);
    int r;

    while (!kept && request->ends) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        kept = request_keep(request);
    }
    if (!kept)
        return -ENOMEM;
    r = add(kept);
    if (r < 0 && kept != request)
        request_free(kept);
    return r;
}

/* Parks a request until there is more than it waits for; if there is already,
   it reads again. */
static int park(struct request *request)
{
    struct request *kept = request_keep(request);
    int r = -ENOMEM;

    if (kept) {
        kept->uid = fuse_req_ctx(kept->req)->uid;
        r = waiting_park(&request->work->waiters, kept);
    }
    if (r > 0)
        add_read(kept);
    else if (r < 0 && kept && kept != request) {
        waiting_settle(kept);
        request_free(kept);
    }
    return r < 0 ? r : 0;
}

/* After a request's run has returned r. */
static void finish(struct request *request, int r)
{
    if (r == REQUEST_PARK) {
        r = park(request);
        if (r == 0)
            return;
    }
    if (r < 0) {
        waiting_settle(request);
        fuse_reply_err(request->req, -r);
    }
    request_free(request);
}

/* The same after a try. */
static void finish_try(struct request *request, int r)
{
    if (r == -EAGAIN) {
        r = hand_over(request);
        if (r == 0)
            return;
    }
    finish(request, r);
}

void work_do(struct work *work, struct request *request)
{
    int r = -EAGAIN;

    request->work = work;
    if (request->ends)
        atomic_fetch_add(&work->ending, 1);
    receive_pass();
    if (request->lane == LANE_APPENDS)
        r = try_append(work, request);
    else if (request->lane == LANE_READS)
        r = try_read(request);
    finish_try(request, r);
}

int work_shown(struct request *request, unsigned flags)
{
    if ((flags & CLOG_NOWAIT) == 0 || request->behind ||
        atomic_load(&request->work->ending) == 0)
        return 0;
    request->behind = true;
    return -EAGAIN;
}

void work_ended(struct work *work)
{
    atomic_fetch_sub(&work->ending, 1);
}

void work_durable(struct work *work, fuse_req_t req, enum answer answer,
                  ssize_t result)
{
    commit_park(&work->commit, req, answer, result);
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
                work->session, tree_ino((struct node){.kind = kind}), -1, 0);
    }
}

/* Answers request, if it waits for just these bytes, which begin at start. */
static bool give(struct request *request, const char *data, size_t size,
                 uint64_t start)
{
    struct handle *handle = request->handle;
    bool fits;

    if (size == 0 || size > request->size || !take_turn(request, false))
        return false;
    fits = handle->kind->waits_for(handle, request->position) == start;
    give_turn(request);
    if (fits) {
        waiting_settle(request);
        fuse_reply_buf(request->req, data, size);
        request_free(request);
    }
    return fits;
}

void work_appended(struct work *work, const char *data, size_t size)
{
    struct request *request;
    uint64_t end = 0;
    int tries = 0;

    if (atomic_exchange(&work->fs->watched_cached, false))
        tell_watched(work);
    flush_wake(&work->flush);
    request = waiting_take(&work->waiters, &end);
    while (request) {
        struct request *next = request->next;

        if (tries++ >= AT_ONCE)
            add_read(request);
        else if (!give(request, data, size, end - size))
            finish_try(request, try_read(request));
        request = next;
    }
}

void work_forget(struct work *work)
{
    keeper_forget(&work->keeper);
}
