/* SPDX-License-Identifier: MIT */
#include "log/log.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "test.h"

#define ZERO "segments/00000000000000000000"

/* --- Opening ---------------------------------------------------------------
 */

/* Zero options are the defaults, and so is NULL. */
static void test_log_options_zero_are_defaults(void **state)
{
    struct fixture *fixture = *state;
    struct clog *log = NULL;

    assert_int_equal(clog_open(fixture->dir, NULL, NULL, &log), 0);
    assert_int_equal(clog_max_record(log), 1044480);
    assert_int_equal(clog_close(log), 0);
    assert_int_equal(clog_close(NULL), 0);
    fixture_open(fixture);
    assert_int_equal(clog_max_record(fixture->log), 1044480);
}

/* A value out of range is refused, and nothing is made. */
static void test_log_options_out_of_range_are_einval(void **state)
{
    static const struct clog_options wrong[] = {
        {.max_record = CLOG_RECORD_LIMIT + 1},
        {.max_record = UINT32_MAX},
        {.max_store = (1ULL << 62) + 1},
        {.max_store = UINT64_MAX},
        {.max_index = 1},
        {.max_index = 15},
        {.max_index = (1ULL << 40) + 1},
        {.flags = 1U << 16},
        {.flags = 1U << 31},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT(wrong); i++) {
        fixture->options = wrong[i];
        assert_int_equal(fixture_try(fixture, NULL), -EINVAL);
        assert_null(fixture->log);
        assert_int_equal(directory_count(fixture->dir, "."), 0);
    }
}

/* The ends of the ranges are in them; max_index is a multiple of 16. */
static void test_log_options_at_ends_of_range_are_taken(void **state)
{
    struct fixture *fixture = *state;

    fixture->options = (struct clog_options){
        .max_record = CLOG_RECORD_LIMIT, .max_store = 1, .max_index = 31};
    fixture_open(fixture);
    assert_int_equal(clog_max_record(fixture->log), CLOG_RECORD_LIMIT);
    fixture_fill(fixture, 2);
    assert_int_equal(fixture_status(fixture).segments, 2);
    fixture_close(fixture);
    fixture->options =
        (struct clog_options){.max_record = 1, .max_store = 1ULL << 62};
    fixture_open(fixture);
    assert_int_equal(clog_append(fixture->log, "ab", 2, 0, NULL), -EMSGSIZE);
    assert_int_equal(fixture_append(fixture, "a"), 2);
}

/* The directory is made if that is asked for, its parent never. */
static void test_log_missing_directory_is_made_if_asked(void **state)
{
    struct fixture *fixture = *state;
    struct clog_options options = {.size = sizeof(options),
                                   .flags = CLOG_CREATE};
    struct clog *log = NULL;
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/a/b", fixture->dir);
    assert_int_equal(clog_open(path, &options, NULL, &log), -ENOENT);
    (void)snprintf(path, sizeof(path), "%s/a", fixture->dir);
    assert_int_equal(clog_open(path, NULL, NULL, &log), -ENOENT);
    options.flags |= CLOG_READ_ONLY;
    assert_int_equal(clog_open(path, &options, NULL, &log), -ENOENT);
    assert_int_equal(directory_count(fixture->dir, "."), 0);
    options.flags = CLOG_CREATE;
    assert_int_equal(clog_open(path, &options, NULL, &log), 0);
    assert_int_equal(file_mode(fixture->dir, "a"), 0700);
    assert_int_equal(clog_close(log), 0);
}

/* A file is no log. */
static void test_log_file_for_directory_is_enotdir(void **state)
{
    struct fixture *fixture = *state;
    struct clog *log = NULL;
    char path[256];

    file_save(fixture->dir, "file", "", 0);
    (void)snprintf(path, sizeof(path), "%s/file", fixture->dir);
    assert_int_equal(clog_open(path, NULL, NULL, &log), -ENOTDIR);
    assert_null(log);
}

