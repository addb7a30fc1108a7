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
 *     ahead_lock        one thread that does ahead what a roll would
 *     append_lock       one append or roll at a time
 *     retain_lock       one drop at a time; which cursors there are to hold
 *                       it back
 *     reindex_lock      one rebuilding of an index at a time
 *     cursors.changing  one change of a cursor at a time
 *     cursors.lock      the cursors
 *     ages.lock         what is believed of the time of the opening
 *     durability.gate   one sync at a time, with its result
 *     durability.lock   the syncer, its waiters, and what is durable
 *     waiters.lock      the readers that wait for records
 *     segments.lock     which segments there are, and how much of them counts
 *     cache.lock        which segments' files are open
 *
 * No call to the system that can wait is made under cursors.lock,
 * durability.lock, waiters.lock, segments.lock or cache.lock.
 */
#ifndef CLOG_LOG_LOG_H
#define CLOG_LOG_LOG_H

#include "clog.h"
#include "io/io.h"
#include "log/ages.h"
#include "log/cursors.h"
#include "log/durability.h"
#include "log/lock.h"
#include "log/segments.h"
#include "log/stage.h"
#include "log/waiters.h"

#include <stdatomic.h>

/* How far a roll is that could not be ended yet. */
enum roll {
    ROLL_NONE,
    ROLL_BEGUN, /* the active segment takes no more */
    ROLL_MADE,  /* the next one's directory is there */
};

/* What is done ahead of a roll; see ahead.h. */
struct ahead {
    uint64_t least;  /* bytes of a segment for which something is done */
    uint64_t rest;   /* bytes that a roll may sync itself */
    uint64_t base;   /* of the segment that was synced last ... */
    uint64_t synced; /* ... and the bytes it had then */
    bool made;       /* the next segment's directory, as SEGMENT_NEXT */
};

struct clog {
    struct io *io;
    int root, dir;               /* owned; constant: its directory, and
                                    segments/ in it */
    struct clog_options options; /* with defaults filled in; constant */
    struct clog_report report;   /* constant */

    struct mutex ahead_lock;

    struct mutex append_lock;
    struct scratch scratch; /* protected by append_lock */
    struct stage stage;     /* protected by append_lock, except to read */
    uint64_t segment_bytes; /* protected by append_lock: as limits.h has it */
    enum roll roll;         /* protected by append_lock */
    struct ahead ahead;     /* protected by append_lock */

    struct mutex retain_lock;
    bool told_of_clock; /* protected by retain_lock: it was noticed */

    struct mutex reindex_lock;

    struct ages ages;
    struct cursors cursors;
    struct durability durability;
    struct waiters waiters; /* for records */

    struct segments segments; /* and how much of them counts */

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
