/* SPDX-License-Identifier: MIT */
/*
 * report.h - filling in struct clog_report.
 */
#ifndef CLOG_RECOVERY_REPORT_H
#define CLOG_RECOVERY_REPORT_H

#include "recovery/decide.h"
#include "recovery/recovery.h"

/*
 * Adds a note. Its file is "segments/BASE/FILE",
 * or file alone where base is NULL. Notes over the bound, or that no memory is
 * left for, are dropped: the counts do not depend on them. Returns the note to
 * fill in further, or a place that is forgotten; valid until the next call.
 */
struct clog_note *report_note(struct clog_report *report,
                              enum clog_note_kind kind, const uint64_t *base,
                              const char *file, const char *text);

/* Notes the first count records of a run of the segment base. */
struct clog_note *report_run(struct clog_report *report, uint64_t base,
                             const struct run *run, uint64_t count);

/*
 * Tells that a note is complete. mended: 1, what it is about has been repaired;
 * 0, it has not; a negative errno, that was tried and has failed.
 */
void report_tell(struct recovery *recovery, struct clog_note *note, int mended);

/* Notes and tells what keeps the log from being opened: a file as in
   report_note(). Returns error. */
int report_refused(struct recovery *recovery, const uint64_t *base,
                   const char *file, int error, const char *what);

/* The following note, count and tell. */

/* Of the first count records those that are not good; mended is of wrong
   prefixes. */
void report_runs(struct recovery *recovery, uint64_t base,
                 const struct scan *scan, uint64_t count, int mended);

/* Records [from, to), which are lost. */
void report_gap(struct recovery *recovery, uint64_t from, uint64_t to);

/* A torn tail. */
void report_torn(struct recovery *recovery, const struct found *found,
                 const struct scan *scan, const struct decision *decision,
                 int mended);

/* An index that only agrees with what it should be, of count entries, up to
   that entry. */
void report_index(struct recovery *recovery, const struct found *found,
                  uint64_t count, uint64_t agrees, int mended);

/* What of a segment the device cannot read. */
void report_unread(struct recovery *recovery, const struct found *found);

/* Bytes that no record of a sealed segment has: they are not served. */
void report_excess(struct recovery *recovery, const struct found *found);

/* Copies a report, notes and all. ENOMEM: without the notes. */
int report_copy(struct clog_report *to, const struct clog_report *from);

#endif
