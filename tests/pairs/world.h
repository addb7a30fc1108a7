/* SPDX-License-Identifier: MIT */
/*
 * world.h - a log on a disk in memory, what several threads ask of it, and
 * whether it keeps its word.
 *
 * What is asked is an act: one call of clog.h with its arguments, its result,
 * and when it began and ended. What is known for certain, because no act is
 * under way, is the world's own; world_settle() takes it from the log once the
 * acts are over. In between the log must be what some order of the acts makes
 * of it: each that has returned has happened, each that has begun may have.
 *
 * A record's bytes begin with its serial number, which no other record of the
 * world has; so that whatever is read says itself what it is.
 */
#ifndef CLOG_TESTS_WORLD_H
#define CLOG_TESTS_WORLD_H

#include "clog.h"
#include "memio.h"
#include "turns.h"

#define WORLD_OFFSETS  2048
#define WORLD_SERIALS  4096
#define WORLD_ACTS     64
#define WORLD_CURSORS  3
#define WORLD_SEGMENTS 512
#define WORLD_BATCH    8
#define WORLD_SMALLEST ((size_t)9)        /* bytes of a record */
#define WORLD_LARGEST  ((size_t)64 << 10) /* likewise */
#define WORLD_NOWHERE  UINT64_MAX         /* of a cursor: there is none */
#define WORLD_TEXT     200

struct call; /* calls.h */

struct act {
    const struct call *call;
    struct world *world;
    uint64_t number; /* where in world->acts */
    /* What is asked, as the call wants it. */
    uint64_t serial; /* of the first record to append */
    size_t count;
    uint64_t argument;
    int cursor;
    /* What came of it. */
    uint64_t began, ended; /* moments, from 1; 0: not yet */
    int result;
    uint64_t offset;               /* of the first record, if it was appended */
    uint64_t saw_next, saw_oldest; /* before the call, and after it */
    uint64_t saw_durable;          /* after the call */
    char problem[WORLD_TEXT];      /* "": none */
};

/* What was ever tried to append, by serial number. */
struct tried {
    size_t size;
    uint64_t act;    /* its number; WORLD_ACTS: in an earlier round */
    bool starts;     /* is the first of its batch */
    uint64_t offset; /* of a record that is known */
};

/* A record that is known to be there. */
struct world_record {
    uint64_t serial;
    uint64_t time_ns;
    bool rotten;     /* reads as EIO */
    bool unverified; /* has lost its stamp */
    bool misled;     /* its prefix is wrong */
};

struct world {
    struct clog_options options;
    struct memio *disk; /* owned */
    struct turns_io io;
    struct clog *log; /* NULL: closed */
    bool full;    /* the disk is: appends may make room, where that is wanted */
    bool faulty;  /* calls may fail */
    bool damaged; /* what is read may have to be found again */
    bool lost;    /* what was in doubt cannot be read: the end of such a life */
    uint64_t rebuilt; /* indexes, and prefixes mended, when it was opened */
    /* Known for certain. */
    struct world_record
        records[WORLD_OFFSETS]; /* by offset, of [oldest, next) */
    uint64_t oldest, next, durable;
    uint64_t cursors[WORLD_CURSORS]; /* where they are, or WORLD_NOWHERE */
    uint64_t bases[WORLD_SEGMENTS];
    size_t segments;
    /* Asked since. */
    struct act acts[WORLD_ACTS];
    uint64_t act_count;
    uint64_t moment;
    struct tried tried[WORLD_SERIALS];
    uint64_t serials;
    char problem[WORLD_TEXT + 100]; /* "": none; the first that was found */
};

/* The state in which a log is looked at. */
enum world_after {
    AFTER_NOTHING, /* open, and used */
    AFTER_KILL,    /* opened after the process had ended */
    AFTER_CUT,     /* opened after the power had been cut */
};

/* The name of a cursor. */
const char *world_cursor(int number);

/* Fills in the bytes of the record with that serial number. */
void world_fill(const struct world *world, uint64_t serial, uint8_t *bytes);

/* Whether these are the first size bytes of that record. */
bool world_is(uint64_t serial, const uint8_t *bytes, size_t size);

/* Plans a record of that size, at least WORLD_SMALLEST, of an act that is
   being made; returns its serial number. */
uint64_t world_plan(struct world *world, const struct act *act, size_t size,
                    bool starts);

/* Adds an act to be made. */
struct act *world_add(struct world *world, const struct call *call);

/* Notes a problem of the world, if it is the first; returns false. */
__attribute__((format(printf, 2, 3))) bool world_problem(struct world *world,
                                                         const char *format,
                                                         ...);

/* The serial number of the record that size bytes begin with, or are the
   beginning of; WORLD_SERIALS: that was never tried to append. */
uint64_t world_recognize(const struct world *world, const uint8_t *bytes,
                         size_t size);

/* The moment that it is now, for acts. */
uint64_t world_moment(struct world *world);

/* Opens the log, of the world's own disk. Returns what clog_open() did. */
int world_open(struct world *world);

/*
 * Compares a log, the world's own or one that is opened from what is left of
 * its disk, with what is known and asked. No act may be under way in a log
 * that is looked at after nothing.
 */
bool world_check(struct world *world, struct clog *log, enum world_after after);

/* Takes what the log, which has been checked, has become of what was asked. */
void world_settle(struct world *world, struct clog *log);

/* Opens what a kill, or a power cut, leaves of the disk at this moment, checks
   it, uses it, and opens it again. */
bool world_check_kill(struct world *world);
bool world_check_cut(struct world *world, enum memio_loss loss, uint64_t seed);

#endif
