/* SPDX-License-Identifier: MIT */
#include "log/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "log/log.h"
#include "test.h"

#define STORE "segments/00000000000000000000/store"

static void open_staged(struct fixture *fixture)
{
    fixture->options.staging = STAGING_MIN;
    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).staging, STAGING_MIN);
}

/* Acknowledged, read in every way, and not in the files. */
static void test_stage_holds_what_is_acknowledged(void **state)
{
    struct fixture *fixture = *state;

    open_staged(fixture);
    fixture_fill(fixture, 10);
    fixture_fill_batch(fixture, 10);
    assert_int_equal(file_size(fixture->dir, STORE), 0);
    assert_true(fixture_status(fixture).staged > 0);
    fixture_expect_filled(fixture, 0, 20);
    fixture_expect_stream(fixture, 0, 20);
    assert_int_equal(clog_flush(fixture->log), 0);
    assert_int_equal(fixture_status(fixture).staged, 0);
    assert_true(file_size(fixture->dir, STORE) > 0);
    fixture_expect_filled(fixture, 0, 20);
}

static void test_stage_survives_a_kill(void **state)
{
    struct fixture *fixture = *state;

    open_staged(fixture);
    fixture_fill(fixture, 10);
    assert_int_equal(clog_sync(fixture->log, UINT64_MAX), 0);
    fixture_fill(fixture, 5);
    fixture_kill(fixture);
    fixture_open(fixture);
    assert_int_equal(fixture_report(fixture)->replayed, 5);
    assert_int_equal(fixture_report(fixture)->note_count, 0);
    fixture_expect_next(fixture, 15);
    fixture_expect_filled(fixture, 0, 15);
    fixture_expect_sound(fixture);
}

/* Whoever may not write reads it from the buffer, and leaves it. */
static void test_stage_is_read_by_who_may_not_write(void **state)
{
    struct fixture *fixture = *state;

    open_staged(fixture);
    fixture_fill(fixture, 7);
    fixture_kill(fixture);
    fixture->options.flags = CLOG_READ_ONLY;
    for (int again = 0; again < 2; again++) {
        fixture_open(fixture);
        assert_int_equal(fixture_report(fixture)->replayed, 7);
        fixture_expect_filled(fixture, 0, 7);
        fixture_expect_stream(fixture, 0, 7);
        assert_int_equal(file_size(fixture->dir, STORE), 0);
        fixture_close(fixture);
    }
    fixture->options.flags = 0;
    fixture_open(fixture);
    fixture_expect_filled(fixture, 0, 7);
}

/* After a power cut nothing in it counts. */
static void test_stage_of_another_kernel_is_nothing(void **state)
{
    struct fixture *fixture = *state;

    open_staged(fixture);
    fixture_fill(fixture, 4);
    assert_int_equal(clog_sync(fixture->log, UINT64_MAX), 0);
    fixture_fill(fixture, 3);
    fixture_power_cut(fixture);
    fixture_open(fixture);
    assert_int_equal(fixture_report(fixture)->replayed, 0);
    fixture_expect_next(fixture, 4);
    fixture_expect_filled(fixture, 0, 4);
}

/* What was flushed, and what is behind it, over rolls and round the rings. */
static void test_stage_goes_on_over_rolls(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_store = 20000;
    open_staged(fixture);
    fixture_fill(fixture, 20000);
    assert_true(fixture_status(fixture).segments > 10);
    fixture_expect_filled(fixture, 0, 20000);
    fixture_kill(fixture);
    fixture_open(fixture);
    fixture_expect_next(fixture, 20000);
    fixture_expect_filled(fixture, 19000, 20000);
    fixture_expect_sound(fixture);
}

