/* SPDX-License-Identifier: MIT */
#include "log/segments.h"

#include <errno.h>
#include <stdlib.h>

#include "test.h"

/* Segments without files: nothing here opens any. */
static struct segments segments;

static int setup(void **state)
{
    (void)state;
    segments_init(&segments, io_posix());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    segments_done(&segments);
    return 0;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* Adds a part of count records of 5 bytes each. */
static struct part *add(uint64_t base, uint64_t count)
{
    struct part *part = calloc(1, sizeof(*part));

    assert_non_null(part);
    part->base = base;
    part->extent = (struct extent){count, 13 * count};
    part->sealed = true;
    atomic_init(&part->references, 1);
    assert_int_equal(segments_add(&segments, part), 0);
    segments.next = base + count;
    return part;
}

static void expect_offset(uint64_t offset, int error, uint64_t base)
{
    struct part *part = NULL;
    struct extent extent;

    assert_int_equal(segments_find(&segments, offset, &part, &extent), error);
    if (error == 0)
        assert_int_equal(part->base, base);
    segments_put(&segments, part);
}

static void expect_byte(uint64_t position, int error, uint64_t base)
{
    struct part *part = NULL;
    struct extent extent;

    assert_int_equal(segments_find_byte(&segments, position, &part, &extent),
                     error);
    if (error == 0)
        assert_int_equal(part->base, base);
    segments_put(&segments, part);
}

static void test_segments_none_have_nothing(void **state)
{
    struct part *part = NULL;
    struct extent extent;

    (void)state;
    expect_offset(0, -ENOENT, 0);
    expect_byte(0, -ENOENT, 0);
    assert_int_equal(segments_find_active(&segments, &part), -ENOENT);
    assert_int_equal(segments_find_after(&segments, 0, &part, &extent),
                     -ENOENT);
    assert_int_equal(segments_oldest(&segments), 0);
    assert_int_equal(segments_next(&segments), 0);
}

/* An offset is in the segment that holds it, in a gap, or nowhere. */
static void test_segments_find_an_offset(void **state)
{
    (void)state;
    (void)add(10, 5);
    (void)add(15, 5);
    (void)add(30, 2);
    expect_offset(9, -ENOENT, 0);
    expect_offset(10, 0, 10);
    expect_offset(14, 0, 10);
    expect_offset(15, 0, 15);
    expect_offset(20, -EIO, 0);
    expect_offset(29, -EIO, 0);
    expect_offset(31, 0, 30);
    expect_offset(32, -ENOENT, 0);
    assert_int_equal(segments_oldest(&segments), 10);
}

/* A byte of the joined view is in the segment that holds it: gaps and empty
   segments have none. */
static void test_segments_find_a_byte(void **state)
{
    uint64_t start, end;

    (void)state;
    (void)add(0, 2);
    (void)add(2, 0);
    (void)add(9, 0);
    (void)add(20, 2);
    expect_byte(0, 0, 0);
    expect_byte(9, 0, 0);
    expect_byte(10, 0, 20);
    expect_byte(19, 0, 20);
    expect_byte(20, -ENOENT, 0);
    segments_stream(&segments, &start, &end);
    assert_int_equal(start, 0);
    assert_int_equal(end, 20);
}

static void test_segments_find_the_next_base(void **state)
{
    struct part *part = NULL;
    struct extent extent;

    (void)state;
    (void)add(0, 2);
    (void)add(20, 2);
    assert_int_equal(segments_find_after(&segments, 1, &part, &extent), 0);
    assert_int_equal(part->base, 20);
    segments_put(&segments, part);
    assert_int_equal(segments_find_after(&segments, 21, &part, &extent),
                     -ENOENT);
    assert_int_equal(segments_find_base(&segments, 1, &part), -ENOENT);
    assert_int_equal(segments_find_base(&segments, 20, &part), 0);
    segments_put(&segments, part);
}

/* What is appended counts for the active segment and for all. */
static void test_segments_grow_by_what_is_appended(void **state)
{
    struct clog_status status = {0};
    struct part *part;

    (void)state;
    (void)add(0, 2);
    part = add(2, 0);
    segments_grow(&segments, &(struct extent){3, 39}, 1000, 5);
    segments_grow(&segments, &(struct extent){4, 52}, 2000, 6);
    assert_int_equal(segments_extent(&segments, part).count, 4);
    assert_int_equal(part->first_ns, 1000);
    assert_int_equal(part->last_ns, 2000);
    assert_int_equal(part->first_uptime, 5);
    assert_int_equal(part->last_uptime, 6);
    segments_status(&segments, &status);
    assert_int_equal(status.next, 6);
    assert_int_equal(status.records, 6);
    assert_int_equal(status.stream_end, 30);
    assert_int_equal(status.stored_bytes, 6 * (13 + 32));
    assert_int_equal(status.appends, 2);
    assert_int_equal(status.appended, 4);
    assert_int_equal(status.appended_bytes, 20);
    assert_int_equal(status.last_time_ns, 2000);
}

/* A segment that is dropped is there for who has it, and counted as such. */
static void test_segments_dropped_stay_for_who_has_them(void **state)
{
    struct clog_status status = {0};
    struct part *part = NULL;
    struct extent extent;

    (void)state;
    (void)add(0, 2);
    (void)add(2, 3);
    assert_int_equal(segments_find(&segments, 1, &part, &extent), 0);
    segments_remove_first(&segments);
    expect_offset(1, -ENOENT, 0);
    expect_byte(9, -ESTALE, 0);
    expect_byte(10, 0, 2);
    segments_status(&segments, &status);
    assert_int_equal(status.oldest, 2);
    assert_int_equal(status.records, 3);
    assert_int_equal(status.stream_start, 10);
    assert_int_equal(status.pinned_segments, 1);
    assert_int_equal(status.pinned_bytes, 26);
    segments_put(&segments, part);
    segments_status(&segments, &status);
    assert_int_equal(status.pinned_segments, 0);
    assert_int_equal(status.pinned_bytes, 0);
}

/* Two segments never have the same records. */
static void test_segments_refuse_a_base_that_is_there(void **state)
{
    struct part part = {.base = 5};

    (void)state;
    (void)add(0, 2);
    (void)add(5, 0);
    assert_int_equal(segments_add(&segments, &part), -EUCLEAN);
    part.base = 4;
    assert_int_equal(segments_add(&segments, &part), -EUCLEAN);
    assert_int_equal(segments.count, 2);
    expect_offset(1, 0, 0);
}

/* What must not wait frees nothing: the next who may does. */
static void test_segments_put_later_frees_nothing(void **state)
{
    struct clog_status status = {0};
    struct part *part = NULL;
    struct extent extent;

    (void)state;
    (void)add(0, 2);
    (void)add(2, 3);
    assert_int_equal(segments_find(&segments, 1, &part, &extent), 0);
    assert_false(segments_is_last(part));
    segments_remove_first(&segments);
    assert_true(segments_is_last(part));
    segments_put_later(&segments, part);
    segments_status(&segments, &status);
    assert_int_equal(status.pinned_segments, 1);
    expect_offset(2, 0, 2);
    segments_status(&segments, &status);
    assert_int_equal(status.pinned_segments, 0);
    (void)add(5, 3);
    assert_int_equal(segments_find(&segments, 2, &part, &extent), 0);
    segments_remove_first(&segments);
    segments_put_later(&segments, part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_segments_none_have_nothing),
        TEST(test_segments_find_an_offset),
        TEST(test_segments_find_a_byte),
        TEST(test_segments_find_the_next_base),
        TEST(test_segments_grow_by_what_is_appended),
        TEST(test_segments_refuse_a_base_that_is_there),
        TEST(test_segments_dropped_stay_for_who_has_them),
        TEST(test_segments_put_later_frees_nothing),
    };

    return cmocka_run_group_tests_name("segments", tests, NULL, NULL);
}
