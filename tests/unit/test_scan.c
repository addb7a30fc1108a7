/* SPDX-License-Identifier: MIT */
#include "recovery/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "io/bytes.h"
#include "recovery/repair.h"
#include "test.h"

#define RECORDS ((size_t)10)
#define STORE   "segments/00000000000000000000/store"
#define INDEX   "segments/00000000000000000000/index"
#define STAMPS  "segments/00000000000000000000/stamps"

/* Ten records, killed, and what a scan of them finds. */
struct bench {
    struct fixture *fixture;
    struct segment segment;
    struct scan scan;
    uint64_t positions[RECORDS + 1]; /* of all records, and the store's end */
    uint64_t limit;
    uint64_t told; /* the last progress */
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    void *fixture = NULL;

    assert_non_null(bench);
    assert_int_equal(fixture_setup(&fixture), 0);
    bench->fixture = fixture;
    bench->limit = UINT64_MAX;
    fixture_open(bench->fixture);
    fixture_fill(bench->fixture, RECORDS);
    for (uint64_t i = 0; i < RECORDS; i++) {
        char text[FIXTURE_TEXT];

        bench->positions[i + 1] =
            bench->positions[i] + 8 + fixture_text(i, text);
    }
    fixture_kill(bench->fixture);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    void *fixture = bench->fixture;

    scan_done(&bench->scan);
    segment_done(&bench->segment);
    (void)fixture_teardown(&fixture);
    free(bench);
    return 0;
}

static void on_progress(void *ctx, uint64_t position)
{
    struct bench *bench = ctx;

    assert_true(position >= bench->told);
    bench->told = position;
}

static uint64_t slots_in(const struct bench *bench, const char *file)
{
    const char *dir = bench->fixture->dir;

    return file_exists(dir, file) ? file_size(dir, file) / SLOT_SIZE : 0;
}

/* Scans as if the store had that size. */
static int try_scan(struct bench *bench, uint64_t store_size)
{
    struct scan_input input = {
        .segment = &bench->segment,
        .store_size = store_size,
        .index_count = slots_in(bench, INDEX),
        .stamps_count = slots_in(bench, STAMPS),
        .limit = bench->limit,
        .progress = on_progress,
        .progress_ctx = bench,
    };
    struct io *io = &bench->fixture->fake.io;
    int root = io_open_root(io, bench->fixture->dir);
    int segments = io_open(io, root, "segments", O_RDONLY | O_DIRECTORY, 0);

    assert_int_equal(segment_open(&bench->segment, io, segments, 0, 4096), 0);
    io_close(io, segments);
    io_close(io, root);
    bench->told = 0;
    return scan_segment(&input, &bench->scan);
}

static void scan(struct bench *bench)
{
    assert_int_equal(try_scan(bench, file_size(bench->fixture->dir, STORE)), 0);
}

/* The frames of the first count records are known, and where they lie. */
static void expect_frames(const struct bench *bench, uint64_t count)
{
    assert_int_equal(bench->scan.extent.count, count);
    assert_int_equal(bench->scan.extent.end, bench->positions[count]);
    for (uint64_t i = 0; i <= count; i++)
        assert_int_equal(scan_position(&bench->scan, i), bench->positions[i]);
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(get_be64(bench->scan.index + i * SLOT_SIZE), i);
}

/* Exactly these records have that verdict, and all others are good. */
static void expect_run(const struct bench *bench, enum verdict verdict,
                       uint64_t first, uint64_t count)
{
    const struct run *run = bench->scan.runs;

    assert_int_equal(bench->scan.run_count, 1);
    assert_int_equal(run->verdict, verdict);
    assert_int_equal(run->first, first);
    assert_int_equal(run->count, count);
    assert_int_equal(run->position, bench->positions[first]);
    assert_int_equal(bench->scan.good, bench->scan.extent.count - count);
}

static void patch_prefix(struct bench *bench, uint64_t i, uint64_t length)
{
    uint8_t prefix[8];

    put_be64(prefix, length);
    file_patch(bench->fixture->dir, STORE, bench->positions[i], prefix, 8);
}

/* Every record is good, and the index that comes out is that of the file. */
static void test_scan_intact_is_good(void **state)
{
    struct bench *bench = *state;

    scan(bench);
    expect_frames(bench, RECORDS);
    assert_int_equal(bench->scan.run_count, 0);
    assert_int_equal(bench->scan.good, RECORDS);
    assert_int_equal(bench->scan.time_ns, FIXTURE_NOON);
    assert_true(file_holds(bench->fixture->dir, INDEX, bench->scan.index,
                           (size_t)RECORDS * SLOT_SIZE));
}

/* Stamps tell what had been durable when they were written. */
static void test_scan_synced_knows_durable(void **state)
{
    struct bench *bench = *state;

    fixture_open(bench->fixture);
    fixture_fill(bench->fixture, 1);
    assert_int_equal(clog_sync(bench->fixture->log, RECORDS + 1), 0);
    fixture_fill(bench->fixture, 1);
    fixture_kill(bench->fixture);
    scan(bench);
    assert_int_equal(bench->scan.durable, RECORDS + 1);
}

