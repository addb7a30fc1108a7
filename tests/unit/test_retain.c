/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fixture.h"
#include "log/log.h"
#include "test.h"

#define SECOND INT64_C(1000000000)
#define DAY    (SECOND * 24 * 3600)
#define ZERO   "segments/00000000000000000000"

/* Two records a segment. */
static void open_small(struct fixture *fixture)
{
    fixture->options.max_index = 32;
    fixture_open(fixture);
}

/* What is left is from oldest to next, and each below is gone. */
static void expect_left(struct fixture *fixture, uint64_t oldest, uint64_t next)
{
    struct clog_status status = fixture_status(fixture);

    assert_int_equal(status.oldest, oldest);
    assert_int_equal(status.next, next);
    assert_int_equal(status.records, next - oldest);
    for (uint64_t i = 0; i < oldest; i++)
        fixture_expect_error(fixture, i, -ENOENT);
    fixture_expect_filled(fixture, oldest, next);
}

/* --- A log that is removed -------------------------------------------------
 */

static unsigned removals;

static void on_removal(void *ctx, const struct clog_note *note)
{
    (void)ctx;
    removals += note->kind == CLOG_NOTE_READ_ONLY;
    assert_string_equal(note->file, "segments/00000000000000000002/store");
}

/* What is appended to files without names would be acknowledged and gone. what:
   the file that is removed, or NULL for the directory. */
static void expect_removed(struct fixture *fixture, const char *what)
{
    struct clog *log;

    removals = 0;
    fixture->options.noticed = on_removal;
    open_small(fixture);
    fixture_fill(fixture, 4);
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    assert_int_equal(clog_retain(fixture->log), 0);
    if (what)
        file_remove(fixture->dir, what);
    else
        directory_remove(strdup(fixture->dir));
    assert_int_equal(clog_retain(fixture->log), -ESTALE);
    assert_int_equal(clog_retain(fixture->log), -EROFS);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -EROFS);
    assert_false(fixture_status(fixture).writable);
    assert_int_equal(fixture_status(fixture).sync_error, ESTALE);
    assert_int_equal(removals, 1);
    log = fixture->log;
    fixture->log = NULL;
    assert_true(clog_close(log) < 0);
}

static void test_retain_of_a_removed_store(void **state)
{
    expect_removed(*state, "segments/00000000000000000002/store");
}

static void test_retain_of_a_removed_log(void **state)
{
    struct fixture *fixture = *state;

    expect_removed(fixture, NULL);
    assert_int_equal(mkdir(fixture->dir, 0700), 0);
}

/* It may be called something else. */
static void test_retain_of_a_renamed_log(void **state)
{
    struct fixture *fixture = *state;
    char name[PATH_MAX];

    open_small(fixture);
    fixture_fill(fixture, 3);
    (void)snprintf(name, sizeof(name), "%s.renamed", fixture->dir);
    assert_int_equal(rename(fixture->dir, name), 0);
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture_fill(fixture, 3);
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture_close(fixture);
    assert_int_equal(rename(name, fixture->dir), 0);
    fixture_open(fixture);
    expect_left(fixture, 0, 6);
}

/* --- By hand ---------------------------------------------------------------
 */

static void test_retain_drop_by_hand(void **state)
{
    struct fixture *fixture = *state;

    open_small(fixture);
    assert_int_equal(clog_drop(fixture->log, 0), -EBUSY);
    fixture_fill(fixture, 6);
    assert_int_equal(clog_drop(fixture->log, 2), -EBUSY);
    assert_int_equal(clog_drop(fixture->log, 4), -EBUSY);
    assert_int_equal(clog_drop(fixture->log, 1), -ENOENT);
    assert_int_equal(clog_drop(fixture->log, 6), -ENOENT);
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    assert_int_equal(clog_drop(fixture->log, 0), -ENOENT);
    expect_left(fixture, 2, 6);
    assert_int_equal(fixture_status(fixture).drops.by_hand, 1);
    assert_int_equal(fixture_status(fixture).drops.segments, 1);
    assert_int_equal(fixture_status(fixture).drops.records, 2);
    assert_int_equal(directory_count(fixture->dir, "segments"), 2);
    assert_int_equal(clog_drop(fixture->log, 2), 0);
    assert_int_equal(clog_drop(fixture->log, 4), -EBUSY);
    fixture_fill(fixture, 3);
    fixture_open(fixture);
    expect_left(fixture, 4, 9);
}

static void test_retain_read_only_drops_nothing(void **state)
{
    struct fixture *fixture = *state;

    open_small(fixture);
    fixture_fill(fixture, 4);
    fixture_close(fixture);
    fixture->options.flags = CLOG_READ_ONLY;
    fixture->options.retain_records = 4;
    fixture_open(fixture);
    assert_int_equal(clog_drop(fixture->log, 0), -EROFS);
    assert_int_equal(clog_retain(fixture->log), -EROFS);
    expect_left(fixture, 0, 4);
}

/* --- By limits -------------------------------------------------------------
 */

static void test_retain_records(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.retain_records = 8;
    fixture_open(fixture);
    fixture_fill(fixture, 8);
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture_fill(fixture, 12);
    assert_int_equal(fixture_status(fixture).segments, 10);
    assert_int_equal(clog_retain(fixture->log), 6);
    expect_left(fixture, 12, 20);
    assert_int_equal(fixture_status(fixture).drops.by_records, 6);
    assert_int_equal(clog_retain(fixture->log), 0);
}

