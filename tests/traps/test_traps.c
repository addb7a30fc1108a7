/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "fixture.h"
#include "io/bytes.h"
#include "test.h"

/*
 * The mistakes of the log that the article's series builds, each by name: what
 * it did there, done to a clog, which must come out right.
 */

#define ZERO "segments/00000000000000000000"

/* Records without a checksum: there, a torn or turned record was served. */
static void test_traps_damaged_record_is_never_served(void **state)
{
    struct fixture *fixture = *state;
    uint64_t size = 0;

    fixture_open(fixture);
    (void)fixture_append(fixture, "hello");
    size = file_size(fixture->dir, ZERO "/store");
    for (uint64_t at = 8; at < size; at++) {
        file_flip(fixture->dir, ZERO "/store", at);
        fixture_expect_error(fixture, 0, -EIO);
        file_flip(fixture->dir, ZERO "/store", at);
    }
    fixture_expect(fixture, 0, "hello");
}

/* A torn tail was taken for data: there, it was served or stopped the start. */
static void test_traps_torn_tail_is_cut_at_open(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    fixture_power_cut(fixture);
    file_resize(fixture->dir, ZERO "/store",
                file_size(fixture->dir, ZERO "/store") - 1);
    fixture_open(fixture);
    fixture_expect_next(fixture, 2);
    fixture_expect_filled(fixture, 0, 2);
    fixture_expect_sound(fixture);
}

/* A killed process left its index at its full mapped size: there, next was
   wrong after that, reads failed, and every later append did. */
static void test_traps_killed_index_is_no_longer_than_its_records(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 5);
    assert_int_equal(file_size(fixture->dir, ZERO "/index"), 5 * 16);
    fixture_kill(fixture);
    assert_int_equal(file_size(fixture->dir, ZERO "/index"), 5 * 16);
    /* Even where it is padded with zeros, as there. */
    file_resize(fixture->dir, ZERO "/index", 1024);
    fixture_open(fixture);
    fixture_expect_next(fixture, 5);
    fixture_expect_filled(fixture, 0, 5);
    fixture_fill(fixture, 3);
    fixture_expect_filled(fixture, 0, 8);
    fixture_expect_sound(fixture);
}

/* Store written, index not: there, an orphan stayed in the store for ever. */
static void test_traps_failed_index_write_leaves_no_orphan(void **state)
{
    struct fixture *fixture = *state;
    uint64_t size = 0;

    fixture_open(fixture);
    fixture_fill(fixture, 2);
    size = file_size(fixture->dir, ZERO "/store");
    fixture->fake.fails = 2;
    assert_int_equal(clog_append(fixture->log, "orphan", 6, 0, NULL), -ENOSPC);
    assert_int_equal(file_size(fixture->dir, ZERO "/store"), size);
    assert_int_equal(file_size(fixture->dir, ZERO "/stamps"), 2 * 16);
    fixture->fake.fails = -1;
    fixture_fill(fixture, 2);
    fixture_kill(fixture);
    fixture_open(fixture);
    fixture_expect_next(fixture, 4);
    fixture_expect_filled(fixture, 0, 4);
}

static int refuse_mkdir(struct io *io, int dir, const char *name, mode_t mode)
{
    (void)io;
    (void)dir;
    (void)name;
    (void)mode;
    return -ENOSPC;
}

/* A failed rotation was the append's error: there, the record was stored all
   the same, and a writer that tried again stored it twice. */
static void test_traps_failed_roll_stores_nothing(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_store = 40;
    fixture_open(fixture);
    fixture_fill(fixture, 2);
    fixture->fake.ops.mkdir = refuse_mkdir;
    assert_int_equal(clog_append(fixture->log, "record 2ab", 10, 0, NULL),
                     -ENOSPC);
    fixture_expect_next(fixture, 2);
    fixture_kill(fixture);
    fixture->fake.ops.mkdir = io_posix()->ops->mkdir;
    fixture_open(fixture);
    fixture_expect_next(fixture, 2);
    fixture_fill(fixture, 1);
    fixture_expect_filled(fixture, 0, 3);
}

/* Directory entries were paired blindly: there, a foreign or missing file gave
   segments that are not there. */
