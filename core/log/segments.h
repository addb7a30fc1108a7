/* SPDX-License-Identifier: MIT */
/*
 * segments.h - which segments an open log has, and how much of them counts.
 *
 * One lock protects both. Readers find a part and what counts of it under it,
 * and read outside of it: published bytes never change. Appends and rolls are
 * made by one thread at a time; a caller that keeps them apart may read what
 * they change (active, next, last_ns, the active part's extent) without the
 * lock.
 */
#ifndef CLOG_LOG_SEGMENTS_H
#define CLOG_LOG_SEGMENTS_H

#include "log/cache.h"

struct segments {
    struct rwlock lock;
    struct part **parts; /* protected by lock, owned; in order of base */
    size_t count, capacity;
    struct part *active; /* the last of parts; changed under lock, by the
                            appender: a drop moves the others */
    uint64_t next;       /* protected by lock: the next record's offset */
    uint64_t records;    /* protected by lock */
    uint64_t stream_end; /* protected by lock */
    uint64_t last_ns;    /* protected by lock: time of the last record */
    uint64_t appends, appended, appended_bytes; /* protected by lock */
    struct clog_drops drops;                    /* protected by lock */
    /* Dropped and still in use. */
    _Atomic uint64_t pinned_segments, pinned_bytes;
    _Atomic(struct part *) dead; /* without references, to be freed */
    struct cache cache;          /* their open files */
};

/* Without parts. The opener of the directory segments/ sets cache.dir
   later. */
void segments_init(struct segments *segments, struct io *io);

/* Closes and frees everything but the directory. */
void segments_done(struct segments *segments);

/*
 * Finding a part. What is found is referenced: it stays, with its bytes, until
 * segments_put(), also when it is dropped meanwhile. *ret_extent is how much of
 * it counts right now.
 */

/* The part that holds record offset. ENOENT, EIO (in a gap). */
int segments_find(struct segments *segments, uint64_t offset,
                  struct part **ret_part, struct extent *ret_extent);

/* The part that holds the byte at that position of the joined view. ENOENT:
   at or past the end. ESTALE: dropped. */
int segments_find_byte(struct segments *segments, uint64_t position,
                       struct part **ret_part, struct extent *ret_extent);

/*
 * A part that was found, with its files. All zeros is none.
 */
struct held {
    struct segments *segments;
    struct part *part;     /* a reference */
    struct extent extent;  /* how much of it counted when it was found */
    struct segment *files; /* pinned; NULL: they could not be opened again */
    unsigned mended;       /* how often its index had been when it was pinned */
    bool nowait;           /* its holder must not wait */
};

/*
 * The part that holds record offset, or that byte of the joined view, with its
 * files. ENOENT, EIO, ESTALE as above, EAGAIN and EIO as from cache_pin(). May
 * wait unless nowait.
 */
int segments_hold(struct segments *segments, uint64_t offset, bool nowait,
                  struct held *ret_held);
int segments_hold_byte(struct segments *segments, uint64_t position,
                       bool nowait, struct held *ret_held);

/* A part that the caller has a reference of, which stays the caller's. */
int segments_hold_part(struct segments *segments, struct part *part,
                       bool nowait, struct held *ret_held);

/* Gets the files that the part has by now. May wait. Not with nowait. */
int segments_hold_again(struct held *held);

/* Ends it. */
void segments_release(struct held *held);

/* The part with that base. ENOENT. */
int segments_find_base(struct segments *segments, uint64_t base,
                       struct part **ret_part);

/* The first part whose base is at or after base. ENOENT. */
int segments_find_after(struct segments *segments, uint64_t base,
                        struct part **ret_part, struct extent *ret_extent);

/* The active part; of a read-only log the last. ENOENT: there is none. */
int segments_find_active(struct segments *segments, struct part **ret_part);

/* Makes another reference. */
struct part *segments_get(struct part *part);

/* Ends a reference. NULL is allowed. May wait: the last one of a dropped part
   frees its files. */
void segments_put(struct segments *segments, struct part *part);

/* The same without waiting: what is to be freed then is left to the next
   segments_put(). */
void segments_put_later(struct segments *segments, struct part *part);

/* Whether the reference that the caller has is the only one. */
bool segments_is_last(const struct part *part);

/* How much of the part counts. */
struct extent segments_extent(struct segments *segments,
                              const struct part *part);

/* The first part, and what there is in all, at one moment. */
struct oldest {
    struct part *part;       /* a reference */
    bool sealed;             /* what follows of it is constant, and it may go */
    struct extent extent;    /* how much of it counts */
    uint64_t bytes, records; /* of all parts */
};

/* oldest->part is to be put. ENOENT: there is none. */
int segments_look_oldest(struct segments *segments, struct oldest *ret_oldest);

/* The bytes of all files of the sealed parts before the first that somebody has
   a view of. */
uint64_t segments_droppable(struct segments *segments);

/* Adds a part behind the others, with what it has; its stream_start is set.
   Takes the caller's reference over, unless it fails: ENOMEM, or EUCLEAN where
   its base is not above those of the others. */
int segments_add(struct segments *segments, struct part *part);

/* Publishes what has been appended to the active part, at that time, and at
   that uptime of the system. The caller is the appender. */
void segments_grow(struct segments *segments, const struct extent *extent,
                   uint64_t time_ns, int64_t uptime);

/* From here on the part never changes, and may be dropped. The last that is
   done to it in a roll. */
void segments_seal(struct segments *segments, struct part *part);

/* Takes the first part, whose files are kept, out of the log; it goes when
   the last reference does. */
void segments_remove_first(struct segments *segments);

/* The log's next offset, right now. */
uint64_t segments_next(struct segments *segments);

/* The first retained offset, right now; next if there is none. */
uint64_t segments_oldest(struct segments *segments);

/* The bytes of all stores, indexes and stamps, and the records in them. */
void segments_totals(struct segments *segments, uint64_t *ret_bytes,
                     uint64_t *ret_records);

/* Where the joined view begins and ends, right now. */
void segments_stream(struct segments *segments, uint64_t *ret_start,
                     uint64_t *ret_end);

/* What of a status is the parts'. */
void segments_status(struct segments *segments, struct clog_status *status);

/* For the appender, or a caller that holds lock. */
struct part *segments_active(const struct segments *segments);

#endif
