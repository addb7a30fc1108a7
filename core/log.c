/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "bytes.h"
#include "marks.h"
#include "recover.h"
#include "report.h"
#include "stamps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define CACHE_LIMIT  64 /* segments whose files are kept open */
#define MAX_RECORD   1044480u
#define MAX_STORE    ((uint64_t)256 << 20)
#define MAX_INDEX    ((uint64_t)64 << 20)
#define STORE_LIMIT  ((uint64_t)1 << 62)
#define INDEX_LIMIT  ((uint64_t)1 << 40)
#define CHECK_BUFFER ((size_t)64 << 10)

const char *clog_version(void)
{
    return CLOG_VERSION;
}

/* --- The files of segments ------------------------------------------------ */

static void close_files(struct segment *files)
{
    if (files)
        segment_done(files);
    free(files);
}

/* Takes the part's files out of the cache; they are the caller's. */
static struct segment *detach(struct clog *log, struct part *part)
{
    struct segment *files = part->files;

    if (files) {
        TAILQ_REMOVE(&log->cache, part, link);
        log->cached--;
    }
    part->files = NULL;
    part->reopen = false;
    return files;
}

static void attach(struct clog *log, struct part *part, struct segment *files)
{
    part->files = files;
    TAILQ_INSERT_HEAD(&log->cache, part, link);
    log->cached++;
}

/* The least recently used files that nobody uses, if there are too many. */
static struct segment *evict(struct clog *log)
{
    struct part *part;

    if (log->cached <= log->cache_limit)
        return NULL;
    TAILQ_FOREACH_REVERSE(part, &log->cache, part_list, link)
    if (part->pins == 0)
        return detach(log, part);
    return NULL;
}

/* Gives the files a copy of the entries that stand for a wrong index. */
static int use_memory_index(const struct part *part, uint64_t count,
                            struct segment *files)
{
    size_t size = (size_t)count * SLOT_SIZE;
    uint8_t *copy;

    if (!part->index || size == 0)
        return 0;
    copy = malloc(size);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, part->index, size);
    slots_use(&files->index, copy, size);
    return 0;
}

/* A part that is not in the cache is sealed, or of a read-only log: its extent
   is constant. */
static int open_files(struct clog *log, struct part *part,
                      struct segment **ret_files)
{
    uint64_t count = part->extent.count;
    struct segment *files = calloc(1, sizeof(*files));
    int r;

    if (!files)
        return -ENOMEM;
    r = segment_open(files, log->io, log->segments, part->base, count);
    if (r == 0) {
        (void)pthread_mutex_lock(&log->cache_lock);
        r = use_memory_index(part, count, files);
        (void)pthread_mutex_unlock(&log->cache_lock);
    }
    if (r < 0) {
        close_files(files);
        return r == -ENOENT ? -EIO : r;
    }
    *ret_files = files;
    return 0;
}

/* Pins what is there already. */
static struct segment *pin_open(struct clog *log, struct part *part)
{
    if (!part->files)
        return NULL;
    part->pins++;
    TAILQ_REMOVE(&log->cache, part, link);
    TAILQ_INSERT_HEAD(&log->cache, part, link);
    return part->files;
}

int log_pin(struct clog *log, struct part *part, bool nowait,
            struct segment **ret_files)
{
    struct segment *new = NULL;
    struct segment *evicted = NULL;
    struct segment *files;
    int r;

    (void)pthread_mutex_lock(&log->cache_lock);
    files = pin_open(log, part);
    (void)pthread_mutex_unlock(&log->cache_lock);
    if (!files && nowait)
        return -EAGAIN;
    if (!files) {
        r = open_files(log, part, &new);
        if (r < 0)
            return r;
        (void)pthread_mutex_lock(&log->cache_lock);
        if (!part->files) {
            attach(log, part, new);
            new = NULL;
        }
        files = pin_open(log, part);
        evicted = evict(log);
        (void)pthread_mutex_unlock(&log->cache_lock);
        close_files(new);
        close_files(evicted);
    }
    *ret_files = files;
    return 0;
}

