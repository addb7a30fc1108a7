/* SPDX-License-Identifier: MIT */
#include "log/times.h"

#include <errno.h>

#include "fixture.h"
#include "test.h"

#define ZERO   "segments/00000000000000000000"
#define SECOND INT64_C(1000000000)

/* Segments of 20 records, one a second from noon on; all closed, and opened
   again, so that nothing is remembered. */
static void fill(struct fixture *fixture, uint64_t count)
{
    fixture->options.max_index = UINT64_C(20) * 16;
    fixture_open(fixture);
    for (uint64_t i = 0; i < count; i++) {
        fixture_fill(fixture, 1);
        fixture->fake.now += SECOND;
    }
    fixture_close(fixture);
}

static uint64_t last_of(struct fixture *fixture, uint64_t base)
{
    struct part *part = NULL;
    uint64_t time_ns = UINT64_MAX;

    assert_int_equal(segments_find_base(&fixture->log->segments, base, &part),
                     0);
    assert_int_equal(times_last(fixture->log, part, 0, &time_ns), 0);
    segments_put(&fixture->log->segments, part);
    return time_ns;
}

static uint64_t second(int64_t seconds)
{
    return (uint64_t)(FIXTURE_NOON + seconds * SECOND);
}

/* Lets the stamp of record i of segment 0 say another time. */
static void flip_time(struct fixture *fixture, uint64_t i)
{
    file_flip(fixture->dir, ZERO "/stamps", 16 * i);
}

static void test_times_last_is_that_of_the_last_record(void **state)
{
    struct fixture *fixture = *state;
    struct clog_segment segment;

    fill(fixture, 50);
    fixture_open(fixture);
    assert_int_equal(last_of(fixture, 0), second(19));
    assert_int_equal(last_of(fixture, 20), second(39));
    assert_int_equal(last_of(fixture, 40), second(49));
    assert_int_equal(clog_segment(fixture->log, 0, 0, &segment), 0);
    assert_int_equal(segment.time_ns, second(19));
}

/* A stamp whose checksum fails says nothing: the one before it does. */
static void test_times_last_passes_wrong_stamps_by(void **state)
{
    struct fixture *fixture = *state;
    struct clog_segment segment;

    fill(fixture, 50);
    flip_time(fixture, 19);
    flip_time(fixture, 18);
    fixture_open(fixture);
    assert_int_equal(clog_segment(fixture->log, 0, 0, &segment), 0);
    assert_int_equal(segment.time_ns, second(17));
    assert_int_equal(last_of(fixture, 0), second(17));
}

/* Where none of the last few holds, the next segment bounds it. */
static void test_times_last_is_bounded_by_the_next_segment(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture, 50);
    for (uint64_t i = 0; i < 20; i++)
        flip_time(fixture, i);
    fixture_open(fixture);
    assert_int_equal(last_of(fixture, 0), second(20));
}

/* Records without stamps show no time; their file does. */
static void test_times_last_of_unverified_is_not_known(void **state)
{
    struct fixture *fixture = *state;
    struct clog_segment segment;

    fill(fixture, 20);
    file_remove(fixture->dir, ZERO "/stamps");
    fixture_open(fixture);
    assert_int_equal(last_of(fixture, 0), 0);
    assert_int_equal(clog_segment(fixture->log, 0, 0, &segment), 0);
    assert_true(segment.time_ns > 0);
    assert_int_equal(fixture_status(fixture).oldest_time_ns, segment.time_ns);
}

/* What must not wait is told to; what is remembered needs no look. */
static void test_times_last_nowait(void **state)
{
    struct fixture *fixture = *state;
    struct part *part = NULL;
    uint64_t time_ns;

    fill(fixture, 50);
    fixture_open(fixture);
    assert_int_equal(segments_find_base(&fixture->log->segments, 20, &part), 0);
    assert_int_equal(times_last(fixture->log, part, CLOG_NOWAIT, &time_ns),
                     -EAGAIN);
    assert_int_equal(times_last(fixture->log, part, 0, &time_ns), 0);
    fake_set_cold(&fixture->fake, true);
    assert_int_equal(times_last(fixture->log, part, CLOG_NOWAIT, &time_ns), 0);
    assert_int_equal(time_ns, second(39));
    fake_set_cold(&fixture->fake, false);
    segments_put(&fixture->log->segments, part);
}

/* Nothing is stamped with an earlier time than what is there, be its last
   record whole or not; a wrong stamp holds no time up. */
static void test_times_appended_do_not_go_back(void **state)
{
    struct fixture *fixture = *state;
    struct clog_record record;

    fill(fixture, 10);
    flip_time(fixture, 9);
    fixture->fake.now = FIXTURE_NOON - 100 * SECOND;
    fixture_open(fixture);
    fixture_fill(fixture, 1);
    assert_int_equal(clog_stat(fixture->log, 10, 0, &record), 0);
    assert_int_equal(record.time_ns, second(8));
}

/* The time of the oldest record follows what is dropped, and status does not
   wait for it. */
static void test_times_oldest_is_known_without_a_look(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture, 70);
    fixture_open(fixture);
    for (int64_t base = 0; base <= 40; base += 20) {
        fake_set_cold(&fixture->fake, true);
        assert_int_equal(fixture_status(fixture).oldest_time_ns, second(base));
        assert_int_equal(fixture_status(fixture).last_time_ns, second(69));
        assert_int_equal(fixture->fake.waits, 0);
        fake_set_cold(&fixture->fake, false);
        assert_int_equal(clog_drop(fixture->log, (uint64_t)base), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_times_last_is_that_of_the_last_record),
        FIXTURE_TEST(test_times_last_passes_wrong_stamps_by),
        FIXTURE_TEST(test_times_last_is_bounded_by_the_next_segment),
        FIXTURE_TEST(test_times_last_of_unverified_is_not_known),
        FIXTURE_TEST(test_times_last_nowait),
        FIXTURE_TEST(test_times_appended_do_not_go_back),
        FIXTURE_TEST(test_times_oldest_is_known_without_a_look),
    };

    return cmocka_run_group_tests_name("times", tests, NULL, NULL);
}