/* Fewer than a segment can be rolled for is no limit. */
static void test_retain_records_below_four_is_einval(void **state)
{
    struct fixture *fixture = *state;

    for (uint64_t records = 1; records < 4; records++) {
        fixture->options.retain_records = records;
        assert_int_equal(fixture_try(fixture, NULL), -EINVAL);
    }
    fixture->options.retain_records = 4;
    fixture_open(fixture);
    fixture_fill(fixture, 6);
    assert_int_equal(clog_retain(fixture->log), 2);
    expect_left(fixture, 2, 6);
}

static void test_retain_bytes(void **state)
{
    struct fixture *fixture = *state;
    uint64_t next;

    fixture->options.retain_bytes = 2000;
    fixture_open(fixture);
    fixture_fill(fixture, 200);
    next = fixture_status(fixture).next;
    assert_true(fixture_status(fixture).stored_bytes > 2000);
    assert_true(clog_retain(fixture->log) > 1);
    assert_true(fixture_status(fixture).stored_bytes <= 2000);
    /* Not more than had to go. */
    assert_true(fixture_status(fixture).stored_bytes > 1000);
    assert_true(fixture_status(fixture).drops.by_bytes > 0);
    expect_left(fixture, fixture_status(fixture).oldest, next);
}

/* A limit set on a log that has grown without: what it allows stays, though all
   is in one segment; and when it is there again behind it, that goes. */
static void test_retain_limit_on_an_old_log(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill_batch(fixture, 10000);
    fixture->options.retain_records = 1000;
    fixture_open(fixture);
    /* Without an append the active segment is rolled, and nothing dropped. */
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 2);
    assert_int_equal(fixture_status(fixture).records, 10000);
    fixture_fill(fixture, 999);
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).records, 10999);
    fixture_fill(fixture, 1);
    assert_int_equal(clog_retain(fixture->log), 1);
    assert_int_equal(fixture_status(fixture).records, 1000);
    fixture_fill(fixture, 1);
    assert_int_equal(clog_retain(fixture->log), 1);
    expect_left(fixture, 10250, 11001);
}

/* So it is with one large batch. */
static void test_retain_limit_and_a_large_batch(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.retain_bytes = 50000;
    fixture_open(fixture);
    fixture_fill_batch(fixture, 2000);
    assert_true(fixture_status(fixture).stored_bytes > 100000);
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 2);
    fixture_fill(fixture, 100);
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).oldest, 0);
    fixture_fill(fixture, 1000);
    assert_true(clog_retain(fixture->log) > 0);
    assert_in_range(fixture_status(fixture).stored_bytes, 37500, 50000);
}

/* A segment counts with all its files, and small records are mostly slots. */
static void test_retain_bytes_of_small_records(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.retain_bytes = 4000;
    fixture_open(fixture);
    for (int i = 0; i < 500; i++)
        (void)fixture_append(fixture, "x");
    assert_true(clog_retain(fixture->log) > 0);
    assert_in_range(fixture_status(fixture).stored_bytes, 3000, 4000);
}

static int refuse_mkdir(struct io *io, int dir, const char *name, mode_t mode)
{
    (void)io;
    (void)dir;
    (void)name;
    (void)mode;
    return -ENOSPC;
}

/* On a disk without room for a roll what is old goes all the same. */
static void test_retain_on_a_full_disk(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = 32;
    fixture->options.retain_age_ns = 100 * SECOND;
    fixture_open(fixture);
    fixture_fill(fixture, 6);
    fixture->fake.ops.mkdir = refuse_mkdir;
    fixture->fake.now += 101 * SECOND;
    assert_int_equal(clog_retain(fixture->log), -ENOSPC);
    expect_left(fixture, 4, 6);
    fixture->fake.ops.mkdir = io_posix()->ops->mkdir;
    assert_int_equal(clog_retain(fixture->log), 1);
    expect_left(fixture, 6, 6);
}

/* The age is that of a segment's last record; an idle log's active segment
   is rolled for it. */
static void test_retain_age(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.retain_age_ns = 100 * SECOND;
    fixture_open(fixture);
    fixture_fill(fixture, 1);
    fixture->fake.now += 24 * SECOND;
    fixture_fill(fixture, 1);
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 1);
    fixture->fake.now += 2 * SECOND; /* past a quarter: rolled */
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 2);
    fixture->fake.now += 98 * SECOND; /* record 1 is 100 s old, 0 is 124 s */
    assert_int_equal(clog_retain(fixture->log), 0);
    expect_left(fixture, 0, 2);
    fixture->fake.now += 1;
    assert_int_equal(clog_retain(fixture->log), 1);
    expect_left(fixture, 2, 2);
    assert_int_equal(fixture_status(fixture).drops.by_age, 1);
    fixture_fill(fixture, 1);
    expect_left(fixture, 2, 3);
}

