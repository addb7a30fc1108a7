/* SPDX-License-Identifier: MIT */
#include "serve/waiting.h"

#include "clog.h"
#include "files/mount.h"
#include "serve/patience.h"

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

typedef bool test_t(const struct request *request, uint64_t value);

/* The user's share, or a free one; NULL: there is none. The caller holds the
   lock, here and below. */
static struct share *find_share(struct waiters *waiters, uid_t uid)
{
    struct share *unused = NULL;

    for (size_t i = 0; i < WAITING_USERS; i++) {
        struct share *share = &waiters->shares[i];

        if (share->count > 0 && share->uid == uid)
            return share;
        if (share->count == 0 && !unused)
            unused = share;
    }
    return unused;
}

/* Gives request a part of its user's share. ENOBUFS. */
static int take_share(struct waiters *waiters, struct request *request)
{
    struct share *share = find_share(waiters, request->uid);

    if (!share || share->count >= WAITING_MAX)
        return -ENOBUFS;
    share->uid = request->uid;
    share->count++;
    request->share = share;
    return 0;
}

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
    request->share->count--;
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
        request->since_ns = patience_now();
        fuse_req_interrupt_func(request->req, on_interrupt, request);
    }
    (void)pthread_mutex_lock(&waiters->lock);
    if (request->interrupted)
        r = -EINTR;
    else if (waiters->stopping)
        r = -ENOTCONN;
    else
        r = take_share(waiters, request);
    if (r == 0)
        link_first(waiters, request);
    if (r == 0 && stream_end(waiters) > request->at) {
        unlink_from(waiters, request);
        r = 1;
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    return r;
}

static struct request *take_if(struct waiters *waiters, test_t *is,
                               uint64_t value)
{
    struct request *taken = NULL;
    struct request *next;

    for (struct request *request = waiters->first; request; request = next) {
        next = request->next;
        if (!is(request, value))
            continue;
        unlink_from(waiters, request);
        request->next = taken;
        taken = request;
    }
    return taken;
}

static bool is_any(const struct request *request, uint64_t unused)
{
    (void)request;
    (void)unused;
    return true;
}

/* Whether it waits for what lies before end. */
static bool is_before(const struct request *request, uint64_t end)
{
    return request->at < end;
}

static bool is_since(const struct request *request, uint64_t time_ns)
{
    return request->since_ns <= time_ns;
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
        taken = take_if(waiters, is_before, end);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    *ret_end = end;
    return taken;
}

/* Answers each of a list with an error. */
static void refuse(struct request *request, int error)
{
    while (request) {
        struct request *next = request->next;

        waiting_settle(request);
        fuse_reply_err(request->req, error);
        request_free(request);
        request = next;
    }
}

void waiting_end(struct waiters *waiters, uint64_t since_ns)
{
    struct request *late;

    (void)pthread_mutex_lock(&waiters->lock);
    late = take_if(waiters, is_since, since_ns);
    (void)pthread_mutex_unlock(&waiters->lock);
    refuse(late, EINTR);
}

void waiting_stop(struct waiters *waiters)
{
    struct request *request;

    if (!waiters->started)
        return;
    (void)pthread_mutex_lock(&waiters->lock);
    waiters->stopping = true;
    request = take_if(waiters, is_any, 0);
    (void)pthread_mutex_unlock(&waiters->lock);
    refuse(request, ENOTCONN);
}
