/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "test.h"

#define ZERO "segments/00000000000000000000"

/* Every record's text end to end, as the joined view is to be. */
static char *join_texts(uint64_t count, size_t *ret_size)
{
    char *all = malloc(count * FIXTURE_TEXT + 1);
    size_t size = 0;

    assert_non_null(all);
    for (uint64_t i = 0; i < count; i++) {
        char text[FIXTURE_TEXT];
        size_t n = fixture_text(i, text);

        memcpy(all + size, text, n);
        size += n;
    }
    *ret_size = size;
    return all;
}

static struct clog_view *open_stream(struct fixture *fixture, uint64_t origin)
{
    struct clog_view *view = NULL;

    assert_int_equal(clog_view_stream(fixture->log, origin, &view), 0);
    return view;
}

/* Where the payload of the record lies in segment 0's store. */
static uint64_t payload_at(uint64_t offset)
{
    uint64_t position = 8;
    char text[FIXTURE_TEXT];

    for (uint64_t i = 0; i < offset; i++)
        position += 8 + fixture_text(i, text);
    return position;
}

/* --- A record --------------------------------------------------------------
 */

/* A record reads at any position, in any piece, and ends where it ends. */
static void test_view_record_reads_by_piece(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;
    char data[16];

    fixture_open(fixture);
    (void)fixture_append(fixture, "hello world");
    assert_int_equal(clog_view_record(fixture->log, 0, 0, &view), 0);
    assert_int_equal(clog_view_size(view), 11);
    for (uint64_t at = 0; at < 14; at++)
        for (size_t size = 0; size < 14; size++) {
            size_t want = at >= 11 ? 0 : 11 - (size_t)at;

            want = want < size ? want : size;
            assert_int_equal(clog_view_read(view, data, size, at, 0), want);
            if (want > 0)
                assert_memory_equal(data, &"hello world"[at], want);
        }
    assert_int_equal(clog_view_read(view, data, 5, UINT64_MAX, 0), 0);
    clog_view_close(view);
    clog_view_close(NULL);
}

/* A read into less room than the record needs is refused. */
static void test_view_read_into_small_buffer_is_emsgsize(void **state)
{
    struct fixture *fixture = *state;
    char data[8];

    fixture_open(fixture);
    (void)fixture_append(fixture, "hello");
    assert_int_equal(clog_read(fixture->log, 0, data, 4), -EMSGSIZE);
    assert_int_equal(clog_read(fixture->log, 0, data, 5), 5);
}

/* A damaged record has a size and does not read, at any position. */
static void test_view_record_damaged_is_eio(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;
    char data[64];

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    file_flip(fixture->dir, ZERO "/store", payload_at(1));
    assert_int_equal(clog_view_record(fixture->log, 1, 0, &view), 0);
    assert_int_equal(clog_view_size(view), 9);
    assert_int_equal(clog_view_read(view, data, sizeof(data), 0, 0), -EIO);
    assert_int_equal(clog_view_read(view, data, 1, 8, 0), -EIO);
    clog_view_close(view);
    assert_true(fixture_status(fixture).read_errors >= 2);
    fixture_expect_filled(fixture, 0, 1);
    fixture_expect_filled(fixture, 2, 3);
}

/* Records that are not there have no view. */
static void test_view_record_past_next_is_enoent(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    assert_int_equal(clog_view_record(fixture->log, 3, 0, &view), -ENOENT);
    assert_int_equal(clog_view_record(fixture->log, UINT64_MAX, 0, &view),
                     -ENOENT);
    assert_int_equal(clog_view_segment(fixture->log, 1, CLOG_STORE, &view),
                     -ENOENT);
    assert_int_equal(clog_view_stream(fixture->log, 1000, &view), -ENOENT);
    assert_null(view);
}

/* --- The stream ------------------------------------------------------------
 */

