/* SPDX-License-Identifier: MIT */
#include "segment/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "segment/stamps.h"
#include "test.h"

/* The bytes that FORMAT.md shows: hello, world, foo, a second apart. */
static const uint8_t golden_stamps[48] = {
    0x18, 0xea, 0x5c, 0x38, 0xaf, 0xec, 0x80, 0x00, /**/
    0x00, 0x00, 0x00, 0x00, 0xf8, 0x25, 0x0b, 0xe4, /**/
    0x18, 0xea, 0x5c, 0x38, 0xeb, 0x87, 0x4a, 0x00, /**/
    0x00, 0x00, 0x00, 0x01, 0x9c, 0x84, 0xed, 0xa4, /**/
    0x18, 0xea, 0x5c, 0x39, 0x27, 0x22, 0x14, 0x00, /**/
    0x00, 0x00, 0x00, 0x02, 0xe7, 0x3f, 0xa3, 0x66,
};
static const uint8_t golden_index[48] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, /**/
    0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x0d, /**/
    0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x1a,
};
static const uint8_t golden_store[37] = {
    0, 0, 0, 0, 0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o', /**/
    0, 0, 0, 0, 0, 0, 0, 5, 'w', 'o', 'r', 'l', 'd', /**/
    0, 0, 0, 0, 0, 0, 0, 3, 'f', 'o', 'o',
};

struct bench {
    struct fixture *fixture;
    int root;
    struct segment segment;
    struct extent extent;
    struct scratch scratch;
};

static void open_bench(struct bench *bench, void **state, uint64_t base)
{
    *bench = (struct bench){.fixture = *state};
    bench->root = io_open_root(io_posix(), bench->fixture->dir);
    assert_true(bench->root >= 0);
    assert_int_equal(segment_make(&bench->fixture->fake.io, bench->root, base),
                     0);
    assert_int_equal(segment_open_active(&bench->segment,
                                         &bench->fixture->fake.io, bench->root,
                                         base, 4096),
                     0);
}

static void close_bench(struct bench *bench)
{
    segment_done(&bench->segment);
    segment_done(&bench->segment);
    scratch_done(&bench->scratch);
    io_close(io_posix(), bench->root);
}

static int append(struct bench *bench, const char *const *texts, size_t count,
                  uint64_t time_ns, enum remains *ret_remains)
{
    struct iovec records[8];
    struct batch batch = {records, count, time_ns, 0};
    struct appended appended = {bench->extent, REMAINS_NOTHING};
    int r;

    for (size_t i = 0; i < count; i++)
        records[i] =
            (struct iovec){(void *)(uintptr_t)texts[i], strlen(texts[i])};
    r = segment_append(&bench->segment, &bench->extent, &batch, &bench->scratch,
                       &appended);
    bench->extent = appended.extent;
    *ret_remains = appended.remains;
    return r;
}

static void append_golden(struct bench *bench)
{
    static const char *const texts[] = {"hello", "world", "foo"};
    enum remains remains = REMAINS_MORE;

    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(append(bench, &texts[i], 1,
                                (uint64_t)FIXTURE_NOON + i * 1000000000,
                                &remains),
                         0);
    assert_int_equal(remains, REMAINS_NOTHING);
}

static bool holds(const struct bench *bench, const char *file, const void *data,
                  size_t size)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "00000000000000000000/%s", file);
    return file_holds(bench->fixture->dir, name, data, size);
}

static enum verdict verdict_of(struct bench *bench, uint64_t i)
{
    uint8_t buffer[8];
    struct place place;
    enum verdict verdict = VERDICT_BAD;

    assert_int_equal(segment_place(&bench->segment, &bench->extent, i, &place),
                     0);
    assert_int_equal(
        segment_check(&bench->segment, i, &place,
                      &(struct into){buffer, sizeof(buffer), false}, &verdict),
        0);
    return verdict;
}