/* A clock that steps back drops nothing and rolls nothing. */
static void test_retain_age_with_a_clock_that_steps_back(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = 32;
    fixture->options.retain_age_ns = 100 * SECOND;
    fixture_open(fixture);
    fixture_fill(fixture, 4);
    fixture->fake.ahead -= 1000 * SECOND;
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture->fake.ahead = -fixture->fake.now - 1;
    assert_int_equal(clog_retain(fixture->log), 0);
    expect_left(fixture, 0, 4);
}

#define YEAR (SECOND * 366 * 24 * 3600)

static unsigned told;

static void on_notice(void *ctx, const struct clog_note *note)
{
    (void)ctx;
    told += note->kind == CLOG_NOTE_CLOCK;
}

/* However far ahead the time of day goes, for a moment or for good: nothing is
   older than it was, nothing is dropped or rolled, and it is said. */
static void test_retain_age_with_a_clock_ahead(void **state)
{
    static const int64_t steps[] = {120 * SECOND, 3600 * SECOND, YEAR / 12,
                                    53 * YEAR, 200 * YEAR};
    struct fixture *fixture = *state;

    fixture->options.max_index = 32;
    fixture->options.retain_age_ns = 100 * SECOND;
    fixture->options.noticed = on_notice;
    told = 0;
    fixture_open(fixture);
    fixture_fill(fixture, 5);
    for (size_t i = 0; i < COUNT(steps); i++) {
        fixture->fake.ahead = steps[i];
        assert_int_equal(clog_retain(fixture->log), 0);
        assert_int_equal(clog_retain(fixture->log), 0);
        assert_int_equal(fixture_status(fixture).clock_ahead_ns, steps[i]);
        expect_left(fixture, 0, 5);
        assert_int_equal(fixture_status(fixture).segments, 3);
        assert_int_equal(told, 1);
    }
    fixture->fake.ahead = 0;
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).clock_ahead_ns, 0);
    fixture->fake.ahead = 31 * YEAR;
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(told, 2);
    fixture_fill(fixture, 1);
    /* It is as far ahead still when they are really old. */
    fixture->fake.now += 101 * SECOND;
    assert_int_equal(clog_retain(fixture->log), 3);
    expect_left(fixture, 6, 6);
}

/* One record with a time to come keeps nothing for ever: not itself, nor what
   comes after it, whose times cannot be less; not over a restart either. */
static void test_retain_age_with_a_time_to_come(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = 32;
    fixture->options.retain_age_ns = 100 * SECOND;
    fixture_open(fixture);
    fixture->fake.ahead = 53 * YEAR;
    fixture_fill(fixture, 1);
    fixture->fake.ahead = 0;
    fixture_fill(fixture, 3);
    fixture->fake.now += 101 * SECOND;
    fixture_fill(fixture, 2);
    assert_int_equal(clog_retain(fixture->log), 2);
    expect_left(fixture, 4, 6);
    fixture_fill(fixture, 2);
    fixture_close(fixture);
    /* The files' times are the system's. */
    fixture->fake.now += YEAR;
    fixture_open(fixture);
    fixture->fake.now += 3600 * SECOND;
    assert_int_equal(clog_retain(fixture->log), 2);
    expect_left(fixture, 8, 8);
}

/* A clock that is ahead when the log is opened, for less than an hour. */
static void test_retain_age_opened_with_a_clock_ahead(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = 32;
    fixture->options.retain_age_ns = 30 * (uint64_t)DAY;
    fixture_open(fixture);
    fixture_fill(fixture, 5);
    fixture_power_cut(fixture);
    fixture->fake.ahead = 31 * DAY;
    fixture_open(fixture);
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture->fake.now += 3599 * SECOND;
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 3);
    assert_true(fixture_status(fixture).age_withheld_ns > 0);
    fixture->fake.ahead = 0;
    fixture->fake.now += SECOND;
    assert_int_equal(clog_retain(fixture->log), 0);
    expect_left(fixture, 0, 5);
    assert_int_equal(fixture_status(fixture).age_withheld_ns, 0);
    /* And one that is right drops what is as old as that. */
    fixture_kill(fixture);
    fixture->fake.now += 31 * DAY;
    fixture_open(fixture);
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture->fake.now += 3600 * SECOND;
    assert_int_equal(clog_retain(fixture->log), 3);
}

/* Rot in a stamp makes nothing old: neither the last of a segment that is to go
   nor the first of the one to be rolled. */
static void test_retain_age_by_a_damaged_stamp(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = 32;
    fixture->options.retain_age_ns = 100 * SECOND;
    fixture_open(fixture);
    fixture_fill(fixture, 5);
    fixture_close(fixture);
    for (int byte = 1; byte >= 0; byte--) {
        file_flip(fixture->dir, ZERO "/stamps", 16 + (uint64_t)byte);
        file_flip(fixture->dir, "segments/00000000000000000004/stamps",
                  (uint64_t)byte);
        fixture_open(fixture);
        fixture->fake.now += 20 * SECOND;
        assert_int_equal(clog_retain(fixture->log), 0);
        assert_int_equal(fixture_status(fixture).oldest, 0);
    }
    fixture->fake.now += 100 * SECOND;
    assert_true(clog_retain(fixture->log) >= 3);
}

/* A segment of which no stamp holds is as old as its files. These have the
   system's time, and so does what they are compared with. */