/* Read by pieces of any size, over segments, it is all payloads end to end. */
static void test_view_stream_is_all_payloads(void **state)
{
    static const size_t pieces[] = {1, 7, 64, 1000, 4096, 1 << 20};
    struct fixture *fixture = *state;
    size_t size = 0;
    char *all = join_texts(300, &size);
    char *data = malloc(1 << 20);

    assert_non_null(data);
    fixture->options.max_store = 300;
    fixture_open(fixture);
    fixture_fill(fixture, 300);
    for (size_t k = 0; k < COUNT(pieces); k++) {
        struct clog_view *view = open_stream(fixture, 0);
        size_t at = 0;

        assert_int_equal(clog_view_size(view), size);
        while (at < size) {
            size_t want = size - at < pieces[k] ? size - at : pieces[k];

            assert_int_equal(clog_view_read(view, data, pieces[k], at, 0),
                             want);
            assert_memory_equal(data, all + at, want);
            at += want;
        }
        assert_int_equal(clog_view_read(view, data, 10, at, 0), 0);
        assert_int_equal(clog_view_read(view, data, 10, at + 1, 0), 0);
        clog_view_close(view);
    }
    free(data);
    free(all);
}

/* From any origin, at any position, forwards and backwards. */
static void test_view_stream_reads_at_any_position(void **state)
{
    struct fixture *fixture = *state;
    size_t size = 0;
    char *all = join_texts(60, &size);
    char data[100];

    fixture->options.max_store = 150;
    fixture_open(fixture);
    fixture_fill(fixture, 60);
    for (size_t origin = 0; origin <= size; origin += 97) {
        struct clog_view *view = open_stream(fixture, origin);

        for (size_t at = size - origin; at-- > 0;) {
            size_t want = size - origin - at;

            want = want < sizeof(data) ? want : sizeof(data);
            assert_int_equal(clog_view_read(view, data, sizeof(data), at, 0),
                             want);
            assert_memory_equal(data, all + origin + at, want);
        }
        clog_view_close(view);
    }
    free(all);
}

/* It grows with the log, and what was read before stays where it was. */
static void test_view_stream_grows(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;
    char data[16];

    fixture->options.max_store = 30;
    fixture_open(fixture);
    view = open_stream(fixture, 0);
    assert_int_equal(clog_view_size(view), 0);
    assert_int_equal(clog_view_read(view, data, sizeof(data), 0, 0), 0);
    for (uint64_t i = 0; i < 10; i++) {
        (void)fixture_append(fixture, "abc");
        assert_int_equal(clog_view_size(view), 3 * (i + 1));
        assert_int_equal(clog_view_read(view, data, sizeof(data), 3 * i, 0), 3);
        assert_memory_equal(data, "abc", 3);
    }
    clog_view_close(view);
}

/* Records larger than what is read at a time come through whole. */
static void test_view_stream_of_large_records_is_whole(void **state)
{
    static const size_t sizes[] = {1, 300000, 5, 262136, 262137, 1044480, 2};
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;
    uint8_t *all = malloc(2 << 20);
    uint8_t *data = malloc(2 << 20);
    size_t size = 0;

    assert_non_null(all);
    assert_non_null(data);
    fixture_open(fixture);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            all[size + k] = (uint8_t)(k * 31 + i);
        assert_int_equal(
            clog_append(fixture->log, all + size, sizes[i], 0, NULL), 0);
        size += sizes[i];
    }
    view = open_stream(fixture, 0);
    assert_int_equal(clog_view_read(view, data, 2 << 20, 0, 0), size);
    assert_memory_equal(data, all, size);
    for (size_t at = 0; at < size; at += 100003) {
        size_t want = size - at < 5000 ? size - at : 5000;

        assert_int_equal(clog_view_read(view, data, 5000, at, 0), want);
        assert_memory_equal(data, all + at, want);
    }
    clog_view_close(view);
    free(all);
    free(data);
}

/* A damaged record ends a read before it, is EIO itself, and is passed. */
static void test_view_stream_ends_before_damage(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;
    size_t size = 0;
    char *all = join_texts(10, &size);
    char data[512];
    size_t from = (size_t)payload_at(3) - (size_t)8 * 4;
    size_t to = (size_t)payload_at(4) - (size_t)8 * 5;

    fixture_open(fixture);
    fixture_fill(fixture, 10);
    file_flip(fixture->dir, ZERO "/store", payload_at(3) + 2);
    view = open_stream(fixture, 0);
    assert_int_equal(clog_view_read(view, data, sizeof(data), 0, 0), from);
    assert_memory_equal(data, all, from);
    assert_int_equal(clog_view_read(view, data, sizeof(data), from, 0), -EIO);
    assert_int_equal(clog_view_read(view, data, 1, to - 1, 0), -EIO);
    assert_int_equal(clog_view_read(view, data, sizeof(data), to, 0),
                     size - to);
    assert_memory_equal(data, all + to, size - to);
    clog_view_close(view);
    free(all);
}

