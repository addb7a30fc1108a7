/* SPDX-License-Identifier: MIT */
#include "log/cache.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define CACHE_LIMIT 200 /* segments whose files are kept open */

struct cached {
    struct segment files;     /* must be first: it is what users have of it */
    struct part *part;        /* protected by cache.lock; NULL: replaced */
    unsigned pins;            /* protected by cache.lock */
    TAILQ_ENTRY(cached) link; /* protected by cache.lock, while part is set */
};

/* One descriptor a segment that is open to be read: a quarter of them for
   those that are open unused, a half for those that are kept. */
static void choose_limits(struct cache *cache)
{
    struct rlimit limit = {0};
    size_t quarter;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > INT_MAX)
        limit.rlim_cur = INT_MAX;
    quarter = limit.rlim_cur > 8 ? (size_t)limit.rlim_cur / 4 : 2;
    cache->limit = quarter < CACHE_LIMIT ? quarter : CACHE_LIMIT;
    cache->limit_kept = 2 * quarter;
}

void cache_init(struct cache *cache, struct io *io)
{
    *cache = (struct cache){.io = io, .dir = -1};
    choose_limits(cache);
    mutex_init(&cache->lock);
    TAILQ_INIT(&cache->list);
}

void cache_done(struct cache *cache)
{
    mutex_done(&cache->lock);
}

static struct cached *cached_of(struct segment *files)
{
    return (struct cached *)(void *)files;
}

static void close_files(struct cached *cached)
{
    if (cached)
        segment_done(&cached->files);
    free(cached);
}

/* Takes the part's files out of the cache. Returns them if nobody uses them:
   they are the caller's; else the last user closes them. */
static struct cached *detach(struct cache *cache, struct part *part)
    REQUIRES(cache->lock)
{
    struct cached *cached = part->files ? cached_of(part->files) : NULL;

    part->files = NULL;
    part->version++;
    if (!cached)
        return NULL;
    TAILQ_REMOVE(&cache->list, cached, link);
    cache->count--;
    cached->part = NULL;
    return cached->pins == 0 ? cached : NULL;
}

static void attach(struct cache *cache, struct part *part,
                   struct cached *cached) REQUIRES(cache->lock)
{
    cached->part = part;
    part->files = &cached->files;
    TAILQ_INSERT_HEAD(&cache->list, cached, link);
    cache->count++;
}

/* Takes out the least recently used files that nobody uses, if there are too
   many. */
static struct cached *evict_one(struct cache *cache) REQUIRES(cache->lock)
{
    struct cached *cached;

    if (cache->count <= cache->limit)
        return NULL;
    TAILQ_FOREACH_REVERSE(cached, &cache->list, cached_list, link)
    if (cached->pins == 0)
        return detach(cache, cached->part);
    return NULL;
}

