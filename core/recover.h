/* SPDX-License-Identifier: MIT */
/*
 * recover.h - from what lies in a log's directory to a log that can be served.
 *
 * Three steps, kept apart: scan_segment() says what the bytes are,
 * recover_decide() says what that means, and what follows is applied. Only
 * the last segment can have a torn tail; all else that is wrong is damage,
 * and damage is never cut. FORMAT.md, "Recovery", has the rules and the table
 * of crashes.
 *
 * Recovery can end anywhere, by a kill or a power cut, and is run again by the
 * next open to the same end. Marks that speak for this run are written last.
 */
#ifndef CLOG_RECOVER_H
#define CLOG_RECOVER_H

#include "marks.h"
#include "scan.h"

/* A segment on disk, and then as it is to be served. */
struct found {
    uint64_t base;
    bool present[3];      /* by enum clog_file */
    uint64_t sizes[3];    /* bytes on disk */
    bool guarded;         /* nobody may write to directory and files */
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
    const struct clog_options *options; /* borrowed */
    struct clog_report *report;         /* borrowed; is filled in */
    struct found *found;                /* owned; in order of base */
    size_t count;
    uint64_t next;    /* the log's next offset */
    uint64_t durable; /* records below this are known to be durable */
    bool seal;        /* the last segment is not to be appended to */
    /* What earlier runs left. */
    bool has_clean, has_writer, same_boot;
    struct clean clean;
};

/*
 * Fills in found, next, durable and seal of a recovery whose io, root,
 * read_only, options and report are set. Release it with recover_done(),
 * whatever is returned.
 *
 * EUCLEAN: not a log, or one of a kind that is not known; noted, and nothing
 * was changed. Errors of the device and of memory: the next open goes on.
 * Where it could serve but not write, read_only is set, and noted.
 */
int recover(struct recovery *recovery);

void recover_done(struct recovery *recovery);

/* What decides about the last segment of an unclean log. */
struct evidence {
    uint64_t durable;    /* all records below this were durable */
    bool same_boot;      /* completed writes are all there */
    bool stamps_missing; /* somebody took them away, no crash did */
    uint64_t store_size, stamps_size; /* bytes */
    uint64_t index_count, stamps_count;
};

struct decision {
    bool cut;           /* what lies behind keep is a torn tail */
    struct extent keep; /* what is served */
    bool sound;         /* appends may go on behind keep */
    uint64_t next;      /* the next offset */
};

/* Pure: reads nothing but scan and the segment's stamps. */
void recover_decide(const struct evidence *evidence, const struct scan *scan,
                    const struct segment *segment,
                    struct decision *ret_decision);

/* The steps, for who checks a log without opening it. Before them survey_root()
   and survey_segments() (survey.h). */

/* Loads what earlier runs left: durable, has_clean, has_writer, same_boot. */
int recover_load_marks(struct recovery *recovery);

/* Opens the segment for reading all that its files hold, and scans up to limit
   records of it. On failure there is nothing to release. */
int recover_scan(struct recovery *recovery, const struct found *found,
                 uint64_t limit, struct segment *ret_segment,
                 struct scan *ret_scan);

/* The evidence about the last segment. */
void recover_gather(const struct recovery *recovery, const struct found *found,
                    const struct scan *scan, struct evidence *ret_evidence);

/* How many entries of the index on disk, of so many bytes, agree with the
   scan's, from the first on. */
uint64_t index_agrees(const struct slots *index, uint64_t index_size,
                      const struct scan *scan);

/* Whether all do, and there are no others. */
bool index_fits(const struct slots *index, uint64_t index_size,
                const struct scan *scan);

/* Makes the segment's index file that of the scan, durably. A sealed segment
   is writable for as long as it takes; a crash leaves it so, for the next open
   to mend. */
int index_rewrite(struct io *io, int segments, uint64_t base,
                  const struct scan *scan, bool sealed);

#endif