/* Records in a gap are not there: what follows joins what came before. */
static void test_view_stream_passes_gap(void **state)
{
    struct fixture *fixture = *state;
    struct clog_segment segment;
    struct clog_view *view = NULL;
    size_t size = 0;
    char *all = join_texts(40, &size);
    char data[1024];
    char name[64];

    fixture->options.max_store = 200;
    fixture_open(fixture);
    fixture_fill(fixture, 40);
    assert_int_equal(clog_segment(fixture->log, 1, 0, &segment), 0);
    size_t lost =
        segment.sizes[CLOG_STORE] - 8 * (size_t)(segment.next - segment.base);
    size_t from = (size_t)segment.stream_start;

    (void)snprintf(name, sizeof(name), "segments/%020llu",
                   (unsigned long long)segment.base);
    fixture_close(fixture);
    file_remove(fixture->dir, name);
    fixture_open(fixture);
    view = open_stream(fixture, 0);
    assert_int_equal(clog_view_size(view), size - lost);
    assert_int_equal(clog_view_read(view, data, sizeof(data), 0, 0),
                     size - lost);
    assert_memory_equal(data, all, from);
    assert_memory_equal(data + from, all + from + lost, size - from - lost);
    clog_view_close(view);
    free(all);
}

/* A wrong length prefix does not show in the stream. */
static void test_view_stream_reads_past_wrong_prefix(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 50);
    file_flip(fixture->dir, ZERO "/store", payload_at(20) - 1);
    fixture_expect_stream(fixture, 0, 50);
    fixture_expect_filled(fixture, 0, 50);
    assert_true(fixture_status(fixture).prefixes_mended > 0);
}

/* To tell of it may wait. */
static void test_view_wrong_prefix_nowait_is_eagain(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;
    char data[200];

    fixture_open(fixture);
    fixture_fill(fixture, 50);
    file_flip(fixture->dir, ZERO "/store", payload_at(20) - 1);
    assert_int_equal(clog_view_record(fixture->log, 20, CLOG_NOWAIT, &view),
                     -EAGAIN);
    assert_int_equal(fixture_status(fixture).prefixes_mended, 0);
    assert_int_equal(clog_view_record(fixture->log, 20, 0, &view), 0);
    assert_int_equal(clog_view_read(view, data, sizeof(data), 0, 0),
                     clog_view_size(view));
    assert_true(fixture_status(fixture).prefixes_mended > 0);
    clog_view_close(view);
}

/* --- Files of segments -----------------------------------------------------
 */

/* A segment's files show the bytes on disk, at their logical size. */
static void test_view_segment_shows_bytes_on_disk(void **state)
{
    static const char *const names[] = {ZERO "/store", ZERO "/index",
                                        ZERO "/stamps"};
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;
    uint8_t data[1024];

    fixture_open(fixture);
    fixture_fill(fixture, 10);
    for (int file = CLOG_STORE; file <= CLOG_STAMPS; file++) {
        size_t size = 0;
        uint8_t *bytes = file_load(fixture->dir, names[file], &size);

        assert_int_equal(
            clog_view_segment(fixture->log, 0, (enum clog_file)file, &view), 0);
        assert_int_equal(clog_view_size(view), size);
        assert_int_equal(clog_view_read(view, data, sizeof(data), 0, 0), size);
        assert_memory_equal(data, bytes, size);
        assert_int_equal(clog_view_read(view, data, 5, 3, 0), 5);
        assert_memory_equal(data, bytes + 3, 5);
        assert_int_equal(clog_view_read(view, data, 5, size, 0), 0);
        fixture_fill(fixture, 1);
        assert_true(clog_view_size(view) > size);
        clog_view_close(view);
        free(bytes);
    }
}

