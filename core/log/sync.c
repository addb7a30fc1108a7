/* SPDX-License-Identifier: MIT */
#include "log/sync.h"

#include "log/cache.h"
#include "log/segments.h"
#include "recovery/metadata.h"

#include <errno.h>

void sync_stop(struct clog *log, int error)
{
    int none = 0;

    (void)atomic_compare_exchange_strong(&log->sync_error, &none, error);
    atomic_store(&log->writable, false);
}

void sync_set_durable(struct clog *log, uint64_t next)
{
    (void)pthread_mutex_lock(&log->sync_lock);
    if (next > atomic_load(&log->durable))
        atomic_store(&log->durable, next);
    (void)pthread_mutex_unlock(&log->sync_lock);
    /* A lower bound for the next open: nothing depends on its being there. */
    (void)durable_write(log->io, log->durable_fd, next);
}

/* Syncs what is there now. A roll that comes between does the same for the
   segment that it seals, and the one synced here stays open until then. */
static int sync_once(struct clog *log)
{
    struct segment *files = NULL;
    struct part *part = NULL;
    uint64_t next;
    int r;

    /* next first: what is below it lies in the active part found after, or in
       one that was synced when it was sealed. */
    next = segments_next(log);
    r = segments_find_active(log, &part);
    if (r == 0)
        r = cache_pin(log, part, false, &files);
    if (r == 0) {
        /* Without descriptors to write with it has been sealed meanwhile, and
           that has synced it. */
        if (files->stamps.fd >= 0)
            r = segment_sync(files);
        cache_unpin(log, part);
    }
    segments_put(log, part);
    if (r < 0) {
        sync_stop(log, r);
        return r;
    }
    atomic_fetch_add(&log->syncs, 1);
    sync_set_durable(log, next);
    return 0;
}

/* The caller holds sync_lock. */
static int sync_locked(struct clog *log, uint64_t upto)
{
    while (atomic_load(&log->durable) < upto) {
        if (atomic_load(&log->sync_error) != 0)
            return -EIO;
        if (log->durable_fd < 0)
            return -EROFS;
        if (log->syncing) {
            (void)pthread_cond_wait(&log->synced, &log->sync_lock);
            continue;
        }
        log->syncing = true;
        (void)pthread_mutex_unlock(&log->sync_lock);
        int r = sync_once(log);

        (void)pthread_mutex_lock(&log->sync_lock);
        log->syncing = false;
        (void)pthread_cond_broadcast(&log->synced);
        if (r < 0)
            return r;
    }
    return 0;
}

int clog_sync(struct clog *log, uint64_t upto)
{
    uint64_t next = segments_next(log);
    int r;

    if (upto > next)
        upto = next;
    (void)pthread_mutex_lock(&log->sync_lock);
    r = sync_locked(log, upto);
    (void)pthread_mutex_unlock(&log->sync_lock);
    return r;
}