void log_unpin(struct clog *log, struct part *part)
{
    struct segment *closed = NULL;

    (void)pthread_mutex_lock(&log->cache_lock);
    if (--part->pins == 0 && part->reopen)
        closed = detach(log, part);
    (void)pthread_mutex_unlock(&log->cache_lock);
    close_files(closed);
}

/* Lets the part's files be opened anew, once nobody uses them. */
static void reopen_files(struct clog *log, struct part *part)
{
    struct segment *closed = NULL;

    (void)pthread_mutex_lock(&log->cache_lock);
    part->reopen = part->files != NULL;
    if (part->pins == 0)
        closed = detach(log, part);
    (void)pthread_mutex_unlock(&log->cache_lock);
    close_files(closed);
}

/* --- Finding ---------------------------------------------------------------
 */

/* The last part whose base (or stream start) is at or below key; the caller
   holds lock. */
static struct part *search(const struct clog *log, uint64_t key, bool by_stream)
{
    size_t low = 0;
    size_t high = log->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct part *part = log->parts[middle];

        if ((by_stream ? part->stream_start : part->base) <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? log->parts[low - 1] : NULL;
}

static uint64_t oldest(const struct clog *log)
{
    return log->count > 0 ? log->parts[0]->base : log->next;
}

int log_find(struct clog *log, uint64_t offset, struct part **ret_part,
             struct extent *ret_extent)
{
    struct part *part;
    int r = 0;

    (void)pthread_rwlock_rdlock(&log->lock);
    part = search(log, offset, false);
    if (!part || offset >= log->next)
        r = -ENOENT;
    else if (offset - part->base >= part->extent.count)
        r = -EIO;
    if (r == 0) {
        *ret_part = part;
        *ret_extent = part->extent;
    }
    (void)pthread_rwlock_unlock(&log->lock);
    return r;
}

int log_find_byte(struct clog *log, uint64_t position, struct part **ret_part,
                  struct extent *ret_extent)
{
    struct part *part;
    int r = 0;

    (void)pthread_rwlock_rdlock(&log->lock);
    /* Empty parts start where the next one does; the last of them is found,
       and it is the one with bytes unless position is the end. */
    part = search(log, position, true);
    if (position >= log->stream_end)
        r = -ENOENT;
    else if (!part)
        r = -ESTALE;
    if (r == 0) {
        *ret_part = part;
        *ret_extent = part->extent;
    }
    (void)pthread_rwlock_unlock(&log->lock);
    return r;
}

int log_find_base(struct clog *log, uint64_t base, struct part **ret_part)
{
    struct part *part;

    (void)pthread_rwlock_rdlock(&log->lock);
    part = search(log, base, false);
    (void)pthread_rwlock_unlock(&log->lock);
    if (!part || part->base != base)
        return -ENOENT;
    *ret_part = part;
    return 0;
}

struct extent log_extent(struct clog *log, const struct part *part)
{
    struct extent extent;

    (void)pthread_rwlock_rdlock(&log->lock);
    extent = part->extent;
    (void)pthread_rwlock_unlock(&log->lock);
    return extent;
}

/* --- Mending an index ------------------------------------------------------
 */

static int scan_part(struct part *part, const struct extent *extent,
                     const struct segment *files, struct scan *ret_scan)
{
    struct scan_input input = {
        .segment = files,
        .store_size = extent->end,
        .index_count = extent->count,
        .stamps_count = extent->count,
        .limit = extent->count,
    };
    int r = scan_segment(&input, ret_scan);

    if (r < 0)
        return r;
    if (ret_scan->extent.count == extent->count &&
        ret_scan->extent.end == extent->end)
        return 0;
    scan_done(ret_scan);
    (void)part;
    return -EIO;
}

/* Entries of the active segment are written in place, below where appends
   write; a sealed one's files are opened anew, with a map of what is there. */
static int replace_index(struct clog *log, struct part *part,
                         struct segment *files, struct scan *scan)
{
    bool sealed;
    int r = -EROFS;

