/* SPDX-License-Identifier: MIT */
#include "log/log.h"

#include "io/holder.h"
#include "log/ahead.h"
#include "log/cache.h"
#include "log/limits.h"
#include "log/next.h"
#include "log/roll.h"
#include "log/segments.h"
#include "log/sized.h"
#include "log/times.h"
#include "recovery/metadata.h"
#include "recovery/recover.h"
#include "recovery/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STORE_LIMIT ((uint64_t)1 << 62)
#define INDEX_LIMIT ((uint64_t)1 << 40)

const char *clog_version(void)
{
    return CLOG_VERSION;
}

static int check_options(const struct clog_options *options)
{
    unsigned known =
        CLOG_READ_ONLY | CLOG_CREATE | CLOG_DROP_OLDEST | CLOG_KEEP_UNREAD;

    if (options->max_record > CLOG_RECORD_LIMIT ||
        options->max_store > STORE_LIMIT ||
        (options->max_index > 0 && options->max_index < SLOT_SIZE) ||
        options->max_index > INDEX_LIMIT ||
        (options->retain_records > 0 && options->retain_records < 4) ||
        (options->flags & ~known) != 0)
        return -EINVAL;
    if (options->staging != 0 &&
        (options->staging < STAGING_MIN || options->staging > STAGING_MAX ||
         (options->staging & (options->staging - 1)) != 0))
        return -EINVAL;
    return 0;
}

static int take_options(struct clog *log, const struct clog_options *options)
{
    int r = check_options(options);

    if (r < 0)
        return r;
    log->options = *options;
    log->options.progress = NULL;
    limits_set(&log->options);
    return 0;
}

static void init_log(struct clog *log, struct io *io)
{
    log->io = io;
    log->root = log->dir = -1;
    stage_init(&log->stage, io);
    mutex_init(&log->ahead_lock);
    mutex_init(&log->append_lock);
    mutex_init(&log->retain_lock);
    mutex_init(&log->reindex_lock);
    ages_init(&log->ages);
    durability_init(&log->durability, io);
    cursors_init(&log->cursors, io, &log->durability);
    waiters_init(&log->waiters);
    segments_init(&log->segments, io);
    ahead_init(log);
}

static void free_log(struct clog *log)
{
    segments_done(&log->segments);
    stage_done(&log->stage);
    waiters_done(&log->waiters);
    cursors_done(&log->cursors);
    durability_done(&log->durability);
    ages_done(&log->ages);
    mutex_done(&log->reindex_lock);
    mutex_done(&log->retain_lock);
    mutex_done(&log->append_lock);
    mutex_done(&log->ahead_lock);
    scratch_done(&log->scratch);
    clog_report_done(&log->report);
    io_close(log->io, log->dir);
    io_close(log->io, log->root);
    free(log);
}

/* Opens and locks the directory, and makes it where that is asked for. */
static int open_root(struct clog *log, const char *path, unsigned flags)
{
    int r = io_open_root(log->io, path);

    if (r == -ENOENT && (flags & CLOG_CREATE) && !(flags & CLOG_READ_ONLY)) {
        r = io_mkdir(log->io, AT_FDCWD, path, 0700);
        if (r == 0 || r == -EEXIST)
            r = io_open_root(log->io, path);
    }
    if (r < 0)
        return r;
    log->root = log->stage.root = r;
    r = io_lock(log->io, log->root, !(flags & CLOG_READ_ONLY));
    return r == -EAGAIN ? -EWOULDBLOCK : r;
}

static int add_found(struct clog *log, struct found *found)
{
    struct part *part = calloc(1, sizeof(*part));
    int r;

    if (!part)
        return -ENOMEM;
    part->base = found->base;
    part->extent = found->extent;
    part->sealed = true;
    atomic_init(&part->references, 1);
    part->index = found->index;
    found->index = NULL;
    r = segments_add(&log->segments, part);
    if (r < 0)
        segments_put(&log->segments, part);
    return r;
}

/* Notes what keeps the log from being written to, if anything does. */
static int note_refused(struct clog *log, const uint64_t *base,
                        const char *file, int error)
{
    if (error < 0)
        report_note(&log->report, CLOG_NOTE_REFUSED, base, file,
                    "cannot be written")
            ->error = error;
    return error;
}

/* The last segment found takes the appends. */
static int reuse_active(struct clog *log)
{
    struct part *part = segments_active(&log->segments);
    uint64_t capacity = part->extent.count * SLOT_SIZE;
    int r;

    if (capacity < log->options.max_index)
        capacity = log->options.max_index;
    r = cache_open_active(&log->segments.cache, part, capacity);
    if (r == 0)
        r = segment_sync_new(part->files, log->dir);
    if (r == 0)
        r = segment_cut(part->files, &part->extent);
    if (r < 0)
        return note_refused(
            log, &part->base,
            segment_closed_file(log->io, log->dir, part->base, O_RDWR), r);
    part->sealed = false;
    mutex_lock(&log->append_lock);
    roll_measure(log);
    mutex_unlock(&log->append_lock);
    return 0;
}

static int start_staging(struct clog *log, const struct recovery *recovery)
{
    size_t size = recovery->owner_error == 0 ? (size_t)log->options.staging : 0;
    const struct part *active = segments_active(&log->segments);
    int r;

    mutex_lock(&log->append_lock);
    r = stage_open(&log->stage, size, &recovery->owner, active->files,
                   &active->extent);
    mutex_unlock(&log->append_lock);
    return note_refused(log, NULL, STAGING_NAME, r);
}

