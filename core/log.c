/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "cursor.h"
#include "marks.h"
#include "mend.h"
#include "parts.h"
#include "recover.h"
#include "report.h"
#include "retain.h"
#include "stamps.h"
#include "write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define CACHE_LIMIT 64 /* segments whose files are kept open */
#define MAX_RECORD  1044480u
#define MAX_STORE   ((uint64_t)256 << 20)
#define MAX_INDEX   ((uint64_t)64 << 20)
#define STORE_LIMIT ((uint64_t)1 << 62)
#define INDEX_LIMIT ((uint64_t)1 << 40)

const char *clog_version(void)
{
    return CLOG_VERSION;
}

uint32_t clog_max_record(const struct clog *log)
{
    return log->options.max_record;
}

const struct clog_report *clog_open_report(const struct clog *log)
{
    return &log->report;
}

int clog_space(struct clog *log, struct clog_space *ret_space)
{
    struct io_space space;
    int r = log->io->ops->space(log->io, log->root, &space);

    if (r < 0)
        return r;
    *ret_space = (struct clog_space){space.block_size, space.blocks,
                                     space.blocks_free, space.blocks_available};
    return 0;
}

uint64_t log_next(struct clog *log)
{
    uint64_t next;

    (void)pthread_rwlock_rdlock(&log->lock);
    next = log->next;
    (void)pthread_rwlock_unlock(&log->lock);
    return next;
}

/* The caller holds lock. */
static uint64_t oldest(const struct clog *log)
{
    return log->count > 0 ? log->parts[0]->base : log->next;
}

uint64_t log_oldest(struct clog *log)
{
    uint64_t offset;

    (void)pthread_rwlock_rdlock(&log->lock);
    offset = oldest(log);
    (void)pthread_rwlock_unlock(&log->lock);
    return offset;
}

/* The caller holds lock. A record has a prefix, an index entry and a stamp. */
static uint64_t stored_bytes(const struct clog *log)
{
    uint64_t start = log->count > 0 ? log->parts[0]->stream_start : 0;

    return log->stream_end - start +
           (RECORD_PREFIX + 2 * (uint64_t)SLOT_SIZE) * log->records;
}

void log_totals(struct clog *log, uint64_t *ret_bytes, uint64_t *ret_records)
{
    (void)pthread_rwlock_rdlock(&log->lock);
    *ret_bytes = stored_bytes(log);
    *ret_records = log->records;
    (void)pthread_rwlock_unlock(&log->lock);
}

static void status_of_parts(struct clog *log, struct clog_status *ret)
{
    (void)pthread_rwlock_rdlock(&log->lock);
    ret->oldest = oldest(log);
    ret->next = log->next;
    ret->active = log->count ? parts_active(log)->base : log->next;
    ret->segments = log->count;
    ret->records = log->records;
    ret->stored_bytes = stored_bytes(log);
    ret->stream_start = log->count ? log->parts[0]->stream_start : 0;
    ret->stream_end = log->stream_end;
    ret->last_time_ns = log->last_ns;
    ret->appends = log->appends;
    ret->appended = log->appended;
    ret->appended_bytes = log->appended_bytes;
    ret->drops = log->drops;
    (void)pthread_rwlock_unlock(&log->lock);
    (void)pthread_mutex_lock(&log->cache_lock);
    ret->pinned_segments = log->pinned_segments;
    ret->pinned_bytes = log->pinned_bytes;
    (void)pthread_mutex_unlock(&log->cache_lock);
    (void)pthread_mutex_lock(&log->cursor_lock);
    ret->cursors = log->cursor_count;
    (void)pthread_mutex_unlock(&log->cursor_lock);
}

void clog_status(struct clog *log, struct clog_status *ret_status)
{
    struct clog_status status = {0};
    struct clog_record record;

    status_of_parts(log, &status);
    status.durable = atomic_load(&log->durable);
    if (status.durable > status.next)
        status.durable = status.next;
    status.payload_bytes = status.stream_end - status.stream_start;
    status.append_errors = atomic_load(&log->append_errors);
    status.syncs = atomic_load(&log->syncs);
    status.rolls = atomic_load(&log->rolls);
    status.read_errors = atomic_load(&log->read_errors);
    status.indexes_rebuilt = log->report.indexes + atomic_load(&log->indexes);
    status.prefixes_mended = atomic_load(&log->prefixes);
    status.sync_error = -atomic_load(&log->sync_error);
    status.writable = atomic_load(&log->writable);
    if (status.records > 0 &&
        clog_stat(log, clog_seek(log, status.oldest), &record) == 0)
        status.oldest_time_ns = record.time_ns;
    *ret_status = status;
}