    (void)pthread_rwlock_rdlock(&log->lock);
    sealed = part->sealed;
    (void)pthread_rwlock_unlock(&log->lock);
    if (!sealed && files->index.fd >= 0)
        return slots_write(&files->index, scan->index,
                           (size_t)scan->extent.count * SLOT_SIZE, 0);
    if (atomic_load(&log->writable))
        r = index_rewrite(log->io, log->segments, part->base, scan, true);
    if (r < 0) {
        (void)pthread_mutex_lock(&log->cache_lock);
        free(part->index);
        part->index = scan->index;
        scan->index = NULL;
        (void)pthread_mutex_unlock(&log->cache_lock);
    }
    reopen_files(log, part);
    return 0;
}

static int mend_locked(struct clog *log, struct part *part,
                       const struct extent *extent)
{
    struct segment *files = NULL;
    struct scan scan;
    int r = log_pin(log, part, false, &files);

    if (r < 0)
        return r;
    r = scan_part(part, extent, files, &scan);
    if (r < 0)
        goto out;
    part->mended = extent->count;
    if (index_fits(&files->index, extent->count * SLOT_SIZE, &scan)) {
        r = -EIO;
    } else {
        r = replace_index(log, part, files, &scan);
        atomic_fetch_add(&log->indexes, 1);
    }
    scan_done(&scan);
out:
    log_unpin(log, part);
    return r;
}

int log_mend(struct clog *log, struct part *part, const struct extent *extent,
             uint64_t i, bool index_failed)
{
    int r = -EIO;

    (void)pthread_mutex_lock(&log->mend_lock);
    if (index_failed || i >= part->mended)
        r = mend_locked(log, part, extent);
    (void)pthread_mutex_unlock(&log->mend_lock);
    return r;
}

/* --- Looking records up ----------------------------------------------------
 */

static int place_once(struct clog *log, struct part *part,
                      const struct extent *extent, uint64_t i, bool nowait,
                      struct place *ret_place, uint64_t *ret_prefix)
{
    struct segment *files = NULL;
    uint8_t prefix[RECORD_PREFIX];
    ssize_t n = 0;
    int r = log_pin(log, part, nowait, &files);

    if (r < 0)
        return r;
    r = segment_place(files, extent, i, ret_place);
    if (r == 0)
        n = store_read(&files->store, prefix, sizeof(prefix),
                       ret_place->position, nowait);
    log_unpin(log, part);
    if (r < 0)
        return -EUCLEAN;
    if (n < 0)
        return (int)n;
    if (n < (ssize_t)sizeof(prefix))
        return nowait ? -EAGAIN : -EIO;
    *ret_prefix = get_be64(prefix);
    return 0;
}

static int check_once(struct clog *log, struct part *part, uint64_t i,
                      const struct place *place, struct buffer *buffer,
                      bool nowait, enum verdict *ret_verdict)
{
    struct segment *files = NULL;
    int r = buffer_reserve(buffer, CHECK_BUFFER);

    if (r == 0)
        r = log_pin(log, part, nowait, &files);
    if (r < 0)
        return r;
    r = segment_check(files, i, place, buffer->data, buffer->size, nowait,
                      ret_verdict);
    log_unpin(log, part);
    return r;
}

/* The place again, after the index has been mended. */
static int place_mended(struct clog *log, struct part *part,
                        const struct extent *extent, uint64_t i, bool nowait,
                        bool index_failed, struct place *ret_place)
{
    uint64_t prefix;
    int r;

    if (nowait)
        return -EAGAIN;
    r = log_mend(log, part, extent, i, index_failed);
    if (r == 0)
        r = place_once(log, part, extent, i, false, ret_place, &prefix);
    return r == -EUCLEAN ? -EIO : r;
}

int log_place(struct clog *log, struct part *part, const struct extent *extent,
              uint64_t i, bool nowait, struct place *ret_place)
{
    struct buffer buffer = {0};
    enum verdict verdict = VERDICT_BAD;
    struct place place;
    uint64_t prefix = 0;
    int r = place_once(log, part, extent, i, nowait, &place, &prefix);

    if (r == -EUCLEAN) {
        r = place_mended(log, part, extent, i, nowait, true, &place);
    } else if (r == 0 && prefix != place.length) {
        /* Index or prefix is wrong: the checksum knows which. */
        r = check_once(log, part, i, &place, &buffer, nowait, &verdict);
        if (r == 0 && verdict == VERDICT_BAD)
            r = place_mended(log, part, extent, i, nowait, false, &place);
        /* Nothing better is known: a damaged record has a size all the same. */
        if (r == -EIO)
            r = 0;
        buffer_done(&buffer);
    }
    if (r == 0)
        *ret_place = place;
    return r;
}

int log_check(struct clog *log, struct part *part, const struct extent *extent,
              uint64_t i, struct buffer *buffer, bool nowait,
              struct place *place)
{
    enum verdict verdict = VERDICT_BAD;
    int r = check_once(log, part, i, place, buffer, nowait, &verdict);

