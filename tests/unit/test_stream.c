/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "random.h"
#include "test.h"

#define ZERO "segments/00000000000000000000"

/* Bytes of segment 0's store that the device cannot read: what is before them
   in a read is read, as the kernel does it. */
static struct {
    uint64_t ino, from, to;
} bad;

static ssize_t bad_readv(struct io *io, struct io_from from,
                         const struct iovec *iov, int count)
{
    const struct io_ops *real = io_posix()->ops;
    struct iovec part = iov[0];
    struct io_stat st;

    (void)io;
    assert_int_equal(io_stat(io_posix(), from.fd, &st), 0);
    if (st.ino != bad.ino || from.position >= bad.to)
        return real->readv(io_posix(), from, iov, count);
    if (from.position >= bad.from)
        return -EIO;
    if (from.position + part.iov_len <= bad.from)
        return real->readv(io_posix(), from, iov, count > 1 ? 1 : count);
    part.iov_len = (size_t)(bad.from - from.position);
    return real->readv(io_posix(), from, &part, 1);
}

static void make_bad(struct fixture *fixture, uint64_t from, uint64_t to)
{
    int root = io_open_root(io_posix(), fixture->dir);
    int segments = io_open(io_posix(), root, "segments", 0, 0);
    int dir = io_open(io_posix(), segments, "00000000000000000000", 0, 0);
    struct io_stat st;

    assert_int_equal(io_statat(io_posix(), dir, "store", &st), 0);
    bad.ino = st.ino;
    bad.from = from;
    bad.to = to;
    fixture->fake.ops.readv = bad_readv;
    io_close(io_posix(), dir);
    io_close(io_posix(), segments);
    io_close(io_posix(), root);
}

static struct clog_view *open_stream(struct fixture *fixture)
{
    struct clog_view *view = NULL;

    assert_int_equal(clog_view_stream(fixture->log, 0, &view), 0);
    return view;
}

#define RECORD  900
#define RECORDS 1000
#define BAD     UINT64_C(122880) /* a block of the store */

static void fill_large(struct fixture *fixture)
{
    char data[RECORD];

    memset(data, 'x', sizeof(data));
    for (int k = 0; k < RECORDS; k++)
        assert_int_equal(clog_append(fixture->log, data, RECORD, 0, NULL), 0);
}

/* Whatever the size of the reads, all that lies before the record with the bad
   block is delivered, that one is EIO, and what is behind it is read. */
static void test_stream_reads_up_to_a_bad_block(void **state)
{
    static const size_t sizes[] = {900, 4096, 65536, 262144, 1 << 20};
    struct fixture *fixture = *state;
    char *data = malloc(1 << 20);
    uint64_t record = BAD / (RECORD + 8);

    assert_non_null(data);
    fixture_open(fixture);
    fill_large(fixture);
    make_bad(fixture, BAD, BAD + 512);
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        struct clog_view *view = open_stream(fixture);
        uint64_t at = 0;
        ssize_t n;

        while ((n = clog_view_read(view, data, sizes[k], at, 0)) > 0)
            at += (uint64_t)n;
        assert_int_equal(n, -EIO);
        assert_int_equal(at, record * RECORD);
        at += RECORD;
        while ((n = clog_view_read(view, data, sizes[k], at, 0)) > 0)
            at += (uint64_t)n;
        assert_int_equal(n, 0);
        assert_int_equal(at, (uint64_t)RECORD * RECORDS);
        clog_view_close(view);
    }
    free(data);
}

/* A large record is read whole once, to be checked, and then no more of it than
   is asked for. */
static void test_stream_reads_large_records_once(void **state)
{
    struct fixture *fixture = *state;
    const size_t size = 200000;
    char *data = calloc(1, size);
    struct clog_view *view;

    assert_non_null(data);
    fixture_open(fixture);
    for (int k = 0; k < 5; k++)
        assert_int_equal(clog_append(fixture->log, data, size, 0, NULL), 0);
    view = open_stream(fixture);
    fixture->fake.read = 0;
    for (uint64_t at = 0; at < 5 * size; at += 4000)
        assert_int_equal(clog_view_read(view, data, 4000, at, 0), 4000);
    assert_true(fixture->fake.read <= 5 * (2 * size + 8));
    clog_view_close(view);
    free(data);
}

/* Bytes that the program has of malloc(), where the C library tells. */
static size_t allocated(void)
{
#ifdef __GLIBC__
    return mallinfo2().uordblks + mallinfo2().hblkhd;
#else
    return 0;
#endif
}

