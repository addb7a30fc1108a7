/* SPDX-License-Identifier: MIT */
#include "log/ahead.h"

#include "log/cache.h"
#include "log/limits.h"
#include "log/next.h"
#include "log/roll.h"
#include "log/segments.h"

#include <errno.h>

#define LEAST  ((uint64_t)16 << 20) /* bytes: a sync of less takes little */
#define REST   ((uint64_t)4 << 20)  /* bytes that a roll may sync itself */
#define PASSES 8                    /* that are made while more is appended */

void ahead_init(struct clog *log)
{
    mutex_lock(&log->append_lock);
    log->ahead = (struct ahead){.least = LEAST, .rest = REST};
    mutex_unlock(&log->append_lock);
}

/* The active segment, as it is at the moment. */
struct look {
    uint64_t base;
    uint64_t bytes;
    bool near; /* it is a third full */
    bool soon; /* it is nearly full */
};

static struct look look(struct clog *log) EXCLUDES(log->append_lock)
{
    struct look look = {0};
    struct part *part;

    mutex_lock(&log->append_lock);
    part = segments_active(&log->segments);
    look.base = part->base;
    look.bytes = limits_bytes(&part->extent);
    look.near = look.bytes >= log->ahead.least && log->roll == ROLL_NONE &&
                roll_is_due(log, 2 * part->extent.count, 2 * part->extent.end);
    look.soon = look.near && roll_is_due(log, part->extent.count / 8 + 1,
                                         part->extent.end / 8);
    mutex_unlock(&log->append_lock);
    return look;
}

/* All three files, of which the index is not needed but for the roll. */
static int sync_files(void *ctx, uint64_t *ret_next)
{
    (void)ret_next;
    return segment_sync_all(ctx);
}

/* Syncs the active segment as far as it is now. */
static int sync_active(struct clog *log)
{
    struct segment *files = NULL;
    struct part *part = NULL;
    int r = clog_flush(log);

    if (r == 0)
        r = segments_find_active(&log->segments, &part);
    if (r == 0)
        r = cache_pin(&log->segments.cache, part, true, &files);
    if (r == 0) {
        /* Without descriptors to write with it has just been rolled. */
        if (files->stamps.fd >= 0)
            r = durability_sync(&log->durability, sync_files, files);
        cache_unpin(&log->segments.cache, files);
    }
    segments_put(&log->segments, part);
    return r == -EAGAIN ? 0 : r;
}

/* How much has come since it was synced. */
static uint64_t unsynced(struct clog *log, const struct look *now)
{
    uint64_t synced = 0;

    mutex_lock(&log->append_lock);
    if (log->ahead.base == now->base)
        synced = log->ahead.synced;
    mutex_unlock(&log->append_lock);
    return now->bytes - synced;
}

static void note_synced(struct clog *log, const struct look *before)
{
    mutex_lock(&log->append_lock);
    log->ahead.base = before->base;
    log->ahead.synced = before->bytes;
    mutex_unlock(&log->append_lock);
}

static int roll(struct clog *log, const struct look *now)
{
    int r = 0;

    mutex_lock(&log->append_lock);
    if (segments_active(&log->segments)->base == now->base &&
        log->roll == ROLL_NONE) {
        r = roll_active(log);
        if (r == 0)
            r = 1;
    }
    mutex_unlock(&log->append_lock);
    return r;
}

static int work(struct clog *log) REQUIRES(log->ahead_lock)
{
    for (int pass = 0;; pass++) {
        struct look now = look(log);
        bool little = unsynced(log, &now) <= log->ahead.rest || pass == PASSES;
        int r;

        if (!now.near || (little && !now.soon))
            return 0;
        next_make(log);
        if (little)
            return roll(log, &now);
        r = sync_active(log);
        if (r < 0)
            return r;
        note_synced(log, &now);
    }
}

int ahead_work(struct clog *log)
{
    int r;

    if (!mutex_trylock(&log->ahead_lock))
        return 0;
    r = work(log);
    mutex_unlock(&log->ahead_lock);
    return r;
}