/* They are shown raw: damage is seen, not refused. */
static void test_view_segment_shows_damage(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;
    char data[64];

    fixture_open(fixture);
    (void)fixture_append(fixture, "hello");
    file_patch(fixture->dir, ZERO "/store", 8, "HELLO", 5);
    assert_int_equal(clog_view_segment(fixture->log, 0, CLOG_STORE, &view), 0);
    assert_int_equal(clog_view_read(view, data, sizeof(data), 8, 0), 5);
    assert_memory_equal(data, "HELLO", 5);
    clog_view_close(view);
    fixture_expect_error(fixture, 0, -EIO);
}

/* Stamps that are cut short hide none that are there, nor the records that have
   lost theirs, also where the index is wrong. */
static void test_view_short_stamps_hide_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;
    char data[160];
    char text[FIXTURE_TEXT];

    fixture->options.max_index = UINT64_C(10) * 16;
    fixture_open(fixture);
    fixture_fill(fixture, 15);
    fixture_close(fixture);
    file_resize(fixture->dir, ZERO "/stamps", UINT64_C(8) * 16);
    fixture_open(fixture);
    file_flip(fixture->dir, ZERO "/index", 5 * 16 + 15);
    file_flip(fixture->dir, ZERO "/index", 9 * 16 + 15);
    fixture_expect_filled(fixture, 0, 15);
    (void)fixture_text(9, text);
    fixture_expect(fixture, 9, text);
    assert_int_equal(clog_view_segment(fixture->log, 0, CLOG_STAMPS, &view), 0);
    assert_int_equal(clog_view_read(view, data, sizeof(data), 0, 0), 8 * 16);
    assert_int_equal(clog_view_read(view, data, 1, 127, 0), 1);
    assert_int_equal(clog_view_read(view, data, 1, 128, 0), -EIO);
    assert_int_equal(clog_view_read(view, data, 1, 160, 0), 0);
    clog_view_close(view);
}

/* --- Without waiting -------------------------------------------------------
 */

/* Files that are not open would be waited for: EAGAIN; then they are. */
static void test_view_nowait_of_closed_files_is_eagain(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *record = NULL;
    struct clog_view *stream = NULL;
    struct clog_segment segment;
    char text[FIXTURE_TEXT];
    char data[FIXTURE_TEXT];
    size_t size = fixture_text(10, text);

    fixture->options.max_store = 1;
    fixture_open(fixture);
    fixture_fill(fixture, 400);
    assert_int_equal(clog_view_record(fixture->log, 10, 0, &record), 0);
    assert_int_equal(clog_segment(fixture->log, 10, 0, &segment), 0);
    stream = open_stream(fixture, segment.stream_start);
    fixture_expect_filled(fixture, 11, 400);
    assert_int_equal(clog_view_read(record, data, sizeof(data), 0, CLOG_NOWAIT),
                     -EAGAIN);
    assert_int_equal(clog_view_read(stream, data, sizeof(data), 0, CLOG_NOWAIT),
                     -EAGAIN);
    assert_int_equal(clog_view_read(record, data, sizeof(data), 0, 0), size);
    assert_memory_equal(data, text, size);
    assert_int_equal(clog_view_read(stream, data, size, 0, 0), size);
    assert_memory_equal(data, text, size);
    clog_view_close(record);
    clog_view_close(stream);
}

/* Where a scan cannot tell where records are, reading them does not scan
   again and again. */
static void test_view_hopeless_scan_is_not_repeated(void **state)
{
    struct fixture *fixture = *state;
    char *zeros = calloc(1, 20160);
    char data[2000];
    uint64_t size;

    assert_non_null(zeros);
    memset(data, 'x', sizeof(data));
    fixture_open(fixture);
    for (int k = 0; k < 1000; k++)
        assert_int_equal(clog_append(fixture->log, data, 1000, 0, NULL), 0);
    fixture_close(fixture);
    size = file_size(fixture->dir, ZERO "/store");
    file_patch(fixture->dir, ZERO "/store", size - 20160, zeros, 20160);
    fixture_open(fixture);
    fixture->fake.read = 0;
    for (uint64_t i = 980; i < 1000; i++)
        assert_int_equal(clog_read(fixture->log, i, data, sizeof(data)), -EIO);
    assert_true(fixture->fake.read < 3 * size);
    free(zeros);
}