/* An empty segment has no records and no damage. */
static void test_scan_empty_is_empty(void **state)
{
    struct bench *bench = *state;

    file_resize(bench->fixture->dir, STORE, 0);
    file_resize(bench->fixture->dir, INDEX, 0);
    file_resize(bench->fixture->dir, STAMPS, 0);
    scan(bench);
    assert_int_equal(bench->scan.extent.count, 0);
    assert_int_equal(bench->scan.extent.end, 0);
    assert_int_equal(bench->scan.run_count, 0);
}

/* A turned byte in any payload makes that record bad, and no other. */
static void test_scan_payload_flipped_is_one_bad(void **state)
{
    struct bench *bench = *state;

    for (uint64_t i = 0; i < RECORDS; i++) {
        file_flip(bench->fixture->dir, STORE, bench->positions[i] + 8);
        scan(bench);
        expect_frames(bench, RECORDS);
        expect_run(bench, VERDICT_BAD, i, 1);
        file_flip(bench->fixture->dir, STORE, bench->positions[i] + 8);
        scan_done(&bench->scan);
        segment_done(&bench->segment);
    }
}

/* Without an index the prefixes lead past a damaged payload. */
static void test_scan_payload_flipped_without_index_is_one_bad(void **state)
{
    struct bench *bench = *state;

    file_remove(bench->fixture->dir, INDEX);
    file_flip(bench->fixture->dir, STORE, bench->positions[4] + 9);
    scan(bench);
    expect_frames(bench, RECORDS);
    expect_run(bench, VERDICT_BAD, 4, 1);
}

/* A lost prefix is known from the index: the record is whole. */
static void test_scan_prefix_wrong_is_known_by_index(void **state)
{
    static const uint64_t lengths[] = {0, 1, 9, 1 << 20, UINT64_MAX};
    struct bench *bench = *state;

    for (size_t k = 0; k < COUNT(lengths); k++) {
        patch_prefix(bench, 3, lengths[k]);
        scan(bench);
        expect_frames(bench, RECORDS);
        expect_run(bench, VERDICT_PREFIX, 3, 1);
        scan_done(&bench->scan);
        segment_done(&bench->segment);
    }
}

/* Without an index it is known from the checksum, for the last record too. */
static void test_scan_prefix_wrong_is_known_by_checksum(void **state)
{
    struct bench *bench = *state;

    file_remove(bench->fixture->dir, INDEX);
    for (uint64_t i = 0; i < RECORDS; i++) {
        uint64_t length = bench->positions[i + 1] - bench->positions[i] - 8;

        patch_prefix(bench, i, 0);
        scan(bench);
        expect_frames(bench, RECORDS);
        expect_run(bench, VERDICT_PREFIX, i, 1);
        patch_prefix(bench, i, length);
        scan_done(&bench->scan);
        segment_done(&bench->segment);
    }
}

/* Prefix and payload both gone: the index leads to the next record. */
static void test_scan_frame_lost_is_passed_by_index(void **state)
{
    struct bench *bench = *state;

    patch_prefix(bench, 5, 0);
    file_flip(bench->fixture->dir, STORE, bench->positions[5] + 10);
    scan(bench);
    expect_frames(bench, RECORDS);
    expect_run(bench, VERDICT_BAD, 5, 1);
}

/* ... and without an index what follows cannot be known. */
static void test_scan_frame_lost_without_index_is_the_end(void **state)
{
    struct bench *bench = *state;

    file_remove(bench->fixture->dir, INDEX);
    patch_prefix(bench, 5, 0);
    file_flip(bench->fixture->dir, STORE, bench->positions[5] + 10);
    scan(bench);
    expect_frames(bench, 5);
    assert_int_equal(bench->scan.good, 5);
}

/* Where nothing behind them checks, prefix and index that agree are enough. */
static void test_scan_two_that_agree_need_nothing_behind(void **state)
{
    struct bench *bench = *state;

    for (uint64_t i = RECORDS - 3; i < RECORDS; i++)
        file_flip(bench->fixture->dir, STAMPS, i * SLOT_SIZE + 15);
    patch_prefix(bench, RECORDS - 1, 0);
    scan(bench);
    expect_frames(bench, RECORDS - 1);
    expect_run(bench, VERDICT_BAD, RECORDS - 3, 2);
}

/* Makes record 6, of 14 bytes, look like two of 2 and 4. */
static void split_record(struct bench *bench)
{
    uint8_t prefix[8];

    patch_prefix(bench, 6, 2);
    put_be64(prefix, 4);
    file_patch(bench->fixture->dir, STORE, bench->positions[6] + 10, prefix, 8);
}

/* Prefixes inside a payload lead to the store's end, by one record more than
   there are; the index leads to records that check, and is followed. */