/* What is refused says why in the report, and leaves the directory alone. */
static void test_log_refused_says_why(void **state)
{
    struct fixture *fixture = *state;
    struct clog_report report;
    char *before = NULL;
    char *after = NULL;

    file_save(fixture->dir, "format", "clog 9\n", 7);
    before = directory_picture(fixture->dir);
    assert_int_equal(fixture_try(fixture, &report), -EUCLEAN);
    assert_int_equal(report.note_count, 1);
    assert_int_equal(report.notes[0].kind, CLOG_NOTE_REFUSED);
    assert_string_equal(report.notes[0].file, "format");
    assert_int_equal(report.notes[0].position, 5);
    assert_int_equal(report.notes[0].error, -EUCLEAN);
    clog_report_done(&report);
    after = directory_picture(fixture->dir);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* A log has one writer, and it can be told which. */
static void test_log_second_opener_is_ewouldblock(void **state)
{
    struct fixture *fixture = *state;
    struct clog_options options = {.size = sizeof(options),
                                   .flags = CLOG_READ_ONLY};
    struct clog *log = NULL;
    pid_t pid = 0;

    assert_int_equal(clog_writer(fixture->dir, &pid), -ENOENT);
    fixture_open(fixture);
    assert_int_equal(clog_open(fixture->dir, NULL, NULL, &log), -EWOULDBLOCK);
    assert_int_equal(clog_open(fixture->dir, &options, NULL, &log),
                     -EWOULDBLOCK);
    assert_null(log);
    assert_int_equal(clog_writer(fixture->dir, &pid), 0);
    assert_int_equal(pid, getpid());
    pid = 0;
    assert_int_equal(clog_holder(fixture->dir, &pid), 0);
    assert_int_equal(pid, getpid());
    fixture_close(fixture);
    assert_int_equal(clog_holder(fixture->dir, &pid), -ENOENT);
    assert_int_equal(clog_holder("/no/such/log", &pid), -ENOENT);
}

/* A process holds many logs. */
static void test_log_many_are_independent(void **state)
{
    struct fixture *fixture = *state;
    struct clog_options options = {.size = sizeof(options),
                                   .flags = CLOG_CREATE};
    struct clog *logs[5] = {NULL};
    char path[256];
    uint64_t offset = 99;

    for (size_t i = 0; i < COUNT(logs); i++) {
        (void)snprintf(path, sizeof(path), "%s/%zu", fixture->dir, i);
        assert_int_equal(clog_open(path, &options, NULL, &logs[i]), 0);
        for (size_t k = 0; k <= i; k++)
            assert_int_equal(clog_append(logs[i], "x", 1, 0, &offset), 0);
        assert_int_equal(offset, i);
    }
    for (size_t i = 0; i < COUNT(logs); i++)
        assert_int_equal(clog_close(logs[i]), 0);
}

/* A clean close leaves its mark, which the next open takes away. */
static void test_log_closed_leaves_clean_mark(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    (void)fixture_append(fixture, "hello");
    assert_false(file_exists(fixture->dir, "clean"));
    fixture_close(fixture);
    assert_true(file_exists(fixture->dir, "clean"));
    fixture_open(fixture);
    assert_false(file_exists(fixture->dir, "clean"));
    fixture_kill(fixture);
    assert_false(file_exists(fixture->dir, "clean"));
}

/* --- Appending -------------------------------------------------------------
 */

/* The article's trace: offsets 0, 1, 2 at 0, 13, 26. */
static void test_log_hello_world_foo_is_golden(void **state)
{
    static const uint8_t store[] = "\0\0\0\0\0\0\0\5hello"
                                   "\0\0\0\0\0\0\0\5world"
                                   "\0\0\0\0\0\0\0\3foo";
    static const uint8_t index[] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                   "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\15"
                                   "\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\32";
    static const uint8_t stamps[] =
        "\x18\xea\x5c\x38\xaf\xec\x80\0\0\0\0\0\xf8\x25\x0b\xe4"
        "\x18\xea\x5c\x38\xeb\x87\x4a\0\0\0\0\1\x9c\x84\xed\xa4"
        "\x18\xea\x5c\x39\x27\x22\x14\0\0\0\0\2\xe7\x3f\xa3\x66";
    struct fixture *fixture = *state;

    fixture_open(fixture);
    assert_int_equal(fixture_append(fixture, "hello"), 0);
    fixture->fake.now += 1000000000;
    assert_int_equal(fixture_append(fixture, "world"), 1);
    fixture->fake.now += 1000000000;
    assert_int_equal(fixture_append(fixture, "foo"), 2);
    assert_true(file_holds(fixture->dir, ZERO "/store", store, 37));
    assert_true(file_holds(fixture->dir, ZERO "/index", index, 48));
    assert_true(file_holds(fixture->dir, ZERO "/stamps", stamps, 48));
}

/* Records without bytes, batches without records: refused, nothing appended. */
static void test_log_append_of_nothing_is_einval(void **state)
{
    struct iovec records[] = {{(void *)(uintptr_t) "a", 1},
                              {(void *)(uintptr_t) "", 0}};
    struct fixture *fixture = *state;
    uint64_t offset = 77;

    fixture_open(fixture);
    assert_int_equal(clog_append(fixture->log, "", 0, 0, &offset), -EINVAL);
    assert_int_equal(clog_append_batch(fixture->log, records, 0, 0, &offset),
                     -EINVAL);
    assert_int_equal(clog_append_batch(fixture->log, records, 2, 0, &offset),
                     -EINVAL);
    assert_int_equal(offset, 77);
    fixture_expect_next(fixture, 0);
    assert_int_equal(fixture_status(fixture).append_errors, 3);
    assert_int_equal(file_size(fixture->dir, ZERO "/store"), 0);
}

/* One record over the bound refuses the batch it is in. */
static void test_log_append_over_bound_is_emsgsize(void **state)
{
    struct fixture *fixture = *state;
    struct iovec records[] = {{(void *)(uintptr_t) "1234567890", 10},
                              {(void *)(uintptr_t) "12345678901", 11}};
    uint64_t offset = 77;

    fixture->options.max_record = 10;
    fixture_open(fixture);
    assert_int_equal(clog_append_batch(fixture->log, records, 2, 0, &offset),
                     -EMSGSIZE);
    fixture_expect_next(fixture, 0);
    assert_int_equal(clog_append_batch(fixture->log, records, 1, 0, &offset),
                     0);
    assert_int_equal(offset, 0);
}

/* A batch has consecutive offsets and one time, and reads back. */
static void test_log_batch_is_consecutive(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    fixture_fill_batch(fixture, 500);
    fixture_fill(fixture, 1);
    fixture_expect_filled(fixture, 0, 504);
    assert_int_equal(fixture_status(fixture).appends, 5);
    assert_int_equal(fixture_status(fixture).appended, 504);
}

/* A full disk, at each write: an error, nothing remains, and room helps. */
static void test_log_append_on_full_disk_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    for (int k = 0; k < 3; k++) {
        uint64_t size = file_size(fixture->dir, ZERO "/store");

        fixture->fake.fails = k;
        assert_int_equal(clog_append(fixture->log, "more", 4, 0, NULL),
                         -ENOSPC);
        assert_int_equal(file_size(fixture->dir, ZERO "/store"), size);
        assert_int_equal(file_size(fixture->dir, ZERO "/stamps") / 16,
                         file_size(fixture->dir, ZERO "/index") / 16);
        fixture->fake.fails = -1;
        fixture_fill(fixture, 1);
    }
    fixture_expect_filled(fixture, 0, 6);
    assert_true(fixture_status(fixture).writable);
    fixture_expect_sound(fixture);
}