/* A record larger than the ring goes to the files, behind what was staged. */
static void test_stage_lets_large_records_by(void **state)
{
    struct fixture *fixture = *state;
    size_t size = 2 * STAGING_MIN;
    uint8_t *large = calloc(1, size);
    uint8_t *read = malloc(size);

    assert_non_null(large);
    assert_non_null(read);
    open_staged(fixture);
    fixture_fill(fixture, 3);
    assert_int_equal(clog_append(fixture->log, large, size, 0, NULL), 0);
    assert_true(file_size(fixture->dir, STORE) > size);
    assert_int_equal(fixture_append(fixture, "small"), 4);
    fixture_kill(fixture);
    fixture_open(fixture);
    fixture_expect_next(fixture, 5);
    fixture_expect_filled(fixture, 0, 3);
    assert_int_equal(clog_read(fixture->log, 3, read, size), size);
    assert_memory_equal(read, large, size);
    fixture_expect(fixture, 4, "small");
    free(large);
    free(read);
}

static int no_room(struct io *io, int fd, uint64_t from, uint64_t size)
{
    (void)io;
    (void)fd;
    (void)from;
    (void)size;
    return -ENOSPC;
}

/* A file that can take so many bytes more, whatever it has been given. */
static uint64_t room;

static int little_room(struct io *io, int fd, uint64_t from, uint64_t size)
{
    (void)io;
    (void)fd;
    return from + size > room ? -ENOSPC : 0;
}

/* All room there is is used, though much cannot be set aside any more. */
static void test_stage_uses_the_last_room(void **state)
{
    struct fixture *fixture = *state;
    char record[FIXTURE_TEXT];
    uint64_t size = 0;
    uint64_t taken = 0;

    room = UINT64_MAX;
    fixture->fake.ops.allocate = little_room;
    open_staged(fixture);
    room = 4 * STAGING_MIN;
    while (clog_append(fixture->log, record, fixture_text(taken, record), 0,
                       NULL) == 0)
        size += 8 + fixture_text(taken++, record);
    assert_in_range(size, room - 100, room);
    assert_int_equal(clog_sync(fixture->log, UINT64_MAX), 0);
    assert_int_equal(file_size(fixture->dir, STORE), size);
    fixture_expect_filled(fixture, 0, taken);
}

static ssize_t no_write(struct io *io, int fd, const struct iovec *iov,
                        int count, uint64_t position)
{
    (void)io;
    (void)fd;
    (void)iov;
    (void)count;
    (void)position;
    return -ENOSPC;
}

/* A flush that fails has lost nothing, and is no sync that failed. */
static void test_stage_that_cannot_be_flushed_stays(void **state)
{
    struct fixture *fixture = *state;

    open_staged(fixture);
    fixture_fill(fixture, 5);
    fixture->fake.ops.writev = no_write;
    assert_int_equal(clog_flush(fixture->log), -ENOSPC);
    assert_int_equal(clog_sync(fixture->log, UINT64_MAX), -ENOSPC);
    assert_true(fixture_status(fixture).writable);
    assert_int_equal(fixture_status(fixture).durable, 0);
    fixture_fill(fixture, 5);
    fixture->fake.ops.writev = io_posix()->ops->writev;
    assert_int_equal(clog_sync(fixture->log, UINT64_MAX), 0);
    assert_int_equal(fixture_status(fixture).durable, 10);
    fixture_expect_filled(fixture, 0, 10);
    fixture_expect_sound(fixture);
}

static int not_offered(struct io *io, int fd, uint64_t from, uint64_t size)
{
    (void)io;
    (void)fd;
    (void)from;
    (void)size;
    return -EOPNOTSUPP;
}

/* A full disk refuses the append, and nothing that was acknowledged is lost. */
static void test_stage_without_room_refuses_the_append(void **state)
{
    struct fixture *fixture = *state;
    uint64_t taken = 0;
    int r;

    open_staged(fixture);
    fixture->fake.ops.allocate = no_room;
    while ((r = clog_append(fixture->log, "0123456789", 10, 0, NULL)) == 0)
        taken++;
    assert_int_equal(r, -ENOSPC);
    assert_true(taken > 0);
    fixture_expect_next(fixture, taken);
    assert_int_equal(clog_sync(fixture->log, UINT64_MAX), 0);
    fixture_kill(fixture);
    fixture->fake.ops.allocate = io_posix()->ops->allocate;
    fixture_open(fixture);
    fixture_expect_next(fixture, taken);
    fixture_expect_sound(fixture);
}

