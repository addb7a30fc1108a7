/* SPDX-License-Identifier: MIT */
/*
 * history.h - what was appended to a log, what it has acknowledged, and
 * whether it keeps its word.
 *
 * The bytes of record number n of all that were ever appended, in whatever
 * run, are history_payload(n): records that took the same offset in two lives
 * of a log differ.
 */
#ifndef CLOG_TESTS_HISTORY_H
#define CLOG_TESTS_HISTORY_H

#include "clog.h"

#define HISTORY_RECORDS 512
#define HISTORY_LARGEST ((size_t)32 << 10) /* bytes of a record, at most */
#define HISTORY_BATCH   8                  /* records, at most */

struct history {
    uint64_t serial;  /* records that were tried */
    uint64_t next;    /* acknowledged: records [0, next) */
    uint64_t flight;  /* records behind next whose append did not return 0 */
    uint64_t durable; /* acknowledged as durable: records [0, durable) */
    struct {
        uint64_t serial;
        size_t size;
        bool starts; /* is the first of its batch */
    } records[HISTORY_RECORDS];
    char problem[256]; /* what was wrong, of the last check that failed */
};

/* The bytes of that record; valid for ever. */
const uint8_t *history_payload(uint64_t serial);

/* Appends records of those sizes, one or a batch. Returns what the log said,
   and notes it. */
int history_append(struct history *history, struct clog *log,
                   const size_t *sizes, size_t count);

/* Syncs all, and notes it. */
int history_sync(struct history *history, struct clog *log);

/* Notes what the log says is durable. */
void history_claim(struct history *history, struct clog *log);

/* Compares one record with what was appended. */
bool history_check_record(struct history *history, struct clog *log,
                          uint64_t offset);

/*
 * Checks a log that was opened after a crash that may have lost records from
 * floor on, and takes what is there for the history from now on. All records
 * below floor must be there, batches whole or not at all, every byte right,
 * alone and in the joined view, times in order, and the counts must agree.
 */
bool history_check(struct history *history, struct clog *log, uint64_t floor);

/* Notes a problem, printf-like; returns false. */
__attribute__((format(printf, 2, 3))) bool history_problem(
    struct history *history, const char *format, ...);

#endif