/* A clock that steps back: times never decrease, over restarts too. */
static void test_log_clock_stepping_back_keeps_order(void **state)
{
    static const int64_t steps[] = {0, 5, -1000000000, 7, -1, 3000000000, -9};
    struct fixture *fixture = *state;
    uint64_t last = 0;

    for (uint64_t i = 0; i < COUNT(steps); i++) {
        struct clog_record record;

        fixture->fake.ahead += steps[i];
        fixture_open(fixture);
        fixture_fill(fixture, 1);
        assert_int_equal(clog_stat(fixture->log, i, 0, &record), 0);
        assert_true(record.time_ns >= last);
        assert_true(record.time_ns >=
                    (uint64_t)(fixture->fake.now + fixture->fake.ahead));
        last = record.time_ns;
    }
    assert_int_equal(fixture_status(fixture).last_time_ns, last);
    assert_int_equal(fixture_status(fixture).oldest_time_ns, FIXTURE_NOON);
}

/* --- Rolling ---------------------------------------------------------------
 */

/* The bases of all segments are the offsets of their first records, and none
   of those with more than one batch passes its limits. */
static uint64_t check_segments(struct fixture *fixture, uint64_t max_store,
                               uint64_t max_index)
{
    struct clog_segment segment = {0};
    uint64_t count = 0;

    for (uint64_t base = 0; clog_segment(fixture->log, base, 0, &segment) == 0;
         base = segment.base + 1) {
        struct clog_record record;

        if (segment.next > segment.base) {
            assert_int_equal(clog_stat(fixture->log, segment.base, 0, &record),
                             0);
            assert_int_equal(record.segment, segment.base);
            assert_int_equal(record.position, 0);
        }
        if (segment.next > segment.base + 1) {
            assert_true(segment.sizes[CLOG_STORE] <= max_store);
            assert_true(segment.sizes[CLOG_INDEX] <= max_index);
        }
        assert_int_equal(segment.sealed,
                         segment.base != fixture_status(fixture).active);
        count++;
    }
    assert_int_equal(count, fixture_status(fixture).segments);
    return count;
}