static void count_rot(void *ctx, const struct clog_note *note)
{
    if (note->kind == CLOG_NOTE_ROT)
        *(uint64_t *)ctx += note->count;
}

/* That records have no stamps does not make them damaged when the index is
   mended. */
static void test_view_unverified_is_not_said_to_be_rot(void **state)
{
    struct fixture *fixture = *state;
    uint64_t rot = 0;
    char data[64];

    fixture_open(fixture);
    fixture_fill(fixture, 10);
    fixture_close(fixture);
    file_remove(fixture->dir, ZERO "/stamps");
    fixture->options.noticed = count_rot;
    fixture->options.noticed_ctx = &rot;
    fixture_open(fixture);
    file_flip(fixture->dir, ZERO "/index", 4 * 16 + 15);
    assert_true(clog_read(fixture->log, 4, data, sizeof(data)) > 0);
    assert_int_equal(fixture_status(fixture).indexes_rebuilt, 1);
    assert_int_equal(rot, 0);
}

/* --- Positions of the stream -----------------------------------------------
 */

/* Each byte of the joined view is found in its record, and each record at its
   first byte, over segments. */
static void test_view_stream_find_and_position_agree(void **state)
{
    struct fixture *fixture = *state;
    struct clog_span span;
    uint64_t position = 0;
    uint64_t found;

    fixture->options.max_index = UINT64_C(7) * 16;
    fixture_open(fixture);
    fixture_fill(fixture, 40);
    for (uint64_t i = 0; i < 40; i++) {
        char text[FIXTURE_TEXT];
        size_t size = fixture_text(i, text);

        assert_int_equal(clog_stream_position(fixture->log, i, 0, &found), 0);
        assert_int_equal(found, position);
        for (size_t k = 0; k < size; k++) {
            assert_int_equal(
                clog_stream_find(fixture->log, position + k, 0, &span), 0);
            assert_int_equal(span.offset, i);
            assert_int_equal(span.start, position);
            assert_int_equal(span.end, position + size);
        }
        position += size;
    }
    assert_int_equal(clog_stream_find(fixture->log, position, 0, &span),
                     -ENOENT);
    assert_int_equal(clog_stream_position(fixture->log, 40, 0, &found), 0);
    assert_int_equal(found, position);
    assert_int_equal(clog_stream_position(fixture->log, UINT64_MAX, 0, &found),
                     0);
    assert_int_equal(found, position);
}

/* What is dropped is ESTALE by its position, and by its offset the oldest. */
static void test_view_stream_positions_after_a_drop(void **state)
{
    struct fixture *fixture = *state;
    struct clog_span span;
    uint64_t position;

    fixture->options.max_index = UINT64_C(7) * 16;
    fixture_open(fixture);
    fixture_fill(fixture, 20);
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    assert_int_equal(clog_stream_find(fixture->log, 0, 0, &span), -ESTALE);
    assert_int_equal(clog_stream_position(fixture->log, 3, 0, &position), 0);
    assert_int_equal(position, fixture_status(fixture).stream_start);
    assert_int_equal(clog_stream_find(fixture->log, position, 0, &span), 0);
    assert_int_equal(span.offset, 7);
}

/* A wrong entry is mended on the way, unless that would have to wait. */
static void test_view_stream_find_mends_the_index(void **state)
{
    struct fixture *fixture = *state;
    struct clog_span span;
    uint64_t position;

    fixture_open(fixture);
    fixture_fill(fixture, 20);
    assert_int_equal(clog_stream_position(fixture->log, 9, 0, &position), 0);
    file_flip(fixture->dir, ZERO "/index", 10 * 16 + 3);
    assert_int_equal(
        clog_stream_find(fixture->log, position, CLOG_NOWAIT, &span), -EAGAIN);
    assert_int_equal(fixture_status(fixture).indexes_rebuilt, 0);
    assert_int_equal(clog_stream_find(fixture->log, position, 0, &span), 0);
    assert_int_equal(span.offset, 9);
    assert_int_equal(fixture_status(fixture).indexes_rebuilt, 1);
}

