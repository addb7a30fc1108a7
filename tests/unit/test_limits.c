/* SPDX-License-Identifier: MIT */
#include "log/limits.h"
#include "test.h"

#define MIB ((uint64_t)1 << 20)

/* A segment of the usual size goes as soon as the log is over its limit. */
static void test_limits_drop_what_is_over(void **state)
{
    (void)state;
    assert_false(limits_drop(1000, 250, 0));
    assert_false(limits_drop(1000, 250, 1000));
    assert_true(limits_drop(1001, 250, 1000));
    assert_true(limits_drop(1001, 750, 1000));
    assert_true(limits_drop(UINT64_MAX, 1, 1000));
}

/* A larger one, or even all there is, when as much lies behind it. */
static void test_limits_keep_what_they_allow(void **state)
{
    (void)state;
    assert_false(limits_drop(1001, 751, 1000));
    assert_false(limits_drop(1000000, 1000000, 1000));
    assert_false(limits_drop(1000999, 1000000, 1000));
    assert_true(limits_drop(1001000, 1000000, 1000));
    assert_false(limits_drop(UINT64_MAX, UINT64_MAX, 1));
}

static void test_limits_of_a_segment(void **state)
{
    struct clog_options options = {.size = sizeof(options)};
    struct extent extent = {2, 100};

    (void)state;
    limits_set(&options);
    assert_int_equal(options.max_record, 1044480);
    assert_int_equal(options.max_store, 256 * MIB);
    assert_int_equal(options.max_index, 64 * MIB);
    assert_int_equal(options.segment_age_ns, 0);
    assert_int_equal(limits_bytes(&extent), 100 + 2 * 32);
    assert_int_equal(limits_segment_bytes(&options, 0), UINT64_MAX);
    assert_false(limits_passed(&options, 164, &extent));
    assert_true(limits_passed(&options, 163, &extent));
    options.max_store = 99;
    assert_true(limits_passed(&options, UINT64_MAX, &extent));
    options.max_store = 100;
    options.max_index = 16;
    assert_true(limits_passed(&options, UINT64_MAX, &extent));
}

/* A quarter of each limit, and of the room there is where the oldest segment is
   to make some. */
static void test_limits_are_a_quarter(void **state)
{
    struct clog_options options = {.size = sizeof(options),
                                   .max_index = 1000,
                                   .retain_bytes = 40 * MIB,
                                   .retain_records = 103,
                                   .retain_age_ns = 100};

    (void)state;
    limits_set(&options);
    assert_int_equal(options.max_index, 25 * 16);
    assert_int_equal(options.segment_age_ns, 25);
    assert_int_equal(limits_segment_bytes(&options, 8 * MIB), 10 * MIB);
    options.flags = CLOG_DROP_OLDEST;
    assert_int_equal(limits_segment_bytes(&options, 8 * MIB), 2 * MIB);
    assert_int_equal(limits_segment_bytes(&options, 80 * MIB), 10 * MIB);
    assert_int_equal(limits_segment_bytes(&options, 0), MIB / 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_drop_what_is_over),
        cmocka_unit_test(test_limits_keep_what_they_allow),
        cmocka_unit_test(test_limits_of_a_segment),
        cmocka_unit_test(test_limits_are_a_quarter),
    };

    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
