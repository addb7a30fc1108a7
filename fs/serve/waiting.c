/* SPDX-License-Identifier: MIT */
#include "serve/waiting.h"

#include "clog.h"
#include "files/mount.h"

#include <errno.h>

void waiting_start(struct waiters *waiters, struct fs *fs)
{
    *waiters = (struct waiters){.fs = fs, .started = true};
    (void)pthread_mutex_init(&waiters->lock, NULL);
}

static uint64_t stream_end(const struct waiters *waiters)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(waiters->fs->log, &status);
    return status.stream_end;
}

/* The caller holds the lock, for these two. */
static void link_first(struct waiters *waiters, struct request *request)
{
    request->waiters = waiters;
    request->next = waiters->first;
    request->link = &waiters->first;
    if (request->next)
        request->next->link = &request->next;
    waiters->first = request;
    waiters->fs->following++;
}

static void unlink_from(struct waiters *waiters, struct request *request)
{
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    request->link = NULL;
    waiters->fs->following--;
}

/*
 * The reader got a signal. This runs while the request cannot go: one that is
 * parked is answered here; one that is on its way learns of it, or ends anyway.
 */
static void on_interrupt(fuse_req_t req, void *data)
{
    struct request *request = data;
    struct waiters *waiters = request->waiters;
    bool parked;

    (void)pthread_mutex_lock(&waiters->lock);
    request->interrupted = true;
    parked = request->link;
    if (parked)
        unlink_from(waiters, request);
    (void)pthread_mutex_unlock(&waiters->lock);
    if (parked) {
        fuse_reply_err(req, EINTR);
        request_free(request);
    }
}

void waiting_settle(struct request *request)
{
    if (request->watched)
        fuse_req_interrupt_func(request->req, NULL, NULL);
    request->watched = false;
}

/*
 * An append publishes first and looks for waiting readers then; here it is the
 * other way round, so that one of the two sees the other.
 */
int waiting_park(struct waiters *waiters, struct request *request)
{
    int r = 0;

    if (!request->watched) {
        request->waiters = waiters;
        request->watched = true;
        fuse_req_interrupt_func(request->req, on_interrupt, request);
    }
    (void)pthread_mutex_lock(&waiters->lock);
    if (request->interrupted)
        r = -EINTR;
    else if (waiters->stopping)
        r = -ENOTCONN;
    else if (waiters->fs->following >= WAITING_MAX)
        r = -ENOBUFS;
    else
        link_first(waiters, request);
    if (r == 0 && stream_end(waiters) > request->at) {
        unlink_from(waiters, request);
        r = 1;
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    return r;
}

/* Takes all out; the caller holds the lock. */
static struct request *take_all(struct waiters *waiters)
{
    struct request *all = waiters->first;

    for (struct request *request = all; request; request = request->next)
        request->link = NULL;
    waiters->first = NULL;
    waiters->fs->following = 0;
    return all;
}

struct request *waiting_take(struct waiters *waiters, uint64_t *ret_end)
{
    struct request *taken = NULL;
    uint64_t end;

    if (waiters->fs->following == 0)
        return NULL;
    end = stream_end(waiters);
    (void)pthread_mutex_lock(&waiters->lock);
    if (end > waiters->seen) {
        waiters->seen = end;
        taken = take_all(waiters);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    *ret_end = end;
    return taken;
}

void waiting_stop(struct waiters *waiters)
{
    struct request *request;

    if (!waiters->started)
        return;
    (void)pthread_mutex_lock(&waiters->lock);
    waiters->stopping = true;
    request = take_all(waiters);
    (void)pthread_mutex_unlock(&waiters->lock);
    while (request) {
        struct request *next = request->next;

        waiting_settle(request);
        fuse_reply_err(request->req, ENOTCONN);
        request_free(request);
        request = next;
    }
}