static void test_retain_age_without_a_stamp_that_holds(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = 32;
    fixture->options.retain_age_ns = 100 * SECOND;
    fixture_open(fixture);
    fixture_fill(fixture, 5);
    fixture_close(fixture);
    for (uint64_t i = 0; i < 2; i++) {
        file_flip(fixture->dir, ZERO "/stamps", 16 * i + 14);
        file_flip(fixture->dir, "segments/00000000000000000002/stamps",
                  16 * i + 14);
    }
    file_flip(fixture->dir, "segments/00000000000000000004/stamps", 14);
    fixture->fake.now = io_now(io_posix());
    fixture_open(fixture);
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture_close(fixture);
    /* Idle for less than is believed at once. */
    fixture->fake.now += 50 * SECOND;
    fixture_open(fixture);
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture->fake.now += 20 * SECOND;
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture->fake.now += 40 * SECOND;
    assert_int_equal(clog_retain(fixture->log), 3);
}

/* Rolling by age alone: an empty segment is not rolled again. */
static void test_retain_segment_age_rolls(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.segment_age_ns = 10 * SECOND;
    fixture_open(fixture);
    fixture->fake.now += 60 * SECOND;
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 1);
    fixture_fill(fixture, 1);
    fixture->fake.now += 10 * SECOND;
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 1);
    fixture_kill(fixture);
    fixture_open(fixture);
    fixture->fake.now += 1;
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 2);
    fixture->fake.now += 60 * SECOND;
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 2);
    expect_left(fixture, 0, 1);
}

/* --- What is unread --------------------------------------------------------
 */

/* What a cursor has not read stays, and the writer is told. */
static void test_retain_keep_unread(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.flags = CLOG_KEEP_UNREAD;
    fixture->options.retain_records = 8;
    fixture_open(fixture);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    fixture_fill(fixture, 8);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 1), 0);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 2), 0);
    fixture_fill(fixture, 2);
    assert_int_equal(clog_retain(fixture->log), 1);
    expect_left(fixture, 2, 10);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    assert_int_equal(clog_cursor_remove(fixture->log, "a"), 0);
    fixture_fill(fixture, 1);
    expect_left(fixture, 2, 11);
}

/* By hand neither. */
static void test_retain_keep_unread_by_hand(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.flags = CLOG_KEEP_UNREAD;
    open_small(fixture);
    fixture_fill(fixture, 6);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    assert_int_equal(clog_drop(fixture->log, 0), -EBUSY);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 2), 0);
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    assert_int_equal(clog_drop(fixture->log, 2), -EBUSY);
    expect_left(fixture, 2, 6);
}

/* Where the oldest may go on a full disk, it does so there alone. */
static void test_retain_keep_unread_and_drop_oldest(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.flags = CLOG_KEEP_UNREAD | CLOG_DROP_OLDEST;
    fixture->options.max_index = 32;
    fixture->options.retain_records = 8;
    fixture->options.retain_bytes = 1000;
    fixture->options.retain_age_ns = SECOND;
    fixture_open(fixture);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    fixture_fill(fixture, 20);
    fixture->fake.now += 10 * SECOND;
    assert_int_equal(clog_retain(fixture->log), 0);
    expect_left(fixture, 0, 20);
    assert_int_equal(clog_drop(fixture->log, 0), -EBUSY);
    fixture_fill(fixture, 2);
    fixture->fake.ops.mkdir = refuse_mkdir;
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    assert_true(fixture_status(fixture).drops.by_full > 0);
}

/* A cursor whose file is damaged has read nothing, as far as is known. */
static void test_retain_keep_unread_by_a_damaged_cursor(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.flags = CLOG_KEEP_UNREAD;
    fixture->options.retain_records = 8;
    fixture_open(fixture);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    fixture_fill(fixture, 8);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 8), 0);
    fixture_close(fixture);
    file_flip(fixture->dir, "cursors/a", 7);
    fixture_open(fixture);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    assert_int_equal(clog_retain(fixture->log), 0);
    expect_left(fixture, 0, 8);
    assert_int_equal(clog_cursor_remove(fixture->log, "a"), 0);
    fixture_fill(fixture, 2);
    assert_int_equal(clog_retain(fixture->log), 1);
    expect_left(fixture, 2, 10);
}

/* Retention that has come in the midst of a change of a cursor: it is begun in
   the first sync of the change, and given time. */
static struct {
    struct clog *log;
    pthread_t thread;
    bool armed;
    int result;
} beside;

static void *retain_beside(void *log)
{
    beside.result = clog_retain(log);
    return NULL;
}

static int hooked_sync(struct io *io, int fd)
{
    struct timespec a_while = {0, 50000000};

    (void)io;
    (void)fd;
    if (beside.armed) {
        beside.armed = false;
        assert_int_equal(
            pthread_create(&beside.thread, NULL, retain_beside, beside.log), 0);
        (void)nanosleep(&a_while, NULL);
    }
    return 0;
}

static void expect_nothing_lost(struct fixture *fixture, const char *name)
{
    struct clog_cursor cursor;

    assert_false(beside.armed);
    assert_int_equal(pthread_join(beside.thread, NULL), 0);
    assert_true(beside.result >= 0);
    assert_int_equal(clog_cursor_get(fixture->log, name, &cursor), 0);
    assert_int_equal(cursor.lost, 0);
}