/* A roll happens before the record that would pass max_store. */
static void test_log_rolls_before_max_store(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_store = 100;
    fixture_open(fixture);
    fixture_fill(fixture, 100);
    assert_true(check_segments(fixture, 100, UINT64_MAX) > 10);
    fixture_expect_filled(fixture, 0, 100);
    assert_int_equal(fixture_status(fixture).rolls,
                     fixture_status(fixture).segments - 1);
    assert_int_equal(file_mode(fixture->dir, ZERO), 0700);
    assert_int_equal(file_mode(fixture->dir, ZERO "/store"), 0400);
    assert_int_equal(file_mode(fixture->dir, ZERO "/index"), 0400);
    assert_int_equal(file_mode(fixture->dir, ZERO "/stamps"), 0400);
}

/* ... to the byte: a store may be exactly as large as allowed. */
static void test_log_store_of_exactly_max_does_not_roll(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_store = 26;
    fixture_open(fixture);
    (void)fixture_append(fixture, "hello");
    (void)fixture_append(fixture, "world");
    assert_int_equal(fixture_status(fixture).segments, 1);
    (void)fixture_append(fixture, "x");
    assert_int_equal(fixture_status(fixture).segments, 2);
    assert_int_equal(fixture_status(fixture).active, 2);
}

/* A roll happens before max_index, rounded down to whole entries. */
static void test_log_rolls_before_max_index(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_index = 1000;
    fixture_open(fixture);
    fixture_fill(fixture, 200);
    assert_int_equal(check_segments(fixture, UINT64_MAX, 992), 4);
    fixture_expect_filled(fixture, 0, 200);
}

/* A batch lies in one segment, also where it alone passes both limits. */
static void test_log_batch_never_crosses_segments(void **state)
{
    struct fixture *fixture = *state;
    struct clog_record first;
    struct clog_record last;

    fixture->options.max_store = 100;
    fixture->options.max_index = 64;
    fixture_open(fixture);
    for (uint64_t next = 0; next < 300; next += 51) {
        fixture_fill_batch(fixture, 50);
        fixture_fill(fixture, 1);
        assert_int_equal(clog_stat(fixture->log, next, 0, &first), 0);
        assert_int_equal(clog_stat(fixture->log, next + 49, 0, &last), 0);
        assert_int_equal(first.segment, last.segment);
        assert_int_equal(first.position, 0);
    }
    fixture_expect_filled(fixture, 0, fixture_status(fixture).next);
    fixture_expect_sound(fixture);
}

/* Limits smaller than what is there let the next append roll. */
static void test_log_limits_lowered_roll_at_next_append(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 100);
    fixture->options.max_store = 50;
    fixture->options.max_index = 16;
    fixture->options.max_record = 2;
    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).segments, 1);
    assert_int_equal(fixture_append(fixture, "xy"), 100);
    assert_int_equal(fixture_status(fixture).segments, 2);
    fixture_expect_filled(fixture, 0, 100);
}

static size_t count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    (void)closedir(dir);
    return count;
}

/* Many more segments than files may be open: all read, few are kept open. */
static void test_log_many_segments_keep_few_files_open(void **state)
{
    struct fixture *fixture = *state;
    size_t before = count_descriptors();

    fixture->options.max_store = 1;
    fixture_open(fixture);
    fixture_fill(fixture, 300);
    assert_int_equal(fixture_status(fixture).segments, 300);
    fixture_expect_filled(fixture, 0, 300);
    assert_true(count_descriptors() - before < 250);
    fixture_open(fixture);
    assert_int_equal(fixture_report(fixture)->note_count, 0);
    fixture_expect_filled(fixture, 0, 300);
    fixture_close(fixture);
    assert_int_equal(count_descriptors(), before);
}

