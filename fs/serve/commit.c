/* SPDX-License-Identifier: MIT */
#include "serve/commit.h"

#include "clog.h"
#include "daemon/message.h"
#include "daemon/thread.h"
#include "files/mount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

static int list_add(struct parked_list *list, struct parked item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        struct parked *items =
            reallocarray(list->items, capacity, sizeof(items[0]));

        if (!items)
            return -ENOMEM;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return 0;
}

static void answer(const struct parked *item, int synced)
{
    ssize_t result = item->result;

    if (result >= 0 && synced < 0)
        result = synced;
    request_answer(item->req, item->answer, result);
}

/* Waits for something to do; false when there is nothing more to come. */
static bool gather(struct commit *commit)
{
    struct parked_list taken = commit->taken;
    struct timespec until;
    int r = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)commit->seconds;
    (void)pthread_mutex_lock(&commit->lock);
    while (commit->waiting.count == 0 && !commit->stopping && r != ETIMEDOUT) {
        if (commit->seconds > 0)
            r = pthread_cond_timedwait(&commit->wake, &commit->lock, &until);
        else
            (void)pthread_cond_wait(&commit->wake, &commit->lock);
    }
    commit->taken = commit->waiting;
    commit->waiting = taken;
    commit->waiting.count = 0;
    bool more = commit->taken.count > 0 || !commit->stopping;
    (void)pthread_mutex_unlock(&commit->lock);
    return more;
}

static void say_failed(struct fs *fs, int r)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(fs->log, &status);
    if (status.writable) {
        message(LOG_ERR,
                "%s: sync failed: %s; nothing is lost, and it is tried again",
                fs->logdir, strerror(-r));
        return;
    }
    message(LOG_ERR,
            "%s: sync failed: %s; %" PRIu64 " records from %" PRIu64
            " on are in doubt, and the log takes no more appends until it is "
            "mounted again",
            fs->logdir, strerror(-r), status.next - status.durable,
            status.durable);
}

static void *work(void *arg)
{
    struct commit *commit = arg;

    while (gather(commit)) {
        int r = clog_sync(commit->fs->log, UINT64_MAX);

        if (r < 0 && !commit->failed)
            say_failed(commit->fs, r);
        commit->failed = r < 0;
        for (size_t i = 0; i < commit->taken.count; i++)
            answer(&commit->taken.items[i], r);
    }
    return NULL;
}

int commit_start(struct commit *commit, struct fs *fs, unsigned seconds)
{
    int r;

    *commit = (struct commit){.fs = fs, .seconds = seconds};
    (void)pthread_mutex_init(&commit->lock, NULL);
    thread_cond_init(&commit->wake);
    r = thread_start(&commit->thread, work, commit);
    commit->started = r == 0;
    return r;
}

void commit_park(struct commit *commit, fuse_req_t req, enum answer how,
                 ssize_t result)
{
    struct parked item = {.req = req, .answer = how, .result = result};
    int r;

    (void)pthread_mutex_lock(&commit->lock);
    r = list_add(&commit->waiting, item);
    (void)pthread_cond_signal(&commit->wake);
    (void)pthread_mutex_unlock(&commit->lock);
    if (r < 0)
        answer(&item, clog_sync(commit->fs->log, UINT64_MAX));
}

void commit_stop(struct commit *commit)
{
    if (!commit->started)
        return;
    (void)pthread_mutex_lock(&commit->lock);
    commit->stopping = true;
    (void)pthread_cond_signal(&commit->wake);
    (void)pthread_mutex_unlock(&commit->lock);
    (void)pthread_join(commit->thread, NULL);
    free(commit->waiting.items);
    free(commit->taken.items);
    (void)pthread_cond_destroy(&commit->wake);
    (void)pthread_mutex_destroy(&commit->lock);
    *commit = (struct commit){0};
}