/* What there is when a cursor is made is there when it is. */
static void test_retain_keep_unread_of_a_new_cursor(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.flags = CLOG_KEEP_UNREAD;
    fixture->options.retain_records = 8;
    fixture_open(fixture);
    fixture_fill(fixture, 16);
    fixture->fake.ops.sync = hooked_sync;
    beside.log = fixture->log;
    beside.armed = true;
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    expect_nothing_lost(fixture, "a");
}

/* And when it is moved back. */
static void test_retain_keep_unread_of_a_cursor_that_goes_back(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.flags = CLOG_KEEP_UNREAD;
    fixture->options.retain_records = 8;
    fixture_open(fixture);
    fixture_fill(fixture, 8);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 8), 0);
    fixture_fill(fixture, 8);
    fixture->fake.ops.sync = hooked_sync;
    beside.log = fixture->log;
    beside.armed = true;
    assert_int_equal(clog_cursor_move(fixture->log, "a", 1), 0);
    expect_nothing_lost(fixture, "a");
}

/* Without it, a cursor is told what it has lost. */
static void test_retain_cursor_is_told_what_it_lost(void **state)
{
    struct fixture *fixture = *state;
    struct clog_cursor cursor;

    fixture->options.retain_records = 4;
    fixture_open(fixture);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    fixture_fill(fixture, 10);
    assert_int_equal(clog_retain(fixture->log), 6);
    assert_int_equal(clog_cursor_get(fixture->log, "a", &cursor), 0);
    assert_int_equal(cursor.offset, 0);
    assert_int_equal(cursor.lag, 10);
    assert_int_equal(cursor.lost, 6);
}

/* --- A full disk -----------------------------------------------------------
 */

/* An io on which writes fail for as long as there are more segments than
   fit. */
struct full {
    struct fake fake; /* must be first */
    struct clog *log;
    uint64_t fit;
};

static ssize_t full_writev(struct io *io, int fd, const struct iovec *iov,
                           int count, uint64_t position)
{
    struct full *full = (struct full *)(void *)io;
    struct clog_status status = {.size = sizeof(status)};

    if (full->log) {
        clog_status(full->log, &status);
        if (status.segments > full->fit)
            return -ENOSPC;
    }
    return io_posix()->ops->writev(io, fd, iov, count, position);
}

static void open_with(struct fixture *fixture, struct full *full,
                      const struct clog_options *options)
{
    *full = (struct full){.fit = 3};
    fake_init(&full->fake);
    full->fake.ops.writev = full_writev;
    fixture_take_sigbus();
    assert_int_equal(
        log_open(&full->fake.io, fixture->dir, options, NULL, &fixture->log),
        0);
}

static void open_full(struct fixture *fixture, struct full *full,
                      unsigned flags)
{
    struct clog_options options = {
        .size = sizeof(options), .flags = flags, .max_index = 32};

    open_with(fixture, full, &options);
    fixture_fill(fixture, 8);
    full->log = fixture->log;
}

static void test_retain_full_drops_oldest(void **state)
{
    struct fixture *fixture = *state;
    struct full full;

    open_full(fixture, &full, CLOG_DROP_OLDEST);
    assert_int_equal(clog_append(fixture->log, "x", 1, CLOG_NOWAIT, NULL),
                     -EAGAIN);
    fixture_fill(fixture, 5);
    assert_int_equal(fixture_status(fixture).segments, 3);
    assert_true(fixture_status(fixture).drops.by_full > 0);
    expect_left(fixture, fixture_status(fixture).oldest, 13);
    assert_true(fixture_status(fixture).oldest >= 6);
    fixture_close(fixture);
}

/* A view holds a segment for as long as it is open, however it is closed. */
static void test_retain_full_after_views(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *views[2] = {NULL, NULL};
    struct full full;

    open_full(fixture, &full, CLOG_DROP_OLDEST);
    for (int k = 0; k < 2; k++)
        assert_int_equal(clog_view_record(fixture->log, 0, 0, &views[k]), 0);
    assert_int_equal(clog_view_try_close(views[0]), 0);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    assert_int_equal(clog_view_try_close(views[1]), 0);
    fixture_fill(fixture, 5);
    assert_true(fixture_status(fixture).drops.by_full > 0);
    fixture_close(fixture);
}

/* With nothing left but the active segment, the disk is full. */
static void test_retain_full_keeps_the_active_segment(void **state)
{
    struct fixture *fixture = *state;
    struct full full;

    open_full(fixture, &full, CLOG_DROP_OLDEST);
    full.fit = 0;
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    assert_int_equal(fixture_status(fixture).segments, 1);
    full.fit = 3;
    fixture_fill(fixture, 1);
    expect_left(fixture, fixture_status(fixture).active, 9);
    fixture_close(fixture);
}

static void test_retain_full_is_an_error_by_default(void **state)
{
    struct fixture *fixture = *state;
    struct full full;

    open_full(fixture, &full, 0);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    expect_left(fixture, 0, 8);
    full.log = NULL;
    fixture_fill(fixture, 1);
    expect_left(fixture, 0, 9);
    fixture_close(fixture);
}

/* Opens a log of one segment of 10000 records, made without a limit, on a disk
   that takes no more until that is gone. */
