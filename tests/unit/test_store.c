/* SPDX-License-Identifier: MIT */
#include "segment/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "io/bytes.h"
#include "test.h"

/* FORMAT.md's example: "hello", "world" and "foo" in 37 bytes. */
static const uint8_t golden[37] = {
    0, 0, 0, 0, 0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o',
    0, 0, 0, 0, 0, 0, 0, 5, 'w', 'o', 'r', 'l', 'd',
    0, 0, 0, 0, 0, 0, 0, 3, 'f', 'o', 'o',
};

static void open_store(struct fixture *fixture, struct store *store)
{
    int root = io_open_root(io_posix(), fixture->dir);

    store_open(store, io_posix(),
               io_open(io_posix(), root, "store", O_RDWR | O_CREAT, 0600));
    assert_true(store->fd >= 0);
    io_close(io_posix(), root);
}

static struct iovec piece(const char *text)
{
    return (struct iovec){(void *)(uintptr_t)text, strlen(text)};
}

/* Length and payload, end to end, whether by one batch or by three. */
static void test_store_appended_is_golden(void **state)
{
    struct fixture *fixture = *state;
    struct iovec records[] = {piece("hello"), piece("world"), piece("foo")};
    struct buffer scratch = {0};
    struct store store;

    open_store(fixture, &store);
    assert_int_equal(store_append(&store, records, 3, 0, &scratch), 0);
    assert_true(file_holds(fixture->dir, "store", golden, sizeof(golden)));
    file_resize(fixture->dir, "store", 0);
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(store_append(&store, &records[i], 1, 13 * i, &scratch),
                         0);
    assert_true(file_holds(fixture->dir, "store", golden, sizeof(golden)));
    buffer_done(&scratch);
    store_done(&store);
}

/* Small records are copied and large ones are not; on disk both are alike. */
static void test_store_mixed_sizes_lie_end_to_end(void **state)
{
    static const size_t sizes[] = {1,    2047, 2048, 2049, 3,
                                   8192, 8192, 1,    5000, 2047};
    struct iovec records[COUNT(sizes)];
    struct buffer scratch = {0};
    struct store store;
    uint8_t *bytes = malloc(8192);
    uint8_t *back = malloc(8192);
    uint64_t position = 0;
    uint8_t prefix[8];

    assert_non_null(bytes);
    assert_non_null(back);
    for (size_t i = 0; i < 8192; i++)
        bytes[i] = (uint8_t)(i * 7 / 3);
    for (size_t i = 0; i < COUNT(sizes); i++)
        records[i] = (struct iovec){bytes + 8192 - sizes[i], sizes[i]};
    open_store(*state, &store);
    assert_int_equal(store_append(&store, records, COUNT(sizes), 0, &scratch),
                     0);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        assert_int_equal(store_read(&store, prefix, 8, position, false), 8);
        assert_int_equal(get_be64(prefix), sizes[i]);
        assert_int_equal(
            store_read(&store, back, sizes[i], position + 8, false), sizes[i]);
        assert_memory_equal(back, bytes + 8192 - sizes[i], sizes[i]);
        position += 8 + sizes[i];
    }
    assert_int_equal(store_read(&store, back, 1, position, false), 0);
    buffer_done(&scratch);
    store_done(&store);
    free(back);
    free(bytes);
}

/* More records than one system call takes pieces are written all the same. */
static void test_store_batch_over_iov_max_is_whole(void **state)
{
    enum { RECORDS = 3000, SIZE = 2048 };
    struct fixture *fixture = *state;
    struct iovec *records = calloc(RECORDS, sizeof(*records));
    struct buffer scratch = {0};
    struct store store;
    uint8_t *payload = calloc(1, SIZE);
    uint8_t frame[8 + SIZE];

    assert_non_null(records);
    assert_non_null(payload);
    for (size_t i = 0; i < RECORDS; i++)
        records[i] = (struct iovec){payload, SIZE};
    open_store(fixture, &store);
    assert_int_equal(store_append(&store, records, RECORDS, 0, &scratch), 0);
    assert_int_equal(file_size(fixture->dir, "store"),
                     (uint64_t)RECORDS * (8 + SIZE));
    assert_int_equal(store_read(&store, frame, sizeof(frame),
                                (RECORDS - 1) * (uint64_t)sizeof(frame), false),
                     sizeof(frame));
    assert_int_equal(get_be64(frame), SIZE);
    buffer_done(&scratch);
    store_done(&store);
    free(payload);
    free(records);
}

/* A read gets what there is: less at the end, nothing behind it. */
static void test_store_read_at_end_is_short(void **state)
{
    struct iovec record = piece("hello");
    struct buffer scratch = {0};
    struct store store;
    char data[64];

    open_store(*state, &store);
    assert_int_equal(store_append(&store, &record, 1, 0, &scratch), 0);
    assert_int_equal(store_read(&store, data, sizeof(data), 8, false), 5);
    assert_memory_equal(data, "hello", 5);
    assert_int_equal(store_read(&store, data, sizeof(data), 13, false), 0);
    assert_int_equal(store_read(&store, data, sizeof(data), 1 << 20, false), 0);
    buffer_done(&scratch);
    store_done(&store);
}

/* A store that is missing is an error to read and safe to close. */
static void test_store_missing_is_ebadf(void **state)
{
    struct store store;
    char data[8];

    (void)state;
    store_open(&store, io_posix(), -1);
    assert_int_equal(store_read(&store, data, sizeof(data), 0, false), -EBADF);
    store_done(&store);
    store_done(&store);
}

/* A store that never was opened is closed without harm. */
static void test_store_never_opened_is_done(void **state)
{
    struct store store = {0};

    (void)state;
    store_done(&store);
    assert_int_equal(store.fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_store_appended_is_golden),
        FIXTURE_TEST(test_store_mixed_sizes_lie_end_to_end),
        FIXTURE_TEST(test_store_batch_over_iov_max_is_whole),
        FIXTURE_TEST(test_store_read_at_end_is_short),
        cmocka_unit_test(test_store_missing_is_ebadf),
        cmocka_unit_test(test_store_never_opened_is_done),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
