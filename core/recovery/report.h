/* SPDX-License-Identifier: MIT */
/*
 * report.h - filling in struct clog_report.
 */
#ifndef CLOG_RECOVERY_REPORT_H
#define CLOG_RECOVERY_REPORT_H

#include "recovery/decide.h"
#include "recovery/recovery.h"

/*
 * Adds a note whose text is format, printed. Its file is "segments/BASE/FILE",
 * or file alone where base is NULL. Notes over the bound, or that no memory is
 * left for, are dropped: the counts do not depend on them. Returns the note to
 * fill in further, or a place that is forgotten; valid until the next call.
 */
__attribute__((format(printf, 5, 6))) struct clog_note *report_note(
    struct clog_report *report, enum clog_note_kind kind, const uint64_t *base,
    const char *file, const char *format, ...);

/* Notes the first count records of a run of the segment base. */
void report_run(struct clog_report *report, uint64_t base,
                const struct run *run, uint64_t count);

/* Notes and counts what is not good among the first count records. */
void report_runs(struct recovery *recovery, uint64_t base,
                 const struct scan *scan, uint64_t count);

/* Notes and counts that records [from, to) are lost. */
void report_gap(struct recovery *recovery, uint64_t from, uint64_t to);

/* Notes and counts a torn tail. */
void report_torn(struct recovery *recovery, const struct found *found,
                 const struct scan *scan, const struct decision *decision);

/* Notes that of count entries those from agrees on were wrong or missing. */
void report_index(struct recovery *recovery, const struct found *found,
                  uint64_t count, uint64_t agrees, const char *text);

/* Notes that the device cannot read some of a segment. */
void report_unread(struct recovery *recovery, const struct found *found);

/* Notes bytes that no record of a sealed segment has: they are not served. */
void report_excess(struct recovery *recovery, const struct found *found);

/* Copies a report, notes and all. ENOMEM: without the notes. */
int report_copy(struct clog_report *to, const struct clog_report *from);

#endif
