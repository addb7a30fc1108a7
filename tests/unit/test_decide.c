/* SPDX-License-Identifier: MIT */
#include "recovery/recover.h"

#include <stdlib.h>

#include "segment/index.h"
#include "segment/stamps.h"
#include "test.h"

#define FRAME 10u /* bytes of each record's frame here */
#define MOST  16u

/*
 * A last segment with `records` frames of FRAME bytes, and as many stamps and
 * index entries, all of it good; tests change what they are about.
 */
struct bench {
    struct segment segment;
    struct evidence evidence;
    struct scan scan;
    struct run runs[4];
    uint8_t index[MOST * SLOT_SIZE];
    uint8_t *stamps; /* owned by the segment's slots */
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    assert_non_null(bench);
    bench->stamps = calloc(MOST, SLOT_SIZE);
    assert_non_null(bench->stamps);
    slots_use(&bench->segment.stamps, bench->stamps, sizeof(bench->index));
    for (uint64_t i = 0; i < MOST; i++)
        index_put(bench->index + i * SLOT_SIZE, i, i * FRAME);
    bench->scan.index = bench->index;
    bench->scan.runs = bench->runs;
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    free(bench->stamps);
    free(bench);
    return 0;
}

/* The store ends with the last record; stamps and index have all of them. */
static struct bench *with_records(void **state, uint64_t base, uint64_t count)
{
    struct bench *bench = *state;

    bench->segment.base = base;
    bench->scan.extent = (struct extent){count, count * FRAME};
    bench->scan.good = count;
    bench->evidence = (struct evidence){
        .durable = base,
        .store_size = count * FRAME,
        .stamps_size = count * SLOT_SIZE,
        .index_count = count,
        .stamps_count = count,
    };
    return bench;
}

static void set_more(struct bench *bench, uint64_t i)
{
    struct stamp stamp = {.bits = STAMP_MORE};

    stamps_put(bench->stamps + i * SLOT_SIZE, &stamp);
}

static void add_run(struct bench *bench, enum verdict verdict, uint64_t first,
                    uint64_t count)
{
    bench->runs[bench->scan.run_count++] =
        (struct run){verdict, first, count, first * FRAME};
}

/* Nothing is cut; next is that, and appends go on only if it is sound. */
static void expect_kept(struct bench *bench, bool sound, uint64_t next)
{
    struct decision decision = {0};

    decide_tail(&bench->evidence, &bench->scan, &bench->segment, &decision);
    assert_false(decision.cut);
    assert_int_equal(decision.keep.count, bench->scan.extent.count);
    assert_int_equal(decision.keep.end, bench->scan.extent.end);
    assert_int_equal(decision.sound, sound);
    assert_int_equal(decision.next, next);
}

/* What lies behind the first count records is cut. */
static void expect_cut(struct bench *bench, uint64_t count, bool sound)
{
    struct decision decision = {0};

    decide_tail(&bench->evidence, &bench->scan, &bench->segment, &decision);
    assert_true(decision.cut);
    assert_int_equal(decision.keep.count, count);
    assert_int_equal(decision.keep.end, count * FRAME);
    assert_int_equal(decision.sound, sound);
    assert_int_equal(decision.next, bench->segment.base + count);
}

/* All is good: all is kept, and appends go on. */
static void test_decide_intact_is_sound(void **state)
{
    expect_kept(with_records(state, 100, 5), true, 105);
    expect_kept(with_records(state, 100, 0), true, 100);
}

/* After a power cut, what is bad above what was durable is torn. */
static void test_decide_bad_above_durable_is_torn(void **state)
{
    struct bench *bench = with_records(state, 100, 8);

    bench->evidence.durable = 103;
    add_run(bench, VERDICT_BAD, 5, 1);
    expect_cut(bench, 5, true);
}

/* A run that begins below the durable offset is torn from there on only. */
static void test_decide_bad_across_durable_is_torn_from_there(void **state)
{
    struct bench *bench = with_records(state, 100, 8);

    bench->evidence.durable = 105;
    add_run(bench, VERDICT_BAD, 3, 4);
    expect_cut(bench, 5, false);
}

/* What is bad below what was durable is rot: kept, and appended to no more. */
static void test_decide_bad_below_durable_is_rot(void **state)
{
    struct bench *bench = with_records(state, 100, 8);

    bench->evidence.durable = 108;
    add_run(bench, VERDICT_BAD, 5, 3);
    expect_kept(bench, false, 108);
}

