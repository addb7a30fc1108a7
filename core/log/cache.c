/* SPDX-License-Identifier: MIT */
#include "log/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void cache_close(struct segment *files)
{
    if (files)
        segment_done(files);
    free(files);
}

struct segment *cache_detach(struct clog *log, struct part *part)
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
    REQUIRES(log->cache_lock)
{
    part->files = files;
    TAILQ_INSERT_HEAD(&log->cache, part, link);
    log->cached++;
}

/* The least recently used files that nobody uses, if there are too many. */
static struct segment *evict(struct clog *log) REQUIRES(log->cache_lock)
{
    struct part *part;

    if (log->cached <= log->cache_limit)
        return NULL;
    TAILQ_FOREACH_REVERSE(part, &log->cache, part_list, link)
    if (part->pins == 0)
        return cache_detach(log, part);
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
   is constant, and who sealed it has held cache_lock since. */
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
        mutex_lock(&log->cache_lock);
        r = use_memory_index(part, count, files);
        mutex_unlock(&log->cache_lock);
    }
    if (r < 0) {
        cache_close(files);
        return r == -ENOENT ? -EIO : r;
    }
    *ret_files = files;
    return 0;
}

/* Pins what is there already. */
static struct segment *pin_open(struct clog *log, struct part *part)
    REQUIRES(log->cache_lock)
{
    if (!part->files)
        return NULL;
    part->pins++;
    TAILQ_REMOVE(&log->cache, part, link);
    TAILQ_INSERT_HEAD(&log->cache, part, link);
    return part->files;
}

int cache_pin(struct clog *log, struct part *part, bool nowait,
              struct segment **ret_files)
{
    struct segment *new = NULL;
    struct segment *evicted = NULL;
    struct segment *files;
    int r;

    mutex_lock(&log->cache_lock);
    files = pin_open(log, part);
    mutex_unlock(&log->cache_lock);
    if (!files && nowait)
        return -EAGAIN;
    if (!files) {
        r = open_files(log, part, &new);
        if (r < 0)
            return r;
        mutex_lock(&log->cache_lock);
        if (!part->files) {
            attach(log, part, new);
            new = NULL;
        }
        files = pin_open(log, part);
        evicted = evict(log);
        mutex_unlock(&log->cache_lock);
        cache_close(new);
        cache_close(evicted);
    }
    *ret_files = files;
    return 0;
}

void cache_unpin(struct clog *log, struct part *part)
{
    struct segment *closed = NULL;

    mutex_lock(&log->cache_lock);
    if (--part->pins == 0 && part->reopen)
        closed = cache_detach(log, part);
    mutex_unlock(&log->cache_lock);
    cache_close(closed);
}

void cache_reopen(struct clog *log, struct part *part)
{
    struct segment *closed = NULL;

    mutex_lock(&log->cache_lock);
    part->reopen = part->files != NULL;
    if (part->pins == 0)
        closed = cache_detach(log, part);
    mutex_unlock(&log->cache_lock);
    cache_close(closed);
}

void cache_set_files(struct clog *log, struct part *part, struct segment *files)
{
    mutex_lock(&log->cache_lock);
    part->pins++;
    attach(log, part, files);
    mutex_unlock(&log->cache_lock);
}
