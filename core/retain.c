/* SPDX-License-Identifier: MIT */
#include "retain.h"

#include "cursor.h"
#include "parts.h"
#include "write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* Bytes on disk of a record besides its payload's and its prefix's. */
#define SLOTS_SIZE (2 * (uint64_t)SLOT_SIZE)

enum cause { BY_NONE, BY_BYTES, BY_RECORDS, BY_AGE, BY_FULL, BY_HAND };

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void retain_set_limits(struct clog_options *options)
{
    if (options->retain_bytes > 0)
        options->max_store = min(options->max_store, options->retain_bytes / 4);
    if (options->retain_records > 0)
        options->max_index =
            min(options->max_index, options->retain_records / 4 * SLOT_SIZE);
    if (options->segment_age_ns == 0)
        options->segment_age_ns = options->retain_age_ns / 4;
    if (options->max_store == 0)
        options->max_store = 1;
    options->max_index -= options->max_index % SLOT_SIZE;
}

/* The oldest segment and what there is in all. */
struct oldest {
    struct part *part; /* a reference */
    bool active;
    struct extent extent;
    uint64_t last_ns;
    uint64_t bytes, records; /* of the whole log */
};

static int look(struct clog *log, struct oldest *ret_oldest)
{
    struct part *active = NULL;
    struct clog_segment segment;
    int r = parts_find_after(log, 0, &ret_oldest->part, &ret_oldest->extent);

    if (r < 0)
        return r;
    log_totals(log, &ret_oldest->bytes, &ret_oldest->records);
    r = clog_segment(log, ret_oldest->part->base, &segment);
    if (r < 0) {
        parts_put(log, ret_oldest->part);
        return r;
    }
    if (parts_find_active(log, &active) == 0)
        parts_put(log, active);
    ret_oldest->active = active == ret_oldest->part;
    ret_oldest->last_ns = segment.time_ns;
    return 0;
}

/* Which limit the oldest segment must go by. */
static enum cause due(const struct clog *log, const struct oldest *oldest)
{
    const struct clog_options *options = &log->options;
    int64_t now = log->io->ops->now(log->io);

    if (options->retain_bytes > 0 && oldest->bytes > options->retain_bytes)
        return BY_BYTES;
    if (options->retain_records > 0 &&
        oldest->records > options->retain_records)
        return BY_RECORDS;
    if (options->retain_age_ns > 0 && now > 0 &&
        (uint64_t)now > oldest->last_ns &&
        (uint64_t)now - oldest->last_ns > options->retain_age_ns)
        return BY_AGE;
    return BY_NONE;
}

/* Whether a cursor has still to read of it. */
static bool is_unread(struct clog *log, const struct oldest *oldest)
{
    return cursor_lowest(log) < oldest->part->base + oldest->extent.count;
}

static void count_drop(struct clog *log, const struct oldest *oldest,
                       enum cause cause)
{
    struct clog_drops *drops = &log->drops;

    (void)pthread_rwlock_wrlock(&log->lock);
    drops->segments++;
    drops->records += oldest->extent.count;
    drops->bytes += oldest->extent.end + SLOTS_SIZE * oldest->extent.count;
    drops->by_bytes += cause == BY_BYTES;
    drops->by_records += cause == BY_RECORDS;
    drops->by_age += cause == BY_AGE;
    drops->by_full += cause == BY_FULL;
    drops->by_hand += cause == BY_HAND;
    (void)pthread_rwlock_unlock(&log->lock);
}

/* Removes the files of a renamed segment. What is left of them when this fails
   or a crash comes goes with the next open. */
static void unlink_dropped(struct clog *log, const char *name)
{
    struct io *io = log->io;
    int dir = io_open(io, log->segments, name, O_RDONLY | O_DIRECTORY, 0);

    if (dir < 0)
        return;
    for (int file = CLOG_STORE; file <= CLOG_STAMPS; file++)
        (void)io->ops->unlink(io, dir, segment_files[file], false);
    io_close(io, dir);
    (void)io->ops->unlink(io, log->segments, name, true);
}

/*
 * Drops the oldest segment. Its files are opened first, for who still reads
 * them. A crash leaves it as it was, or as BASE.dropped, which the next open
 * removes.
 */