    if (r == 0 && verdict == VERDICT_BAD) {
        r = place_mended(log, part, extent, i, nowait, false, place);
        if (r == 0)
            r = check_once(log, part, i, place, buffer, nowait, &verdict);
        if (r == 0 && verdict == VERDICT_BAD)
            r = -EIO;
    }
    if (r == -EIO)
        atomic_fetch_add(&log->read_errors, 1);
    if (r == 0 && verdict == VERDICT_PREFIX)
        atomic_fetch_add(&log->prefixes, 1);
    return r;
}

/* --- Appending ---------------------------------------------------------------
 */

/* After this only reads are served: what is on disk is in doubt. */
static void turn_read_only(struct clog *log, int error)
{
    int none = 0;

    (void)atomic_compare_exchange_strong(&log->sync_error, &none, error);
    atomic_store(&log->writable, false);
}

/* All records below next are durable. */
static void set_durable(struct clog *log, uint64_t next)
{
    (void)pthread_mutex_lock(&log->sync_lock);
    if (next > atomic_load(&log->durable))
        atomic_store(&log->durable, next);
    (void)pthread_mutex_unlock(&log->sync_lock);
    /* A lower bound for the next open: nothing depends on its being there. */
    (void)durable_write(log->io, log->durable_fd, next);
}

static struct part *active(const struct clog *log)
{
    return log->parts[log->count - 1];
}

static int make_room(struct clog *log)
{
    size_t capacity = log->capacity ? 2 * log->capacity : 16;
    struct part **parts;

    if (log->count < log->capacity)
        return 0;
    parts = reallocarray(log->parts, capacity, sizeof(struct part *));
    if (!parts)
        return -ENOMEM;
    log->parts = parts;
    log->capacity = capacity;
    return 0;
}

/* Adds a part behind the others; the caller holds lock or is alone. */
static int add_part(struct clog *log, struct part *part)
{
    int r = make_room(log);

    if (r < 0)
        return r;
    part->stream_start = log->stream_end;
    log->parts[log->count++] = part;
    log->records += part->extent.count;
    log->stream_end += part->extent.end - RECORD_PREFIX * part->extent.count;
    return 0;
}

/* Makes the segment that begins at the log's next offset, and its part. */
static int add_active(struct clog *log)
{
    struct part *part = calloc(1, sizeof(*part));
    struct segment *files = calloc(1, sizeof(*files));
    int r = -ENOMEM;

    if (part && files) {
        part->base = log->next;
        r = segment_open_active(files, log->io, log->segments, part->base,
                                log->max_index);
    }
    if (r < 0) {
        close_files(files);
        free(part);
        return r;
    }
    /* Before anybody can find it; pinned for as long as it is active. */
    (void)pthread_mutex_lock(&log->cache_lock);
    part->pins = 1;
    attach(log, part, files);
    (void)pthread_mutex_unlock(&log->cache_lock);
    (void)pthread_rwlock_wrlock(&log->lock);
    r = add_part(log, part);
    (void)pthread_rwlock_unlock(&log->lock);
    if (r < 0) {
        (void)pthread_mutex_lock(&log->cache_lock);
        files = detach(log, part);
        (void)pthread_mutex_unlock(&log->cache_lock);
        close_files(files);
        free(part);
    }
    return r;
}

static void seal(struct clog *log, struct part *part)
{
    (void)pthread_rwlock_wrlock(&log->lock);
    part->sealed = true;
    (void)pthread_rwlock_unlock(&log->lock);
    (void)pthread_mutex_lock(&log->cache_lock);
    part->reopen = true;
    (void)pthread_mutex_unlock(&log->cache_lock);
    log_unpin(log, part);
    /* If this fails the next open does it. */
    (void)segment_set_writable(log->io, log->segments, part->base, false);
}

/*
 * Seals the active segment and starts the next. Once begun it must end before
 * anything is appended: a directory with the next offset may be there, and
 * says that the segment before it ends below. A crash leaves a full segment
 * that is durable, and its successor in any state up to empty and durable.
 */
static int roll(struct clog *log)
{
    struct part *old = active(log);
    int r;

    log->rolling = true;
    r = segment_sync_all(old->files);
    if (r < 0) {
        turn_read_only(log, r);
        return r;
    }
    set_durable(log, log->next);
    r = add_active(log);
    if (r < 0)
        return r;
    log->rolling = false;
    seal(log, old);
    atomic_fetch_add(&log->rolls, 1);
    return 0;
}

/* Whether a batch of so many records and frame bytes is for the next segment:
   an empty one takes any. */
static bool must_roll(const struct clog *log, uint64_t count, uint64_t bytes)
{
    const struct part *part = active(log);

    if (log->rolling)
        return true;
    if (part->extent.count == 0)
        return false;
    return part->extent.end + bytes > log->max_store ||
           (part->extent.count + count) * SLOT_SIZE > log->max_index;
}

static void publish(struct clog *log, const struct extent *extent,
                    const struct batch *batch)
{
    struct part *part = active(log);
    uint64_t payload =
        extent->end - part->extent.end - (uint64_t)RECORD_PREFIX * batch->count;

    (void)pthread_rwlock_wrlock(&log->lock);
    part->extent = *extent;
    part->time_ns = batch->time_ns;
    log->time_ns = batch->time_ns;
    log->next += batch->count;
    log->records += batch->count;
    log->stream_end += payload;
    log->appends++;
    log->appended += batch->count;
    log->appended_bytes += payload;
    (void)pthread_rwlock_unlock(&log->lock);
}

/* The caller holds append_lock, under which alone next and the active part
   change; so they are read here without lock. */
static int append_locked(struct clog *log, struct batch *batch, uint64_t bytes,
                         bool nowait, uint64_t *ret_offset)
{
    struct extent extent;
    uint64_t first = log->next;
    int64_t now;
    bool broken = false;
    int r = 0;

    if (!atomic_load(&log->writable))
        return -EROFS;
    if (batch->count > UINT64_MAX - first)
        return -EFBIG;
    if (must_roll(log, batch->count, bytes)) {
        if (nowait)
            return -EAGAIN;
        r = roll(log);
    }
    if (r < 0)
        return r;
    now = log->io->ops->now(log->io);
    batch->time_ns = now > 0 ? (uint64_t)now : 0;
    if (batch->time_ns < log->time_ns)
        batch->time_ns = log->time_ns;
    batch->durable = atomic_load(&log->durable);
    r = segment_append(active(log)->files, &active(log)->extent, batch,
                       &log->scratch, &extent, &broken);
    if (broken)
        turn_read_only(log, r);
    if (r < 0)
        return r;
    publish(log, &extent, batch);
    *ret_offset = first;
    return 0;
}

/* The bytes of the batch's frames. EINVAL, EMSGSIZE: a record's length. */
static int measure(const struct clog *log, const struct iovec *records,
                   size_t count, uint64_t *ret_bytes)
{
    uint64_t bytes = 0;

    if (count == 0 || count > SIZE_MAX / SLOT_SIZE / 2)
        return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (records[i].iov_len == 0)
            return -EINVAL;
        if (records[i].iov_len > log->max_record)
            return -EMSGSIZE;
        bytes += RECORD_PREFIX + records[i].iov_len;
    }
    *ret_bytes = bytes;
    return 0;
}