/* A segment's name is its base in 20 digits, and nothing else is one. */
static void test_segment_name_is_twenty_digits(void **state)
{
    static const char *const others[] = {"",
                                         "0",
                                         "0000000000000000000",
                                         "000000000000000000000",
                                         "0000000000000000000x",
                                         " 0000000000000000000",
                                         "-0000000000000000001",
                                         "18446744073709551616",
                                         "99999999999999999999",
                                         "00000000000000000000.dropped"};
    char name[SEGMENT_NAME];
    uint64_t base = 7;

    (void)state;
    segment_name(0, name);
    assert_string_equal(name, "00000000000000000000");
    segment_name(UINT64_MAX, name);
    assert_string_equal(name, "18446744073709551615");
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(segment_parse(others[i], &base), -EINVAL);
    assert_int_equal(base, 7);
    assert_int_equal(segment_parse(name, &base), 0);
    assert_int_equal(base, UINT64_MAX);
    assert_int_equal(segment_parse("00000000000000012345", &base), 0);
    assert_int_equal(base, 12345);
}

/* The three files of FORMAT.md's example, byte for byte. */
static void test_segment_appended_is_golden(void **state)
{
    struct bench bench;

    open_bench(&bench, state, 0);
    append_golden(&bench);
    assert_int_equal(bench.extent.count, 3);
    assert_int_equal(bench.extent.end, 37);
    assert_true(holds(&bench, "store", golden_store, 37));
    assert_true(holds(&bench, "index", golden_index, 48));
    assert_true(holds(&bench, "stamps", golden_stamps, 48));
    close_bench(&bench);
}

/* Every record of a batch but the last says that it goes on. */
static void test_segment_batch_says_where_it_goes_on(void **state)
{
    static const char *const texts[] = {"a", "b", "c"};
    struct bench bench;
    struct stamp stamp;
    enum remains remains = REMAINS_MORE;

    open_bench(&bench, state, 1000);
    assert_int_equal(append(&bench, texts, 3, 1, &remains), 0);
    assert_int_equal(stamps_get(&bench.segment.stamps, 0, &stamp), 0);
    assert_int_equal(stamp.bits, STAMP_MORE | 1000);
    assert_int_equal(stamps_get(&bench.segment.stamps, 1, &stamp), 0);
    assert_int_equal(stamp.bits, STAMP_MORE | 1001);
    assert_int_equal(stamps_get(&bench.segment.stamps, 2, &stamp), 0);
    assert_int_equal(stamp.bits, 1002);
    close_bench(&bench);
}

/* Records are found by index, and check, in segments of any base. */
static void test_segment_appended_is_found_and_good(void **state)
{
    struct bench bench;
    struct place place;

    open_bench(&bench, state, 1ULL << 40);
    append_golden(&bench);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(
            segment_place(&bench.segment, &bench.extent, i, &place), 0);
        assert_int_equal(place.position, 13 * i);
        assert_int_equal(place.length, i < 2 ? 5 : 3);
        assert_int_equal(verdict_of(&bench, i), VERDICT_GOOD);
        assert_int_equal(segment_verify(&bench.segment, i, &place,
                                        golden_store + place.position),
                         VERDICT_GOOD);
    }
    close_bench(&bench);
}

/* Each write of a batch that fails leaves the files as they were. */
static void test_segment_append_that_fails_leaves_nothing(void **state)
{
    static const char *const texts[] = {"x", "yy", "zzz"};
    struct bench bench;
    enum remains remains = REMAINS_MORE;

    open_bench(&bench, state, 0);
    append_golden(&bench);
    for (int k = 0; k < 3; k++) {
        bench.fixture->fake.fails = k;
        assert_int_equal(append(&bench, texts, 3, 1, &remains), -ENOSPC);
        assert_int_equal(remains, k < 1 ? REMAINS_NOTHING : REMAINS_CUT);
        assert_int_equal(bench.extent.count, 3);
        assert_true(holds(&bench, "store", golden_store, 37));
        assert_true(holds(&bench, "index", golden_index, 48));
        assert_true(holds(&bench, "stamps", golden_stamps, 48));
    }
    bench.fixture->fake.fails = -1;
    assert_int_equal(append(&bench, texts, 3, 1, &remains), 0);
    assert_int_equal(bench.extent.count, 6);
    close_bench(&bench);
}