static void open_old(struct fixture *fixture, struct full *full,
                     struct clog_options options)
{
    fixture_open(fixture);
    fixture_fill_batch(fixture, 10000);
    fixture_close(fixture);
    options.size = sizeof(options);
    open_with(fixture, full, &options);
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 2);
    full->fit = 1;
    full->log = fixture->log;
}

/* A limit keeps what it allows, but not where a full disk takes nothing behind
   it: there the log would take no more for ever. */
static void test_retain_full_beyond_a_limit(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;
    struct full full;

    open_old(fixture, &full, (struct clog_options){.retain_records = 1000});
    assert_int_equal(clog_append(fixture->log, "x", 1, CLOG_NOWAIT, NULL),
                     -EAGAIN);
    assert_int_equal(clog_view_record(fixture->log, 0, 0, &view), 0);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    clog_view_close(view);
    fixture_fill(fixture, 1);
    expect_left(fixture, 10000, 10001);
    assert_int_equal(fixture_status(fixture).drops.by_records, 1);
    fixture_close(fixture);
}

static void test_retain_full_beyond_a_limit_of_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct full full;

    open_old(fixture, &full, (struct clog_options){.retain_bytes = 100000});
    fixture_fill(fixture, 1);
    expect_left(fixture, 10000, 10001);
    assert_int_equal(fixture_status(fixture).drops.by_bytes, 1);
    fixture_close(fixture);
}

/* Within its limits, and before a cursor has read it, it stays. */
static void test_retain_full_within_a_limit(void **state)
{
    struct fixture *fixture = *state;
    struct full full;

    open_old(fixture, &full, (struct clog_options){.retain_records = 20000});
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    expect_left(fixture, 0, 10000);
    fixture_close(fixture);
}

static void test_retain_full_beyond_a_limit_keeps_unread(void **state)
{
    struct fixture *fixture = *state;
    struct clog_options options = {.retain_records = 1000,
                                   .flags = CLOG_KEEP_UNREAD};
    struct full full;

    fixture_open(fixture);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    fixture_close(fixture);
    open_old(fixture, &full, options);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    expect_left(fixture, 0, 10000);
    full.log = NULL;
    assert_int_equal(clog_cursor_move(fixture->log, "a", 10000), 0);
    full.log = fixture->log;
    fixture_fill(fixture, 1);
    expect_left(fixture, 10000, 10001);
    fixture_close(fixture);
}

/* --- Who reads what is dropped ----------------------------------------------
 */

static void test_retain_views_of_dropped_go_on(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *record = NULL;
    struct clog_view *store = NULL;
    char text[FIXTURE_TEXT];
    char data[64];
    size_t size = fixture_text(1, text);

    open_small(fixture);
    fixture_fill(fixture, 4);
    assert_int_equal(clog_view_record(fixture->log, 1, 0, &record), 0);
    assert_int_equal(clog_view_segment(fixture->log, 0, CLOG_STORE, &store), 0);
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    assert_int_equal(fixture_status(fixture).pinned_segments, 1);
    assert_true(fixture_status(fixture).pinned_bytes > 0);
    assert_int_equal(directory_count(fixture->dir, "segments"), 1);
    assert_int_equal(clog_view_read(record, data, sizeof(data), 0, 0), size);
    assert_memory_equal(data, text, size);
    assert_int_equal(clog_view_read(store, data, 8, 0, 0), 8);
    assert_memory_equal(data, "\0\0\0\0\0\0\0\x08", 8);
    clog_view_close(record);
    clog_view_close(store);
    assert_int_equal(fixture_status(fixture).pinned_segments, 0);
    assert_int_equal(fixture_status(fixture).pinned_bytes, 0);
    assert_int_equal(clog_view_record(fixture->log, 1, 0, &record), -ENOENT);
    assert_int_equal(clog_view_segment(fixture->log, 0, CLOG_STORE, &store),
                     -ENOENT);
}

/* The stream keeps its positions; what is gone of it is ESTALE. */
static void test_retain_stream_of_dropped_is_estale(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *stream = NULL;
    char text[FIXTURE_TEXT];
    char data[64];
    uint64_t start, size;

    open_small(fixture);
    fixture_fill(fixture, 4);
    assert_int_equal(clog_view_stream(fixture->log, 0, &stream), 0);
    size = clog_view_size(stream);
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    start = fixture_status(fixture).stream_start;
    assert_int_equal(start, fixture_text(0, text) + fixture_text(1, text));
    assert_int_equal(clog_view_size(stream), size);
    assert_int_equal(clog_view_read(stream, data, 1, 0, 0), -ESTALE);
    assert_int_equal(clog_view_read(stream, data, 1, start - 1, 0), -ESTALE);
    assert_int_equal(
        clog_view_read(stream, data, fixture_text(2, text), start, 0),
        fixture_text(2, text));
    assert_memory_equal(data, text, fixture_text(2, text));
    clog_view_close(stream);
    assert_int_equal(clog_view_stream(fixture->log, 0, &stream), -ENOENT);
}

/* --- What a crash leaves ---------------------------------------------------
 */