/* An open view keeps nothing of what it has read. */
static void test_stream_views_keep_no_buffers(void **state)
{
    struct fixture *fixture = *state;
    struct clog_view *views[100];
    char *data = malloc(1 << 17);
    size_t before;

    assert_non_null(data);
    fixture_open(fixture);
    fill_large(fixture);
    before = allocated();
    for (size_t k = 0; k < 100; k++) {
        views[k] = open_stream(fixture);
        assert_int_equal(clog_view_read(views[k], data, 1 << 17, 0, 0),
                         1 << 17);
    }
    assert_true(allocated() < before + UINT64_C(102400));
    for (size_t k = 0; k < 100; k++)
        clog_view_close(views[k]);
    free(data);
}

/* What was told of damage. */
struct told {
    unsigned count;
    uint64_t offset; /* of the last one's record */
};

static void count_told(void *ctx, const struct clog_note *note)
{
    struct told *told = ctx;

    assert_int_equal(note->kind, CLOG_NOTE_ROT);
    told->count += (unsigned)note->count;
    told->offset = note->offset;
}

static void expect_blanks(const char *data, size_t size)
{
    for (size_t k = 0; k + 1 < size; k++)
        assert_int_equal(data[k], ' ');
    assert_int_equal(data[size - 1], '\n');
}

/* A read that is to go on at damage gives a line of blanks for it, of the
   record's length, whatever the size of the reads; it is told once. */
static void test_stream_reads_damage_as_blanks(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    char all[100 * FIXTURE_TEXT];
    char data[sizeof(all)];
    size_t start = 0;
    size_t length = 0;
    size_t size = 0;

    fixture->options.noticed = count_told;
    fixture->options.noticed_ctx = &told;
    fixture_open(fixture);
    fixture_fill(fixture, 100);
    for (uint64_t i = 0; i < 100; i++) {
        start = i == 40 ? size : start;
        length = fixture_text(i, all + size);
        size += length;
    }
    length = fixture_text(40, data);
    file_flip(fixture->dir, ZERO "/store", start + UINT64_C(41) * 8);
    for (size_t want = 1; want < sizeof(data); want = 3 * want + 1) {
        struct clog_view *view = open_stream(fixture);
        size_t at = 0;

        while (at < size) {
            size_t n = want < size - at ? want : size - at;

            assert_int_equal(
                clog_view_read(view, data + at, want, at, CLOG_BLANK_DAMAGED),
                n);
            at += n;
        }
        assert_memory_equal(data, all, start);
        expect_blanks(data + start, length);
        assert_memory_equal(data + start + length, all + start + length,
                            size - start - length);
        assert_int_equal(
            clog_view_read(view, data, sizeof(data), 0, CLOG_BLANK_DAMAGED),
            size);
        assert_int_equal(clog_view_read(view, data, 10, start,
                                        CLOG_BLANK_DAMAGED | CLOG_NOWAIT),
                         -EAGAIN);
        assert_int_equal(clog_view_read(view, data, 10, start, 0), -EIO);
        clog_view_close(view);
    }
    assert_int_equal(told.count, 1);
    assert_int_equal(told.offset, 40);
}

/* The same of a block that the device cannot read. */
static void test_stream_reads_a_bad_block_as_blanks(void **state)
{
    struct fixture *fixture = *state;
    char *data = malloc(1 << 20);
    uint64_t record = BAD / (RECORD + 8);
    struct told told = {0};
    struct clog_view *view;

    assert_non_null(data);
    fixture->options.noticed = count_told;
    fixture->options.noticed_ctx = &told;
    fixture_open(fixture);
    fill_large(fixture);
    make_bad(fixture, BAD, BAD + 512);
    view = open_stream(fixture);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(
            clog_view_read(view, data, 1 << 20, 0, CLOG_BLANK_DAMAGED),
            RECORDS * RECORD);
        expect_blanks(data + record * RECORD, RECORD);
        assert_int_equal(data[record * RECORD - 1], 'x');
        assert_int_equal(data[(record + 1) * RECORD], 'x');
    }
    assert_int_equal(told.count, 1);
    assert_int_equal(told.offset, record);
    clog_view_close(view);
    free(data);
}

/* A block that cannot be read keeps no wrong entry of the index from being
   mended, nor any other record from being found. */
static void test_stream_bad_block_hides_no_other_record(void **state)
{
    struct fixture *fixture = *state;
    uint64_t record = BAD / (RECORD + 8);
    char data[RECORD];

    fixture_open(fixture);
    fill_large(fixture);
    make_bad(fixture, BAD, BAD + 512);
    file_flip(fixture->dir, ZERO "/index", UINT64_C(500) * 16 + 15);
    file_flip(fixture->dir, ZERO "/index", UINT64_C(50) * 16 + 15);
    for (uint64_t i = 0; i < RECORDS; i++)
        assert_int_equal(clog_read(fixture->log, i, data, sizeof(data)),
                         i == record ? -EIO : RECORD);
    assert_int_equal(fixture_status(fixture).indexes_rebuilt, 1);
}

