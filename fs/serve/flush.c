/* SPDX-License-Identifier: MIT */
#include "serve/flush.h"

#include "clog.h"
#include "daemon/message.h"
#include "daemon/thread.h"
#include "files/mount.h"

#include <stdint.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#define IDLE_NS  10000000  /* without an append, until it is flushed */
#define AGAIN_NS 500000000 /* until one that failed is tried again */

/* Sleeps so long, or until it is to end. */
static void pause_for(struct flush *flush, long ns)
{
    struct timespec then;

    (void)clock_gettime(CLOCK_MONOTONIC, &then);
    then.tv_nsec += ns;
    then.tv_sec += then.tv_nsec / 1000000000;
    then.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&flush->lock);
    while (!flush->stopping &&
           pthread_cond_timedwait(&flush->wake, &flush->lock, &then) == 0)
        ;
    (void)pthread_mutex_unlock(&flush->lock);
}

/* Waits for an append; false when it is to end. */
static bool await(struct flush *flush)
{
    bool more;

    (void)pthread_mutex_lock(&flush->lock);
    while (!flush->stopping && atomic_load(&flush->asleep))
        (void)pthread_cond_wait(&flush->wake, &flush->lock);
    more = !flush->stopping;
    (void)pthread_mutex_unlock(&flush->lock);
    return more;
}

/* Flushes if nothing came since *next was the next offset, which it is made
   again. Falls asleep where nothing is staged; that is looked at behind it, as
   the appender looks behind its append. */
static int flush_idle(struct flush *flush, uint64_t *next)
{
    struct clog_status status = {.size = sizeof(status)};
    uint64_t before = *next;
    int r = 0;

    clog_status(flush->fs->log, &status);
    *next = status.next;
    if (status.staged > 0 && status.next == before)
        r = clog_flush(flush->fs->log);
    if (status.staged > 0)
        return r;
    atomic_store(&flush->asleep, true);
    clog_status(flush->fs->log, &status);
    if (status.staged > 0)
        atomic_store(&flush->asleep, false);
    return 0;
}

static void *work(void *arg)
{
    struct flush *flush = arg;
    uint64_t next = 0;
    bool failed = false;

    while (await(flush)) {
        int r;

        pause_for(flush, failed ? AGAIN_NS : IDLE_NS);
        r = flush_idle(flush, &next);
        if (r < 0 && !failed)
            message(LOG_ERR,
                    "%s: cannot write what is staged to the log's files: %s; "
                    "nothing is lost, and it is tried again",
                    flush->fs->logdir, strerror(-r));
        failed = r < 0;
    }
    return NULL;
}

int flush_start(struct flush *flush, struct fs *fs)
{
    struct clog_status status = {.size = sizeof(status)};
    int r;

    *flush = (struct flush){.fs = fs, .asleep = true};
    clog_status(fs->log, &status);
    if (status.staging == 0)
        return 0;
    (void)pthread_mutex_init(&flush->lock, NULL);
    thread_cond_init(&flush->wake);
    r = thread_start(&flush->thread, work, flush);
    flush->started = r == 0;
    if (r < 0) {
        (void)pthread_cond_destroy(&flush->wake);
        (void)pthread_mutex_destroy(&flush->lock);
    }
    return r;
}

void flush_wake(struct flush *flush)
{
    if (!flush->started || !atomic_load(&flush->asleep))
        return;
    (void)pthread_mutex_lock(&flush->lock);
    atomic_store(&flush->asleep, false);
    (void)pthread_cond_signal(&flush->wake);
    (void)pthread_mutex_unlock(&flush->lock);
}

void flush_stop(struct flush *flush)
{
    if (!flush->started)
        return;
    (void)pthread_mutex_lock(&flush->lock);
    flush->stopping = true;
    (void)pthread_cond_signal(&flush->wake);
    (void)pthread_mutex_unlock(&flush->lock);
    (void)pthread_join(flush->thread, NULL);
    (void)pthread_cond_destroy(&flush->wake);
    (void)pthread_mutex_destroy(&flush->lock);
    flush->started = false;
}