static int refuse_mkdir(struct io *io, int dir, const char *name, mode_t mode)
{
    (void)io;
    (void)dir;
    (void)name;
    (void)mode;
    return -ENOSPC;
}

/* A roll that fails for want of room is ended by a later append. */
static void test_log_roll_on_full_disk_goes_on_later(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_store = 26;
    fixture_open(fixture);
    fixture_fill(fixture, 1);
    fixture->fake.ops.mkdir = refuse_mkdir;
    for (int i = 0; i < 3; i++)
        assert_int_equal(clog_append(fixture->log, "record 1a", 9, 0, NULL),
                         -ENOSPC);
    fixture_expect_filled(fixture, 0, 1);
    fixture->fake.ops.mkdir = io_posix()->ops->mkdir;
    fixture_fill(fixture, 5);
    fixture_expect_filled(fixture, 0, 6);
    assert_int_equal(fixture_status(fixture).append_errors, 3);
    fixture_expect_sound(fixture);
}

/* CLOG_NOWAIT does not roll; it is no error, and the roll can still come. */
static void test_log_append_nowait_at_roll_is_eagain(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_store = 26;
    fixture_open(fixture);
    assert_int_equal(
        clog_append(fixture->log, "record 0", 8, CLOG_NOWAIT, NULL), 0);
    assert_int_equal(
        clog_append(fixture->log, "record 1a", 9, CLOG_NOWAIT, NULL), -EAGAIN);
    assert_int_equal(fixture_status(fixture).append_errors, 0);
    fixture_fill(fixture, 1);
    fixture_expect_filled(fixture, 0, 2);
}

/* --- Syncing ---------------------------------------------------------------
 */

/* What was synced is durable, and only that was synced. */
static void test_log_synced_is_durable(void **state)
{
    struct fixture *fixture = *state;
    unsigned syncs = 0;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    assert_int_equal(fixture_status(fixture).durable, 0);
    syncs = atomic_load(&fixture->fake.syncs);
    assert_int_equal(clog_sync(fixture->log, 2), 0);
    assert_int_equal(fixture_status(fixture).durable, 3);
    assert_int_equal(atomic_load(&fixture->fake.syncs), syncs + 2);
    assert_int_equal(clog_sync(fixture->log, 3), 0);
    assert_int_equal(clog_sync(fixture->log, UINT64_MAX), 0);
    assert_int_equal(atomic_load(&fixture->fake.syncs), syncs + 2);
    assert_int_equal(fixture_status(fixture).syncs, 1);
    fixture_fill(fixture, 1);
    assert_int_equal(clog_sync(fixture->log, UINT64_MAX), 0);
    assert_int_equal(fixture_status(fixture).durable, 4);
}

/* After a failed sync the log takes no appends, and its close says so. */
static void test_log_sync_failed_is_read_only(void **state)
{
    struct fixture *fixture = *state;
    struct clog *log = NULL;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    fixture->fake.sync_error = -EIO;
    assert_int_equal(clog_sync(fixture->log, 3), -EIO);
    fixture->fake.sync_error = 0;
    assert_int_equal(clog_sync(fixture->log, 3), -EIO);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -EROFS);
    assert_false(fixture_status(fixture).writable);
    assert_int_equal(fixture_status(fixture).sync_error, EIO);
    assert_int_equal(fixture_status(fixture).durable, 0);
    fixture_expect_filled(fixture, 0, 3);
    log = fixture->log;
    fixture->log = NULL;
    assert_int_equal(clog_close(log), -EIO);
    assert_false(file_exists(fixture->dir, "clean"));
    fixture_open(fixture);
    fixture_expect_filled(fixture, 0, 3);
    fixture_expect_sound(fixture);
}

/* A close whose sync fails returns that and leaves no mark. */
static void test_log_close_with_failed_sync_is_not_clean(void **state)
{
    struct fixture *fixture = *state;
    struct clog *log = NULL;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    fixture->fake.sync_error = -EDQUOT;
    log = fixture->log;
    fixture->log = NULL;
    assert_int_equal(clog_close(log), -EDQUOT);
    assert_false(file_exists(fixture->dir, "clean"));
    fixture->fake.sync_error = 0;
    fixture_open(fixture);
    assert_false(fixture_report(fixture)->clean);
    fixture_expect_filled(fixture, 0, 3);
}