static int refuse_truncate(struct io *io, int fd, uint64_t size)
{
    (void)io;
    (void)fd;
    (void)size;
    return -EIO;
}

/* If the files cannot be cut back either, that is said. */
static void test_segment_append_without_cut_is_broken(void **state)
{
    static const char *const texts[] = {"x"};
    struct bench bench;
    enum remains remains = REMAINS_MORE;

    open_bench(&bench, state, 0);
    bench.fixture->fake.ops.truncate = refuse_truncate;
    bench.fixture->fake.fails = 1;
    assert_int_equal(append(&bench, texts, 1, 1, &remains), -ENOSPC);
    assert_int_equal(remains, REMAINS_MORE);
    close_bench(&bench);
}

static int refuse_stamps_truncate(struct io *io, int fd, uint64_t size)
{
    (void)io;
    return size % SLOT_SIZE == 0 ? -EIO : ftruncate(fd, (off_t)size);
}

/* The store is cut also where the stamps cannot be. */
static void test_segment_append_cuts_what_it_can(void **state)
{
    static const char *const texts[] = {"x"};
    struct bench bench;
    enum remains remains = REMAINS_MORE;

    open_bench(&bench, state, 0);
    append_golden(&bench);
    bench.fixture->fake.ops.truncate = refuse_stamps_truncate;
    bench.fixture->fake.fails = 2;
    assert_int_equal(append(&bench, texts, 1, 1, &remains), -ENOSPC);
    assert_int_equal(remains, REMAINS_MORE);
    assert_true(holds(&bench, "store", golden_store, 37));
    assert_int_equal(
        file_size(bench.fixture->dir, "00000000000000000000/stamps"), 64);
    close_bench(&bench);
}

/* A stamp that was written and cut may come back until the cut is durable. */
static void test_segment_append_that_wrote_a_stamp_left_a_cut(void **state)
{
    static const char *const texts[] = {"x"};
    struct bench bench;
    enum remains remains = REMAINS_MORE;

    open_bench(&bench, state, 0);
    bench.fixture->fake.fails = 0;
    assert_int_equal(append(&bench, texts, 1, 1, &remains), -ENOSPC);
    assert_int_equal(remains, REMAINS_NOTHING);
    for (int fails = 1; fails < 3; fails++) {
        bench.fixture->fake.fails = fails;
        assert_int_equal(append(&bench, texts, 1, 1, &remains), -ENOSPC);
        assert_int_equal(remains, REMAINS_CUT);
    }
    close_bench(&bench);
}

static int maps_left;

static int refuse_map(struct io *io, int fd, size_t size, const void **ret)
{
    if (maps_left-- == 0)
        return -ENOMEM;
    return io_posix()->ops->map(io, fd, size, ret);
}

/* Where a batch finds no room in the address space nothing is written. */
static void test_segment_append_without_map_leaves_nothing(void **state)
{
    static const char *const texts[] = {"a", "b", "c", "d"};
    struct bench bench;
    enum remains remains = REMAINS_MORE;

    open_bench(&bench, state, 0);
    segment_done(&bench.segment);
    assert_int_equal(segment_open_active(&bench.segment,
                                         &bench.fixture->fake.io, bench.root, 0,
                                         48),
                     0);
    append_golden(&bench);
    bench.fixture->fake.ops.map = refuse_map;
    for (int k = 0; k < 2; k++) {
        maps_left = k;
        assert_int_equal(append(&bench, texts, 4, 1, &remains), -ENOMEM);
        assert_int_equal(remains, REMAINS_NOTHING);
        assert_true(holds(&bench, "store", golden_store, 37));
        assert_true(holds(&bench, "stamps", golden_stamps, 48));
    }
    maps_left = -1;
    assert_int_equal(append(&bench, texts, 4, 1, &remains), 0);
    assert_int_equal(verdict_of(&bench, 6), VERDICT_GOOD);
    close_bench(&bench);
}