/* A segment that was renamed is gone; what else is there is none of ours. */
static void test_retain_leftovers_go_with_the_next_open(void **state)
{
    struct fixture *fixture = *state;

    open_small(fixture);
    fixture_fill(fixture, 4);
    fixture_kill(fixture);
    file_rename(fixture->dir, ZERO, ZERO ".dropped");
    file_save(fixture->dir, "segments/0.dropped", "mine", 4);
    fixture->options.flags = CLOG_READ_ONLY;
    fixture_open(fixture);
    expect_left(fixture, 2, 4);
    assert_true(file_exists(fixture->dir, ZERO ".dropped"));
    fixture_kill(fixture);
    fixture->options.flags = 0;
    fixture_open(fixture);
    expect_left(fixture, 2, 4);
    assert_int_equal(fixture_report(fixture)->lost, 0);
    assert_false(file_exists(fixture->dir, ZERO ".dropped"));
    assert_true(file_exists(fixture->dir, "segments/0.dropped"));
    fixture_expect_sound(fixture);
}

/* Also when only some of its files are left. */
static void test_retain_half_a_leftover_goes_too(void **state)
{
    struct fixture *fixture = *state;

    open_small(fixture);
    fixture_fill(fixture, 4);
    fixture_kill(fixture);
    file_rename(fixture->dir, ZERO, ZERO ".dropped");
    file_remove(fixture->dir, ZERO ".dropped/store");
    fixture_open(fixture);
    assert_int_equal(directory_count(fixture->dir, "segments"), 1);
    expect_left(fixture, 2, 4);
}

/* --- Finding by time -------------------------------------------------------
 */

static void expect_found(struct fixture *fixture, int64_t time_ns,
                         uint64_t offset)
{
    uint64_t found = UINT64_MAX;

    assert_int_equal(clog_find(fixture->log, (uint64_t)time_ns, 0, &found), 0);
    assert_int_equal(found, offset);
}

static void test_find_with_ties(void **state)
{
    struct fixture *fixture = *state;
    uint64_t found = 77;

    open_small(fixture);
    assert_int_equal(clog_find(fixture->log, 0, 0, &found), -ENOENT);
    for (int i = 0; i < 5; i++) {
        fixture_fill(fixture, 3);
        fixture->fake.now += SECOND;
    }
    for (int i = 0; i < 5; i++) {
        expect_found(fixture, FIXTURE_NOON + i * SECOND, (uint64_t)i * 3);
        expect_found(fixture, FIXTURE_NOON + i * SECOND - 1, (uint64_t)i * 3);
    }
    expect_found(fixture, 0, 0);
    assert_int_equal(
        clog_find(fixture->log, FIXTURE_NOON + 4 * SECOND + 1, 0, &found),
        -ENOENT);
    assert_int_equal(clog_find(fixture->log, UINT64_MAX, 0, &found), -ENOENT);
    assert_int_equal(found, 77);
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    expect_found(fixture, 0, 2);
}

/* A clock that steps back gives no earlier time. */
static void test_find_with_a_clock_that_steps_back(void **state)
{
    struct fixture *fixture = *state;

    open_small(fixture);
    fixture_fill(fixture, 2);
    fixture->fake.ahead -= 100 * SECOND;
    fixture_fill(fixture, 2);
    fixture->fake.ahead += 101 * SECOND;
    fixture_fill(fixture, 1);
    expect_found(fixture, FIXTURE_NOON - 100 * SECOND, 0);
    expect_found(fixture, FIXTURE_NOON, 0);
    expect_found(fixture, FIXTURE_NOON + 1, 4);
}

/* Over a gap the next record that is there is found. */
static void test_find_with_a_gap(void **state)
{
    struct fixture *fixture = *state;

    open_small(fixture);
    for (int i = 0; i < 8; i++) {
        fixture_fill(fixture, 1);
        fixture->fake.now += SECOND;
    }
    fixture_close(fixture);
    file_remove(fixture->dir, "segments/00000000000000000002");
    file_remove(fixture->dir, "segments/00000000000000000004");
    fixture_open(fixture);
    for (int i = 0; i < 8; i++)
        expect_found(fixture, FIXTURE_NOON + i * SECOND,
                     i >= 2 && i < 6 ? 6 : (uint64_t)i);
}

/* --- Compare and append, and waiting -----------------------------------------
 */

static void test_append_at(void **state)
{
    struct fixture *fixture = *state;

    open_small(fixture);
    assert_int_equal(clog_append_at(fixture->log, 1, "b", 1, 0), -EPERM);
    assert_int_equal(clog_append_at(fixture->log, 0, "a", 1, 0), 0);
    assert_int_equal(clog_append_at(fixture->log, 0, "b", 1, 0), -EEXIST);
    assert_int_equal(clog_append_at(fixture->log, 1, "", 0, 0), -EINVAL);
    assert_int_equal(clog_append_at(fixture->log, 1, "b", 1, 0), 0);
    assert_int_equal(clog_append_at(fixture->log, UINT64_MAX, "c", 1, 0),
                     -EPERM);
    /* It does not roll for nothing. */
    assert_int_equal(fixture_status(fixture).segments, 1);
    assert_int_equal(clog_append_at(fixture->log, 2, "c", 1, 0), 0);
    fixture_expect_next(fixture, 3);
    fixture_expect(fixture, 2, "c");
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    assert_int_equal(clog_append_at(fixture->log, 0, "b", 1, 0), -EEXIST);
}

#define WRITERS 4
#define PLACES  200

struct race {
    struct clog *log;
    unsigned won[WRITERS], lost[WRITERS];
    unsigned number;
};

