/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "fixture.h"
#include "log/log.h"
#include "test.h"

/*
 * A file with an error of write-back. Linux tells it once for each open file:
 * of two syncs that overlap one hears of it, and all later ones succeed. Here
 * a sync of the file is in when it has been called; the first to come in stays
 * until another one comes, or a while at the most.
 */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t came;
    bool armed;    /* the next that comes in is the first */
    unsigned tell; /* which of them hears of the error: 1 or 2; if there is but
                      one, it does */
    unsigned in;   /* that have come */
    unsigned told; /* that have failed */
    int error;     /* negative errno */
    int dir_error; /* of syncs of directories, once */
} writeback;

#define A_WHILE 300000000 /* ns */

static void wait_for_another(void)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += A_WHILE;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (writeback.in < 2 &&
           pthread_cond_timedwait(&writeback.came, &writeback.lock, &until) ==
               0)
        ;
}

static int sync_with_error(void)
{
    unsigned me;
    int r = 0;

    (void)pthread_mutex_lock(&writeback.lock);
    me = ++writeback.in;
    (void)pthread_cond_broadcast(&writeback.came);
    if (me == 1)
        wait_for_another();
    if (writeback.told == 0 && (me == writeback.tell || writeback.in == 1)) {
        writeback.told++;
        r = writeback.error;
    }
    (void)pthread_mutex_unlock(&writeback.lock);
    return r;
}

static int hooked_datasync(struct io *io, int fd)
{
    (void)io;
    (void)fd;
    return writeback.armed ? sync_with_error() : 0;
}

static int hooked_sync(struct io *io, int fd)
{
    struct io_stat st;
    int r = writeback.dir_error;

    assert_int_equal(io->ops->stat(io, fd, &st), 0);
    if (st.type != IO_DIR)
        return 0;
    writeback.dir_error = 0;
    return r;
}

/* A new log with a full segment of two records, which are not durable. */
static void open_with_writeback(struct fixture *fixture, unsigned flags)
{
    directory_remove(fixture->dir);
    fixture->dir = directory_make();
    fixture->fake.ops.datasync = hooked_datasync;
    fixture->fake.ops.sync = hooked_sync;
    fixture->options.max_index = 32;
    fixture->options.flags = flags;
    memset(&writeback, 0, sizeof(writeback));
    (void)pthread_mutex_init(&writeback.lock, NULL);
    (void)pthread_cond_init(&writeback.came, NULL);
    writeback.error = -EIO;
    fixture_open(fixture);
    fixture_fill(fixture, 2);
}

static void arm(unsigned tell)
{
    writeback.tell = tell;
    writeback.in = 0;
    writeback.told = 0;
    writeback.armed = true;
}

static void wait_until_one_is_in(void)
{
    (void)pthread_mutex_lock(&writeback.lock);
    while (writeback.in == 0)
        (void)pthread_cond_wait(&writeback.came, &writeback.lock);
    (void)pthread_mutex_unlock(&writeback.lock);
}

/* An error was told to one; nobody may have been told that all is well. */
static void expect_stopped(struct fixture *fixture, uint64_t durable)
{
    struct clog_status status = fixture_status(fixture);

    assert_int_equal(writeback.told, 1);
    assert_false(status.writable);
    assert_int_equal(status.sync_error, -writeback.error);
    assert_int_equal(status.durable, durable);
    writeback.armed = false;
    assert_int_equal(clog_sync(fixture->log, status.next), -EIO);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -EROFS);
    fixture_kill(fixture);
}

struct call {
    struct clog *log;
    int result;
};

static void *call_sync(void *ctx)
{
    struct call *call = ctx;

    call->result = clog_sync(call->log, UINT64_MAX);
    return NULL;
}

static void *call_append(void *ctx)
{
    struct call *call = ctx;

    call->result = clog_append(call->log, "x", 1, 0, NULL);
    return NULL;
}

static void *call_drop(void *ctx)
{
    struct call *call = ctx;

    call->result = clog_drop(call->log, 0);
    return NULL;
}

/* One thread's call comes in first, this one's second. */
static void overlap(struct fixture *fixture, unsigned tell,
                    void *(*first)(void *), void *(*second)(void *),
                    int ret_results[2])
{
    struct call calls[2] = {{fixture->log, 1}, {fixture->log, 1}};
    pthread_t thread;

    arm(tell);
    assert_int_equal(pthread_create(&thread, NULL, first, &calls[0]), 0);
    wait_until_one_is_in();
    (void)second(&calls[1]);
    assert_int_equal(pthread_join(thread, NULL), 0);
    ret_results[0] = calls[0].result;
    ret_results[1] = calls[1].result;
}

/* A sync and a roll of the same segment at the same time. */
static void test_sync_beside_a_roll(void **state)
{
    for (unsigned tell = 1; tell <= 2; tell++) {
        int results[2];

        open_with_writeback(*state, 0);
        overlap(*state, tell, call_sync, call_append, results);
        assert_true(results[0] < 0);
        assert_true(results[1] < 0);
        expect_stopped(*state, 0);
    }
}