/* No record is longer than a record may be, whatever the index says. */
static void test_segment_place_of_too_long_is_euclean(void **state)
{
    struct bench bench;
    struct place place;

    open_bench(&bench, state, 0);
    append_golden(&bench);
    bench.extent.end = 26 + 8 + CLOG_RECORD_LIMIT;
    assert_int_equal(segment_place(&bench.segment, &bench.extent, 2, &place),
                     0);
    assert_int_equal(place.length, CLOG_RECORD_LIMIT);
    bench.extent.end++;
    assert_int_equal(segment_place(&bench.segment, &bench.extent, 2, &place),
                     -EUCLEAN);
    close_bench(&bench);
}

/* What the index says is checked before anything is read by it. */
static void test_segment_place_of_impossible_entry_is_euclean(void **state)
{
    static const uint64_t impossible[] = {26, 25, 19, 5, 0, 38, UINT64_MAX};
    struct bench bench;
    struct place place = {99, 99};
    uint8_t entry[16] = {[7] = 1};

    open_bench(&bench, state, 0);
    append_golden(&bench);
    for (size_t i = 0; i < COUNT(impossible); i++) {
        for (unsigned k = 0; k < 8; k++)
            entry[8 + k] = (uint8_t)(impossible[i] >> (56 - 8 * k));
        file_patch(bench.fixture->dir, "00000000000000000000/index", 16, entry,
                   16);
        /* Either the record or the one before it ends up impossible. */
        assert_true(
            segment_place(&bench.segment, &bench.extent, 1, &place) < 0 ||
            segment_place(&bench.segment, &bench.extent, 0, &place) < 0);
    }
    assert_int_equal(segment_place(&bench.segment, &bench.extent, 2, &place),
                     0);
    assert_int_equal(place.position, 26);
    close_bench(&bench);
}

/* A turned byte of payload or stamp is bad, of the prefix only that. */
static void test_segment_damaged_is_told_apart(void **state)
{
    static const char store[] = "00000000000000000000/store";
    struct bench bench;

    open_bench(&bench, state, 0);
    append_golden(&bench);
    file_flip(bench.fixture->dir, store, 8 + 4);
    assert_int_equal(verdict_of(&bench, 0), VERDICT_BAD);
    file_flip(bench.fixture->dir, store, 8 + 4);
    file_flip(bench.fixture->dir, store, 13);
    assert_int_equal(verdict_of(&bench, 0), VERDICT_GOOD);
    assert_int_equal(verdict_of(&bench, 1), VERDICT_PREFIX);
    for (uint64_t i = 32; i < 48; i++) {
        file_flip(bench.fixture->dir, "00000000000000000000/stamps", i);
        assert_int_equal(verdict_of(&bench, 2), VERDICT_BAD);
        file_flip(bench.fixture->dir, "00000000000000000000/stamps", i);
    }
    assert_int_equal(verdict_of(&bench, 2), VERDICT_GOOD);
    close_bench(&bench);
}

/* Without stamps a record is unverified while prefix and index agree. */
static void test_segment_without_stamps_is_unverified(void **state)
{
    struct bench bench;

    open_bench(&bench, state, 0);
    append_golden(&bench);
    segment_done(&bench.segment);
    file_remove(bench.fixture->dir, "00000000000000000000/stamps");
    assert_int_equal(segment_open(&bench.segment, io_posix(), bench.root, 0, 3),
                     0);
    assert_int_equal(verdict_of(&bench, 1), VERDICT_UNVERIFIED);
    file_flip(bench.fixture->dir, "00000000000000000000/store", 13 + 7);
    assert_int_equal(verdict_of(&bench, 1), VERDICT_BAD);
    close_bench(&bench);
}