static void *claim(void *ctx)
{
    struct race *race = ctx;
    unsigned me = __atomic_fetch_add(&race->number, 1, __ATOMIC_SEQ_CST);
    char text = (char)('0' + (char)me);

    for (uint64_t i = 0; i < PLACES; i++) {
        int r = clog_append_at(race->log, i, &text, 1, 0);

        race->won[me] += r == 0;
        race->lost[me] += r == -EEXIST;
    }
    return NULL;
}

/* Of those who want an offset one gets it. */
static void test_append_at_has_one_winner(void **state)
{
    struct fixture *fixture = *state;
    struct race race = {0};
    pthread_t threads[WRITERS];
    unsigned won = 0;

    fixture_open(fixture);
    race.log = fixture->log;
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, claim, &race), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(race.won[i] + race.lost[i], PLACES);
        won += race.won[i];
    }
    assert_int_equal(won, PLACES);
    fixture_expect_next(fixture, PLACES);
}

static void *append_later(void *ctx)
{
    struct timespec while_waiting = {0, 20000000};

    (void)nanosleep(&while_waiting, NULL);
    return clog_append(ctx, "late", 4, 0, NULL) == 0 ? ctx : NULL;
}

static void test_wait(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread;
    void *result = NULL;

    fixture_open(fixture);
    assert_int_equal(clog_wait(fixture->log, 0, 0), -ETIMEDOUT);
    assert_int_equal(clog_wait(fixture->log, 0, 5), -ETIMEDOUT);
    fixture_fill(fixture, 1);
    assert_int_equal(clog_wait(fixture->log, 0, 0), 0);
    assert_int_equal(clog_wait(fixture->log, 0, -1), 0);
    assert_int_equal(pthread_create(&thread, NULL, append_later, fixture->log),
                     0);
    assert_int_equal(clog_wait(fixture->log, 1, -1), 0);
    fixture_expect(fixture, 1, "late");
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, fixture->log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_retain_of_a_removed_store),
        FIXTURE_TEST(test_retain_of_a_removed_log),
        FIXTURE_TEST(test_retain_of_a_renamed_log),
        FIXTURE_TEST(test_retain_drop_by_hand),
        FIXTURE_TEST(test_retain_read_only_drops_nothing),
        FIXTURE_TEST(test_retain_records),
        FIXTURE_TEST(test_retain_records_below_four_is_einval),
        FIXTURE_TEST(test_retain_bytes),
        FIXTURE_TEST(test_retain_limit_on_an_old_log),
        FIXTURE_TEST(test_retain_limit_and_a_large_batch),
        FIXTURE_TEST(test_retain_bytes_of_small_records),
        FIXTURE_TEST(test_retain_on_a_full_disk),
        FIXTURE_TEST(test_retain_age),
        FIXTURE_TEST(test_retain_age_with_a_clock_that_steps_back),
        FIXTURE_TEST(test_retain_age_with_a_clock_ahead),
        FIXTURE_TEST(test_retain_age_with_a_time_to_come),
        FIXTURE_TEST(test_retain_age_opened_with_a_clock_ahead),
        FIXTURE_TEST(test_retain_age_by_a_damaged_stamp),
        FIXTURE_TEST(test_retain_age_without_a_stamp_that_holds),
        FIXTURE_TEST(test_retain_segment_age_rolls),
        FIXTURE_TEST(test_retain_keep_unread),
        FIXTURE_TEST(test_retain_keep_unread_by_hand),
        FIXTURE_TEST(test_retain_keep_unread_and_drop_oldest),
        FIXTURE_TEST(test_retain_keep_unread_by_a_damaged_cursor),
        FIXTURE_TEST(test_retain_keep_unread_of_a_new_cursor),
        FIXTURE_TEST(test_retain_keep_unread_of_a_cursor_that_goes_back),
        FIXTURE_TEST(test_retain_cursor_is_told_what_it_lost),
        FIXTURE_TEST(test_retain_full_drops_oldest),
        FIXTURE_TEST(test_retain_full_after_views),
        FIXTURE_TEST(test_retain_full_keeps_the_active_segment),
        FIXTURE_TEST(test_retain_full_is_an_error_by_default),
        FIXTURE_TEST(test_retain_full_beyond_a_limit),
        FIXTURE_TEST(test_retain_full_beyond_a_limit_of_bytes),
        FIXTURE_TEST(test_retain_full_within_a_limit),
        FIXTURE_TEST(test_retain_full_beyond_a_limit_keeps_unread),
        FIXTURE_TEST(test_retain_views_of_dropped_go_on),
        FIXTURE_TEST(test_retain_stream_of_dropped_is_estale),
        FIXTURE_TEST(test_retain_leftovers_go_with_the_next_open),
        FIXTURE_TEST(test_retain_half_a_leftover_goes_too),
        FIXTURE_TEST(test_find_with_ties),
        FIXTURE_TEST(test_find_with_a_clock_that_steps_back),
        FIXTURE_TEST(test_find_with_a_gap),
        FIXTURE_TEST(test_append_at),
        FIXTURE_TEST(test_append_at_has_one_winner),
        FIXTURE_TEST(test_wait),
    };

    return cmocka_run_group_tests_name("retain", tests, NULL, NULL);
}
