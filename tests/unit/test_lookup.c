/* SPDX-License-Identifier: MIT */
#include "log/lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "io/bytes.h"
#include "test.h"

#define ZERO  "segments/00000000000000000000"
#define INDEX (UINT64_C(20) * 16) /* bytes: segments of 20 records */

/* Lets entry i of segment 0's index say another position. */
static void move_entry(struct fixture *fixture, uint64_t i, int64_t by)
{
    size_t size;
    uint8_t *index = file_load(fixture->dir, ZERO "/index", &size);
    uint8_t *position = index + 16 * i + 8;

    put_be64(position, get_be64(position) + (uint64_t)by);
    file_patch(fixture->dir, ZERO "/index", 16 * i + 8, position, 8);
    free(index);
}

/* --- Waiting ---------------------------------------------------------------
 */

static void expect_lookups(struct fixture *fixture, uint64_t offset, int r)
{
    struct clog_view *view = NULL;
    struct clog_segment segment;
    struct clog_record record;
    struct clog_span span;
    uint64_t found;

    assert_int_equal(clog_stat(fixture->log, offset, CLOG_NOWAIT, &record), r);
    assert_int_equal(clog_find(fixture->log, FIXTURE_NOON, CLOG_NOWAIT, &found),
                     r);
    assert_int_equal(clog_view_record(fixture->log, offset, CLOG_NOWAIT, &view),
                     r);
    clog_view_close(view);
    assert_int_equal(clog_stream_find(fixture->log, 100, CLOG_NOWAIT, &span),
                     r);
    assert_int_equal(
        clog_stream_position(fixture->log, offset, CLOG_NOWAIT, &found), r);
    assert_int_equal(clog_segment(fixture->log, 0, CLOG_NOWAIT, &segment), r);
}

/* No look-up and no read waits for what is not in memory when it must not, be
   the files open or not; what needs no device needs none. */
static void test_lookup_nowait_of_what_is_not_in_memory(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *views[4] = {0};
    char data[4096];

    fixture->options.max_index = INDEX;
    fixture_open(fixture);
    fixture_fill(fixture, 30);
    fixture_open(fixture);
    assert_int_equal(clog_view_record(fixture->log, 3, 0, &views[0]), 0);
    assert_int_equal(clog_view_stream(fixture->log, 0, &views[1]), 0);
    assert_int_equal(clog_view_segment(fixture->log, 0, CLOG_INDEX, &views[2]),
                     0);
    assert_int_equal(clog_view_segment(fixture->log, 0, CLOG_STORE, &views[3]),
                     0);
    fake_set_cold(&fixture->fake, true);
    expect_lookups(fixture, 3, -EAGAIN);
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(
            clog_view_read(views[k], data, sizeof(data), 0, CLOG_NOWAIT),
            -EAGAIN);
        assert_true(clog_view_size(views[k]) > 0);
    }
    assert_int_equal(clog_seek(fixture->log, 7), 7);
    assert_int_equal(fixture_status(fixture).oldest_time_ns, FIXTURE_NOON);
    assert_int_equal(fixture->fake.waits, 0);
    fake_set_cold(&fixture->fake, false);
    expect_lookups(fixture, 3, 0);
    for (size_t k = 0; k < 4; k++) {
        assert_true(
            clog_view_read(views[k], data, sizeof(data), 0, CLOG_NOWAIT) > 0);
        clog_view_close(views[k]);
    }
}

/* A look-up reads the index and the stamp, and nothing of the store. */
static void test_lookup_stat_reads_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct clog_record record;

    fixture_open(fixture);
    fixture_fill(fixture, 30);
    fixture->fake.read = 0;
    for (uint64_t i = 0; i < 30; i++)
        assert_int_equal(clog_stat(fixture->log, i, 0, &record), 0);
    assert_int_equal(fixture->fake.read, 0);
}

/* A record is read by one call of the system. */
static void test_lookup_read_is_one_call(void **state)
{
    struct fixture *fixture = *state;
    char data[100];

    fixture_open(fixture);
    fixture_fill(fixture, 10);
    atomic_store(&fixture->fake.reads, 0);
    for (uint64_t i = 0; i < 10; i++)
        assert_true(clog_read(fixture->log, i, data, sizeof(data)) > 0);
    assert_int_equal(fixture->fake.reads, 10);
}

/* --- Wrong indexes ---------------------------------------------------------
 */

/* An entry that is wrong and possible is found out by who opens or reads the
   record, or the one before it. */