static void test_scan_prefixes_in_a_payload_are_not_followed(void **state)
{
    struct bench *bench = *state;

    split_record(bench);
    scan(bench);
    expect_frames(bench, RECORDS);
    expect_run(bench, VERDICT_BAD, 6, 1);
}

/* ... but without an index nothing speaks against them. */
static void test_scan_prefixes_to_the_end_are_all_there_is(void **state)
{
    struct bench *bench = *state;

    split_record(bench);
    file_remove(bench->fixture->dir, INDEX);
    scan(bench);
    assert_int_equal(bench->scan.extent.count, RECORDS + 1);
    assert_int_equal(bench->scan.extent.end, bench->positions[RECORDS]);
    assert_int_equal(bench->scan.good, 6);
    assert_int_equal(bench->scan.bad, 4);
    assert_int_equal(bench->scan.unverified, 1);
}

/* A checksum that fits says more than where prefixes end. */
static void test_scan_prefix_over_two_is_known_by_checksum(void **state)
{
    struct bench *bench = *state;

    file_remove(bench->fixture->dir, INDEX);
    file_resize(bench->fixture->dir, STAMPS, (RECORDS - 1) * SLOT_SIZE);
    patch_prefix(bench, RECORDS - 2,
                 bench->positions[RECORDS] - bench->positions[RECORDS - 2] - 8);
    scan(bench);
    expect_frames(bench, RECORDS);
    assert_int_equal(bench->scan.prefixes, 1);
    assert_int_equal(bench->scan.unverified, 1);
    assert_int_equal(bench->scan.good, RECORDS - 2);
}

/* Appends a record of size bytes. */
static void append_sized(struct bench *bench, size_t size, char fill)
{
    char *data = malloc(size);

    assert_non_null(data);
    memset(data, fill, size);
    assert_int_equal(clog_append(bench->fixture->log, data, size, 0, NULL), 0);
    free(data);
}

/* Appends count records whose frames have 32 bytes. */
static void append_thirty_twos(struct bench *bench, int count)
{
    for (int k = 0; k < count; k++)
        append_sized(bench, 24, 'x');
}

/* Turns the bit of the prefix at position that makes 24 of 56 or 56 of 24. */
static void turn_prefix(struct bench *bench, uint64_t position, uint64_t length)
{
    uint8_t prefix[8];

    put_be64(prefix, length ^ 32);
    file_patch(bench->fixture->dir, STORE, position, prefix, 8);
}

/* Prefixes that lead past a whole record to one that checks are not followed
   where the index leads to that whole one. */
static void test_scan_nearer_record_counts(void **state)
{
    struct bench *bench = *state;
    uint64_t at = bench->positions[RECORDS];
    uint8_t *store;
    size_t size = 0;

    fixture_open(bench->fixture);
    for (int k = 0; k < 4; k++) {
        append_sized(bench, 100, 'L');
        append_sized(bench, 20, 's');
    }
    fixture_kill(bench->fixture);
    store = file_load(bench->fixture->dir, STORE, &size);
    /* A small frame, and the prefix behind it, over the next large one. */
    file_patch(bench->fixture->dir, STORE, at + 136, store + at + 108, 40);
    free(store);
    scan(bench);
    assert_int_equal(bench->scan.extent.count, RECORDS + 8);
    assert_int_equal(bench->scan.bad, 1);
    assert_int_equal(bench->scan.good, RECORDS + 7);
    assert_int_equal(scan_position(&bench->scan, 13), at + 136 + 108);
}

/* A prefix over two records, and one that makes one record two, a thousand
   later: all between them are where the index says. */
static void test_scan_between_two_damages_is_good(void **state)
{
    struct bench *bench = *state;
    uint64_t at = bench->positions[RECORDS];
    uint8_t payload[56] = {0};

    fixture_open(bench->fixture);
    append_thirty_twos(bench, 1000);
    put_be64(payload + 24, 24);
    assert_int_equal(clog_append(bench->fixture->log, payload, 56, 0, NULL), 0);
    append_thirty_twos(bench, 2);
    fixture_kill(bench->fixture);
    turn_prefix(bench, at + UINT64_C(32) * 5, 24);
    file_flip(bench->fixture->dir, STORE, at + UINT64_C(32) * 5 + 20);
    turn_prefix(bench, at + UINT64_C(32) * 1000, 56);
    scan(bench);
    assert_int_equal(bench->scan.extent.count, RECORDS + 1003);
    assert_int_equal(bench->scan.bad, 1);
    assert_int_equal(bench->scan.prefixes, 1);
}

/* Forty records whose prefixes lead over the next one, and so to nowhere. */
static void append_astray(struct bench *bench)
{
    fixture_open(bench->fixture);
    append_thirty_twos(bench, 4000);
    fixture_kill(bench->fixture);
    for (uint64_t k = 0; k < 40; k++)
        turn_prefix(bench, bench->positions[RECORDS] + UINT64_C(1600) * k, 24);
}

