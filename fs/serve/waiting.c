/* SPDX-License-Identifier: MIT */
#include "serve/waiting.h"

#include "clog.h"
#include "files/handle.h"
#include "files/mount.h"
#include "serve/pool.h"

#include <errno.h>
#include <stdlib.h>

/* How many an append answers by itself. */
#define AT_ONCE 2

/* A read that waits. */
struct waiting {
    struct job job;        /* of the first of a list that a thread is given */
    struct waiting *next;  /* in the waiters' list, or that list */
    struct waiting **link; /* in the waiters' list; NULL: not there */
    struct waiters *waiters;
    fuse_req_t req;
    struct handle *handle;
    size_t size;
    uint64_t position;
    uint64_t at; /* of the stream: what it waits for */
    bool nonblock;
    bool interrupted; /* by the waiters' lock */
};

void waiting_start(struct waiters *waiters, struct fs *fs, struct pool *pool)
{
    *waiters = (struct waiters){.fs = fs, .pool = pool, .started = true};
    (void)pthread_mutex_init(&waiters->lock, NULL);
}

/*
 * Reads what w asks for into *ret_data, which is to be freed. 0: there is
 * nothing yet. The caller holds the handle's lock.
 */
static ssize_t take(struct waiting *w, unsigned flags, char **ret_data)
{
    const struct kind *kind = w->handle->kind;
    struct clog_status status = {.size = sizeof(status)};
    size_t size = w->size;
    char *data = NULL;
    ssize_t n;

    w->at = kind->waits_for(w->handle, w->position);
    clog_status(w->waiters->fs->log, &status);
    if (w->at < UINT64_MAX && w->at >= status.stream_end)
        return 0;
    if (w->at < UINT64_MAX && status.stream_end - w->at < size)
        size = (size_t)(status.stream_end - w->at);
    data = malloc(size);
    if (!data)
        return -ENOMEM;
    n = kind->read(w->handle, data, size, w->position, flags);
    if (n <= 0)
        free(data);
    else
        *ret_data = data;
    return n;
}

static ssize_t take_locked(struct waiting *w, unsigned flags, char **ret_data)
{
    struct handle *handle = w->handle;
    ssize_t n;

    if ((flags & CLOG_NOWAIT) == 0)
        (void)pthread_mutex_lock(&handle->busy);
    else if (pthread_mutex_trylock(&handle->busy) != 0)
        return -EAGAIN;
    n = take(w, flags, ret_data);
    (void)pthread_mutex_unlock(&handle->busy);
    return n;
}

/* The caller holds the waiters' lock, for these two. */
static void link_first(struct waiters *waiters, struct waiting *w)
{
    w->next = waiters->first;
    w->link = &waiters->first;
    if (w->next)
        w->next->link = &w->next;
    waiters->first = w;
    waiters->fs->following++;
}

static void unlink_from(struct waiters *waiters, struct waiting *w)
{
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    w->link = NULL;
    waiters->fs->following--;
}

/*
 * The reader got a signal. This runs while the request cannot go: one that is
 * parked is answered here; one that is on its way learns of it, or ends anyway.
 */
static void on_interrupt(fuse_req_t req, void *data)
{
    struct waiting *w = data;
    struct waiters *waiters = w->waiters;
    bool parked;

    (void)pthread_mutex_lock(&waiters->lock);
    w->interrupted = true;
    parked = w->link;
    if (parked)
        unlink_from(waiters, w);
    (void)pthread_mutex_unlock(&waiters->lock);
    if (parked) {
        fuse_reply_err(req, EINTR);
        free(w);
    }
}

/* Answers w, which is in no list. */
static void answer(struct waiting *w, const char *data, ssize_t n)
{
    /* From here on, on_interrupt() does not run with it. */
    fuse_req_interrupt_func(w->req, NULL, NULL);
    if (n < 0)
        fuse_reply_err(w->req, (int)-n);
    else
        fuse_reply_buf(w->req, data, (size_t)n);
    free(w);
}

/*
 * Parks w: 1; 0: try again, something was appended since; else the error to
 * answer with. Who appends publishes that before looking for who waits; here
 * it is the other way round, so that one of the two sees the other.
 */
