/* SPDX-License-Identifier: MIT */
#include "serve/retention.h"

#include "daemon/clock.h"
#include "daemon/message.h"
#include "daemon/thread.h"
#include "files/mount.h"
#include "serve/tree.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#define TICK_NS 250000000

/* So often names are forgotten again after a drop, a tick apart. */
#define AGAIN 2

static struct timespec after_tick(void)
{
    struct timespec then;

    clock_gettime(CLOCK_MONOTONIC, &then);
    then.tv_nsec += TICK_NS;
    if (then.tv_nsec >= 1000000000) {
        then.tv_sec++;
        then.tv_nsec -= 1000000000;
    }
    return then;
}

/* Waits for something to do; false when there is nothing more to come. */
static bool await(struct keeper *keeper, struct job **ret_jobs)
{
    struct timespec then = after_tick();
    bool more;
    int r = 0;

    (void)pthread_mutex_lock(&keeper->lock);
    while (!keeper->woken && !keeper->stopping && r != ETIMEDOUT) {
        if (keeper->limits)
            r = pthread_cond_timedwait(&keeper->wake, &keeper->lock, &then);
        else
            (void)pthread_cond_wait(&keeper->wake, &keeper->lock);
    }
    more = keeper->woken || !keeper->stopping;
    keeper->ended = !more;
    keeper->woken = false;
    *ret_jobs = keeper->jobs;
    keeper->jobs = NULL;
    (void)pthread_mutex_unlock(&keeper->lock);
    return more;
}

static void retain(struct keeper *keeper)
{
    int r = clog_retain(keeper->fs->log);

    /* The log has said what ESTALE is. */
    if (r < 0 && r != -EROFS && r != -ESTALE && !keeper->failed)
        message(LOG_ERR, "%s: cannot keep the log within its limits: %s",
                keeper->fs->logdir, strerror(-r));
    keeper->failed = r < 0;
}

/* The names may be in the kernel's cache; what it has no name of is no error.
 */
static void forget_names(struct keeper *keeper)
{
    keeper->forgot_ns = clock_ns(CLOCK_MONOTONIC);
    for (enum node_kind kind = NODE_ROOT; kind < NODE_KINDS; kind++) {
        const struct kind *k = tree_kind(kind);

        if (k->shrinks)
            fuse_lowlevel_notify_inval_entry(keeper->session, FUSE_ROOT_ID,
                                             k->name, strlen(k->name));
    }
}

void keeper_forget(struct keeper *keeper)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(keeper->fs->log, &status);
    if (status.drops.segments == keeper->dropped)
        return;
    keeper->dropped = status.drops.segments;
    keeper->again = AGAIN;
    forget_names(keeper);
}

/* A look-up that was answered before the drop may reach the kernel's cache
   after the names were forgotten. */
static void forget_again(struct keeper *keeper)
{
    if (keeper->again == 0 ||
        clock_ns(CLOCK_MONOTONIC) - keeper->forgot_ns < TICK_NS)
        return;
    keeper->again--;
    forget_names(keeper);
}

static void *work(void *arg)
{
    struct keeper *keeper = arg;
    struct job *jobs = NULL;

    while (await(keeper, &jobs)) {
        struct job *job;

        while ((job = jobs_take(&jobs)))
            job->run(job);
        if (keeper->limits)
            retain(keeper);
        keeper_forget(keeper);
        forget_again(keeper);
    }
    return NULL;
}

int keeper_start(struct keeper *keeper, struct fs *fs,
                 struct fuse_session *session, bool limits)
{
    int r;

    *keeper = (struct keeper){
        .fs = fs,
        .session = session,
        .limits = limits,
    };
    (void)pthread_mutex_init(&keeper->lock, NULL);
    thread_cond_init(&keeper->wake);
    r = thread_start(&keeper->thread, work, keeper);
    keeper->started = r == 0;
    if (r < 0) {
        (void)pthread_cond_destroy(&keeper->wake);
        (void)pthread_mutex_destroy(&keeper->lock);
    }
    return r;
}

/* The caller holds the lock. */
static void wake(struct keeper *keeper)
{
    keeper->woken = true;
    (void)pthread_cond_signal(&keeper->wake);
}

void keeper_wake(struct keeper *keeper)
{
    (void)pthread_mutex_lock(&keeper->lock);
    wake(keeper);
    (void)pthread_mutex_unlock(&keeper->lock);
}

int keeper_add(struct keeper *keeper, struct job *job)
{
    int r = 0;

    (void)pthread_mutex_lock(&keeper->lock);
    if (keeper->ended) {
        r = -ENOTCONN;
    } else {
        jobs_add(&keeper->jobs, job);
        wake(keeper);
    }
    (void)pthread_mutex_unlock(&keeper->lock);
    return r;
}

static bool has_ended(struct keeper *keeper)
{
    bool ended;

    (void)pthread_mutex_lock(&keeper->lock);
    ended = keeper->ended;
    (void)pthread_mutex_unlock(&keeper->lock);
    return ended;
}

/* Answers one request, if one comes within a few milliseconds. */
static void serve_one(struct fuse_session *session)
{
    struct pollfd fd = {.fd = fuse_session_fd(session), .events = POLLIN};
    struct fuse_buf buffer = {0};

    if (poll(&fd, 1, 5) > 0 && fuse_session_receive_buf(session, &buffer) > 0)
        fuse_session_process_buf(session, &buffer);
    free(buffer.mem);
}

void keeper_stop(struct keeper *keeper)
{
    if (!keeper->started)
        return;
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    (void)pthread_cond_signal(&keeper->wake);
    (void)pthread_mutex_unlock(&keeper->lock);
    fuse_session_reset(keeper->session); /* else requests would be dropped */
    while (!has_ended(keeper))
        serve_one(keeper->session);
    (void)pthread_join(keeper->thread, NULL);
}

void keeper_done(struct keeper *keeper)
{
    if (!keeper->started)
        return;
    (void)pthread_cond_destroy(&keeper->wake);
    (void)pthread_mutex_destroy(&keeper->lock);
}
