/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "log/log.h"
#include "test.h"

/* What another thread does in the midst of a roll: at the first call of the
   hooked kind, while the hook is set. */
static struct {
    struct clog *log;
    void *(*act)(void *log);
    int result;
} hook;

static void act_in_another_thread(void)
{
    void *(*act)(void *log) = hook.act;
    pthread_t thread;

    hook.act = NULL;
    if (!act)
        return;
    assert_int_equal(pthread_create(&thread, NULL, act, hook.log), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static int hooked_close(struct io *io, int fd)
{
    act_in_another_thread();
    return io_posix()->ops->close(io, fd);
}

static int hooked_chmod(struct io *io, int fd, mode_t mode)
{
    act_in_another_thread();
    return io_posix()->ops->chmod(io, fd, mode);
}

static void *drop_first(void *log)
{
    hook.result = clog_drop(log, 0);
    return NULL;
}

/* Two records a segment; the next append rolls. */
static void fill_first(struct fixture *fixture)
{
    fixture->options.max_index = 32;
    fixture_open(fixture);
    fixture_fill(fixture, 2);
    hook.log = fixture->log;
    hook.act = drop_first;
    hook.result = 1;
}

/* While a segment is being sealed nobody can drop it, and so free what the
   roll still works on. */
static void test_roll_seals_before_a_drop(void **state)
{
    struct fixture *fixture = *state;

    fixture->fake.ops.close = hooked_close;
    fill_first(fixture);
    fixture_fill(fixture, 1);
    assert_null(hook.act);
    assert_int_equal(hook.result, -EBUSY);
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    fixture_expect_filled(fixture, 2, 3);
}

static void test_roll_makes_files_read_only_before_a_drop(void **state)
{
    struct fixture *fixture = *state;

    fixture->fake.ops.chmod = hooked_chmod;
    fill_first(fixture);
    fixture_fill(fixture, 1);
    assert_null(hook.act);
    assert_int_equal(hook.result, -EBUSY);
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    assert_int_equal(directory_count(fixture->dir, "segments"), 1);
}

/* --- A directory that is in the way ----------------------------------------
 */

#define NEXT "segments/00000000000000000002"

static void make_directory(const char *dir, const char *name)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_int_equal(mkdirat(fd, name, 0700), 0);
    assert_int_equal(close(fd), 0);
}

/* A directory with the next base that this log has not made is somebody's: no
   segment begins in it. */
static void test_roll_takes_no_directory_of_others(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = 32;
    fixture_open(fixture);
    fixture_fill(fixture, 2);
    make_directory(fixture->dir, NEXT);
    file_save(fixture->dir, NEXT "/store", "mine", 4);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -EUCLEAN);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -EUCLEAN);
    assert_true(file_holds(fixture->dir, NEXT "/store", "mine", 4));
    assert_int_equal(fixture_status(fixture).segments, 1);
    fixture_expect_filled(fixture, 0, 2);
    file_remove(fixture->dir, NEXT);
    fixture_fill(fixture, 1);
    fixture_expect_filled(fixture, 0, 3);
    fixture_expect_sound(fixture);
}

static int opens_left;

static int refuse_open(struct io *io, int dir, const char *name, int flags,
                       mode_t mode)
{
    if ((flags & O_CREAT) && opens_left-- == 0)
        return -ENOSPC;
    return io_posix()->ops->open(io, dir, name, flags, mode);
}

/* One that it has made itself, and not filled for want of room, is used. */
static void test_roll_goes_on_in_its_own_directory(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = 32;
    fixture_open(fixture);
    fixture_fill(fixture, 2);
    fixture->fake.ops.open = refuse_open;
    for (int k = 0; k < 3; k++) {
        opens_left = k;
        assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -ENOSPC);
        assert_true(file_exists(fixture->dir, NEXT));
    }
    opens_left = -1;
    fixture_fill(fixture, 3);
    fixture_expect_filled(fixture, 0, 5);
    fixture_expect_sound(fixture);
}

#define AHEAD "segments/next.new"