/* Following many of them does not keep the index from being asked. */
static void test_scan_many_astray_are_passed_by_index(void **state)
{
    struct bench *bench = *state;

    append_astray(bench);
    for (uint64_t k = 0; k < 40; k++)
        file_flip(bench->fixture->dir, STORE,
                  bench->positions[RECORDS] + UINT64_C(1600) * k + 20);
    scan(bench);
    assert_int_equal(bench->scan.extent.count, RECORDS + 4000);
    assert_int_equal(bench->scan.bad, 40);
}

/* ... nor their lengths from being looked for. */
static void test_scan_many_astray_are_known_by_checksum(void **state)
{
    struct bench *bench = *state;

    append_astray(bench);
    file_remove(bench->fixture->dir, INDEX);
    scan(bench);
    assert_int_equal(bench->scan.extent.count, RECORDS + 4000);
    assert_int_equal(bench->scan.prefixes, 40);
}

/* Prefixes that say far more than the index cost nothing where it is right. */
static void test_scan_long_prefixes_are_not_read(void **state)
{
    struct bench *bench = *state;
    uint8_t prefix[8];

    fixture_open(bench->fixture);
    for (int k = 0; k < 2000; k++)
        append_sized(bench, 1000, 'x');
    fixture_kill(bench->fixture);
    put_be64(prefix, 1000 ^ (1 << 20));
    for (uint64_t i = 0; i < 900; i++)
        file_patch(bench->fixture->dir, STORE,
                   bench->positions[RECORDS] + 1008 * i, prefix, 8);
    bench->fixture->fake.read = 0;
    scan(bench);
    assert_int_equal(bench->scan.prefixes, 900);
    assert_int_equal(bench->scan.good, RECORDS + 1100);
    assert_true(bench->fixture->fake.read <
                4 * file_size(bench->fixture->dir, STORE));
}

/* --- What a scan may cost ------------------------------------------------- */

#define MANY    4000u /* records */
#define FRAME   108u  /* bytes of each one's frame */
#define READ_BY 24u   /* bytes of reads for each byte of the store */

static void put_position(struct bench *bench, uint64_t i, uint64_t position)
{
    uint8_t entry[8];

    put_be64(entry, position);
    file_patch(bench->fixture->dir, INDEX, i * SLOT_SIZE + 8, entry, 8);
}

/* Every second payload is damaged, and the index leads to the store's end. */
static void lead_to_the_end(struct bench *bench, uint64_t from, uint64_t size)
{
    for (uint64_t i = 0; i < MANY; i += 2)
        file_flip(bench->fixture->dir, STORE, from + i * FRAME + 50);
    for (uint64_t i = 0; i < MANY; i++)
        put_position(bench, RECORDS + i, size - 9);
}

/* Every second payload is damaged, and the index leads past them all. */
static void lead_far(struct bench *bench, uint64_t from, uint64_t size)
{
    (void)size;
    for (uint64_t i = 0; i < MANY; i += 2)
        file_flip(bench->fixture->dir, STORE, from + i * FRAME + 50);
    for (uint64_t i = 0; i + 10 < MANY; i++)
        put_position(bench, RECORDS + i, from + i * FRAME + 9);
}

/* Every second prefix says that much more. */
static void say_more(struct bench *bench, uint64_t from, uint64_t more)
{
    uint8_t prefix[8];

    put_be64(prefix, FRAME - 8 + more);
    for (uint64_t i = 0; i < MANY; i += 2)
        file_patch(bench->fixture->dir, STORE, from + i * FRAME, prefix, 8);
}

static void say_half_a_store_more(struct bench *bench, uint64_t from,
                                  uint64_t size)
{
    say_more(bench, from, size / 2);
    file_remove(bench->fixture->dir, INDEX);
}

static void say_a_few_records_more(struct bench *bench, uint64_t from,
                                   uint64_t size)
{
    (void)size;
    say_more(bench, from, (uint64_t)5 * FRAME);
    file_remove(bench->fixture->dir, INDEX);
}

static void say_one_record_more(struct bench *bench, uint64_t from,
                                uint64_t size)
{
    (void)size;
    say_more(bench, from, FRAME);
    file_remove(bench->fixture->dir, INDEX);
}

/* The same, and the index is wrong in its own way. */
static void say_more_than_the_index(struct bench *bench, uint64_t from,
                                    uint64_t size)
{
    for (uint64_t i = 0; i < MANY; i++)
        put_position(bench, RECORDS + i, from + i * FRAME + i % 7);
    say_more(bench, from, size / 3);
}

/* Stamps are lost, and with them what any way could lead to. */
static void lose_stamps(struct bench *bench, uint64_t from, uint64_t size)
{
    say_more(bench, from, size / 2);
    file_remove(bench->fixture->dir, INDEX);
    size = file_size(bench->fixture->dir, STAMPS);
    file_resize(bench->fixture->dir, STAMPS, 0);
    file_resize(bench->fixture->dir, STAMPS, size);
}

/* Whatever the damage, what is read is a few times the store; and at
   least so many records are found to be whole. */