static int start_writing(struct clog *log, const struct recovery *recovery)
{
    bool fresh = log->segments.count == 0 || recovery->seal;
    int r = note_refused(log, NULL, METADATA_DURABLE,
                         durability_open(&log->durability, log->root));

    if (r < 0)
        return r;
    if (fresh) {
        mutex_lock(&log->append_lock);
        r = roll_add_active(log);
        mutex_unlock(&log->append_lock);
        if (r == 0 && log->segments.count > 1)
            (void)segment_guard(
                log->io, log->dir,
                log->segments.parts[log->segments.count - 2]->base);
    } else {
        r = reuse_active(log);
    }
    if (r < 0)
        return r;
    durability_raise(&log->durability, log->segments.next);
    return start_staging(log, recovery);
}

/* What could not be written to the files is read from the buffer's copy. */
static void take_staged(struct clog *log, struct recovery *recovery)
{
    log->stage.staging = recovery->staging;
    log->stage.off = true;
    recovery->staging = (struct staging){0};
    if (log->stage.staging.map)
        log->segments.cache.staging = &log->stage.staging;
}

static void begin_ages(struct clog *log)
{
    struct clocks clocks = {io_now(log->io), io_uptime(log->io)};
    struct part *active = log->segments.active;
    int64_t last_ns = ages_time(log->segments.last_ns);

    if ((last_ns == 0 || last_ns > clocks.now) && active)
        last_ns = ages_time(times_file(log, active));
    ages_begin(&log->ages, &clocks, last_ns);
}

static int take_over(struct clog *log, struct recovery *recovery)
{
    int r = 0;

    log->dir = log->segments.cache.dir = recovery->segments;
    recovery->segments = -1;
    for (size_t k = 0; r == 0 && k < recovery->count; k++)
        r = add_found(log, &recovery->found[k]);
    log->segments.next = recovery->next;
    durability_raise(&log->durability, recovery->durable);
    if (r == 0)
        r = cursors_load(&log->cursors, log->root);
    if (r == 0 && recovery->read_only)
        take_staged(log, recovery);
    else if (r == 0)
        r = start_writing(log, recovery);
    if (r < 0)
        return r;
    /* Last: they may meet an index to be mended, which wants to be written. */
    times_learn_last(log);
    begin_ages(log);
    times_learn_first(log, 0);
    if (log->segments.active)
        times_learn_first(log, log->segments.active->base);
    return 0;
}

static int build(struct clog *log, const char *path,
                 const struct clog_options *options)
{
    struct recovery recovery = {
        .io = log->io,
        .segments = -1,
        .read_only = (options->flags & CLOG_READ_ONLY) != 0,
        .options = options,
        .report = &log->report,
    };
    int r = take_options(log, options);

    if (r == 0)
        r = open_root(log, path, options->flags);
    if (r < 0)
        return r;
    recovery.root = log->root;
    r = recover(&recovery);
    if (r == 0)
        r = take_over(log, &recovery);
    recovery_done(&recovery);
    return r;
}

int log_open(struct io *io, const char *path,
             const struct clog_options *options, struct clog_report *report,
             struct clog **ret_log)
{
    struct clog_options taken = {0};
    struct clog *log = NULL;
    int r = options ? sized_take(options, sizeof(taken), &taken) : 0;

    if (report)
        *report = (struct clog_report){0};
    if (r < 0)
        return r;
    log = calloc(1, sizeof(*log));
    if (!log)
        return -ENOMEM;
    init_log(log, io);
    r = build(log, path, &taken);
    if (r == 0 && report)
        r = report_copy(report, &log->report);
    else if (report)
        (void)report_copy(report, &log->report);
    if (r < 0) {
        free_log(log);
        return r;
    }
    *ret_log = log;
    return 0;
}

int clog_open(const char *path, const struct clog_options *options,
              struct clog_report *report, struct clog **ret_log)
{
    return log_open(io_posix(), path, options, report, ret_log);
}

int clog_writer(const char *path, pid_t *ret_pid)
{
    struct io *io = io_posix();
    struct writer writer;
    int root = io_open_root(io, path);
    int r;

    if (root < 0)
        return root;
    r = writer_load(io, root, &writer);
    io_close(io, root);
    if (r == 0)
        *ret_pid = writer.pid;
    return r;
}

int clog_holder(const char *path, pid_t *ret_pid)
{
    return holder_find(path, ret_pid);
}

/* The marker says that nothing after it needs to be looked at; so it is
   written only when all that it vouches for is on disk. */
static int mark_clean(struct clog *log)
{
    const struct part *part = segments_active(&log->segments);
    struct clean clean = {
        .next = log->segments.next,
        .base = part->base,
        .sizes = {part->extent.end, part->extent.count * SLOT_SIZE,
                  part->extent.count * SLOT_SIZE},
    };
    int r;

    mutex_lock(&log->append_lock);
    r = stage_flush(&log->stage, part->files);
    if (r == 0) {
        stage_release(&log->stage, part->files, &part->extent);
        r = roll_sync_active(log);
    }
    mutex_unlock(&log->append_lock);
    /* What the marker says of the durable offset goes with it at the next
       open. */
    if (r == 0)
        r = durability_sync_file(&log->durability, log->durability.fd);
    if (r < 0)
        return r;
    next_done(log);
    r = clean_store(log->io, log->root, &clean);
    /* All is durable: without room for the marker, the next open reads more. */
    return r == -ENOSPC || r == -EDQUOT ? 0 : r;
}

int clog_close(struct clog *log)
{
    int r = 0;

    if (!log)
        return 0;
    if (durability_error(&log->durability) != 0)
        r = durability_error(&log->durability);
    else if (durability_writable(&log->durability))
        r = mark_clean(log);
    free_log(log);
    return r;
}

void log_abandon(struct clog *log)
{
    free_log(log);
}