/* 64 records a segment, which passes for a large one. */
static void open_large(struct fixture *fixture)
{
    fixture->options.max_index = UINT64_C(64) * 16;
    fixture_open(fixture);
    fixture->log->ahead.least = 0;
}

/* The next segment is made, and the full one synced, before it is time. */
static void test_roll_ahead_of_need(void **state)
{
    struct fixture *fixture = *state;

    open_large(fixture);
    fixture_fill(fixture, 40);
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 1);
    fixture_fill(fixture, 19);
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).segments, 2);
    assert_int_equal(fixture_status(fixture).active, 59);
    assert_int_equal(fixture_status(fixture).durable, 59);
    assert_false(file_exists(fixture->dir, AHEAD));
    fixture_fill(fixture, 100);
    fixture_expect_filled(fixture, 0, 159);
    fixture_expect_sound(fixture);
}

static unsigned long long syncs_of_a_roll(struct fixture *fixture)
{
    unsigned long long before = atomic_load(&fixture->fake.syncs);

    fixture_fill(fixture, 1);
    return atomic_load(&fixture->fake.syncs) - before;
}

/* The append that rolls syncs the rest of the full segment, and one name. */
static void test_roll_by_an_append_finds_what_was_made(void **state)
{
    struct fixture *fixture = *state;

    open_large(fixture);
    fixture_fill(fixture, 64);
    assert_int_equal(syncs_of_a_roll(fixture), 8);
    fixture_fill(fixture, 39);
    fixture->log->ahead.synced = 0;
    fixture->log->ahead.least = 0;
    /* More than a roll may sync itself has come. */
    fixture->log->ahead.rest = 0;
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_true(file_exists(fixture->dir, AHEAD));
    fixture_fill(fixture, 24);
    assert_int_equal(syncs_of_a_roll(fixture), 4);
    assert_false(file_exists(fixture->dir, AHEAD));
    fixture_expect_filled(fixture, 0, 129);
    fixture_expect_sound(fixture);
}

/* What a killed process has made is taken; what somebody else has, is not. */
static void test_roll_ahead_after_a_kill(void **state)
{
    struct fixture *fixture = *state;

    for (int k = 0; k < 2; k++) {
        open_large(fixture);
        fixture->log->ahead.rest = 0;
        fixture_fill(fixture, 40);
        assert_int_equal(clog_retain(fixture->log), 0);
        assert_true(file_exists(fixture->dir, AHEAD));
        fixture_kill(fixture);
    }
    file_save(fixture->dir, AHEAD "/store", "mine", 4);
    open_large(fixture);
    fixture->log->ahead.rest = 0;
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture_fill(fixture, 60);
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture_fill(fixture, 60);
    fixture_expect_filled(fixture, 0, 200);
    fixture_close(fixture);
    assert_true(file_holds(fixture->dir, AHEAD "/store", "mine", 4));
    fixture_open(fixture);
    fixture_expect_sound(fixture);
}

/* A close leaves nothing of it. */
static void test_roll_ahead_and_a_close(void **state)
{
    struct fixture *fixture = *state;

    open_large(fixture);
    fixture->log->ahead.rest = 0;
    fixture_fill(fixture, 40);
    assert_int_equal(clog_retain(fixture->log), 0);
    assert_true(file_exists(fixture->dir, AHEAD));
    fixture_close(fixture);
    assert_false(file_exists(fixture->dir, AHEAD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_roll_seals_before_a_drop),
        FIXTURE_TEST(test_roll_makes_files_read_only_before_a_drop),
        FIXTURE_TEST(test_roll_takes_no_directory_of_others),
        FIXTURE_TEST(test_roll_goes_on_in_its_own_directory),
        FIXTURE_TEST(test_roll_ahead_of_need),
        FIXTURE_TEST(test_roll_by_an_append_finds_what_was_made),
        FIXTURE_TEST(test_roll_ahead_after_a_kill),
        FIXTURE_TEST(test_roll_ahead_and_a_close),
    };

    return cmocka_run_group_tests_name("roll", tests, NULL, NULL);
}
