/* SPDX-License-Identifier: MIT */
#include "files/follow.h"

#include "clog.h"
#include "files/handle.h"
#include "files/mount.h"
#include "files/put.h"
#include "files/stream.h"
#include "serve/pool.h"

#include <errno.h>
#include <stdlib.h>

/* How many an append answers by itself. */
#define AT_ONCE 2

/* A read that waits. */
struct waiting {
    struct job job;        /* of the first of a list that a thread is given */
    struct waiting *next;  /* in follow's list, or that list */
    struct waiting **link; /* in follow's list; NULL: not there */
    struct follow *follow;
    fuse_req_t req;
    struct handle *handle;
    size_t size;
    uint64_t position;
    uint64_t at; /* of the stream: what it waits for */
    bool nonblock;
    bool interrupted; /* by follow's lock */
};

void follow_start(struct follow *follow, struct clog *log, struct pool *pool)
{
    *follow = (struct follow){.log = log, .pool = pool, .started = true};
    (void)pthread_mutex_init(&follow->lock, NULL);
}

int follow_begin(struct fs *fs, struct handle *handle, uint64_t position,
                 bool overrun)
{
    int r = clog_view_stream(fs->log, position, &handle->view);

    handle->follower =
        (struct follower){.origin = position, .overrun = overrun};
    return r == -ENOENT ? -ESTALE : r;
}

int follow_open(struct fs *fs, uint64_t number, struct handle *handle)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)number;
    clog_status(fs->log, &status);
    return follow_begin(fs, handle, status.stream_end, false);
}

/* Where the record that lies at or behind that position of the stream ends
   or, with before, the last one that ends at or before it; found by halving,
   since the log knows records by offset. */
static int find_end(struct fs *fs, const struct clog_status *status,
                    uint64_t position, bool before, uint64_t *ret_end)
{
    uint64_t low = status->oldest;
    uint64_t high = status->next;
    uint64_t end = before ? status->stream_start : status->stream_end;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t start;
        int r = stream_position(fs, middle, &start);

        if (r < 0)
            return r;
        if (start <= position) {
            low = middle + 1;
            end = before ? start : end;
        } else {
            high = middle;
            end = before ? end : start;
        }
    }
    *ret_end = end;
    return 0;
}

/* How many bytes from position on a read of size bytes is to give, where there
   are more: up to the end of a record, if one fits. */
static size_t whole_records(struct fs *fs, const struct clog_status *status,
                            uint64_t position, size_t size)
{
    uint64_t end;

    if (find_end(fs, status, position + size, true, &end) < 0 ||
        end <= position)
        return size;
    return (size_t)(end - position);
}

/* The record at position is damaged: the file goes on behind it. */
static void skip(struct handle *handle, const struct clog_status *status,
                 uint64_t position)
{
    uint64_t end;

    if (find_end(handle->fs, status, position, false, &end) == 0)
        handle->follower.moved += end - position;
}

/* Where in the stream w reads; the caller holds the handle's lock. */
static uint64_t place(const struct waiting *w)
{
    const struct follower *follower = &w->handle->follower;

    return follower->origin + follower->moved + w->position;
}

/*
 * Reads what w asks for into *ret_data, which is to be freed. 0: there
 * is nothing yet. EAGAIN: it would have to wait for a device. The caller holds
 * the handle's lock.
 */
static ssize_t take(struct waiting *w, unsigned flags, char **ret_data)
{
    struct handle *handle = w->handle;
    struct follower *follower = &handle->follower;
    uint64_t at = place(w);
    size_t size = w->size;
    struct clog_status status = {.size = sizeof(status)};
    char *data = NULL;
    ssize_t n;

    w->at = at;
    clog_status(handle->fs->log, &status);
    if (at < status.stream_start || follower->overrun) {
        if (at < status.stream_start)
            follower->moved += status.stream_start - at;
        follower->overrun = false;
        return -EPIPE;
    }
    if (at >= status.stream_end)
        return 0;
    if (size >= status.stream_end - at)
        size = (size_t)(status.stream_end - at);
    else
        size = whole_records(handle->fs, &status, at, size);
    data = malloc(size);
    if (!data)
        return -ENOMEM;
    n = clog_view_read(handle->view, data, size, at - follower->origin, flags);
    if (n >= 0 && (size_t)n < size && (flags & CLOG_NOWAIT) != 0)
        n = -EAGAIN;
    if (n == 0)
        n = -EIO;
    if (n == -EIO)
        skip(handle, &status, at);
    if (n < 0)
        free(data);
    else
        *ret_data = data;
    return n;
}

