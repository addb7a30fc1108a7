/* SPDX-License-Identifier: MIT */
/*
 * fixture.h - a log in a directory of its own, for one test.
 *
 * The log lives on the real system, except for the clock and the kernel's
 * boot id, which the test sets.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>

#include "clog.h"
#include "files.h"
#include "io/io.h"

/* The tests' first moment: 2026-11-22T12:00:00Z, in ns since the epoch. */
#define FIXTURE_NOON INT64_C(1795348800000000000)

/* The system's own io, but for the time and the boot id; and syncs are counted
   and not done, for nothing here outlives the kernel. */
#define FAKE_MAPS 1000 /* at the same time */

struct fake {
    struct io io; /* must be first */
    struct io_ops ops;
    int64_t now;     /* ns since the epoch, truly */
    int64_t ahead;   /* ns by which the clock that is set is wrong */
    int64_t started; /* when the kernel did */
    char boot_id[37];
    int fails;      /* writes that are let through before one fails; -1: all */
    int error;      /* negative errno of the one that fails, and of all after */
    int sync_error; /* negative errno of syncs; 0: they succeed */
    bool cold;      /* nothing is in memory; set by fake_set_cold() */
    atomic_uint waits;  /* calls since then that would wait for a device */
    atomic_uint syncs;  /* files and directories that were synced */
    atomic_uint reads;  /* calls that read */
    atomic_ullong read; /* bytes */
    pthread_mutex_t maps_lock;
    struct {
        const void *map; /* NULL: the place is free */
        size_t size;
    } maps[FAKE_MAPS];
};

void fake_init(struct fake *fake);

/*
 * From now on nothing is in memory, or all is again. A look at a map would
 * wait then, without any call that could be counted: it ends the test, as a
 * SIGSEGV. No other thread may use fake meanwhile.
 */
void fake_set_cold(struct fake *fake, bool cold);

struct fixture {
    struct fake fake;
    char *dir;                   /* the log's directory, there and empty */
    struct clog_options options; /* for the next open, which sets size */
    struct clog *log;            /* NULL: closed */
};

/* cmocka's setup and teardown: *state is a struct fixture *. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A test in a directory of its own, for cmocka's table. */
#define FIXTURE_TEST(test) \
    cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/* Opens the log, which must succeed, or tries to; closed first if need be. */
void fixture_open(struct fixture *fixture);
int fixture_try(struct fixture *fixture, struct clog_report *ret_report);

/* Closes it, in order, or as if the process had been killed. */
void fixture_close(struct fixture *fixture);
void fixture_kill(struct fixture *fixture);

/* As if the power had failed: killed, and the next kernel is another one. */
void fixture_power_cut(struct fixture *fixture);

/* Appends the text as one record; returns its offset. */
uint64_t fixture_append(struct fixture *fixture, const char *text);

/* Appends count records, each with the text that its offset gives it. */
void fixture_fill(struct fixture *fixture, uint64_t count);

/* Appends count such records as one batch. */
void fixture_fill_batch(struct fixture *fixture, uint64_t count);

/* The text of a record that fixture_fill() appends: 8 bytes and more. */
#define FIXTURE_TEXT 40
size_t fixture_text(uint64_t offset, char ret[FIXTURE_TEXT]);

/* Record offset is the text. */
void fixture_expect(struct fixture *fixture, uint64_t offset, const char *text);

/* Records [from, to) are what fixture_fill() appended, by every way to read. */
void fixture_expect_filled(struct fixture *fixture, uint64_t from, uint64_t to);

/* Reading record offset fails with that negative errno. */
void fixture_expect_error(struct fixture *fixture, uint64_t offset, int error);

/* The next offset is this. */
void fixture_expect_next(struct fixture *fixture, uint64_t next);

/* The joined view is records [from, to) end to end. */
void fixture_expect_stream(struct fixture *fixture, uint64_t from, uint64_t to);

struct clog_status fixture_status(struct fixture *fixture);

/* What the open that made the log found. */
const struct clog_report *fixture_report(struct fixture *fixture);

/* The first note of a kind in what open found; there must be one. */
const struct clog_note *fixture_note(struct fixture *fixture,
                                     enum clog_note_kind kind);

/* Nothing more is found by another two opens, the log takes appends, and
   record next is the one appended. */
void fixture_expect_sound(struct fixture *fixture);

/* cmocka takes SIGBUS for itself before each test: gives it back to the
   library. Opening a log by the functions above does so too. */
void fixture_take_sigbus(void);

#endif