/* A store that was cut is an error to check, not a wrong verdict. */
static void test_segment_store_cut_is_eio(void **state)
{
    struct bench bench;
    struct place place;
    uint8_t buffer[8];
    enum verdict verdict = VERDICT_GOOD;

    open_bench(&bench, state, 0);
    append_golden(&bench);
    assert_int_equal(segment_place(&bench.segment, &bench.extent, 2, &place),
                     0);
    file_resize(bench.fixture->dir, "00000000000000000000/store", 36);
    assert_int_equal(
        segment_check(&bench.segment, 2, &place,
                      &(struct into){buffer, sizeof(buffer), false}, &verdict),
        -EIO);
    assert_int_equal(segment_check(&bench.segment, 2, &place,
                                   &(struct into){buffer, sizeof(buffer), true},
                                   &verdict),
                     -EAGAIN);
    file_resize(bench.fixture->dir, "00000000000000000000/store", 30);
    assert_int_equal(
        segment_check(&bench.segment, 2, &place,
                      &(struct into){buffer, sizeof(buffer), false}, &verdict),
        -EIO);
    close_bench(&bench);
}

/* Sealing takes write permission from the files; the directory stays its
   owner's. What is open to others to read stays so. */
static void test_segment_sealed_is_read_only(void **state)
{
    static const char *const files[] = {"store", "index", "stamps"};
    struct bench bench;
    const char *dir;
    char name[64];

    open_bench(&bench, state, 0);
    dir = bench.fixture->dir;
    append_golden(&bench);
    (void)snprintf(name, sizeof(name), "%s/00000000000000000000", dir);
    assert_int_equal(chmod(name, 0500), 0);
    assert_int_equal(segment_guard(io_posix(), bench.root, 0), 0);
    assert_int_equal(file_mode(dir, "00000000000000000000"), 0700);
    for (size_t i = 0; i < COUNT(files); i++) {
        (void)snprintf(name, sizeof(name), "00000000000000000000/%s", files[i]);
        assert_int_equal(file_mode(dir, name), 0400);
    }
    file_remove(dir, "00000000000000000000/index");
    assert_int_equal(segment_guard(io_posix(), bench.root, 0), 0);
    assert_int_equal(segment_guard(io_posix(), bench.root, 9), -ENOENT);
    close_bench(&bench);
}

/* Stages hello, world and foo, a second apart, behind what is published. */
static void stage_golden(struct bench *bench, struct staging *staging,
                         struct staged *state)
{
    static const char *const texts[] = {"hello", "world", "foo"};
    struct staging_owner owner = {.boot_id = "x"};

    assert_int_equal(
        staging_make(staging, io_posix(), bench->root, STAGING_MIN, &owner), 0);
    segment_use_staging(&bench->segment, staging);
    for (uint64_t i = 0; i < 3; i++) {
        struct iovec record = {(void *)(uintptr_t)texts[i], strlen(texts[i])};
        struct batch batch = {&record, 1,
                              (uint64_t)FIXTURE_NOON + i * 1000000000, 0};

        assert_int_equal(staging_put(staging, state, &batch, state), 0);
        assert_int_equal(staging_publish(staging, state), 0);
    }
    bench->extent = (struct extent){state->next, state->end};
}

static void expect_golden(struct bench *bench)
{
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(verdict_of(bench, i), VERDICT_GOOD);
}

/* Staged, partly in the files, and wholly there: the same to who reads. */
static void test_segment_staged_reads_as_if_written(void **state)
{
    struct bench bench;
    struct staging staging = {0};
    struct staged staged = {0};

    open_bench(&bench, state, 0);
    stage_golden(&bench, &staging, &staged);
    assert_true(holds(&bench, "store", "", 0));
    expect_golden(&bench);
    assert_int_equal(segment_flush(&bench.segment, &staging, &staged), 0);
    assert_int_equal(staged.written, 3);
    assert_int_equal(staged.written_end, 37);
    assert_true(holds(&bench, "store", golden_store, 37));
    assert_true(holds(&bench, "stamps", golden_stamps, 48));
    assert_true(holds(&bench, "index", golden_index, 48));
    expect_golden(&bench);
    staging_done(&staging);
    close_bench(&bench);
}

