/* SPDX-License-Identifier: MIT */
/*
 * log.h - the open log, as log.c and view.c share it.
 *
 * All locking of the library is in log.c. There are four locks, taken in this
 * order and never the other way round; no call to the system that can wait is
 * made under `lock`, `cache_lock` or `sync_lock`:
 *
 *     append_lock  one append or roll at a time
 *     mend_lock    one rebuilding of an index at a time
 *     sync_lock    who syncs, who waits, and what is durable
 *     lock         which segments there are, and how much of them counts
 *     cache_lock   which segments' files are open
 */
#ifndef CLOG_LOG_H
#define CLOG_LOG_H

#include "clog.h"
#include "io.h"
#include "segment.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

/* A segment of the log; at a fixed address from open to close. */
struct part {
    uint64_t base;          /* constant */
    uint64_t stream_start;  /* constant: its first byte in the joined view */
    struct extent extent;   /* protected by lock; of a sealed one, constant */
    uint64_t time_ns;       /* protected by lock: of its last record; 0: look */
    bool sealed;            /* protected by lock */
    uint8_t *index;         /* protected by cache_lock, owned: entries that
                               stand for a wrong index; else NULL */
    struct segment *files;  /* protected by cache_lock, owned; NULL: closed */
    unsigned pins;          /* protected by cache_lock: uses of files */
    bool reopen;            /* protected by cache_lock: close at last unpin */
    uint64_t mended;        /* protected by mend_lock: records whose frames have
                               been looked for, with what result ever */
    TAILQ_ENTRY(part) link; /* protected by cache_lock, while files is set */
};

TAILQ_HEAD(part_list, part);

struct clog {
    struct io *io;
    int root, segments; /* owned; constant */
    uint32_t max_record;
    uint64_t max_store, max_index;
    struct clog_report report;

    pthread_mutex_t append_lock;
    struct scratch scratch; /* protected by append_lock */
    bool rolling;           /* protected by append_lock: the active segment
                               has been sealed, and its successor is due */

    pthread_mutex_t mend_lock;

    pthread_mutex_t sync_lock;
    pthread_cond_t synced;    /* syncing has become false */
    bool syncing;             /* protected by sync_lock */
    int durable_fd;           /* owned; -1 when read-only */
    _Atomic uint64_t durable; /* written under sync_lock */

    pthread_rwlock_t lock;
    struct part **parts; /* protected by lock, owned; in order of base */
    size_t count, capacity;
    uint64_t next;       /* protected by lock */
    uint64_t records;    /* protected by lock */
    uint64_t stream_end; /* protected by lock */
    uint64_t time_ns;    /* protected by lock: of the last record */
    uint64_t appends, appended, appended_bytes; /* protected by lock */

    pthread_mutex_t cache_lock;
    struct part_list cache; /* parts with open files, most recent first */
    size_t cached;
    size_t cache_limit;

    atomic_bool writable;
    atomic_int sync_error; /* negative errno of a failed sync or roll-back */
    _Atomic uint64_t append_errors, syncs, rolls, read_errors, indexes,
        prefixes;
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

/* The part that holds record offset, and how much of it counts right now.
   ENOENT, EIO (in a gap). */
int log_find(struct clog *log, uint64_t offset, struct part **ret_part,
             struct extent *ret_extent);

/* The part that holds the byte at that position of the joined view. ENOENT:
   at or past the end. ESTALE: dropped. */
int log_find_byte(struct clog *log, uint64_t position, struct part **ret_part,
                  struct extent *ret_extent);

/* The part with that base. ENOENT. */
int log_find_base(struct clog *log, uint64_t base, struct part **ret_part);

/* How much of the part counts. */
struct extent log_extent(struct clog *log, const struct part *part);

/*
 * The part's files, open until log_unpin(). They are kept open afterwards, a
 * bounded number of them. EAGAIN: nowait, and they are closed.
 */
int log_pin(struct clog *log, struct part *part, bool nowait,
            struct segment **ret_files);
void log_unpin(struct clog *log, struct part *part);

/*
 * Called when record i of the part is not where its index says, or fails its
 * checksum there: scans the store for its frame and rebuilds the index if that
 * is wrong. index_failed: the entry itself was unreadable or impossible.
 * EIO: nothing new was learnt. May wait.
 */
int log_mend(struct clog *log, struct part *part, const struct extent *extent,
             uint64_t i, bool index_failed);

/*
 * Where record i of the part is, and that its prefix agrees; it may still fail
 * its checksum. Mends the index where it must, unless nowait (EAGAIN).
 */
int log_place(struct clog *log, struct part *part, const struct extent *extent,
              uint64_t i, bool nowait, struct place *ret_place);

/*
 * Checks record i against its stamp, reading through buffer. *place is where
 * log_place() said, and is corrected. EIO: it is damaged; counted.
 */
int log_check(struct clog *log, struct part *part, const struct extent *extent,
              uint64_t i, struct buffer *buffer, bool nowait,
              struct place *place);

#endif