static void expect_few_reads(void **state, uint64_t whole,
                             void (*damage)(struct bench *bench, uint64_t from,
                                            uint64_t size))
{
    struct bench *bench = *state;
    uint64_t size;

    fixture_open(bench->fixture);
    for (unsigned i = 0; i < MANY; i++)
        append_sized(bench, FRAME - 8, (char)('a' + i % 26));
    fixture_kill(bench->fixture);
    size = file_size(bench->fixture->dir, STORE);
    damage(bench, bench->positions[RECORDS], size);
    bench->fixture->fake.read = 0;
    scan(bench);
    assert_in_range(bench->fixture->fake.read, 1, READ_BY * size);
    assert_true(bench->scan.good + bench->scan.prefixes >= whole);
}

static void test_scan_index_to_the_end_costs_little(void **state)
{
    expect_few_reads(state, RECORDS + MANY / 2, lead_to_the_end);
}

static void test_scan_index_too_far_costs_little(void **state)
{
    expect_few_reads(state, RECORDS + MANY / 2, lead_far);
}

static void test_scan_prefixes_much_too_long_costs_little(void **state)
{
    expect_few_reads(state, RECORDS + MANY, say_half_a_store_more);
}

static void test_scan_prefixes_too_long_costs_little(void **state)
{
    expect_few_reads(state, RECORDS + MANY, say_a_few_records_more);
}

static void test_scan_prefixes_over_two_costs_little(void **state)
{
    expect_few_reads(state, RECORDS + MANY, say_one_record_more);
}

static void test_scan_prefixes_and_index_apart_costs_little(void **state)
{
    expect_few_reads(state, RECORDS + MANY / 14, say_more_than_the_index);
}

static void test_scan_stamps_of_zeros_costs_little(void **state)
{
    expect_few_reads(state, 0, lose_stamps);
}

/* Garbage in the index changes nothing that is read from the store. */
static void test_scan_index_garbage_is_not_believed(void **state)
{
    struct bench *bench = *state;
    uint8_t garbage[RECORDS * SLOT_SIZE];

    memset(garbage, 0xa5, sizeof(garbage));
    file_save(bench->fixture->dir, INDEX, garbage, sizeof(garbage));
    scan(bench);
    expect_frames(bench, RECORDS);
    assert_int_equal(bench->scan.good, RECORDS);
}

/* Stamps taken away leave the records unverified. */
static void test_scan_without_stamps_is_unverified(void **state)
{
    struct bench *bench = *state;

    file_remove(bench->fixture->dir, STAMPS);
    scan(bench);
    expect_frames(bench, RECORDS);
    expect_run(bench, VERDICT_UNVERIFIED, 0, RECORDS);
    assert_int_equal(bench->scan.durable, 0);
    assert_int_equal(bench->scan.time_ns, 0);
}

/* Without stamps and index alike, prefixes are all there is. */
static void test_scan_store_alone_is_unverified(void **state)
{
    struct bench *bench = *state;

    file_remove(bench->fixture->dir, STAMPS);
    file_remove(bench->fixture->dir, INDEX);
    scan(bench);
    expect_frames(bench, RECORDS);
    expect_run(bench, VERDICT_UNVERIFIED, 0, RECORDS);
}

/* Any byte of a stamp that is turned makes its record bad. */
static void test_scan_stamp_flipped_is_one_bad(void **state)
{
    struct bench *bench = *state;

    for (uint64_t k = 0; k < SLOT_SIZE; k++) {
        file_flip(bench->fixture->dir, STAMPS, (uint64_t)7 * SLOT_SIZE + k);
        scan(bench);
        expect_frames(bench, RECORDS);
        expect_run(bench, VERDICT_BAD, 7, 1);
        file_flip(bench->fixture->dir, STAMPS, (uint64_t)7 * SLOT_SIZE + k);
        scan_done(&bench->scan);
        segment_done(&bench->segment);
    }
}

/* Whole frames of one length that changed places check in neither. */
static void test_scan_swapped_records_are_bad(void **state)
{
    struct bench *bench = *state;
    const char *dir = bench->fixture->dir;
    uint64_t at = bench->positions[RECORDS];

    file_resize(dir, STORE, at);
    fixture_open(bench->fixture);
    assert_int_equal(fixture_append(bench->fixture, "twin a"), RECORDS);
    assert_int_equal(fixture_append(bench->fixture, "twin b"), RECORDS + 1);
    fixture_kill(bench->fixture);
    file_patch(dir, STORE, at + 8, "twin b", 6);
    file_patch(dir, STORE, at + 8 + 6 + 8, "twin a", 6);
    scan(bench);
    assert_int_equal(bench->scan.extent.count, RECORDS + 2);
    expect_run(bench, VERDICT_BAD, RECORDS, 2);
}

