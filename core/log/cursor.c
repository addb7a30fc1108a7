/* SPDX-License-Identifier: MIT */
#include "log/log.h"
#include "log/segments.h"

#include <errno.h>

/* Nothing is dropped between the look at oldest and the cursor's being there to
   hold it. */
int clog_cursor_make(struct clog *log, const char *name)
{
    int r;

    if (!durability_writable(&log->durability))
        return -EROFS;
    mutex_lock(&log->retain_lock);
    r = cursors_make(&log->cursors, name, segments_oldest(&log->segments));
    mutex_unlock(&log->retain_lock);
    return r;
}

int clog_cursor_remove(struct clog *log, const char *name)
{
    if (!durability_writable(&log->durability))
        return -EROFS;
    return cursors_remove(&log->cursors, name);
}

int clog_cursor_move(struct clog *log, const char *name, uint64_t offset)
{
    int r;

    if (!durability_writable(&log->durability))
        return -EROFS;
    if (offset > segments_next(&log->segments))
        return -EINVAL;
    r = clog_sync(log, offset);
    if (r == 0)
        r = cursors_move(&log->cursors, name, offset, false);
    /* Nothing that it goes back to is dropped while it does. */
    if (r == -EAGAIN) {
        mutex_lock(&log->retain_lock);
        r = cursors_move(&log->cursors, name, offset, true);
        mutex_unlock(&log->retain_lock);
    }
    return r;
}

static void fill(struct clog *log, struct clog_cursor *cursor)
{
    uint64_t oldest = segments_oldest(&log->segments);
    uint64_t next = segments_next(&log->segments);

    cursor->lag = cursor->lost = 0;
    if (cursor->damaged)
        return;
    cursor->lag = next > cursor->offset ? next - cursor->offset : 0;
    cursor->lost = oldest > cursor->offset ? oldest - cursor->offset : 0;
}

int clog_cursor_get(struct clog *log, const char *name,
                    struct clog_cursor *ret_cursor)
{
    int r = cursors_get(&log->cursors, name, ret_cursor);

    if (r == 0)
        fill(log, ret_cursor);
    return r;
}

int clog_cursor_after(struct clog *log, uint64_t id,
                      struct clog_cursor *ret_cursor)
{
    int r = cursors_after(&log->cursors, id, ret_cursor);

    if (r == 0)
        fill(log, ret_cursor);
    return r;
}