/* When the store was changed last, or made. */
static uint64_t file_time(struct clog *log, const struct segment *files)
{
    struct io_stat st;

    if (log->io->ops->stat(log->io, files->store.fd, &st) < 0 || st.time_ns < 0)
        return 0;
    return (uint64_t)st.time_ns;
}

/* The time and checksum of a record, from its stamp or else its file. */
static void fill_stamp(struct clog *log, struct part *part, uint64_t i,
                       struct clog_record *record)
{
    struct segment *files = NULL;
    struct stamp stamp;

    if (parts_pin(log, part, false, &files) < 0)
        return;
    record->verifiable = stamps_get(&files->stamps, i, &stamp) == 0;
    if (record->verifiable) {
        record->time_ns = stamp.time_ns;
        record->crc32c = stamp.crc;
    } else {
        record->time_ns = file_time(log, files);
    }
    parts_unpin(log, part);
}

int clog_stat(struct clog *log, uint64_t offset, struct clog_record *ret)
{
    struct clog_record record = {.offset = offset};
    struct extent extent;
    struct part *part = NULL;
    struct place place;
    int r = parts_find(log, offset, &part, &extent);

    if (r == 0)
        r = mend_place(log, part, &extent, offset - part->base, false, &place);
    if (r == 0) {
        record.length = place.length;
        record.position = place.position;
        record.segment = part->base;
        fill_stamp(log, part, offset - part->base, &record);
        *ret = record;
    }
    parts_put(log, part);
    return r;
}

/* A record's time alone; 0 if it is not there any more. */
static void time_of(struct clog *log, uint64_t offset,
                    struct clog_record *record)
{
    struct extent extent;
    struct part *part = NULL;

    if (parts_find(log, offset, &part, &extent) == 0)
        fill_stamp(log, part, offset - part->base, record);
    parts_put(log, part);
}

int clog_find(struct clog *log, uint64_t time_ns, uint64_t *ret_offset)
{
    uint64_t low = log_oldest(log);
    uint64_t high = log_next(log);
    uint64_t next = high;

    /* Times never decrease; so the first one that is not before time_ns is
       found as in any sorted list. What is dropped meanwhile is before it. */
    while (low < high) {
        uint64_t middle = clog_seek(log, low + (high - low) / 2);
        struct clog_record record = {.offset = middle};

        if (middle >= high) {
            high = low + (high - low) / 2;
            continue;
        }
        time_of(log, middle, &record);
        if (record.time_ns < time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    low = clog_seek(log, low);
    if (low >= next)
        return -ENOENT;
    *ret_offset = low;
    return 0;
}

uint64_t clog_seek(struct clog *log, uint64_t offset)
{
    struct part *part = NULL;
    struct extent extent;
    int r = parts_find(log, offset, &part, &extent);

    if (r == -EIO || r == -ENOENT) {
        /* In a gap, or below oldest: the next segment that has a record. */
        while ((r = parts_find_after(log, offset, &part, &extent)) == 0 &&
               extent.count == 0) {
            offset = part->base + 1;
            parts_put(log, part);
        }
        offset = r == 0 ? part->base : log_next(log);
    }
    if (r == 0)
        parts_put(log, part);
    return offset;
}

/* The time of a segment's last record, or of the segment's making. */
static uint64_t last_time(struct clog *log, struct part *part,
                          const struct extent *extent)
{
    struct clog_record record = {0};
    struct segment *files = NULL;

    if (extent->count > 0) {
        fill_stamp(log, part, extent->count - 1, &record);
    } else if (parts_pin(log, part, false, &files) == 0) {
        record.time_ns = file_time(log, files);
        parts_unpin(log, part);
    }
    return record.time_ns;
}

static void fill_segment(struct clog *log, const struct part *part,
                         struct clog_segment *segment)
{
    const struct extent *extent = &part->extent;

    (void)pthread_rwlock_rdlock(&log->lock);
    segment->base = part->base;
    segment->next = part->base + extent->count;
    segment->sizes[CLOG_STORE] = extent->end;
    segment->sizes[CLOG_INDEX] = extent->count * SLOT_SIZE;
    segment->sizes[CLOG_STAMPS] = extent->count * SLOT_SIZE;
    segment->time_ns = part->last_ns;
    segment->stream_start = part->stream_start;
    segment->sealed = part->sealed;
    (void)pthread_rwlock_unlock(&log->lock);
}

int clog_segment(struct clog *log, uint64_t base, struct clog_segment *ret)
{
    struct clog_segment segment = {0};
    struct part *part = NULL;
    struct extent extent;
    int r = parts_find_after(log, base, &part, &extent);

    if (r < 0)
        return r;
    fill_segment(log, part, &segment);
    if (segment.time_ns == 0) {
        segment.time_ns = last_time(log, part, &extent);
        (void)pthread_rwlock_wrlock(&log->lock);
        if (part->last_ns == 0 && part->sealed)
            part->last_ns = segment.time_ns;
        (void)pthread_rwlock_unlock(&log->lock);
    }
    parts_put(log, part);
    *ret = segment;
    return 0;
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
    return 0;
}

static int take_options(struct clog *log, const struct clog_options *options)
{
    int r = check_options(options);

    if (r < 0)
        return r;
    log->options = *options;
    log->options.progress = NULL;
    if (log->options.max_record == 0)
        log->options.max_record = MAX_RECORD;
    if (log->options.max_store == 0)
        log->options.max_store = MAX_STORE;
    if (log->options.max_index == 0)
        log->options.max_index = MAX_INDEX;
    retain_set_limits(&log->options);
    return 0;
}

/* Three descriptors an open segment at the most, and half of them for others.
 */
static size_t cache_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
        limit.rlim_cur / 6 >= CACHE_LIMIT)
        return CACHE_LIMIT;
    return limit.rlim_cur / 6 > 2 ? (size_t)limit.rlim_cur / 6 : 2;
}