/* A read of whole records ends at the end of one, unless not even one fits. */
static void test_stream_reads_whole_records(void **state)
{
    struct fixture *fixture = *state;
    uint64_t ends[60] = {0};
    char data[60 * FIXTURE_TEXT];
    struct clog_view *view;

    fixture->options.max_index = UINT64_C(25) * 16;
    fixture_open(fixture);
    fixture_fill(fixture, 60);
    for (uint64_t i = 0; i < 60; i++)
        ends[i] = (i > 0 ? ends[i - 1] : 0) + fixture_text(i, data);
    view = open_stream(fixture);
    assert_int_equal(clog_view_read(view, data, sizeof(data), 0, 0), ends[59]);
    for (uint64_t at = 0; at < ends[59]; at += 7)
        for (size_t size = 1; size < sizeof(data); size = 2 * size + 1) {
            uint64_t end = at + size;
            ssize_t n = clog_view_read(view, data, size, at,
                                       size % 4 == 1 ? CLOG_WHOLE | CLOG_NOWAIT
                                                     : CLOG_WHOLE);

            for (size_t i = 0; i < 60; i++)
                if (ends[i] > at && ends[i] <= at + size)
                    end = ends[i];
            assert_int_equal(n, end - at);
        }
    clog_view_close(view);
}

#define STREAM ((size_t)2000 * FIXTURE_TEXT) /* more than there is */

/* Reads of the view at any position, of any size, waiting or not. */
static void expect_reads(struct fixture *fixture, const char *all, size_t size)
{
    struct clog_view *view = open_stream(fixture);
    char *data = malloc(2 * STREAM);

    assert_non_null(data);
    assert_int_equal(clog_view_size(view), size);
    for (uint64_t k = 0; k < 2000; k++) {
        uint64_t at = random_mix(k, 1) % (size + 10);
        size_t want = random_mix(k, 2) % (k % 3 == 0 ? 2 * size : 200);
        size_t there = at >= size         ? 0
                       : want < size - at ? want
                                          : (size_t)(size - at);
        unsigned flags = k % 2 ? CLOG_NOWAIT : 0;
        ssize_t n = clog_view_read(view, data, want, at, flags);

        assert_int_equal(n, there);
        assert_memory_equal(data, all + at, there);
    }
    clog_view_close(view);
    free(data);
}

/* 1750 records, and their texts. */
static size_t fill_texts(struct fixture *fixture, char *all)
{
    size_t size = 0;

    fixture_fill_batch(fixture, 300);
    for (int k = 0; k < 5; k++)
        fixture_fill_batch(fixture, 290);
    for (uint64_t i = 0; i < 1750; i++)
        size += fixture_text(i, all + size);
    return size;
}

/* They give the same bytes, over segments. */
static void test_stream_reads_are_the_same_in_any_order(void **state)
{
    struct fixture *fixture = *state;
    char *all = malloc(STREAM);

    assert_non_null(all);
    fixture->options.max_index = UINT64_C(300) * 16;
    fixture_open(fixture);
    expect_reads(fixture, all, fill_texts(fixture, all));
    free(all);
}

/* The same where a part of it is in the files and a part is staged; and that
   does not make them more. */
static void test_stream_reads_what_is_staged(void **state)
{
    struct fixture *fixture = *state;
    char *all = malloc(STREAM);
    char data[100];
    struct clog_status status;

    assert_non_null(all);
    fixture->options.staging = 64 << 10;
    fixture->fake.ops.cached = io_posix()->ops->cached;
    fixture_open(fixture);
    expect_reads(fixture, all, fill_texts(fixture, all));
    status = fixture_status(fixture);
    assert_in_range(status.staged, 1, status.stored_bytes / 2);
    atomic_store(&fixture->fake.reads, 0);
    for (uint64_t i = 0; i < 1750; i++)
        assert_true(clog_read(fixture->log, i, data, sizeof(data)) > 0);
    assert_in_range(fixture->fake.reads, 500, 1749);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_stream_reads_up_to_a_bad_block),
        FIXTURE_TEST(test_stream_reads_large_records_once),
        FIXTURE_TEST(test_stream_reads_damage_as_blanks),
        FIXTURE_TEST(test_stream_reads_a_bad_block_as_blanks),
        FIXTURE_TEST(test_stream_bad_block_hides_no_other_record),
        FIXTURE_TEST(test_stream_reads_whole_records),
        FIXTURE_TEST(test_stream_views_keep_no_buffers),
        FIXTURE_TEST(test_stream_reads_are_the_same_in_any_order),
        FIXTURE_TEST(test_stream_reads_what_is_staged),
    };

    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