/* The same, and dropped between two looks means overrun at the second. */
static ssize_t take_locked(struct waiting *w, unsigned flags, char **ret_data)
{
    struct handle *handle = w->handle;
    ssize_t n;

    if ((flags & CLOG_NOWAIT) == 0)
        (void)pthread_mutex_lock(&handle->busy);
    else if (pthread_mutex_trylock(&handle->busy) != 0)
        return -EAGAIN;
    n = take(w, flags, ret_data);
    if (n == -ESTALE)
        n = take(w, flags, ret_data);
    (void)pthread_mutex_unlock(&handle->busy);
    return n;
}

/* The caller holds follow's lock, for these two. */
static void link_first(struct follow *follow, struct waiting *w)
{
    w->next = follow->first;
    w->link = &follow->first;
    if (w->next)
        w->next->link = &w->next;
    follow->first = w;
    follow->count++;
}

static void unlink_from(struct follow *follow, struct waiting *w)
{
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    w->link = NULL;
    follow->count--;
}

/*
 * The reader got a signal. This runs while the request cannot go: one that is
 * parked is answered here; one that is on its way learns of it, or ends anyway.
 */
static void on_interrupt(fuse_req_t req, void *data)
{
    struct waiting *w = data;
    struct follow *follow = w->follow;
    bool parked;

    (void)pthread_mutex_lock(&follow->lock);
    w->interrupted = true;
    parked = w->link;
    if (parked)
        unlink_from(follow, w);
    (void)pthread_mutex_unlock(&follow->lock);
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
    struct follow *follow = w->follow;
    struct clog_status status = {.size = sizeof(status)};
    int r = 1;

    (void)pthread_mutex_lock(&follow->lock);
    if (w->interrupted)
        r = -EINTR;
    else if (follow->stopping)
        r = -ENOTCONN;
    else if (follow->count >= FOLLOW_MAX)
        r = -ENOBUFS;
    else
        link_first(follow, w);
    if (r == 1) {
        clog_status(follow->log, &status);
        if (status.stream_end > w->at) {
            unlink_from(follow, w);
            r = 0;
        }
    }
    (void)pthread_mutex_unlock(&follow->lock);
    return r;
}

static void run_all(struct job *base);

/* Gives the list that begins with w to a thread that may wait. */
static void hand_over(struct waiting *w)
{
    w->job.run = run_all;
    pool_add(w->follow->pool, &w->job);
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

/*
 * A read(2) may come in pieces, each longer than PUT_MAX but for the last: the
 * next piece would wait, with this one's bytes. One that ends early is the
 * last.
 */
void follow_read(struct follow *follow, fuse_req_t req, struct handle *handle,
                 size_t size, uint64_t position, bool nonblock)
{
    struct waiting *w = calloc(1, sizeof(*w));

    if (!w) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    *w = (struct waiting){
        .follow = follow,
        .req = req,
        .handle = handle,
        .size = size > PUT_MAX ? PUT_MAX : size,
        .position = position,
        .nonblock = nonblock,
    };
    fuse_req_interrupt_func(req, on_interrupt, w);
    serve(w, CLOG_NOWAIT);
}

/* Takes all that wait out of follow's list; the caller holds the lock. */
static struct waiting *take_all(struct follow *follow)
{
    struct waiting *all = follow->first;

    for (struct waiting *w = all; w; w = w->next)
        w->link = NULL;
    follow->first = NULL;
    follow->count = 0;
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
    fits = place(w) == start && !handle->follower.overrun;
    (void)pthread_mutex_unlock(&handle->busy);
    if (fits)
        answer(w, data, (ssize_t)size);
    return fits;
}

void follow_wake(struct follow *follow, const char *data, size_t size)
{
    struct clog_status status = {.size = sizeof(status)};
    struct waiting *w = NULL;

    if (follow->count == 0)
        return;
    clog_status(follow->log, &status);
    (void)pthread_mutex_lock(&follow->lock);
    if (status.stream_end > follow->seen) {
        follow->seen = status.stream_end;
        w = take_all(follow);
    }
    (void)pthread_mutex_unlock(&follow->lock);
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

void follow_stop(struct follow *follow)
{
    struct waiting *w;

    if (!follow->started)
        return;
    (void)pthread_mutex_lock(&follow->lock);
    follow->stopping = true;
    w = take_all(follow);
    (void)pthread_mutex_unlock(&follow->lock);
    while (w) {
        struct waiting *next = w->next;

        answer(w, NULL, -ENOTCONN);
        w = next;
    }
}