static void test_roll_beside_a_sync(void **state)
{
    for (unsigned tell = 1; tell <= 2; tell++) {
        int results[2];

        open_with_writeback(*state, 0);
        overlap(*state, tell, call_append, call_sync, results);
        assert_true(results[0] < 0);
        assert_true(results[1] < 0);
        expect_stopped(*state, 0);
    }
}

/* An append that fails in its stamps syncs the cut. */
static void test_sync_beside_a_roll_back(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned tell = 1; tell <= 2; tell++) {
        int results[2];

        open_with_writeback(fixture, 0);
        assert_int_equal(clog_sync(fixture->log, UINT64_MAX), 0);
        fixture_fill(fixture, 1);
        fixture->fake.fails = 1;
        overlap(fixture, tell, call_sync, call_append, results);
        assert_true(results[0] < 0);
        assert_int_equal(results[1], -ENOSPC);
        fixture->fake.fails = -1;
        expect_stopped(fixture, 2);
    }
}

static void test_roll_back_beside_a_sync(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned tell = 1; tell <= 2; tell++) {
        int results[2];

        open_with_writeback(fixture, 0);
        assert_int_equal(clog_sync(fixture->log, UINT64_MAX), 0);
        fixture_fill(fixture, 1);
        fixture->fake.fails = 1;
        overlap(fixture, tell, call_append, call_sync, results);
        assert_int_equal(results[0], -ENOSPC);
        assert_true(results[1] < 0);
        fixture->fake.fails = -1;
        expect_stopped(fixture, 2);
    }
}

/* A roll and a drop sync the same directory. */
static int sync_directory_with_error(struct io *io, int fd)
{
    (void)io;
    return writeback.armed && fd == writeback.dir_error ? sync_with_error() : 0;
}

static void test_roll_beside_a_drop(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned order = 0; order < 4; order++) {
        int results[2];

        open_with_writeback(fixture, 0);
        fixture->fake.ops.sync = sync_directory_with_error;
        fixture->fake.ops.datasync = fixture->fake.ops.sync;
        fixture_fill(fixture, 2);
        writeback.dir_error = fixture->log->dir;
        overlap(fixture, 1 + order % 2, order < 2 ? call_drop : call_append,
                order < 2 ? call_append : call_drop, results);
        assert_true(results[0] < 0);
        assert_true(results[1] < 0);
        assert_false(fixture_status(fixture).writable);
        writeback.armed = false;
        assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -EROFS);
        fixture_kill(fixture);
    }
}

/* --- One thread ------------------------------------------------------------
 */

/* "No room" from a sync is no matter of room: nothing is dropped for it, and it
   is not tried again. */
static void test_sync_that_fails_for_room_drops_nothing(void **state)
{
    struct fixture *fixture = *state;

    open_with_writeback(fixture, CLOG_DROP_OLDEST);
    fixture_fill(fixture, 2);
    writeback.error = -ENOSPC;
    arm(1);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
    assert_int_equal(fixture_status(fixture).drops.segments, 0);
    fixture_expect_next(fixture, 4);
    expect_stopped(fixture, 2);
}

/* Names that may not be on disk: the log stops. */
static void test_sync_of_a_directory_that_fails_in_a_roll(void **state)
{
    struct fixture *fixture = *state;

    open_with_writeback(fixture, 0);
    writeback.dir_error = -EIO;
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -EIO);
    assert_int_equal(writeback.dir_error, 0);
    assert_int_equal(fixture_status(fixture).sync_error, EIO);
    assert_false(fixture_status(fixture).writable);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -EROFS);
    fixture_kill(fixture);
    fixture_open(fixture);
    fixture_expect_filled(fixture, 0, 2);
}

static void test_sync_of_a_directory_that_fails_for_a_cursor(void **state)
{
    struct fixture *fixture = *state;
    struct clog_cursor cursor;

    open_with_writeback(fixture, 0);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    for (int k = 0; k < 2; k++) {
        writeback.dir_error = -ENOSPC;
        assert_int_equal(k == 0 ? clog_cursor_make(fixture->log, "b")
                                : clog_cursor_remove(fixture->log, "a"),
                         -ENOSPC);
        assert_int_equal(fixture_status(fixture).sync_error, ENOSPC);
        assert_int_equal(clog_cursor_move(fixture->log, "a", 1), -EROFS);
        assert_int_equal(clog_cursor_get(fixture->log, "a", &cursor), 0);
        assert_int_equal(cursor.offset, 0);
        fixture_kill(fixture);
        fixture_open(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_sync_beside_a_roll),
        FIXTURE_TEST(test_roll_beside_a_sync),
        FIXTURE_TEST(test_sync_beside_a_roll_back),
        FIXTURE_TEST(test_roll_back_beside_a_sync),
        FIXTURE_TEST(test_roll_beside_a_drop),
        FIXTURE_TEST(test_sync_that_fails_for_room_drops_nothing),
        FIXTURE_TEST(test_sync_of_a_directory_that_fails_in_a_roll),
        FIXTURE_TEST(test_sync_of_a_directory_that_fails_for_a_cursor),
    };

    return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
