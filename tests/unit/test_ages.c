/* SPDX-License-Identifier: MIT */
#include "log/ages.h"
#include "test.h"

#define SECOND INT64_C(1000000000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)
#define NOON   INT64_C(1795348800000000000)

static struct ages ages;

/* Opens a log an hour after the kernel was started, and idle ns after its last
   record, by the time of day. */
static struct clocks begin(int64_t idle)
{
    struct clocks clocks = {NOON, HOUR};

    ages_init(&ages);
    ages_begin(&ages, &clocks, NOON - idle);
    return clocks;
}

/* So much later, when the time of day has been set ahead by that much. */
static struct clocks later(int64_t ns, int64_t ahead)
{
    return (struct clocks){NOON + ns + ahead, HOUR + ns};
}

static uint64_t age(int64_t time_ns, struct clocks clocks)
{
    return ages_before(&ages, time_ns, &clocks);
}

/* What is appended ages by the uptime alone. */
static void test_ages_since(void **state)
{
    struct clocks clocks = later(5, 30 * DAY);

    (void)state;
    assert_int_equal(ages_since(HOUR, &clocks), 5);
    clocks.now = -1;
    assert_int_equal(ages_since(HOUR + 2, &clocks), 3);
    assert_int_equal(ages_since(HOUR + 9, &clocks), 0);
}

/* What was there has the age that its time says, and from then on uptime. */
static void test_ages_before(void **state)
{
    (void)state;
    (void)begin(30 * SECOND);
    assert_int_equal(age(NOON - 30 * DAY, later(0, 0)), 30 * DAY);
    assert_int_equal(age(NOON - 30 * DAY, later(5, 0)), 30 * DAY + 5);
    assert_int_equal(age(NOON - 30 * DAY, later(5, DAY)), 30 * DAY + 5);
    assert_int_equal(age(NOON - 30 * DAY, later(5, -DAY)), 30 * DAY + 5);
    assert_int_equal(age(NOON - 30 * SECOND, later(0, 0)), 30 * SECOND);
    ages_done(&ages);
}

/* That nothing was appended for long is believed after a while. */
static void test_ages_of_an_idle_log(void **state)
{
    (void)state;
    (void)begin(10 * DAY);
    assert_int_equal(age(NOON - 10 * DAY, later(0, 0)), 0);
    assert_int_equal(age(NOON - 30 * DAY, later(0, 0)), 20 * DAY);
    assert_int_equal(age(NOON - 30 * DAY, later(HOUR - 1, 0)),
                     20 * DAY + HOUR - 1);
    assert_int_equal(age(NOON - 30 * DAY, later(HOUR, 0)), 30 * DAY + HOUR);
    ages_done(&ages);
    (void)begin(600 * SECOND);
    assert_int_equal(age(NOON - HOUR, later(599 * SECOND, 0)),
                     3000 * SECOND + 599 * SECOND);
    assert_int_equal(age(NOON - HOUR, later(600 * SECOND, 0)),
                     HOUR + 600 * SECOND);
    ages_done(&ages);
}

/* A clock that was ahead when the log was opened, and is set right before it is
   believed, does nothing. */
static void test_ages_opened_with_a_clock_ahead(void **state)
{
    (void)state;
    (void)begin(31 * DAY);
    assert_int_equal(age(NOON - 31 * DAY, later(SECOND, -31 * DAY)), SECOND);
    assert_int_equal(age(NOON - 31 * DAY, later(HOUR, -31 * DAY)), HOUR);
    assert_int_equal(age(NOON - 31 * DAY, later(2 * HOUR, 0)), 2 * HOUR);
    ages_done(&ages);
}

/* A time that is not known or still to come says nothing. */
static void test_ages_of_a_time_to_come(void **state)
{
    struct clocks clocks = begin(-DAY);

    (void)state;
    assert_int_equal(ages_before(&ages, NOON - 7, &clocks), 7);
    assert_int_equal(ages_before(&ages, NOON + 1, &clocks), 0);
    assert_int_equal(ages_before(&ages, ages_time(UINT64_MAX), &clocks), 0);
    assert_int_equal(ages_before(&ages, 0, &clocks), 0);
    clocks = later(DAY, 0);
    assert_int_equal(ages_before(&ages, INT64_MAX, &clocks), DAY);
    ages_done(&ages);
}

/* Clocks before the epoch and at the end of time. */
static void test_ages_at_the_ends_of_time(void **state)
{
    struct clocks clocks = {-5, HOUR};

    (void)state;
    ages_init(&ages);
    ages_begin(&ages, &clocks, NOON);
    assert_int_equal(ages_before(&ages, NOON, &clocks), 0);
    clocks = (struct clocks){INT64_MAX, HOUR + 1};
    assert_int_equal(ages_before(&ages, NOON, &clocks), 1);
    assert_true(ages_ahead(&ages, &clocks) > 0);
    ages_done(&ages);
    ages_init(&ages);
    ages_begin(&ages, &clocks, 0);
    assert_int_equal(ages_before(&ages, 1, &clocks), 0);
    clocks = (struct clocks){INT64_MIN, HOUR + 2};
    assert_int_equal(ages_before(&ages, 1, &clocks), 1);
    ages_done(&ages);
}

static void test_ages_tell_what_they_do_not_believe(void **state)
{
    struct clocks clocks = begin(10 * DAY);

    (void)state;
    assert_int_equal(ages_ahead(&ages, &clocks), 0);
    assert_int_equal(ages_withheld(&ages, &clocks), 10 * DAY);
    clocks = later(HOUR, 59 * SECOND);
    assert_int_equal(ages_ahead(&ages, &clocks), 0);
    clocks = later(HOUR, 60 * SECOND);
    assert_int_equal(ages_ahead(&ages, &clocks), 60 * SECOND);
    assert_int_equal(ages_withheld(&ages, &clocks), 60 * SECOND);
    clocks = later(HOUR, -DAY);
    assert_int_equal(ages_ahead(&ages, &clocks), 0);
    assert_int_equal(ages_withheld(&ages, &clocks), 0);
    ages_done(&ages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ages_since),
        cmocka_unit_test(test_ages_before),
        cmocka_unit_test(test_ages_of_an_idle_log),
        cmocka_unit_test(test_ages_opened_with_a_clock_ahead),
        cmocka_unit_test(test_ages_of_a_time_to_come),
        cmocka_unit_test(test_ages_at_the_ends_of_time),
        cmocka_unit_test(test_ages_tell_what_they_do_not_believe),
    };

    return cmocka_run_group_tests_name("ages", tests, NULL, NULL);
}
