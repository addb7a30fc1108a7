/* SPDX-License-Identifier: MIT */
#include "serve/waiting.h"

#include "clog.h"
#include "daemon/thread.h"
#include "files/mount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)

/* The kernel takes no shorter time; in seconds. */
#define TIMEOUT_MIN 15

/* A number of the kernel's, or 0. */
static uint64_t kernel_number(const char *path)
{
    FILE *file = fopen(path, "re");
    uint64_t number = 0;

    if (file && fscanf(file, "%" SCNu64, &number) != 1)
        number = 0;
    if (file)
        (void)fclose(file);
    return number;
}

uint64_t waiting_patience(uint64_t by_default, uint64_t at_most)
{
    uint64_t seconds = by_default;

    if (at_most > 0 && (seconds == 0 || seconds > at_most))
        seconds = at_most;
    if (seconds > 0 && seconds < TIMEOUT_MIN)
        seconds = TIMEOUT_MIN;
    return seconds * (SECOND / 2);
}

static uint64_t now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
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
        request->since_ns = waiters->patience_ns > 0 ? now_ns() : 0;
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

/* Answers those that have waited long, until waiting_stop(). */
static void *end_patience(void *arg)
{
    struct waiters *waiters = arg;
    struct timespec then;

    (void)pthread_mutex_lock(&waiters->lock);
    while (!waiters->stopping) {
        uint64_t now = now_ns();
        struct request *late = NULL;

        if (now > waiters->patience_ns)
            late = take_if(waiters, is_since, now - waiters->patience_ns);
        (void)pthread_mutex_unlock(&waiters->lock);
        refuse(late, EINTR);
        (void)clock_gettime(CLOCK_MONOTONIC, &then);
        then.tv_sec++;
        (void)pthread_mutex_lock(&waiters->lock);
        if (!waiters->stopping)
            (void)pthread_cond_timedwait(&waiters->stop, &waiters->lock, &then);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    return NULL;
}

int waiting_start(struct waiters *waiters, struct fs *fs)
{
    pthread_condattr_t monotonic;
    int r = 0;

    *waiters = (struct waiters){.fs = fs};
    waiters->patience_ns = waiting_patience(
        kernel_number("/proc/sys/fs/fuse/default_request_timeout"),
        kernel_number("/proc/sys/fs/fuse/max_request_timeout"));
    (void)pthread_mutex_init(&waiters->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&waiters->stop, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (waiters->patience_ns > 0)
        r = thread_start(&waiters->thread, end_patience, waiters);
    waiters->started = r == 0;
    return r;
}

void waiting_stop(struct waiters *waiters)
{
    struct request *request;

    if (!waiters->started)
        return;
    (void)pthread_mutex_lock(&waiters->lock);
    waiters->stopping = true;
    request = take_if(waiters, is_any, 0);
    (void)pthread_cond_signal(&waiters->stop);
    (void)pthread_mutex_unlock(&waiters->lock);
    refuse(request, ENOTCONN);
    if (waiters->patience_ns > 0)
        (void)pthread_join(waiters->thread, NULL);
}
