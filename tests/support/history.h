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
#define HISTORY_DOUBTS  8                  /* changes of the cursor, at most */
#define HISTORY_CURSOR  "reader"           /* the one cursor */

struct history {
    uint64_t serial;   /* records that were tried */
    uint64_t next;     /* acknowledged: records [0, next) */
    uint64_t flight;   /* records behind next whose append did not return 0 */
    uint64_t durable;  /* acknowledged as durable: records [0, durable) */
    uint64_t oldest;   /* dropped for certain: records [0, oldest) */
    uint64_t dropping; /* at least oldest: drops up to here are in doubt */
    bool makes_room;   /* appends may drop the oldest segments */
    uint64_t cursor;   /* 1 + where HISTORY_CURSOR stands; 0: there is none */
    uint64_t doubts[HISTORY_DOUBTS]; /* what it may be instead, likewise */
    size_t doubt_count;
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

/* Appends one record by its offset; offsets beside it are refused. */
int history_append_at(struct history *history, struct clog *log, size_t size);

/*
 * Drops the oldest segment, or by a limit all but the newest records. Where
 * there is only the active one nothing is dropped, and 0 is returned.
 */
int history_drop(struct history *history, struct clog *log);
int history_retain(struct history *history, struct clog *log);

/*
 * Makes the cursor, moves it to next, removes it. 0 also where that cannot be
 * because it is there already, or is not, and the log has said so.
 */
int history_make(struct history *history, struct clog *log);
int history_move(struct history *history, struct clog *log);
int history_remove(struct history *history, struct clog *log);

/*
 * Takes what a log that has just been opened shows of drops and of the cursor
 * for the history from now on. It must be what was acknowledged, or what was
 * being done; from now on it may not go back.
 */
bool history_settle(struct history *history, struct clog *log);

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
 * below floor must be there but those dropped, batches whole or not at all,
 * every byte right, alone and in the joined view, times in order, and the
 * counts must agree. The cursor is where it was left, or being moved to, and
 * never above next.
 */
bool history_check(struct history *history, struct clog *log, uint64_t floor);

/* Notes a problem, printf-like; returns false. */
__attribute__((format(printf, 2, 3))) bool history_problem(
    struct history *history, const char *format, ...);

#endif