static void test_lookup_possible_entry_is_mended(void **state)
{
    struct fixture *fixture = *state;

    for (int64_t by = -2; by <= 2; by += 4)
        for (uint64_t offset = 4; offset <= 5; offset++) {
            char text[FIXTURE_TEXT];
            char data[100];
            struct clog_view *view = NULL;
            size_t size = fixture_text(offset, text);
            uint64_t mended;

            fixture_open(fixture);
            if (fixture_status(fixture).next == 0)
                fixture_fill(fixture, 10);
            move_entry(fixture, 5, by);
            mended = fixture_status(fixture).indexes_rebuilt;
            assert_int_equal(
                clog_view_record(fixture->log, offset, CLOG_NOWAIT, &view),
                -EAGAIN);
            assert_int_equal(clog_view_record(fixture->log, offset, 0, &view),
                             0);
            assert_int_equal(clog_view_size(view), size);
            assert_int_equal(clog_view_read(view, data, sizeof(data), 0, 0),
                             size);
            assert_memory_equal(data, text, size);
            clog_view_close(view);
            assert_int_equal(fixture_status(fixture).indexes_rebuilt,
                             mended + 1);
        }
}

/* Who looks up while another mends the index sees what that one has learnt. */
static void expect_mended_meanwhile(struct fixture *fixture)
{
    struct lookup lookup;
    struct place place;
    char data[100];
    char text[FIXTURE_TEXT];
    size_t size = fixture_text(5, text);

    assert_int_equal(lookup_begin(&lookup, fixture->log, 5, 0), 0);
    assert_int_equal(lookup_place(&lookup, &place), 0);
    fixture_expect_filled(fixture, 5, 6);
    assert_int_equal(lookup_check(&lookup, &place), 0);
    assert_int_equal(place.length, size);
    lookup_end(&lookup);
    assert_int_equal(lookup_begin(&lookup, fixture->log, 5, 0), 0);
    assert_int_equal(lookup_place(&lookup, &place), 0);
    assert_int_equal(lookup_take(&lookup, &place, data, sizeof(data)), 0);
    assert_memory_equal(data, text, size);
    lookup_end(&lookup);
    assert_int_equal(fixture_status(fixture).read_errors, 0);
}

static void test_lookup_of_index_mended_meanwhile(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = INDEX;
    fixture_open(fixture);
    fixture_fill(fixture, 30);
    move_entry(fixture, 5, 1);
    expect_mended_meanwhile(fixture);
}

/* The same in a log that may not be written, where the right entries are in
   memory alone. */
static void test_lookup_of_index_mended_in_memory_meanwhile(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = INDEX;
    fixture_open(fixture);
    fixture_fill(fixture, 30);
    fixture_close(fixture);
    fixture->options.flags = CLOG_READ_ONLY;
    fixture_open(fixture);
    move_entry(fixture, 5, 1);
    expect_mended_meanwhile(fixture);
    fixture->options.flags = 0;
}

/* Also in a segment that is dropped, whose files cannot be opened anew: what
   cannot be known better is EIO, at once. */
static void test_lookup_of_dropped_segment_with_wrong_index(void **state)
{
    struct fixture *fixture = *state;
    struct lookup lookup;
    struct place place;
    char data[100];
    uint64_t size;

    fixture->options.max_index = INDEX;
    fixture_open(fixture);
    fixture_fill(fixture, 30);
    assert_int_equal(lookup_begin(&lookup, fixture->log, 5, 0), 0);
    size = file_size(fixture->dir, ZERO "/store");
    move_entry(fixture, 6, 1);
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    fixture->fake.read = 0;
    assert_int_equal(lookup_place(&lookup, &place), 0);
    assert_int_equal(lookup_take(&lookup, &place, data, sizeof(data)), -EIO);
    lookup.i = 9;
    assert_int_equal(lookup_place(&lookup, &place), 0);
    assert_int_equal(lookup_take(&lookup, &place, data, sizeof(data)), 0);
    lookup_end(&lookup);
    assert_true(fixture->fake.read < 3 * size);
    assert_int_equal(fixture_status(fixture).pinned_segments, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_lookup_nowait_of_what_is_not_in_memory),
        FIXTURE_TEST(test_lookup_stat_reads_nothing),
        FIXTURE_TEST(test_lookup_read_is_one_call),
        FIXTURE_TEST(test_lookup_possible_entry_is_mended),
        FIXTURE_TEST(test_lookup_of_index_mended_meanwhile),
        FIXTURE_TEST(test_lookup_of_index_mended_in_memory_meanwhile),
        FIXTURE_TEST(test_lookup_of_dropped_segment_with_wrong_index),
    };

    return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
