/* SPDX-License-Identifier: MIT */
/*
 * log.h - the open log, as the files that implement clog.h share it: open
 * (opening and closing), retain (limits), append, roll (sealing the active
 * segment), wait (for records), drop (the oldest segment), cursor, sync, view,
 * stream (the joined view), status, lookup (records and segments), reindex (an
 * index that is wrong), segments (which there are), cache (their open files).
 * Each calls only what comes after it here. Below them, and not knowing the
 * log, are cursors, durability (what is durable) and waiters, each with a lock
 * of its own, and lock.
 *
 * All locking of the library is in these files; the layers below, from segment
 * down, know none. The locks, in the order in which they are taken:
 *
 *     append_lock       one append or roll at a time
 *     retain_lock       one drop at a time
 *     reindex_lock      one rebuilding of an index at a time
 *     cursors.changing  one change of a cursor at a time
 *     cursors.lock      the cursors
 *     durability.lock   who syncs, who waits, and what is durable
 *     waiters.lock      who waits for records
 *     lock              which segments there are, and how much of them counts
 *     cache_lock        which segments' files are open
 *
 * No call to the system that can wait is made under cursors.lock,
 * durability.lock, waiters.lock, lock or cache_lock.
 */
#ifndef CLOG_LOG_LOG_H
#define CLOG_LOG_LOG_H

#include "clog.h"
#include "io/io.h"
#include "log/cursors.h"
#include "log/durability.h"
#include "log/lock.h"
#include "log/waiters.h"
#include "segment/segment.h"

#include <stdatomic.h>
#include <sys/queue.h>

/* A segment of the log; at a fixed address for as long as there are
   references to it. */
struct part {
    uint64_t base;          /* constant */
    uint64_t stream_start;  /* constant: its first byte in the joined view */
    atomic_uint references; /* the log's own, and one of each user */
    struct extent extent;   /* protected by lock; of a sealed one, constant */
    uint64_t first_ns;      /* protected by lock: time of its first record; 0:
                               not known */
    uint64_t last_ns;       /* likewise of its last */
    bool sealed;            /* protected by lock */
    uint8_t *index;         /* protected by cache_lock, owned: entries that
                               stand for a wrong index; else NULL */
    struct segment *files;  /* protected by cache_lock, owned; NULL: closed */
    unsigned pins;          /* protected by cache_lock: uses of files */
    bool reopen;            /* protected by cache_lock: close at last unpin */
    bool dropped;           /* protected by cache_lock */
    uint64_t mended; /* protected by reindex_lock: records whose frames have
                        been looked for, with what result ever */
    uint64_t lost;   /* protected by reindex_lock: records when a scan last
                        could not follow them all; 0: never */
    TAILQ_ENTRY(part) link; /* protected by cache_lock, while files is set */
};

TAILQ_HEAD(part_list, part);

struct clog {
    struct io *io;
    int root, segments;          /* owned; constant */
    struct clog_options options; /* with defaults filled in; constant */
    struct clog_report report;   /* constant */

    struct mutex append_lock;
    struct scratch scratch; /* protected by append_lock */
    bool rolling;           /* protected by append_lock: the active segment
                               has been sealed, and its successor is due */

    struct mutex retain_lock;
    struct clog_drops drops; /* protected by lock */

    struct mutex reindex_lock;

    struct cursors cursors;
    struct durability durability;
    struct waiters waiters; /* for records */

    struct rwlock lock;
    struct part **parts; /* protected by lock, owned; in order of base */
    size_t count, capacity;
    struct part *active; /* the last of parts; changes under append_lock and
                            lock, so that either is enough to read it: a drop
                            moves the others, under lock alone */
    uint64_t next;       /* protected by lock */
    uint64_t records;    /* protected by lock */
    uint64_t stream_end; /* protected by lock */
    uint64_t last_ns;    /* protected by lock: time of the last record */
    uint64_t appends, appended, appended_bytes; /* protected by lock */

    struct mutex cache_lock;
    struct part_list cache; /* parts with open files, most recent first */
    size_t cached;
    size_t cache_limit;
    uint64_t pinned_segments, pinned_bytes; /* protected by cache_lock: dropped
                                               and still in use */

    _Atomic uint64_t append_errors, rolls, read_errors, indexes, prefixes;
};

/* As clog_open(), on any io. */
int log_open(struct io *io, const char *path,
             const struct clog_options *options, struct clog_report *report,
             struct clog **ret_log);

/* As clog_verify(), on any io. */
int log_verify(struct io *io, const char *path,
               const struct clog_verify_options *options,
               struct clog_verify_result *ret_result);

/* Ends without a sync and without a marker, as a killed process does; for
   tests, which cannot kill themselves. */
void log_abandon(struct clog *log);

#endif