/* A store that was cut ends with its last whole record. */
static void test_scan_store_cut_ends_at_whole_record(void **state)
{
    struct bench *bench = *state;

    for (uint64_t size = bench->positions[9] - 1; size >= bench->positions[8];
         size--) {
        file_resize(bench->fixture->dir, STORE, size);
        scan(bench);
        expect_frames(bench, 8);
        assert_int_equal(bench->scan.good, 8);
        scan_done(&bench->scan);
        segment_done(&bench->segment);
    }
}

/* Zeros behind the last record are no record. */
static void test_scan_zeros_behind_are_no_records(void **state)
{
    struct bench *bench = *state;

    file_resize(bench->fixture->dir, STORE, 1 << 20);
    file_resize(bench->fixture->dir, INDEX, (uint64_t)SLOT_SIZE * 2000);
    file_resize(bench->fixture->dir, STAMPS, (uint64_t)SLOT_SIZE * 2000);
    scan(bench);
    expect_frames(bench, RECORDS);
    assert_int_equal(bench->scan.good, RECORDS);
}

/* Frames behind the last stamp are read, but not verified. */
static void test_scan_frames_behind_stamps_are_unverified(void **state)
{
    struct bench *bench = *state;

    file_resize(bench->fixture->dir, STAMPS, (uint64_t)SLOT_SIZE * 6 + 5);
    scan(bench);
    expect_frames(bench, RECORDS);
    expect_run(bench, VERDICT_UNVERIFIED, 6, 4);
}

/* A limit ends the scan at so many records. */
static void test_scan_limited_stops_there(void **state)
{
    struct bench *bench = *state;

    bench->limit = 4;
    scan(bench);
    expect_frames(bench, 4);
}

/* ... also where a way leads past it. */
static void test_scan_limited_stops_amid_damage(void **state)
{
    struct bench *bench = *state;

    for (uint64_t i = 3; i < 7; i++) {
        patch_prefix(bench, i, 0);
        file_flip(bench->fixture->dir, STORE, bench->positions[i] + 10);
    }
    bench->limit = 5;
    scan(bench);
    expect_frames(bench, 5);
    expect_run(bench, VERDICT_BAD, 3, 2);
}

/* A record longer than what is read at a time, with damage in each part. */
static void test_scan_large_record_is_read_whole(void **state)
{
    struct bench *bench = *state;
    uint8_t *data = malloc(1000000);
    uint64_t offset = 0;

    assert_non_null(data);
    memset(data, 'x', 1000000);
    fixture_open(bench->fixture);
    assert_int_equal(
        clog_append(bench->fixture->log, data, 1000000, 0, &offset), 0);
    fixture_fill(bench->fixture, 1);
    fixture_kill(bench->fixture);
    free(data);
    scan(bench);
    assert_int_equal(bench->scan.good, RECORDS + 2);
    assert_true(bench->told > 0);
    scan_done(&bench->scan);
    segment_done(&bench->segment);
    file_flip(bench->fixture->dir, STORE, bench->positions[RECORDS] + 777777);
    scan(bench);
    expect_run(bench, VERDICT_BAD, RECORDS, 1);
}

/* A store that is cut while it is scanned is an error, wherever it ends. */
static void test_scan_store_shorter_than_it_was_is_eio(void **state)
{
    struct bench *bench = *state;

    for (uint64_t size = bench->positions[RECORDS]; size-- > 0;) {
        file_resize(bench->fixture->dir, STORE, size);
        assert_int_equal(try_scan(bench, bench->positions[RECORDS]), -EIO);
        segment_done(&bench->segment);
    }
}

/* --- Reads that fail ------------------------------------------------------ */

#define LARGE       100000u /* bytes of a payload: few fit one read */
#define LARGE_COUNT 8u

static int reads_left; /* before one fails; negative: none does */

static ssize_t failing_read(struct io *io, struct io_from from,
                            const struct iovec *iov, int count)
{
    if (reads_left-- == 0)
        return -ENXIO;
    return io_posix()->ops->readv(io, from, iov, count);
}

/* Adds records that are not all read at once. */
static void add_large(struct bench *bench)
{
    char *data = malloc(LARGE);

    assert_non_null(data);
    memset(data, 'x', LARGE);
    fixture_open(bench->fixture);
    for (unsigned i = 0; i < LARGE_COUNT; i++)
        assert_int_equal(clog_append(bench->fixture->log, data, LARGE, 0, NULL),
                         0);
    fixture_kill(bench->fixture);
    free(data);
    bench->fixture->fake.ops.readv = failing_read;
}

/* The position of large record i; LARGE_COUNT: the store's end. */
static uint64_t large_at(const struct bench *bench, uint64_t i)
{
    return bench->positions[RECORDS] + i * (LARGE + 8);
}

static void patch_large_prefix(struct bench *bench, uint64_t i, uint64_t length)
{
    uint8_t prefix[8];

    put_be64(prefix, length);
    file_patch(bench->fixture->dir, STORE, large_at(bench, i), prefix, 8);
}

static void flip_large(struct bench *bench, uint64_t i)
{
    file_flip(bench->fixture->dir, STORE, large_at(bench, i) + 8 + LARGE / 2);
}