/* A read that begins in the file and ends in the buffer. */
static void test_segment_read_across_written_and_staged(void **state)
{
    struct bench bench;
    struct staging staging = {0};
    struct staged staged = {0};
    struct iovec record = {"more", 4};
    struct batch batch = {&record, 1, FIXTURE_NOON, 0};
    uint8_t bytes[64];

    open_bench(&bench, state, 0);
    stage_golden(&bench, &staging, &staged);
    assert_int_equal(segment_flush(&bench.segment, &staging, &staged), 0);
    assert_int_equal(staging_put(&staging, &staged, &batch, &staged), 0);
    assert_int_equal(staging_publish(&staging, &staged), 0);
    assert_int_equal(
        store_read(&bench.segment.store, bytes, sizeof(bytes), 0, false), 49);
    assert_memory_equal(bytes, golden_store, 37);
    assert_memory_equal(bytes + 37, "\0\0\0\0\0\0\0\4more", 12);
    assert_int_equal(slots_read(&bench.segment.index, bytes, 64, 0), 0);
    assert_memory_equal(bytes, golden_index, 48);
    assert_int_equal(bytes[63], 37);
    staging_done(&staging);
    close_bench(&bench);
}

/* Wherever a flush fails: all can be read, and the next one writes it. */
static void test_segment_flush_that_fails_loses_nothing(void **state)
{
    for (int fails = 0; fails < 3; fails++) {
        struct fake *fake = &((struct fixture *)*state)->fake;
        struct bench bench;
        struct staging staging = {0};
        struct staged staged = {0};

        open_bench(&bench, state, 0);
        stage_golden(&bench, &staging, &staged);
        fake->fails = fails;
        fake->error = -ENOSPC;
        assert_int_equal(segment_flush(&bench.segment, &staging, &staged),
                         -ENOSPC);
        assert_int_equal(staged.written, 0);
        expect_golden(&bench);
        fake->fails = -1;
        assert_int_equal(segment_flush(&bench.segment, &staging, &staged), 0);
        assert_true(holds(&bench, "store", golden_store, 37));
        assert_true(holds(&bench, "stamps", golden_stamps, 48));
        assert_true(holds(&bench, "index", golden_index, 48));
        staging_done(&staging);
        assert_int_equal(
            segment_remove(io_posix(), bench.root, "00000000000000000000"), 0);
        close_bench(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_name_is_twenty_digits),
        FIXTURE_TEST(test_segment_appended_is_golden),
        FIXTURE_TEST(test_segment_batch_says_where_it_goes_on),
        FIXTURE_TEST(test_segment_appended_is_found_and_good),
        FIXTURE_TEST(test_segment_append_that_fails_leaves_nothing),
        FIXTURE_TEST(test_segment_append_without_cut_is_broken),
        FIXTURE_TEST(test_segment_append_cuts_what_it_can),
        FIXTURE_TEST(test_segment_append_that_wrote_a_stamp_left_a_cut),
        FIXTURE_TEST(test_segment_append_without_map_leaves_nothing),
        FIXTURE_TEST(test_segment_place_of_too_long_is_euclean),
        FIXTURE_TEST(test_segment_place_of_impossible_entry_is_euclean),
        FIXTURE_TEST(test_segment_damaged_is_told_apart),
        FIXTURE_TEST(test_segment_without_stamps_is_unverified),
        FIXTURE_TEST(test_segment_store_cut_is_eio),
        FIXTURE_TEST(test_segment_sealed_is_read_only),
        FIXTURE_TEST(test_segment_staged_reads_as_if_written),
        FIXTURE_TEST(test_segment_read_across_written_and_staged),
        FIXTURE_TEST(test_segment_flush_that_fails_loses_nothing),
    };

    return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