/* Where the kernel lived, a record with a stamp was written whole: rot. */
static void test_decide_bad_under_same_boot_is_rot(void **state)
{
    struct bench *bench = with_records(state, 100, 8);

    bench->evidence.same_boot = true;
    add_run(bench, VERDICT_BAD, 7, 1);
    expect_kept(bench, false, 108);
}

/* Where the kernel lived, frames without stamps are an append cut short. */
static void test_decide_unstamped_under_same_boot_is_torn(void **state)
{
    struct bench *bench = with_records(state, 100, 8);

    bench->evidence.same_boot = true;
    bench->evidence.stamps_count = 6;
    bench->evidence.index_count = 6;
    bench->evidence.stamps_size = (uint64_t)6 * SLOT_SIZE;
    add_run(bench, VERDICT_UNVERIFIED, 6, 2);
    expect_cut(bench, 6, true);
}

/* ... but if the index has them, somebody took the stamps: nothing is cut. */
static void test_decide_indexed_under_same_boot_is_kept(void **state)
{
    struct bench *bench = with_records(state, 100, 8);

    bench->evidence.same_boot = true;
    bench->evidence.stamps_count = 6;
    bench->evidence.stamps_size = (uint64_t)6 * SLOT_SIZE;
    add_run(bench, VERDICT_UNVERIFIED, 6, 2);
    expect_kept(bench, false, 108);
}

/* Bytes behind the last frame that are no frame are torn. */
static void test_decide_bytes_behind_frames_are_torn(void **state)
{
    struct bench *bench = with_records(state, 100, 5);

    bench->evidence.store_size += 3;
    expect_cut(bench, 5, true);
    bench->evidence.same_boot = true;
    expect_cut(bench, 5, true);
}

/* Stamps behind the last frame: torn after a power cut, lost without one. */
static void test_decide_stamps_behind_frames_keep_their_offsets(void **state)
{
    struct bench *bench = with_records(state, 100, 5);

    bench->evidence.stamps_count = 7;
    bench->evidence.stamps_size = (uint64_t)7 * SLOT_SIZE;
    expect_cut(bench, 5, true);
    bench->evidence.same_boot = true;
    expect_kept(bench, false, 107);
}

/* A part of a stamp behind the last record is torn. */
static void test_decide_half_a_stamp_is_torn(void **state)
{
    struct bench *bench = with_records(state, 100, 5);

    bench->evidence.stamps_size += 7;
    expect_cut(bench, 5, true);
}

/* A batch that has lost its end goes whole. */
static void test_decide_batch_without_end_is_cut_whole(void **state)
{
    struct bench *bench = with_records(state, 100, 5);

    for (uint64_t i = 2; i < 5; i++)
        set_more(bench, i);
    expect_cut(bench, 2, true);
    bench->evidence.same_boot = true;
    expect_cut(bench, 2, true);
}

/* A batch with damage in its middle goes whole as well. */
static void test_decide_batch_with_bad_middle_is_cut_whole(void **state)
{
    struct bench *bench = with_records(state, 100, 8);

    for (uint64_t i = 2; i < 6; i++)
        set_more(bench, i);
    add_run(bench, VERDICT_BAD, 4, 1);
    expect_cut(bench, 2, true);
}

/* The cut never reaches into what was durable. */
static void test_decide_cut_stops_at_durable(void **state)
{
    struct bench *bench = with_records(state, 100, 8);

    for (uint64_t i = 0; i < 7; i++)
        set_more(bench, i);
    bench->evidence.durable = 104;
    add_run(bench, VERDICT_BAD, 6, 1);
    expect_cut(bench, 4, true);
}

/* A wrong prefix is known better: nothing is cut for it. */
static void test_decide_prefix_wrong_is_kept(void **state)
{
    struct bench *bench = with_records(state, 100, 8);

    add_run(bench, VERDICT_PREFIX, 5, 1);
    expect_kept(bench, false, 108);
}

/* Stamps that somebody took away leave all records served. */
static void test_decide_stamps_missing_is_kept(void **state)
{
    struct bench *bench = with_records(state, 100, 8);

    bench->evidence.stamps_missing = true;
    bench->evidence.stamps_count = 0;
    bench->evidence.stamps_size = 0;
    add_run(bench, VERDICT_UNVERIFIED, 0, 8);
    expect_kept(bench, false, 108);
}