/* Whichever read fails, so does the scan, with that error; and if none does,
   it finds count records, all but so many of them good. */
static void expect_reads_matter(struct bench *bench, uint64_t count,
                                uint64_t others)
{
    uint64_t size = file_size(bench->fixture->dir, STORE);
    int r = -ENXIO;
    int k;

    for (k = 0; r < 0; k++) {
        reads_left = k;
        r = try_scan(bench, size);
        assert_true(r == 0 || r == -ENXIO);
        assert_int_equal(r < 0, reads_left < 0);
        if (r < 0)
            segment_done(&bench->segment);
    }
    assert_true(k > 3);
    assert_int_equal(bench->scan.extent.count, count);
    assert_int_equal(bench->scan.good, count - others);
}

static void test_scan_unread_is_error(void **state)
{
    struct bench *bench = *state;

    add_large(bench);
    expect_reads_matter(bench, RECORDS + LARGE_COUNT, 0);
}

static void test_scan_unread_behind_payload_flipped_is_error(void **state)
{
    struct bench *bench = *state;

    add_large(bench);
    file_remove(bench->fixture->dir, INDEX);
    flip_large(bench, 1);
    flip_large(bench, 2);
    expect_reads_matter(bench, RECORDS + LARGE_COUNT, 2);
}

static void test_scan_unread_at_prefix_wrong_is_error(void **state)
{
    struct bench *bench = *state;

    add_large(bench);
    patch_large_prefix(bench, 2, (uint64_t)LARGE * 3);
    expect_reads_matter(bench, RECORDS + LARGE_COUNT, 1);
}

static void test_scan_unread_behind_frame_lost_is_error(void **state)
{
    struct bench *bench = *state;

    add_large(bench);
    for (uint64_t i = 1; i < 4; i++)
        patch_large_prefix(bench, i, 0);
    flip_large(bench, 1);
    flip_large(bench, 2);
    expect_reads_matter(bench, RECORDS + LARGE_COUNT, 3);
}

static void test_scan_unread_in_search_of_end_is_error(void **state)
{
    struct bench *bench = *state;

    add_large(bench);
    file_remove(bench->fixture->dir, INDEX);
    patch_large_prefix(bench, 2, 0);
    flip_large(bench, 3);
    flip_large(bench, 4);
    expect_reads_matter(bench, RECORDS + LARGE_COUNT, 3);
}

static void test_scan_unread_without_stamps_is_error(void **state)
{
    struct bench *bench = *state;

    add_large(bench);
    file_remove(bench->fixture->dir, STAMPS);
    patch_large_prefix(bench, 3, 5);
    expect_reads_matter(bench, RECORDS + LARGE_COUNT, RECORDS + LARGE_COUNT);
    assert_int_equal(bench->scan.bad, 1);
}

/* Without stamps a prefix stands where the index leads to none that fits. */
static void test_scan_prefixes_wrong_without_stamps_stand(void **state)
{
    static const uint64_t lengths[] = {0, LARGE + 1};

    for (size_t k = 0; k < COUNT(lengths); k++) {
        struct bench *bench = *state;

        if (k == 0)
            add_large(bench);
        reads_left = -1;
        file_resize(bench->fixture->dir, STAMPS, 0);
        patch_large_prefix(bench, 3, 5);
        patch_large_prefix(bench, 4, lengths[k]);
        scan(bench);
        assert_int_equal(scan_position(&bench->scan, RECORDS + 4),
                         large_at(bench, 3) + 13);
        assert_int_equal(scan_position(&bench->scan, RECORDS + 5),
                         large_at(bench, 5));
        assert_int_equal(bench->scan.extent.count, RECORDS + LARGE_COUNT);
        assert_int_equal(bench->scan.bad, 1);
        scan_done(&bench->scan);
        segment_done(&bench->segment);
    }
}

/* An index whose entries lie too close leads past no lost frame. */
static void test_scan_index_too_close_is_not_believed(void **state)
{
    struct bench *bench = *state;
    uint8_t entry[8];

    patch_prefix(bench, 5, 0);
    file_flip(bench->fixture->dir, STORE, bench->positions[5] + 10);
    file_flip(bench->fixture->dir, STORE, bench->positions[6] + 10);
    put_be64(entry, bench->positions[6] + 8);
    file_patch(bench->fixture->dir, INDEX, (uint64_t)7 * SLOT_SIZE + 8, entry,
               8);
    scan(bench);
    expect_frames(bench, 5);
    assert_int_equal(bench->scan.good, 5);
}

/* A checksum that fits by itself finds no end: what follows must check too. */
static void test_scan_prefixes_wrong_without_index_are_the_end(void **state)
{
    struct bench *bench = *state;

    file_remove(bench->fixture->dir, INDEX);
    patch_prefix(bench, 5, 0);
    patch_prefix(bench, 6, 0);
    scan(bench);
    expect_frames(bench, 5);
    assert_int_equal(bench->scan.good, 5);
}

