/* SPDX-License-Identifier: MIT */
/*
 * calls.h - the calls of clog.h, as acts of a world.
 */
#ifndef CLOG_TESTS_CALLS_H
#define CLOG_TESTS_CALLS_H

#include "world.h"

/* What a call does, besides looking. */
enum {
    CALL_APPENDS = 1 << 0,
    CALL_DROPS_ONE = 1 << 1,  /* the segment of act->argument */
    CALL_DROPS_DUE = 1 << 2,  /* what limits say */
    CALL_MAKES = 1 << 3,      /* act->cursor */
    CALL_MOVES = 1 << 4,      /* likewise, to act->argument */
    CALL_REMOVES = 1 << 5,    /* likewise */
    CALL_SYNCS = 1 << 6,      /* below act->saw_next */
    CALL_WAITS_FOR = 1 << 7,  /* record act->argument */
    CALL_READS_ONLY = 1 << 8, /* also of a read-only log */
    CALL_TOO_LARGE = 1 << 9,  /* for a full disk, whatever is dropped */
    /* What it does to cursors. */
    CALL_CURSOR = CALL_MAKES | CALL_MOVES | CALL_REMOVES,
};

struct call {
    const char *name;
    unsigned does;
    /* Fills in what the call needs, by what is known of the world. */
    void (*plan)(struct act *act);
    /* Makes it, notes what of the outcome can be no order's, and returns the
       result. */
    int (*make)(struct act *act, struct clog *log);
};

/* All calls; the last has no name. */
extern const struct call calls[];

/* The call of that name, which there is. */
const struct call *call_find(const char *name);

/* Makes the act, by a player of the world's turns. */
void call_make(struct act *act);

/* Notes a problem of the act, if it is the first. */
__attribute__((format(printf, 2, 3))) void call_problem(struct act *act,
                                                        const char *format,
                                                        ...);

#endif