/* --- Looking at it ---------------------------------------------------------
 */

/* An empty log has no first record, no time, and an active segment. */
static void test_log_empty_has_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct clog_status status;
    struct clog_record record;
    struct clog_segment segment;

    fixture_open(fixture);
    status = fixture_status(fixture);
    assert_int_equal(status.oldest, 0);
    assert_int_equal(status.next, 0);
    assert_int_equal(status.records, 0);
    assert_int_equal(status.segments, 1);
    assert_int_equal(status.oldest_time_ns, 0);
    assert_int_equal(status.last_time_ns, 0);
    assert_true(status.writable);
    fixture_expect_error(fixture, 0, -ENOENT);
    assert_int_equal(clog_stat(fixture->log, 0, 0, &record), -ENOENT);
    assert_int_equal(clog_seek(fixture->log, 0), 0);
    assert_int_equal(clog_segment(fixture->log, 0, 0, &segment), 0);
    assert_int_equal(segment.next, 0);
    assert_false(segment.sealed);
    assert_int_equal(clog_segment(fixture->log, 1, 0, &segment), -ENOENT);
    fixture_expect_sound(fixture);
}

/* Past the end there is nothing, up to the largest offset. */
static void test_log_past_next_is_enoent(void **state)
{
    static const uint64_t past[] = {3, 4, 1ULL << 40, UINT64_MAX};
    struct fixture *fixture = *state;
    struct clog_record record;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    for (size_t i = 0; i < COUNT(past); i++) {
        fixture_expect_error(fixture, past[i], -ENOENT);
        assert_int_equal(clog_stat(fixture->log, past[i], 0, &record), -ENOENT);
        assert_int_equal(clog_seek(fixture->log, past[i]), 3);
    }
    assert_int_equal(clog_seek(fixture->log, 1), 1);
}

/* Status adds up: payload, what is stored, and what the files hold. */
static void test_log_status_adds_up(void **state)
{
    struct fixture *fixture = *state;
    struct clog_status status;
    struct clog_segment segment = {0};
    struct clog_space space;
    uint64_t stored = 0;

    fixture->options.max_store = 200;
    fixture_open(fixture);
    fixture_fill(fixture, 30);
    fixture_fill_batch(fixture, 10);
    status = fixture_status(fixture);
    for (uint64_t base = 0; clog_segment(fixture->log, base, 0, &segment) == 0;
         base = segment.base + 1)
        stored += segment.sizes[0] + segment.sizes[1] + segment.sizes[2];
    assert_int_equal(status.stored_bytes, stored);
    assert_int_equal(status.payload_bytes, stored - (uint64_t)40 * 40);
    assert_int_equal(status.stream_end - status.stream_start,
                     status.payload_bytes);
    assert_int_equal(status.appended_bytes, status.payload_bytes);
    assert_int_equal(status.appends, 31);
    assert_int_equal(status.last_time_ns, FIXTURE_NOON);
    assert_int_equal(clog_space(fixture->log, &space), 0);
    assert_true(space.blocks >= space.blocks_free);
    assert_true(space.block_size > 0);
}

/* --- An index that is cut under an open log ---------------------------------
 */

/* Cuts the index of a segment; every record reads as before, and the file is
   what it was. */
static void expect_survives_cut(struct fixture *fixture, const char *name,
                                uint64_t size)
{
    size_t full = 0;
    uint8_t *before = file_load(fixture->dir, name, &full);
    uint64_t rebuilt = fixture_status(fixture).indexes_rebuilt;
    uint64_t next = fixture_status(fixture).next;

    file_resize(fixture->dir, name, size);
    fixture_expect_filled(fixture, 0, next);
    assert_true(fixture_status(fixture).indexes_rebuilt > rebuilt);
    assert_true(file_holds(fixture->dir, name, before, full));
    free(before);
}

