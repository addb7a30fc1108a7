/* SPDX-License-Identifier: MIT */
/*
 * cache.h - which segments' files are open: those in use, and a bounded number
 * of others.
 *
 * Files are pinned while they are used. Those of one part can be replaced by
 * newer ones while the old are pinned: a reader that has them keeps them, all
 * others get the new. All functions may be called from any thread unless their
 * comment says otherwise.
 */
#ifndef CLOG_LOG_CACHE_H
#define CLOG_LOG_CACHE_H

#include "log/lock.h"
#include "segment/segment.h"

#include <stdatomic.h>
#include <sys/queue.h>

#define PART_TOLD 8 /* unreadable records of a segment that are told of */

/* A segment of the log; at a fixed address for as long as there are
   references to it. */
struct part {
    uint64_t base;          /* constant */
    uint64_t stream_start;  /* constant: its first byte in the joined view */
    atomic_uint references; /* the log's own, and one of each user */
    atomic_uint views;      /* of them, those that may last */
    struct extent extent;   /* protected by segments.lock; of a sealed one,
                               constant */
    uint64_t first_ns;      /* protected by segments.lock: time of its first
                               record; 0: not known */
    uint64_t last_ns;       /* likewise of its last */
    int64_t first_uptime;   /* protected by segments.lock: that of the system
                               when its first record was appended; 0: before
                               the log was opened, or nobody wants to know */
    int64_t last_uptime;    /* likewise of its last */
    bool sealed;            /* protected by segments.lock */
    bool dropped;           /* protected by segments.lock */
    struct segment *files;  /* protected by cache.lock, owned; NULL: closed */
    unsigned version;       /* protected by cache.lock: of its files */
    bool kept;              /* protected by cache.lock: files stay open */
    uint8_t *index;         /* protected by cache.lock, owned: entries that
                               stand for a wrong index; else NULL */
    uint64_t reindexed;     /* protected by reindex_lock: records whose frames
                               have been looked for, with what result ever */
    uint64_t lost;          /* protected by reindex_lock: records when a scan
                               last could not follow them all; 0: never */
    unsigned told;          /* protected by reindex_lock: of its unreadable
                               records, how many have been told of */
    uint64_t unreadable[PART_TOLD]; /* ... and which */
    struct part *dead;              /* next of those that are to be freed */
    atomic_uint mended; /* changes under reindex_lock: how often the index
                           has been replaced */
};

struct cached; /* cache.c: a segment's open files */
TAILQ_HEAD(cached_list, cached);

struct cache {
    struct io *io;
    int dir;                       /* the directory segments/; borrowed */
    const struct staging *staging; /* borrowed: bytes that are not in the files
                                      of a read-only log; NULL: none */
    struct mutex lock;
    struct cached_list list; /* protected by lock: most recently used first */
    size_t count;            /* protected by lock: files in list */
    size_t kept;             /* protected by lock: parts whose files are */
    size_t limit;            /* constant: how many may be open unused */
    size_t limit_kept;       /* constant: how many may be kept */
};

/* Without files, and with a limit that leaves most of the descriptors that the
   process may have to others. */
void cache_init(struct cache *cache, struct io *io);

/* No part may have files any more. */
void cache_done(struct cache *cache);

/*
 * The part's files, open until cache_unpin(). They are kept open afterwards, a
 * bounded number of them. EAGAIN: nowait, and they are closed. EIO: the
 * directory is gone, or its store. May wait unless nowait.
 */
int cache_pin(struct cache *cache, struct part *part, bool nowait,
              struct segment **ret_files);
void cache_unpin(struct cache *cache, struct segment *files);

/* Opens the part's files to append as well, as segment_open_active() does, and
   pins them. May wait. */
int cache_open_active(struct cache *cache, struct part *part,
                      uint64_t capacity);

/* Opens the part's files, which are about to lose their names: they stay open,
   and are what they are, until cache_unkeep() or cache_forget(). EMFILE: as
   many are kept as may be, and they are closed in time. May wait. */
int cache_keep(struct cache *cache, struct part *part);
void cache_unkeep(struct cache *cache, struct part *part);

/* Lets the part's files be opened anew by the next pin. Returns false if they
   are kept. */
bool cache_replace(struct cache *cache, struct part *part);

/* The same, and from then on these entries stand for those of the part's index
   file. Takes index over, from malloc(3). */
bool cache_set_index(struct cache *cache, struct part *part, uint8_t *index);

/* Closes the part's files, which nobody uses any more. May wait where they
   have no name. */
void cache_forget(struct cache *cache, struct part *part);

#endif