static void test_traps_foreign_names_make_no_segments(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_store = 60;
    fixture_open(fixture);
    fixture_fill(fixture, 20);
    uint64_t segments = fixture_status(fixture).segments;

    fixture_close(fixture);
    file_save(fixture->dir, "segments/notes.txt", "mine", 4);
    file_save(fixture->dir, "segments/0.store", "x", 1);
    file_save(fixture->dir, "segments/99999999999999999999", "x", 1);
    file_save(fixture->dir, ZERO "/store.bak", "x", 1);
    file_remove(fixture->dir, ZERO "/index");
    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).segments, segments);
    fixture_expect_next(fixture, 20);
    fixture_expect_filled(fixture, 0, 20);
    assert_true(file_exists(fixture->dir, "segments/notes.txt"));
    fixture_expect_sound(fixture);
}

/* Truncating everything away left no active segment: there, the next look at
   the log was a panic. Here an empty log has a next offset and a segment. */
static void test_traps_emptied_log_goes_on(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 10);
    fixture_close(fixture);
    file_remove(fixture->dir, ZERO);
    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).oldest, 10);
    fixture_expect_next(fixture, 10);
    assert_int_equal(fixture_status(fixture).segments, 1);
    fixture_expect_error(fixture, 9, -ENOENT);
    fixture_fill(fixture, 2);
    assert_int_equal(fixture_status(fixture).oldest, 10);
    fixture_expect_filled(fixture, 10, 12);
}

/* Truncating could remove the active segment itself: there, appends went to
   files that were closed. Here it is never dropped. */
static void test_traps_active_segment_is_never_dropped(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_store = 60;
    fixture_open(fixture);
    fixture_fill(fixture, 20);
    while (fixture_status(fixture).segments > 1)
        assert_int_equal(
            clog_drop(fixture->log, fixture_status(fixture).oldest), 0);
    uint64_t oldest = fixture_status(fixture).oldest;

    assert_int_equal(clog_drop(fixture->log, oldest), -EBUSY);
    assert_int_equal(fixture_status(fixture).segments, 1);
    fixture_expect_filled(fixture, oldest, 20);
    fixture_fill(fixture, 1);
    fixture_expect_filled(fixture, oldest, 21);
    fixture_open(fixture);
    fixture_expect_filled(fixture, oldest, 21);
}

/* The highest offset was 0 both of no record and of one: there, who asked
   could not tell. */
static void test_traps_empty_and_one_record_differ(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).oldest, 0);
    assert_int_equal(fixture_status(fixture).next, 0);
    (void)fixture_append(fixture, "x");
    assert_int_equal(fixture_status(fixture).oldest, 0);
    assert_int_equal(fixture_status(fixture).next, 1);
    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).next, 1);
}

/* What was acknowledged waited in a buffer: there, a killed process lost it. */
static void test_traps_acknowledged_survives_a_kill(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    for (uint64_t i = 0; i < 50; i++) {
        fixture_fill(fixture, 1);
        fixture_kill(fixture);
        fixture_open(fixture);
        fixture_expect_next(fixture, i + 1);
    }
    fixture_expect_filled(fixture, 0, 50);
}

/* Nothing ever synced the store: there, not even a close did. */
static void test_traps_sync_and_close_do_sync(void **state)
{
    struct fixture *fixture = *state;
    unsigned before = 0;

    fixture_open(fixture);
    fixture_fill(fixture, 1);
    before = atomic_load(&fixture->fake.syncs);
    assert_int_equal(clog_sync(fixture->log, 1), 0);
    assert_true(atomic_load(&fixture->fake.syncs) >= before + 2);
    fixture_fill(fixture, 1);
    before = atomic_load(&fixture->fake.syncs);
    fixture_close(fixture);
    assert_true(atomic_load(&fixture->fake.syncs) >= before + 2);
}

/* Closing stopped at the first error: there, the rest stayed open. */
static void test_traps_failed_close_releases_all(void **state)
{
    struct fixture *fixture = *state;
    struct clog *log = NULL;

    fixture->options.max_store = 40;
    fixture_open(fixture);
    fixture_fill(fixture, 20);
    fixture->fake.sync_error = -EIO;
    log = fixture->log;
    fixture->log = NULL;
    assert_int_equal(clog_close(log), -EIO);
    /* The lock is gone with the descriptors. */
    fixture->fake.sync_error = 0;
    fixture_open(fixture);
    fixture_expect_filled(fixture, 0, 20);
}