/* An index fits if it is as long as the scan's and says the same. */
static void test_scan_index_of_other_entry_does_not_fit(void **state)
{
    struct bench *bench = *state;
    uint64_t size = RECORDS * SLOT_SIZE;

    scan(bench);
    assert_true(index_fits(&bench->segment.index, size, &bench->scan));
    assert_false(
        index_fits(&bench->segment.index, size - SLOT_SIZE, &bench->scan));
    file_flip(bench->fixture->dir, INDEX, (uint64_t)4 * SLOT_SIZE + 15);
    assert_false(index_fits(&bench->segment.index, size, &bench->scan));
    assert_int_equal(index_agrees(&bench->segment.index, size, &bench->scan),
                     4);
}

/* However many records there are, all are in the index that comes out. */
static void test_scan_many_records_are_all_indexed(void **state)
{
    struct bench *bench = *state;

    fixture_open(bench->fixture);
    fixture_fill(bench->fixture, 3000);
    fixture_kill(bench->fixture);
    scan(bench);
    assert_int_equal(bench->scan.extent.count, RECORDS + 3000);
    assert_int_equal(bench->scan.good, RECORDS + 3000);
    assert_true(file_holds(bench->fixture->dir, INDEX, bench->scan.index,
                           (RECORDS + 3000) * SLOT_SIZE));
}

#define SCAN_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCAN_TEST(test_scan_intact_is_good),
        SCAN_TEST(test_scan_synced_knows_durable),
        SCAN_TEST(test_scan_empty_is_empty),
        SCAN_TEST(test_scan_payload_flipped_is_one_bad),
        SCAN_TEST(test_scan_payload_flipped_without_index_is_one_bad),
        SCAN_TEST(test_scan_prefix_wrong_is_known_by_index),
        SCAN_TEST(test_scan_prefix_wrong_is_known_by_checksum),
        SCAN_TEST(test_scan_frame_lost_is_passed_by_index),
        SCAN_TEST(test_scan_frame_lost_without_index_is_the_end),
        SCAN_TEST(test_scan_two_that_agree_need_nothing_behind),
        SCAN_TEST(test_scan_prefixes_in_a_payload_are_not_followed),
        SCAN_TEST(test_scan_prefixes_to_the_end_are_all_there_is),
        SCAN_TEST(test_scan_prefix_over_two_is_known_by_checksum),
        SCAN_TEST(test_scan_nearer_record_counts),
        SCAN_TEST(test_scan_between_two_damages_is_good),
        SCAN_TEST(test_scan_many_astray_are_passed_by_index),
        SCAN_TEST(test_scan_many_astray_are_known_by_checksum),
        SCAN_TEST(test_scan_long_prefixes_are_not_read),
        SCAN_TEST(test_scan_index_to_the_end_costs_little),
        SCAN_TEST(test_scan_index_too_far_costs_little),
        SCAN_TEST(test_scan_prefixes_much_too_long_costs_little),
        SCAN_TEST(test_scan_prefixes_too_long_costs_little),
        SCAN_TEST(test_scan_prefixes_over_two_costs_little),
        SCAN_TEST(test_scan_prefixes_and_index_apart_costs_little),
        SCAN_TEST(test_scan_stamps_of_zeros_costs_little),
        SCAN_TEST(test_scan_index_garbage_is_not_believed),
        SCAN_TEST(test_scan_without_stamps_is_unverified),
        SCAN_TEST(test_scan_store_alone_is_unverified),
        SCAN_TEST(test_scan_stamp_flipped_is_one_bad),
        SCAN_TEST(test_scan_swapped_records_are_bad),
        SCAN_TEST(test_scan_store_cut_ends_at_whole_record),
        SCAN_TEST(test_scan_zeros_behind_are_no_records),
        SCAN_TEST(test_scan_frames_behind_stamps_are_unverified),
        SCAN_TEST(test_scan_limited_stops_there),
        SCAN_TEST(test_scan_limited_stops_amid_damage),
        SCAN_TEST(test_scan_large_record_is_read_whole),
        SCAN_TEST(test_scan_store_shorter_than_it_was_is_eio),
        SCAN_TEST(test_scan_unread_is_error),
        SCAN_TEST(test_scan_unread_behind_payload_flipped_is_error),
        SCAN_TEST(test_scan_unread_at_prefix_wrong_is_error),
        SCAN_TEST(test_scan_unread_behind_frame_lost_is_error),
        SCAN_TEST(test_scan_unread_in_search_of_end_is_error),
        SCAN_TEST(test_scan_unread_without_stamps_is_error),
        SCAN_TEST(test_scan_prefixes_wrong_without_stamps_stand),
        SCAN_TEST(test_scan_index_too_close_is_not_believed),
        SCAN_TEST(test_scan_prefixes_wrong_without_index_are_the_end),
        SCAN_TEST(test_scan_index_of_other_entry_does_not_fit),
        SCAN_TEST(test_scan_many_records_are_all_indexed),
    };

    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