/* No look-up opens a segment's files when it must not wait. */
static void test_view_lookups_nowait_of_closed_files_are_eagain(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *view = NULL;
    struct clog_segment segment;
    struct clog_record record;
    struct clog_span span;
    uint64_t found, start;

    fixture->options.max_index = UINT64_C(7) * 16;
    fixture_open(fixture);
    fixture_fill(fixture, 20);
    assert_int_equal(clog_stream_position(fixture->log, 9, 0, &start), 0);
    fixture_open(fixture);
    assert_int_equal(clog_stat(fixture->log, 9, CLOG_NOWAIT, &record), -EAGAIN);
    assert_int_equal(clog_find(fixture->log, 1, CLOG_NOWAIT, &found), -EAGAIN);
    assert_int_equal(clog_segment(fixture->log, 7, CLOG_NOWAIT, &segment),
                     -EAGAIN);
    assert_int_equal(clog_view_record(fixture->log, 9, CLOG_NOWAIT, &view),
                     -EAGAIN);
    assert_int_equal(clog_stream_find(fixture->log, start, CLOG_NOWAIT, &span),
                     -EAGAIN);
    assert_int_equal(clog_stream_position(fixture->log, 9, CLOG_NOWAIT, &found),
                     -EAGAIN);
    assert_int_equal(clog_stat(fixture->log, 9, 0, &record), 0);
    assert_int_equal(clog_stat(fixture->log, 9, CLOG_NOWAIT, &record), 0);
    assert_int_equal(clog_stream_find(fixture->log, start, CLOG_NOWAIT, &span),
                     0);
}

/* A view is closed by who must not wait unless a dropped segment's space hangs
   on it alone. */
static void test_view_try_close_frees_no_space(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *views[3];

    fixture->options.max_index = UINT64_C(7) * 16;
    fixture_open(fixture);
    fixture_fill(fixture, 20);
    assert_int_equal(clog_view_record(fixture->log, 1, 0, &views[0]), 0);
    assert_int_equal(clog_view_record(fixture->log, 2, 0, &views[1]), 0);
    assert_int_equal(clog_view_record(fixture->log, 8, 0, &views[2]), 0);
    assert_int_equal(clog_drop(fixture->log, 0), 0);
    assert_int_equal(clog_view_try_close(views[2]), 0);
    assert_int_equal(clog_view_try_close(views[0]), 0);
    assert_int_equal(clog_view_try_close(views[1]), -EAGAIN);
    assert_true(clog_view_size(views[1]) > 0);
    assert_int_equal(fixture_status(fixture).pinned_segments, 1);
    clog_view_close(views[1]);
    assert_int_equal(fixture_status(fixture).pinned_segments, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_view_record_reads_by_piece),
        FIXTURE_TEST(test_view_read_into_small_buffer_is_emsgsize),
        FIXTURE_TEST(test_view_record_damaged_is_eio),
        FIXTURE_TEST(test_view_record_past_next_is_enoent),
        FIXTURE_TEST(test_view_stream_is_all_payloads),
        FIXTURE_TEST(test_view_stream_reads_at_any_position),
        FIXTURE_TEST(test_view_stream_grows),
        FIXTURE_TEST(test_view_stream_of_large_records_is_whole),
        FIXTURE_TEST(test_view_stream_ends_before_damage),
        FIXTURE_TEST(test_view_stream_passes_gap),
        FIXTURE_TEST(test_view_stream_reads_past_wrong_prefix),
        FIXTURE_TEST(test_view_wrong_prefix_nowait_is_eagain),
        FIXTURE_TEST(test_view_segment_shows_bytes_on_disk),
        FIXTURE_TEST(test_view_segment_shows_damage),
        FIXTURE_TEST(test_view_short_stamps_hide_nothing_else),
        FIXTURE_TEST(test_view_nowait_of_closed_files_is_eagain),
        FIXTURE_TEST(test_view_hopeless_scan_is_not_repeated),
        FIXTURE_TEST(test_view_unverified_is_not_said_to_be_rot),
        FIXTURE_TEST(test_view_stream_find_and_position_agree),
        FIXTURE_TEST(test_view_stream_positions_after_a_drop),
        FIXTURE_TEST(test_view_stream_find_mends_the_index),
        FIXTURE_TEST(test_view_lookups_nowait_of_closed_files_are_eagain),
        FIXTURE_TEST(test_view_try_close_frees_no_space),
    };

    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