/* Bytes without stamps that hold no record are cut; then the segment is as
   empty as a new one, which would have its name. */
static void test_decide_stamps_missing_without_records_is_cut(void **state)
{
    struct bench *bench = with_records(state, 100, 0);

    bench->evidence.stamps_missing = true;
    bench->evidence.store_size = 5;
    expect_cut(bench, 0, true);
}

/* Where the kernel lived, the index tells how many records there were, also
   where nothing else is left of them. */
static void test_decide_index_alone_keeps_its_offsets(void **state)
{
    struct bench *bench = with_records(state, 100, 0);

    bench->evidence.same_boot = true;
    bench->evidence.stamps_missing = true;
    bench->evidence.store_size = 50;
    bench->evidence.index_count = 5;
    expect_kept(bench, false, 105);
}

/* Evidence number n of a segment of which nothing can be read. */
static void set_nothing_readable(struct bench *bench, unsigned n)
{
    bench->evidence = (struct evidence){
        .durable = 100 + n % 3,
        .same_boot = n / 3 % 2,
        .unread = n >= 288,
        .stamps_missing = n / 6 % 2,
        .store_size = (uint64_t)(n / 12 % 2) * 30,
        .stamps_size = (uint64_t)(n / 24 % 4) * 8,
        .stamps_count = n / 24 % 4 / 2,
        .index_count = n / 96 % 3,
    };
}

/* Whatever is found of a segment without a record: appends go on in it, or
   behind its base, where no other segment has the name. */
static void test_decide_no_two_segments_share_a_base(void **state)
{
    struct bench *bench = with_records(state, 100, 0);

    for (unsigned n = 0; n < 576; n++) {
        struct decision decision = {0};

        set_nothing_readable(bench, n);
        decide_tail(&bench->evidence, &bench->scan, &bench->segment, &decision);
        assert_true(decision.next >= bench->evidence.durable);
        assert_false(bench->evidence.unread &&
                     (decision.cut || decision.sound));
        if (decision.sound)
            assert_int_equal(decision.next, 100);
        else
            assert_true(decision.next > 100);
    }
}

/* What was durable keeps its offsets, though its records are gone. */
static void test_decide_durable_beyond_the_end_is_next(void **state)
{
    struct bench *bench = with_records(state, 100, 5);

    bench->evidence.durable = 120;
    expect_kept(bench, false, 120);
}

/* Bytes below what was durable that cannot be read are rot: never cut. */
static void test_decide_unreadable_below_durable_is_kept(void **state)
{
    struct bench *bench = with_records(state, 100, 5);

    bench->evidence.store_size += 30;
    bench->evidence.stamps_count = 8;
    bench->evidence.stamps_size = (uint64_t)8 * SLOT_SIZE;
    bench->evidence.durable = 108;
    expect_kept(bench, false, 108);
}

#define DECIDE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DECIDE_TEST(test_decide_intact_is_sound),
        DECIDE_TEST(test_decide_bad_above_durable_is_torn),
        DECIDE_TEST(test_decide_bad_across_durable_is_torn_from_there),
        DECIDE_TEST(test_decide_bad_below_durable_is_rot),
        DECIDE_TEST(test_decide_bad_under_same_boot_is_rot),
        DECIDE_TEST(test_decide_unstamped_under_same_boot_is_torn),
        DECIDE_TEST(test_decide_indexed_under_same_boot_is_kept),
        DECIDE_TEST(test_decide_bytes_behind_frames_are_torn),
        DECIDE_TEST(test_decide_stamps_behind_frames_keep_their_offsets),
        DECIDE_TEST(test_decide_half_a_stamp_is_torn),
        DECIDE_TEST(test_decide_batch_without_end_is_cut_whole),
        DECIDE_TEST(test_decide_batch_with_bad_middle_is_cut_whole),
        DECIDE_TEST(test_decide_cut_stops_at_durable),
        DECIDE_TEST(test_decide_prefix_wrong_is_kept),
        DECIDE_TEST(test_decide_stamps_missing_is_kept),
        DECIDE_TEST(test_decide_stamps_missing_without_records_is_cut),
        DECIDE_TEST(test_decide_index_alone_keeps_its_offsets),
        DECIDE_TEST(test_decide_no_two_segments_share_a_base),
        DECIDE_TEST(test_decide_durable_beyond_the_end_is_next),
        DECIDE_TEST(test_decide_unreadable_below_durable_is_kept),
    };

    return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