/* A sealed segment's index, while its files are open. */
static void test_log_sealed_index_cut_while_open_is_rebuilt(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.max_store = 20000;
    fixture_open(fixture);
    fixture_fill(fixture, 2000);
    assert_true(fixture_status(fixture).segments > 2);
    fixture_expect_filled(fixture, 0, 2000);
    expect_survives_cut(fixture, ZERO "/index", 0);
    expect_survives_cut(fixture, ZERO "/index", 4096);
    expect_survives_cut(fixture, ZERO "/index", 5000);
    assert_int_equal(file_mode(fixture->dir, ZERO "/index"), 0400);
    fixture_expect_sound(fixture);
}

/* The active one's, and appends go on behind it. */
static void test_log_active_index_cut_while_open_is_rebuilt(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 1000);
    expect_survives_cut(fixture, ZERO "/index", 0);
    expect_survives_cut(fixture, ZERO "/index", 4096);
    fixture_fill(fixture, 10);
    expect_survives_cut(fixture, ZERO "/index", 17);
    fixture_fill(fixture, 10);
    fixture_expect_filled(fixture, 0, 1020);
    fixture_expect_sound(fixture);
}

static unsigned maps;

static int count_map(struct io *io, int fd, size_t size, const void **ret)
{
    (void)io;
    maps++;
    return io_posix()->ops->map(io_posix(), fd, size, ret);
}

static void plain_unmap(struct io *io, const void *map, size_t size)
{
    (void)io;
    io_posix()->ops->unmap(io_posix(), map, size);
}

/* Opening maps the files of the first segment and of the last alone: of the
   others one entry is read, whatever they hold. */
static void test_log_open_maps_few_indexes(void **state)
{
    struct fixture *fixture = *state;

    fixture->fake.ops.map = count_map;
    fixture->fake.ops.unmap = plain_unmap;
    fixture->options.max_index = 64;
    fixture_open(fixture);
    fixture_fill(fixture, 101);
    fixture_close(fixture);
    maps = 0;
    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).segments, 26);
    assert_true(maps <= 6);
    fixture_expect_filled(fixture, 0, 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_log_options_zero_are_defaults),
        FIXTURE_TEST(test_log_options_out_of_range_are_einval),
        FIXTURE_TEST(test_log_options_at_ends_of_range_are_taken),
        FIXTURE_TEST(test_log_missing_directory_is_made_if_asked),
        FIXTURE_TEST(test_log_file_for_directory_is_enotdir),
        FIXTURE_TEST(test_log_refused_says_why),
        FIXTURE_TEST(test_log_second_opener_is_ewouldblock),
        FIXTURE_TEST(test_log_many_are_independent),
        FIXTURE_TEST(test_log_closed_leaves_clean_mark),
        FIXTURE_TEST(test_log_hello_world_foo_is_golden),
        FIXTURE_TEST(test_log_append_of_nothing_is_einval),
        FIXTURE_TEST(test_log_append_over_bound_is_emsgsize),
        FIXTURE_TEST(test_log_batch_is_consecutive),
        FIXTURE_TEST(test_log_append_on_full_disk_leaves_nothing),
        FIXTURE_TEST(test_log_clock_stepping_back_keeps_order),
        FIXTURE_TEST(test_log_rolls_before_max_store),
        FIXTURE_TEST(test_log_store_of_exactly_max_does_not_roll),
        FIXTURE_TEST(test_log_rolls_before_max_index),
        FIXTURE_TEST(test_log_batch_never_crosses_segments),
        FIXTURE_TEST(test_log_limits_lowered_roll_at_next_append),
        FIXTURE_TEST(test_log_many_segments_keep_few_files_open),
        FIXTURE_TEST(test_log_roll_on_full_disk_goes_on_later),
        FIXTURE_TEST(test_log_append_nowait_at_roll_is_eagain),
        FIXTURE_TEST(test_log_synced_is_durable),
        FIXTURE_TEST(test_log_sync_failed_is_read_only),
        FIXTURE_TEST(test_log_close_with_failed_sync_is_not_clean),
        FIXTURE_TEST(test_log_empty_has_nothing),
        FIXTURE_TEST(test_log_past_next_is_enoent),
        FIXTURE_TEST(test_log_status_adds_up),
        FIXTURE_TEST(test_log_sealed_index_cut_while_open_is_rebuilt),
        FIXTURE_TEST(test_log_open_maps_few_indexes),
        FIXTURE_TEST(test_log_active_index_cut_while_open_is_rebuilt),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