int clog_append_batch(struct clog *log, const struct iovec *records,
                      size_t count, unsigned flags, uint64_t *ret_offset)
{
    struct batch batch = {.records = records, .count = count};
    bool nowait = (flags & CLOG_NOWAIT) != 0;
    uint64_t bytes = 0;
    uint64_t offset = 0;
    int r = measure(log, records, count, &bytes);

    if (r < 0)
        goto out;
    if (!nowait)
        (void)pthread_mutex_lock(&log->append_lock);
    else if (pthread_mutex_trylock(&log->append_lock) != 0)
        return -EAGAIN;
    r = append_locked(log, &batch, bytes, nowait, &offset);
    scratch_trim(&log->scratch);
    (void)pthread_mutex_unlock(&log->append_lock);
out:
    if (r < 0 && r != -EAGAIN)
        atomic_fetch_add(&log->append_errors, 1);
    if (r == 0 && ret_offset)
        *ret_offset = offset;
    return r;
}

int clog_append(struct clog *log, const void *data, size_t size, unsigned flags,
                uint64_t *ret_offset)
{
    struct iovec record = {(void *)(uintptr_t)data, size};

    return clog_append_batch(log, &record, 1, flags, ret_offset);
}

/* --- Syncing ---------------------------------------------------------------
 */