static int park(struct waiting *w)
{
    struct waiters *waiters = w->waiters;
    struct clog_status status = {.size = sizeof(status)};
    int r = 1;

    (void)pthread_mutex_lock(&waiters->lock);
    if (w->interrupted)
        r = -EINTR;
    else if (waiters->stopping)
        r = -ENOTCONN;
    else if (waiters->fs->following >= FOLLOW_MAX)
        r = -ENOBUFS;
    else
        link_first(waiters, w);
    if (r == 1) {
        clog_status(waiters->fs->log, &status);
        if (status.stream_end > w->at) {
            unlink_from(waiters, w);
            r = 0;
        }
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    return r;
}

static void run_all(struct job *base);

/* Gives the list that begins with w to a thread that may wait. */
static void hand_over(struct waiting *w)
{
    w->job.run = run_all;
    pool_add(w->waiters->pool, &w->job);
}

/* Answers w, which is in no list, or parks it, or hands it over. */
static void serve(struct waiting *w, unsigned flags)
{
    char *data = NULL;
    ssize_t n;
    int r = 0;

    do {
        n = take_locked(w, flags, &data);
        if (n == 0)
            r = w->nonblock ? -EAGAIN : park(w);
    } while (n == 0 && r == 0);
    if (n == -EAGAIN) {
        hand_over(w);
    } else if (r <= 0) {
        answer(w, data, n == 0 ? r : n);
        free(data);
    }
}

static void run_all(struct job *base)
{
    struct waiting *w = (struct waiting *)base;

    while (w) {
        struct waiting *next = w->next;

        w->next = NULL;
        serve(w, 0);
        w = next;
    }
}

void waiting_read(struct waiters *waiters, fuse_req_t req,
                  struct handle *handle, size_t size, uint64_t position,
                  bool nonblock)
{
    struct waiting *w = calloc(1, sizeof(*w));

    if (!w) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    *w = (struct waiting){
        .waiters = waiters,
        .req = req,
        .handle = handle,
        .size = size,
        .position = position,
        .nonblock = nonblock,
    };
    fuse_req_interrupt_func(req, on_interrupt, w);
    serve(w, CLOG_NOWAIT);
}

/* Takes all that wait out of the waiters' list; the caller holds the lock. */
static struct waiting *take_all(struct waiters *waiters)
{
    struct waiting *all = waiters->first;

    for (struct waiting *w = all; w; w = w->next)
        w->link = NULL;
    waiters->first = NULL;
    waiters->fs->following = 0;
    return all;
}

/* Answers w, which is in no list, if it waits for just these bytes, which lie
   from start on in the stream. */
static bool give(struct waiting *w, const char *data, size_t size,
                 uint64_t start)
{
    struct handle *handle = w->handle;
    bool fits;

    if (size == 0 || size > w->size ||
        pthread_mutex_trylock(&handle->busy) != 0)
        return false;
    fits = handle->kind->waits_for(handle, w->position) == start;
    (void)pthread_mutex_unlock(&handle->busy);
    if (fits)
        answer(w, data, (ssize_t)size);
    return fits;
}

void waiting_wake(struct waiters *waiters, const char *data, size_t size)
{
    struct clog_status status = {.size = sizeof(status)};
    struct waiting *w = NULL;

    if (waiters->fs->following == 0)
        return;
    clog_status(waiters->fs->log, &status);
    (void)pthread_mutex_lock(&waiters->lock);
    if (status.stream_end > waiters->seen) {
        waiters->seen = status.stream_end;
        w = take_all(waiters);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    for (int i = 0; i < AT_ONCE && w; i++) {
        struct waiting *next = w->next;

        w->next = NULL;
        if (!give(w, data, size, status.stream_end - size))
            serve(w, CLOG_NOWAIT);
        w = next;
    }
    if (w)
        hand_over(w);
}

void waiting_stop(struct waiters *waiters)
{
    struct waiting *w;

    if (!waiters->started)
        return;
    (void)pthread_mutex_lock(&waiters->lock);
    waiters->stopping = true;
    w = take_all(waiters);
    (void)pthread_mutex_unlock(&waiters->lock);
    while (w) {
        struct waiting *next = w->next;

        answer(w, NULL, -ENOTCONN);
        w = next;
    }
}
