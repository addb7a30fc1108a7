/* SPDX-License-Identifier: MIT */
#include "log/next.h"

#include <errno.h>

struct made {
    struct clog *log;
    struct segment_next files;
};

static int sync_next(void *ctx, uint64_t *ret_next)
{
    const struct made *made = ctx;

    (void)ret_next;
    return segment_next_sync(made->log->io, made->log->dir, &made->files);
}

void next_make(struct clog *log)
{
    struct made made = {.log = log};
    bool there;
    int r;

    mutex_lock(&log->append_lock);
    there = log->ahead.made;
    mutex_unlock(&log->append_lock);
    if (there || segment_next_make(log->io, log->dir, &made.files) < 0)
        return;
    r = durability_sync(&log->durability, sync_next, &made);
    segment_next_close(log->io, &made.files);
    mutex_lock(&log->append_lock);
    log->ahead.made = r == 0;
    mutex_unlock(&log->append_lock);
}

int next_take(struct clog *log, const char *name)
{
    struct io_stat st;
    int r;

    if (!log->ahead.made)
        return -ENOENT;
    log->ahead.made = false;
    r = io_statat(log->io, log->dir, name, &st);
    if (r != -ENOENT)
        return r < 0 ? r : -EUCLEAN;
    r = io_rename(log->io, log->dir, SEGMENT_NEXT, name);
    /* Where no directory gets another name, none is made ahead. */
    return r == -EXDEV ? -ENOENT : r;
}

void next_done(struct clog *log)
{
    if (log->ahead.made)
        (void)segment_remove(log->io, log->dir, SEGMENT_NEXT);
    log->ahead.made = false;
}