/* Syncs what is there now. A roll that comes between does the same for the
   segment that it seals, and the one synced here stays open until then. */
static int sync_once(struct clog *log)
{
    struct segment *files = NULL;
    struct part *part;
    uint64_t next;
    int r;

    (void)pthread_rwlock_rdlock(&log->lock);
    part = active(log);
    next = log->next;
    (void)pthread_rwlock_unlock(&log->lock);
    r = log_pin(log, part, false, &files);
    if (r == 0) {
        /* Without descriptors to write with it has been sealed meanwhile, and
           that has synced it. */
        if (files->stamps.fd >= 0)
            r = segment_sync(files);
        log_unpin(log, part);
    }
    if (r < 0) {
        turn_read_only(log, r);
        return r;
    }
    atomic_fetch_add(&log->syncs, 1);
    set_durable(log, next);
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
    int r;

    (void)pthread_rwlock_rdlock(&log->lock);
    if (upto > log->next)
        upto = log->next;
    (void)pthread_rwlock_unlock(&log->lock);
    (void)pthread_mutex_lock(&log->sync_lock);
    r = sync_locked(log, upto);
    (void)pthread_mutex_unlock(&log->sync_lock);
    return r;
}

/* --- Looking at it ---------------------------------------------------------
 */

uint32_t clog_max_record(const struct clog *log)
{
    return log->max_record;
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

static void status_of_parts(struct clog *log, struct clog_status *ret)
{
    (void)pthread_rwlock_rdlock(&log->lock);
    ret->oldest = oldest(log);
    ret->next = log->next;
    ret->active = log->count ? active(log)->base : log->next;
    ret->segments = log->count;
    ret->records = log->records;
    ret->stream_start = log->count ? log->parts[0]->stream_start : 0;
    ret->stream_end = log->stream_end;
    ret->last_time_ns = log->time_ns;
    ret->appends = log->appends;
    ret->appended = log->appended;
    ret->appended_bytes = log->appended_bytes;
    (void)pthread_rwlock_unlock(&log->lock);
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
    /* A record's prefix, index entry and stamp. */
    status.stored_bytes =
        status.payload_bytes + (RECORD_PREFIX + 2 * SLOT_SIZE) * status.records;
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

/* The time and checksum of a record, from its stamp or else its file. */
static void fill_stamp(struct clog *log, struct part *part, uint64_t i,
                       struct clog_record *record)
{
    struct segment *files = NULL;
    struct stamp stamp;
    struct io_stat st;

    if (log_pin(log, part, false, &files) < 0)
        return;
    if (stamps_get(&files->stamps, i, &stamp) == 0) {
        record->time_ns = stamp.time_ns;
        record->crc32c = stamp.crc;
        record->verifiable = true;
    } else if (log->io->ops->stat(log->io, files->store.fd, &st) == 0 &&
               st.time_ns > 0) {
        record->time_ns = (uint64_t)st.time_ns;
    }
    log_unpin(log, part);
}

int clog_stat(struct clog *log, uint64_t offset, struct clog_record *ret)
{
    struct clog_record record = {.offset = offset};
    struct extent extent;
    struct part *part = NULL;
    struct place place;
    int r = log_find(log, offset, &part, &extent);

    if (r == 0)
        r = log_place(log, part, &extent, offset - part->base, false, &place);
    if (r < 0)
        return r;
    record.length = place.length;
    record.position = place.position;
    record.segment = part->base;
    fill_stamp(log, part, offset - part->base, &record);
    *ret = record;
    return 0;
}

uint64_t clog_seek(struct clog *log, uint64_t offset)
{
    uint64_t next;
    const struct part *part;

    (void)pthread_rwlock_rdlock(&log->lock);
    next = log->next;
    part = search(log, offset, false);
    if (part && offset - part->base < part->extent.count)
        next = offset;
    for (size_t k = log->count; next != offset && k > 0; k--) {
        part = log->parts[k - 1];
        if (part->base < offset)
            break;
        if (part->extent.count > 0)
            next = part->base;
    }
    (void)pthread_rwlock_unlock(&log->lock);
    return next;
}

static uint64_t last_time(struct clog *log, struct part *part,
                          const struct extent *extent)
{
    struct clog_record record = {0};

    fill_stamp(log, part, extent->count ? extent->count - 1 : 0, &record);
    return record.time_ns;
}

int clog_segment(struct clog *log, uint64_t base, struct clog_segment *ret)
{
    struct clog_segment segment = {0};
    struct extent extent = {0};
    struct part *part;

    (void)pthread_rwlock_rdlock(&log->lock);
    part = search(log, base, false);
    if (part && part->base == base)
        ;
    else if (!part && log->count > 0)
        part = log->parts[0];
    else
        part = NULL;
    for (size_t k = 0; !part && k < log->count; k++)
        if (log->parts[k]->base >= base)
            part = log->parts[k];
    if (part) {
        extent = part->extent;
        segment.base = part->base;
        segment.sealed = part->sealed;
        segment.time_ns = part->time_ns;
        segment.stream_start = part->stream_start;
    }
    (void)pthread_rwlock_unlock(&log->lock);
    if (!part)
        return -ENOENT;
    segment.next = segment.base + extent.count;
    segment.sizes[CLOG_STORE] = extent.end;
    segment.sizes[CLOG_INDEX] = extent.count * SLOT_SIZE;
    segment.sizes[CLOG_STAMPS] = extent.count * SLOT_SIZE;
    if (segment.time_ns == 0)
        segment.time_ns = last_time(log, part, &extent);
    *ret = segment;
    return 0;
}

/* --- Opening and closing ---------------------------------------------------
 */

static int take_options(struct clog *log, const struct clog_options *options)
{
    log->max_record = options->max_record ? options->max_record : MAX_RECORD;
    log->max_store = options->max_store ? options->max_store : MAX_STORE;
    log->max_index = options->max_index ? options->max_index : MAX_INDEX;
    if (log->max_record > CLOG_RECORD_LIMIT || log->max_store > STORE_LIMIT ||
        log->max_index < SLOT_SIZE || log->max_index > INDEX_LIMIT ||
        (options->flags & ~(unsigned)(CLOG_READ_ONLY | CLOG_CREATE)) != 0)
        return -EINVAL;
    log->max_index -= log->max_index % SLOT_SIZE;
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

static int init_locks(struct clog *log)
{
    pthread_rwlockattr_t attr;
    int r;

    (void)pthread_mutex_init(&log->append_lock, NULL);
    (void)pthread_mutex_init(&log->mend_lock, NULL);
    (void)pthread_mutex_init(&log->sync_lock, NULL);
    (void)pthread_mutex_init(&log->cache_lock, NULL);
    (void)pthread_cond_init(&log->synced, NULL);
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
    struct part *part;

    while ((part = TAILQ_FIRST(&log->cache)) != NULL)
        close_files(detach(log, part));
    for (size_t k = 0; k < log->count; k++) {
        free(log->parts[k]->index);
        free(log->parts[k]);
    }
    free(log->parts);
    scratch_done(&log->scratch);
    clog_report_done(&log->report);
    io_close(log->io, log->durable_fd);
    io_close(log->io, log->segments);
    io_close(log->io, log->root);
    (void)pthread_rwlock_destroy(&log->lock);
    (void)pthread_cond_destroy(&log->synced);
    (void)pthread_mutex_destroy(&log->cache_lock);
    (void)pthread_mutex_destroy(&log->sync_lock);
    (void)pthread_mutex_destroy(&log->mend_lock);
    (void)pthread_mutex_destroy(&log->append_lock);
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

static int add_found(struct clog *log, struct found *found, bool sealed)
{
    struct part *part = calloc(1, sizeof(*part));
    int r;

    if (!part)
        return -ENOMEM;
    part->base = found->base;
    part->extent = found->extent;
    part->sealed = sealed;
    r = add_part(log, part);
    if (r < 0) {
        free(part);
        return r;
    }
    part->index = found->index;
    found->index = NULL;
    return 0;
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
        r = log_place(log, part, &part->extent, i, false, &place);
        if (r == 0)
            r = log_check(log, part, &part->extent, i, &buffer, false, &place);
        buffer_done(&buffer);
        if (r == -ENOMEM)
            return r;
        fill_stamp(log, part, i, &record);
        if (r == 0)
            log->time_ns = record.time_ns;
        return 0;
    }
    return 0;
}

/* The last segment found takes the appends. */
static int reuse_active(struct clog *log)
{
    struct part *part = active(log);
    struct segment *files = calloc(1, sizeof(*files));
    uint64_t capacity = part->extent.count * SLOT_SIZE;
    int r;

    if (!files)
        return -ENOMEM;
    if (capacity < log->max_index)
        capacity = log->max_index;
    r = segment_set_writable(log->io, log->segments, part->base, true);
    if (r == 0)
        r = segment_open_active(files, log->io, log->segments, part->base,
                                capacity);
    if (r == 0)
        r = segment_cut(files, &part->extent);
    if (r < 0) {
        close_files(files);
        return r;
    }
    reopen_files(log, part);
    (void)pthread_mutex_lock(&log->cache_lock);
    part->pins = 1;
    attach(log, part, files);
    (void)pthread_mutex_unlock(&log->cache_lock);
    part->sealed = false;
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
        r = add_active(log);
        if (r == 0 && log->count > 1)
            (void)segment_set_writable(log->io, log->segments,
                                       log->parts[log->count - 2]->base, false);
    } else {
        r = reuse_active(log);
    }
    if (r < 0)
        return r;
    set_durable(log, log->next);
    atomic_store(&log->writable, true);
    return 0;
}

static int take_over(struct clog *log, struct recovery *recovery)
{
    int r = 0;

    log->segments = recovery->segments;
    recovery->segments = -1;
    for (size_t k = 0; r == 0 && k < recovery->count; k++)
        r = add_found(log, &recovery->found[k], true);
    log->next = recovery->next;
    atomic_store(&log->durable, recovery->durable);
    if (r == 0)
        r = learn_time(log);
    if (r == 0 && !recovery->read_only)
        r = start_writing(log, recovery);
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
    log->root = log->segments = log->durable_fd = -1;
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
    const struct part *part = active(log);
    struct clean clean = {
        .next = log->next,
        .base = part->base,
        .sizes = {part->extent.end, part->extent.count * SLOT_SIZE,
                  part->extent.count * SLOT_SIZE},
    };
    int r = segment_sync_all(part->files);

    if (r == 0)
        r = durable_write(log->io, log->durable_fd, log->next);
    if (r == 0)
        r = clean_store(log->io, log->root, &clean);
    return r;
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