/* Where room cannot be set aside there is no buffer, and it is said. */
static void test_stage_is_off_where_room_cannot_be_set_aside(void **state)
{
    struct fixture *fixture = *state;

    fixture->fake.ops.allocate = not_offered;
    fixture->options.staging = STAGING_MIN;
    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).staging, 0);
    assert_int_equal(fixture_status(fixture).staging_error, EOPNOTSUPP);
    assert_false(file_exists(fixture->dir, "staging"));
    fixture_fill(fixture, 3);
    assert_true(file_size(fixture->dir, STORE) > 0);
    fixture_kill(fixture);
    fixture_open(fixture);
    fixture_expect_filled(fixture, 0, 3);
}

/* Without waiting there is no write: a full buffer is EAGAIN. */
static void test_stage_full_is_eagain_without_waiting(void **state)
{
    struct fixture *fixture = *state;
    uint64_t taken = 0;
    int r;

    open_staged(fixture);
    while ((r = clog_append(fixture->log, "0123456789", 10, CLOG_NOWAIT,
                            NULL)) == 0)
        taken++;
    assert_int_equal(r, -EAGAIN);
    assert_int_equal(file_size(fixture->dir, STORE), 0);
    assert_int_equal(clog_append(fixture->log, "0123456789", 10, 0, NULL), 0);
    fixture_expect_next(fixture, taken + 1);
}

/* What was set aside is given back. */
static void test_stage_gives_back_what_it_set_aside(void **state)
{
    struct fixture *fixture = *state;
    uint64_t size;

    open_staged(fixture);
    fixture_fill(fixture, 3);
    fixture_close(fixture);
    size = file_size(fixture->dir, STORE);
    assert_true(file_blocks(fixture->dir, STORE) * 512 <= size + 4096);
}

/* The buffer cut short under the log: an error of the append, and the log goes
   on without it. */
static void test_stage_that_fails_is_left(void **state)
{
    struct fixture *fixture = *state;
    int r;

    open_staged(fixture);
    fixture_fill(fixture, 5);
    assert_int_equal(clog_flush(fixture->log), 0);
    file_resize(fixture->dir, "staging", 0);
    r = clog_append(fixture->log, "x", 1, 0, NULL);
    assert_int_equal(r, -EIO);
    fixture_expect_filled(fixture, 0, 5);
    fixture_fill(fixture, 2);
    assert_int_equal(fixture_status(fixture).staging, 0);
    fixture_kill(fixture);
    fixture_open(fixture);
    fixture_expect_filled(fixture, 0, 7);
}

/* A damaged head says nothing, is reported, and hides nothing in the files. */
static void test_stage_damaged_is_reported(void **state)
{
    struct fixture *fixture = *state;

    open_staged(fixture);
    fixture_fill(fixture, 5);
    assert_int_equal(clog_flush(fixture->log), 0);
    fixture_fill(fixture, 5);
    fixture_kill(fixture);
    file_flip(fixture->dir, "staging", 128);
    fixture_open(fixture);
    assert_string_equal(fixture_note(fixture, CLOG_NOTE_ROT)->file, "staging");
    fixture_expect_filled(fixture, 0, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_stage_holds_what_is_acknowledged),
        FIXTURE_TEST(test_stage_survives_a_kill),
        FIXTURE_TEST(test_stage_is_read_by_who_may_not_write),
        FIXTURE_TEST(test_stage_of_another_kernel_is_nothing),
        FIXTURE_TEST(test_stage_goes_on_over_rolls),
        FIXTURE_TEST(test_stage_lets_large_records_by),
        FIXTURE_TEST(test_stage_without_room_refuses_the_append),
        FIXTURE_TEST(test_stage_uses_the_last_room),
        FIXTURE_TEST(test_stage_that_cannot_be_flushed_stays),
        FIXTURE_TEST(test_stage_is_off_where_room_cannot_be_set_aside),
        FIXTURE_TEST(test_stage_full_is_eagain_without_waiting),
        FIXTURE_TEST(test_stage_gives_back_what_it_set_aside),
        FIXTURE_TEST(test_stage_that_fails_is_left),
        FIXTURE_TEST(test_stage_damaged_is_reported),
    };

    return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
