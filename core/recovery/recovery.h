/* SPDX-License-Identifier: MIT */
/*
 * recovery.h - what a recovery goes by: what lies there, what earlier runs
 * left, what a scan says.
 */
#ifndef CLOG_RECOVERY_RECOVERY_H
#define CLOG_RECOVERY_RECOVERY_H

#include "recovery/metadata.h"
#include "recovery/scan.h"

/* A segment on disk, and then as it is to be served. */
struct found {
    uint64_t base;
    bool present[3];      /* by enum clog_file */
    uint64_t sizes[3];    /* bytes on disk */
    bool guarded;         /* nobody may write to the files */
    struct extent extent; /* what is served */
    uint64_t time_ns;     /* of its store's last change */
    uint8_t *index;       /* owned: entries that stand for a wrong index that
                             could not be rebuilt on disk; else NULL */
};

struct recovery {
    struct io *io;
    int root;       /* borrowed: the log's directory */
    int segments;   /* owned: its segments; -1 if read-only and missing */
    bool read_only; /* in: write nothing; out: the log takes no appends */
    bool verify;    /* in: read all stores, and unless read_only repair what can
                       be repaired; leave a clean log clean */
    const struct clog_options *options; /* borrowed */
    struct clog_report *report;         /* borrowed; is filled in */
    /* Called for each note when it is complete; may be NULL. */
    void (*noted)(void *ctx, const struct clog_note *note);
    void *noted_ctx;
    struct found *found; /* owned; in order of base */
    size_t count;
    uint64_t next;    /* the log's next offset */
    uint64_t durable; /* records below this are known to be durable */
    bool seal;        /* the last segment is not to be appended to */
    uint64_t good;    /* records that were read and check */
    uint64_t done,
        total; /* bytes of stores that have been, and are to be, read */
    /* What earlier runs left. */
    bool has_clean, has_writer, same_boot;
    bool unread; /* there is something that the device cannot read */
    struct clean clean;
    /* Whose staged records are believed, and what was found so. */
    int owner_error; /* negative errno: owner could not be learnt */
    struct staging_owner owner;
    struct staging staging; /* owned */
};

/* Frees and closes what is owned. */
void recovery_done(struct recovery *recovery);

/* Slots in one of the segment's files. */
static inline uint64_t found_slots(const struct found *found,
                                   enum clog_file file)
{
    return found->sizes[file] / SLOT_SIZE;
}

/* Lets what was found staged, and could not be written, be read as if it lay in
   the segment's files. */
void recovery_use_staging(const struct recovery *recovery,
                          struct segment *segment);

/* Opens the segment for reading all that its files hold, and scans up to limit
   records of it. On failure there is nothing to release. */
int recovery_scan(struct recovery *recovery, const struct found *found,
                  uint64_t limit, struct segment *ret_segment,
                  struct scan *ret_scan);

#endif