/* A limit of 0 silently meant 1024 bytes: here it means the documented
   default, and a limit out of range is refused. */
static void test_traps_limit_is_refused_or_meant(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = 15;
    assert_int_equal(fixture_try(fixture, NULL), -EINVAL);
    fixture->options.max_index = 0;
    fixture_open(fixture);
    fixture_fill(fixture, 200);
    assert_int_equal(fixture_status(fixture).segments, 1);
}

/* Limits were looked at after the append: there, every segment passed them. */
static void test_traps_limit_is_kept_by_the_record_that_reaches_it(void **state)
{
    struct fixture *fixture = *state;
    struct clog_segment segment = {0};

    fixture->options.max_store = 64;
    fixture_open(fixture);
    fixture_fill(fixture, 50);
    for (uint64_t base = 0; clog_segment(fixture->log, base, 0, &segment) == 0;
         base = segment.base + 1)
        assert_true(segment.sizes[CLOG_STORE] <= 64);
    fixture_expect_filled(fixture, 0, 50);
}

/* An index limit that is no multiple of an entry: there, the segment never
   rolled and every append failed from then on. */
static void test_traps_odd_index_limit_still_rolls(void **state)
{
    struct fixture *fixture = *state;

    for (uint64_t limit = 16; limit < 64; limit++) {
        fixture->options.max_index = limit;
        fixture_open(fixture);
        fixture_fill(fixture, 5);
    }
    fixture_expect_filled(fixture, 0, 240);
}

/* Whatever length the store gave was allocated: there, a wrong byte could ask
   for exabytes. Here lengths are bounded, and a wrong one is known better. */
static void test_traps_huge_length_is_not_believed(void **state)
{
    struct fixture *fixture = *state;
    uint8_t prefix[8];

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    for (unsigned bit = 5; bit < 64; bit++) {
        put_be64(prefix, 1ULL << bit);
        file_patch(fixture->dir, ZERO "/store", 16, prefix, sizeof(prefix));
        fixture_expect_filled(fixture, 0, 3);
        fixture_kill(fixture);
        fixture_open(fixture);
        fixture_expect_filled(fixture, 0, 3);
    }
}

/* The mapped index could reach the disk before the data it leads to: there, a
   power cut left entries of records that are not there. */
static void test_traps_index_ahead_of_store_is_cut_back(void **state)
{
    struct fixture *fixture = *state;
    uint8_t entry[16];

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    fixture_power_cut(fixture);
    put_be64(entry, 3);
    put_be64(entry + 8, file_size(fixture->dir, ZERO "/store"));
    file_resize(fixture->dir, ZERO "/index", 64);
    file_patch(fixture->dir, ZERO "/index", 48, entry, sizeof(entry));
    fixture_open(fixture);
    fixture_expect_next(fixture, 3);
    fixture_expect_filled(fixture, 0, 3);
    assert_int_equal(file_size(fixture->dir, ZERO "/index"), 3 * 16);
    fixture_expect_sound(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_traps_damaged_record_is_never_served),
        FIXTURE_TEST(test_traps_torn_tail_is_cut_at_open),
        FIXTURE_TEST(test_traps_killed_index_is_no_longer_than_its_records),
        FIXTURE_TEST(test_traps_failed_index_write_leaves_no_orphan),
        FIXTURE_TEST(test_traps_failed_roll_stores_nothing),
        FIXTURE_TEST(test_traps_foreign_names_make_no_segments),
        FIXTURE_TEST(test_traps_emptied_log_goes_on),
        FIXTURE_TEST(test_traps_active_segment_is_never_dropped),
        FIXTURE_TEST(test_traps_empty_and_one_record_differ),
        FIXTURE_TEST(test_traps_acknowledged_survives_a_kill),
        FIXTURE_TEST(test_traps_sync_and_close_do_sync),
        FIXTURE_TEST(test_traps_failed_close_releases_all),
        FIXTURE_TEST(test_traps_limit_is_refused_or_meant),
        FIXTURE_TEST(test_traps_limit_is_kept_by_the_record_that_reaches_it),
        FIXTURE_TEST(test_traps_odd_index_limit_still_rolls),
        FIXTURE_TEST(test_traps_huge_length_is_not_believed),
        FIXTURE_TEST(test_traps_index_ahead_of_store_is_cut_back),
    };

    return cmocka_run_group_tests_name("traps", tests, NULL, NULL);
}