static void evict(struct cache *cache)
{
    struct cached *evicted;

    do {
        mutex_lock(&cache->lock);
        evicted = evict_one(cache);
        mutex_unlock(&cache->lock);
        close_files(evicted);
    } while (evicted);
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
   is constant, and the caller that sealed it has held lock since. *ret_version
   is what the files are of. */
static int open_files(struct cache *cache, struct part *part,
                      unsigned *ret_version, struct cached **ret_cached)
{
    uint64_t count = part->extent.count;
    struct cached *cached = calloc(1, sizeof(*cached));
    int r;

    if (!cached)
        return -ENOMEM;
    mutex_lock(&cache->lock);
    *ret_version = part->version;
    mutex_unlock(&cache->lock);
    r = segment_open(&cached->files, cache->io, cache->dir, part->base, count);
    if (r == 0 && count > 0 && cached->files.store.fd < 0)
        r = -ENOENT;
    if (r == 0 && cache->staging)
        segment_use_staging(&cached->files, cache->staging);
    if (r == 0) {
        mutex_lock(&cache->lock);
        r = use_memory_index(part, count, &cached->files);
        mutex_unlock(&cache->lock);
    }
    if (r < 0) {
        close_files(cached);
        return r == -ENOENT ? -EIO : r;
    }
    *ret_cached = cached;
    return 0;
}

/* Pins what is there already. */
static struct segment *pin_open(struct cache *cache, struct part *part)
    REQUIRES(cache->lock)
{
    struct cached *cached;

    if (!part->files)
        return NULL;
    cached = cached_of(part->files);
    cached->pins++;
    TAILQ_REMOVE(&cache->list, cached, link);
    TAILQ_INSERT_HEAD(&cache->list, cached, link);
    return part->files;
}

/* Opens the part's files and pins them, or those that another thread has opened
   meanwhile. EAGAIN: what was opened has been replaced meanwhile. */
static int open_and_pin(struct cache *cache, struct part *part,
                        struct segment **ret_files)
{
    struct cached *new = NULL;
    struct segment *files;
    unsigned version;
    int r = open_files(cache, part, &version, &new);

    if (r < 0)
        return r;
    mutex_lock(&cache->lock);
    if (!part->files && part->version == version) {
        attach(cache, part, new);
        new = NULL;
    }
    files = pin_open(cache, part);
    mutex_unlock(&cache->lock);
    close_files(new);
    evict(cache);
    if (!files)
        return -EAGAIN;
    *ret_files = files;
    return 0;
}

int cache_pin(struct cache *cache, struct part *part, bool nowait,
              struct segment **ret_files)
{
    struct segment *files;
    int r;

    mutex_lock(&cache->lock);
    files = pin_open(cache, part);
    mutex_unlock(&cache->lock);
    if (files) {
        *ret_files = files;
        return 0;
    }
    if (nowait)
        return -EAGAIN;
    do
        r = open_and_pin(cache, part, ret_files);
    while (r == -EAGAIN);
    return r;
}

void cache_unpin(struct cache *cache, struct segment *files)
{
    struct cached *cached = cached_of(files);
    bool last;

    mutex_lock(&cache->lock);
    last = --cached->pins == 0 && !cached->part;
    mutex_unlock(&cache->lock);
    if (last)
        close_files(cached);
}

int cache_open_active(struct cache *cache, struct part *part, uint64_t capacity)
{
    struct cached *cached = calloc(1, sizeof(*cached));
    struct cached *old;
    int r;

    if (!cached)
        return -ENOMEM;
    r = segment_open_active(&cached->files, cache->io, cache->dir, part->base,
                            capacity);
    if (r < 0) {
        free(cached);
        return r;
    }
    cached->pins = 1;
    mutex_lock(&cache->lock);
    old = detach(cache, part);
    attach(cache, part, cached);
    mutex_unlock(&cache->lock);
    close_files(old);
    return 0;
}

int cache_keep(struct cache *cache, struct part *part)
{
    struct segment *files = NULL;
    bool kept = false;
    int r = 0;

    while (r == 0 && !kept) {
        r = cache_pin(cache, part, false, &files);
        if (r < 0)
            return r;
        mutex_lock(&cache->lock);
        if (cache->kept >= cache->limit_kept)
            r = -EMFILE;
        kept = r == 0 && part->files == files;
        part->kept = kept;
        cache->kept += kept;
        mutex_unlock(&cache->lock);
        if (!kept)
            cache_unpin(cache, files);
    }
    return r;
}

void cache_unkeep(struct cache *cache, struct part *part)
{
    struct segment *files;

    mutex_lock(&cache->lock);
    files = part->kept ? part->files : NULL;
    cache->kept -= part->kept;
    part->kept = false;
    mutex_unlock(&cache->lock);
    if (files)
        cache_unpin(cache, files);
}

bool cache_replace(struct cache *cache, struct part *part)
{
    struct cached *unused;
    bool kept;

    mutex_lock(&cache->lock);
    kept = part->kept;
    unused = kept ? NULL : detach(cache, part);
    mutex_unlock(&cache->lock);
    close_files(unused);
    return !kept;
}

bool cache_set_index(struct cache *cache, struct part *part, uint8_t *index)
{
    uint8_t *old;

    mutex_lock(&cache->lock);
    old = part->index;
    part->index = index;
    mutex_unlock(&cache->lock);
    free(old);
    return cache_replace(cache, part);
}

void cache_forget(struct cache *cache, struct part *part)
{
    struct cached *cached;

    mutex_lock(&cache->lock);
    cached = part->files ? cached_of(part->files) : NULL;
    (void)detach(cache, part);
    cache->kept -= part->kept;
    part->kept = false;
    mutex_unlock(&cache->lock);
    close_files(cached);
}