static pthread_mutex_t *const *mutexes(struct clog *log,
                                       pthread_mutex_t *list[8])
{
    list[0] = &log->append_lock;
    list[1] = &log->retain_lock;
    list[2] = &log->mend_lock;
    list[3] = &log->cursor_write_lock;
    list[4] = &log->cursor_lock;
    list[5] = &log->sync_lock;
    list[6] = &log->wait_lock;
    list[7] = &log->cache_lock;
    return list;
}

static int init_locks(struct clog *log)
{
    pthread_mutex_t *list[8];
    pthread_rwlockattr_t attr;
    int r;

    for (int k = 0; k < 8; k++)
        (void)pthread_mutex_init(mutexes(log, list)[k], NULL);
    (void)pthread_cond_init(&log->synced, NULL);
    (void)pthread_cond_init(&log->appended_more, NULL);
    /* Readers are many and short; appends must not wait for all of them. */
    (void)pthread_rwlockattr_init(&attr);
    (void)pthread_rwlockattr_setkind_np(
        &attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    r = pthread_rwlock_init(&log->lock, &attr);
    (void)pthread_rwlockattr_destroy(&attr);
    return -r;
}

static void free_log(struct clog *log)
{
    pthread_mutex_t *list[8];

    parts_done(log);
    cursor_done(log);
    scratch_done(&log->scratch);
    clog_report_done(&log->report);
    io_close(log->io, log->durable_fd);
    io_close(log->io, log->segments);
    io_close(log->io, log->root);
    (void)pthread_rwlock_destroy(&log->lock);
    (void)pthread_cond_destroy(&log->appended_more);
    (void)pthread_cond_destroy(&log->synced);
    for (int k = 0; k < 8; k++)
        (void)pthread_mutex_destroy(mutexes(log, list)[k]);
    free(log);
}

/* Opens and locks the directory; *ret_made tells whether it was made here. */
static int open_root(struct clog *log, const char *path, unsigned flags)
{
    int r = io_open_root(log->io, path);

    if (r == -ENOENT && (flags & CLOG_CREATE) && !(flags & CLOG_READ_ONLY)) {
        r = log->io->ops->mkdir(log->io, AT_FDCWD, path, 0700);
        if (r == 0 || r == -EEXIST)
            r = io_open_root(log->io, path);
    }
    if (r < 0)
        return r;
    log->root = r;
    r = log->io->ops->lock(log->io, log->root, !(flags & CLOG_READ_ONLY));
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
    r = parts_add(log, part);
    if (r < 0)
        parts_put(log, part);
    return r;
}

/* The last record's time, below which no later one's may lie; only from a
   stamp that is whole, or a wrong one could hold time up for ever. */
static int learn_time(struct clog *log)
{
    for (size_t k = log->count; k > 0; k--) {
        struct part *part = log->parts[k - 1];
        struct clog_record record = {0};
        struct buffer buffer = {0};
        struct place place;
        uint64_t i = part->extent.count - 1;
        int r;

        if (part->extent.count == 0)
            continue;
        r = mend_place(log, part, &part->extent, i, false, &place);
        if (r == 0)
            r = mend_check(log, part, &part->extent, i, &buffer, false, &place);
        buffer_done(&buffer);
        if (r == -ENOMEM)
            return r;
        fill_stamp(log, part, i, &record);
        if (r == 0)
            log->last_ns = record.time_ns;
        return 0;
    }
    return 0;
}

/* The last segment found takes the appends. */
static int reuse_active(struct clog *log)
{
    struct part *part = parts_active(log);
    struct segment *files = calloc(1, sizeof(*files));
    uint64_t capacity = part->extent.count * SLOT_SIZE;
    int r;

    if (!files)
        return -ENOMEM;
    if (capacity < log->options.max_index)
        capacity = log->options.max_index;
    r = segment_set_writable(log->io, log->segments, part->base, true);
    if (r == 0)
        r = segment_open_active(files, log->io, log->segments, part->base,
                                capacity);
    if (r == 0)
        r = segment_cut(files, &part->extent);
    if (r < 0) {
        segment_done(files);
        free(files);
        return r;
    }
    parts_reopen(log, part);
    parts_set_files(log, part, files);
    part->sealed = false;
    if (part->extent.count > 0) {
        struct clog_record record = {0};

        fill_stamp(log, part, 0, &record);
        part->first_ns = record.time_ns;
    }
    return 0;
}

static int start_writing(struct clog *log, const struct recovery *recovery)
{
    bool fresh = log->count == 0 || recovery->seal;
    int r;

    r = io_open(log->io, log->root, MARK_DURABLE, O_RDWR | O_CREAT, 0600);
    if (r < 0)
        return r;
    log->durable_fd = r;
    if (fresh) {
        r = write_add_active(log);
        if (r == 0 && log->count > 1)
            (void)segment_set_writable(log->io, log->segments,
                                       log->parts[log->count - 2]->base, false);
    } else {
        r = reuse_active(log);
    }
    if (r < 0)
        return r;
    write_set_durable(log, log->next);
    atomic_store(&log->writable, true);
    return 0;
}

static int take_over(struct clog *log, struct recovery *recovery)
{
    int r = 0;

    log->segments = recovery->segments;
    recovery->segments = -1;
    for (size_t k = 0; r == 0 && k < recovery->count; k++)
        r = add_found(log, &recovery->found[k]);
    log->next = recovery->next;
    atomic_store(&log->durable, recovery->durable);
    if (r == 0)
        r = cursor_load_all(log, &log->report);
    if (r == 0 && !recovery->read_only)
        r = start_writing(log, recovery);
    /* Last: it may meet an index to be mended, and that wants to be written. */
    if (r == 0)
        r = learn_time(log);
    return r;
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
    recover_done(&recovery);
    return r;
}

int log_open(struct io *io, const char *path,
             const struct clog_options *options, struct clog_report *report,
             struct clog **ret_log)
{
    static const struct clog_options defaults;
    struct clog *log = calloc(1, sizeof(*log));
    int r;

    if (report)
        *report = (struct clog_report){0};
    if (!log)
        return -ENOMEM;
    log->io = io;
    log->root = log->segments = log->cursors = log->durable_fd = -1;
    log->cache_limit = cache_limit();
    TAILQ_INIT(&log->cache);
    r = init_locks(log);
    if (r == 0)
        r = build(log, path, options ? options : &defaults);
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

/* The marker says that nothing after it needs to be looked at; so it is
   written only when all that it vouches for is on disk. */
static int mark_clean(struct clog *log)
{
    const struct part *part = parts_active(log);
    struct clean clean = {
        .next = log->next,
        .base = part->base,
        .sizes = {part->extent.end, part->extent.count * SLOT_SIZE,
                  part->extent.count * SLOT_SIZE},
    };
    int r = segment_sync_all(part->files);

    if (r < 0)
        return r;
    (void)durable_write(log->io, log->durable_fd, log->next);
    r = clean_store(log->io, log->root, &clean);
    /* All is durable: without room for the marker, the next open reads more. */
    return r == -ENOSPC || r == -EDQUOT ? 0 : r;
}

int clog_close(struct clog *log)
{
    int r = 0;

    if (!log)
        return 0;
    if (atomic_load(&log->sync_error) != 0)
        r = atomic_load(&log->sync_error);
    else if (atomic_load(&log->writable))
        r = mark_clean(log);
    free_log(log);
    return r;
}

void log_abandon(struct clog *log)
{
    free_log(log);
}