static int drop(struct clog *log, const struct oldest *oldest, enum cause cause)
{
    struct io *io = log->io;
    struct segment *files = NULL;
    char name[SEGMENT_NAME];
    char dropped[SEGMENT_NAME + 8];
    bool pinned;
    int r;

    segment_name(oldest->part->base, name);
    (void)snprintf(dropped, sizeof(dropped), "%s.dropped", name);
    pinned = parts_pin(log, oldest->part, false, &files) == 0;
    r = io->ops->chmodat(io, log->segments, name, 0700);
    if (r == 0)
        r = io->ops->rename(io, log->segments, name, dropped);
    /* Somebody has removed it already: all the better. */
    if (r < 0 && r != -ENOENT) {
        if (pinned)
            parts_unpin(log, oldest->part);
        return r;
    }
    r = io_sync(io, log->segments);
    parts_remove_first(log);
    count_drop(log, oldest, cause);
    /* Not gone for certain before the name is: a later one of the same base
       must not meet these files. */
    if (r < 0)
        write_stop(log, r);
    else
        unlink_dropped(log, dropped);
    return r;
}

/* Drops the oldest segment if a limit says so. Returns 1 if it did. */
static int retain_one(struct clog *log)
{
    struct oldest oldest;
    enum cause cause;
    int r = look(log, &oldest);

    if (r < 0)
        return r == -ENOENT ? 0 : r;
    cause = oldest.active ? BY_NONE : due(log, &oldest);
    if (cause != BY_NONE && (log->options.flags & CLOG_KEEP_UNREAD) &&
        !(log->options.flags & CLOG_DROP_OLDEST) && is_unread(log, &oldest))
        cause = BY_NONE;
    r = cause == BY_NONE ? 0 : drop(log, &oldest, cause);
    parts_put(log, oldest.part);
    if (r == 0 && cause != BY_NONE)
        r = 1;
    return r;
}

/* Rolls the active segment when its first record is older than it may be. */
static int roll_by_age(struct clog *log)
{
    uint64_t age_ns = log->options.segment_age_ns;
    int64_t now = log->io->ops->now(log->io);
    uint64_t first_ns;
    int r = 0;

    if (age_ns == 0 || now <= 0)
        return 0;
    (void)pthread_mutex_lock(&log->append_lock);
    first_ns = parts_active(log)->first_ns;
    if (parts_active(log)->extent.count > 0 && first_ns > 0 &&
        (uint64_t)now > first_ns && (uint64_t)now - first_ns > age_ns)
        r = write_roll(log);
    (void)pthread_mutex_unlock(&log->append_lock);
    return r;
}

int clog_retain(struct clog *log)
{
    int dropped = 0;
    int r;

    if (!atomic_load(&log->writable))
        return -EROFS;
    r = roll_by_age(log);
    if (r < 0)
        return r;
    (void)pthread_mutex_lock(&log->retain_lock);
    while ((r = retain_one(log)) > 0)
        dropped++;
    (void)pthread_mutex_unlock(&log->retain_lock);
    return r < 0 ? r : dropped;
}

static int drop_locked(struct clog *log, uint64_t base)
{
    struct part *part = NULL;
    struct oldest oldest;
    int r = parts_find_base(log, base, &part);

    if (r < 0)
        return r;
    parts_put(log, part);
    r = look(log, &oldest);
    if (r < 0)
        return r;
    if (oldest.active || oldest.part->base != base)
        r = -EBUSY;
    else
        r = drop(log, &oldest, BY_HAND);
    parts_put(log, oldest.part);
    return r;
}

int clog_drop(struct clog *log, uint64_t base)
{
    int r;

    if (!atomic_load(&log->writable))
        return -EROFS;
    (void)pthread_mutex_lock(&log->retain_lock);
    r = drop_locked(log, base);
    (void)pthread_mutex_unlock(&log->retain_lock);
    return r;
}

int retain_make_room(struct clog *log)
{
    struct oldest oldest;
    int r;

    if (!(log->options.flags & CLOG_DROP_OLDEST))
        return -ENOSPC;
    (void)pthread_mutex_lock(&log->retain_lock);
    r = look(log, &oldest);
    if (r == 0) {
        r = oldest.active ? -ENOSPC : drop(log, &oldest, BY_FULL);
        parts_put(log, oldest.part);
    }
    (void)pthread_mutex_unlock(&log->retain_lock);
    return r;
}

int retain_admit(struct clog *log, uint64_t bytes, uint64_t records)
{
    const struct clog_options *options = &log->options;
    uint64_t total_bytes, total_records;
    struct oldest oldest;
    bool unread;

    if (!(options->flags & CLOG_KEEP_UNREAD) ||
        (options->flags & CLOG_DROP_OLDEST) ||
        (options->retain_bytes == 0 && options->retain_records == 0))
        return 0;
    log_totals(log, &total_bytes, &total_records);
    if ((options->retain_bytes == 0 ||
         total_bytes + bytes + SLOTS_SIZE * records <= options->retain_bytes) &&
        (options->retain_records == 0 ||
         total_records + records <= options->retain_records))
        return 0;
    if (look(log, &oldest) < 0)
        return 0;
    unread = is_unread(log, &oldest);
    parts_put(log, oldest.part);
    return unread ? -ENOSPC : 0;
}
