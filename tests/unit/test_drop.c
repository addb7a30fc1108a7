/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "log/log.h"
#include "test.h"

#define SECOND INT64_C(1000000000)

/*
 * A call of the system made by this thread, at which another thread appends
 * twice, the second time into a new segment: so what has been looked at before
 * is not so any more.
 */
static _Thread_local bool watched;
static struct {
    struct clog *log;
    unsigned at; /* the call, from 1 */
    unsigned calls;
} hook;

static void *append_twice(void *log)
{
    for (int k = 0; k < 2; k++)
        if (clog_append(log, "0123456789", 10, 0, NULL) < 0)
            return NULL;
    return log;
}

static void before_a_call(void)
{
    pthread_t thread;
    void *done = NULL;

    if (!watched || ++hook.calls != hook.at)
        return;
    assert_int_equal(pthread_create(&thread, NULL, append_twice, hook.log), 0);
    assert_int_equal(pthread_join(thread, &done), 0);
    assert_ptr_equal(done, hook.log);
}

static int64_t (*now_below)(struct io *io);
static int64_t (*uptime_below)(struct io *io);

static int64_t hooked_now(struct io *io)
{
    before_a_call();
    return now_below(io);
}

static int64_t hooked_uptime(struct io *io)
{
    before_a_call();
    return uptime_below(io);
}

static int hooked_stat(struct io *io, int fd, struct io_stat *ret)
{
    int r = io_posix()->ops->stat(io, fd, ret);

    before_a_call();
    return r;
}

static int hooked_open(struct io *io, int dir, const char *name, int flags,
                       mode_t mode)
{
    before_a_call();
    return io_posix()->ops->open(io, dir, name, flags, mode);
}

static void hook_up(struct fixture *fixture)
{
    struct io_ops *ops = &fixture->fake.ops;

    if (ops->now != hooked_now) {
        now_below = ops->now;
        uptime_below = ops->uptime;
    }
    ops->now = hooked_now;
    ops->uptime = hooked_uptime;
    ops->stat = hooked_stat;
    ops->open = hooked_open;
}

/* What a look at an empty segment said is not believed of what has been
   appended to it since: neither that it is old nor that nobody has to read
   it. */
static void test_drop_is_decided_on_what_is_there(void **state)
{
    struct fixture *fixture = *state;

    hook_up(fixture);
    fixture->options.max_store = 18;
    fixture->options.retain_age_ns = 100 * (uint64_t)SECOND;
    fixture->options.flags = CLOG_KEEP_UNREAD;
    for (hook.at = 1; hook.at == 1 || hook.calls >= hook.at - 1; hook.at++) {
        struct clog_cursor cursor;

        directory_remove(fixture->dir);
        fixture->dir = directory_make();
        fixture_open(fixture);
        assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
        /* The files' times are the system's: they are older than that. */
        fixture->fake.now += SECOND * 366 * 24 * 3600;
        hook.log = fixture->log;
        hook.calls = 0;
        watched = true;
        assert_int_equal(clog_retain(fixture->log), 0);
        watched = false;
        assert_int_equal(clog_cursor_get(fixture->log, "a", &cursor), 0);
        assert_int_equal(cursor.lost, 0);
        assert_int_equal(fixture_status(fixture).oldest, 0);
        fixture_kill(fixture);
    }
}

/* --- Room ------------------------------------------------------------------
 */

/* A small disk: what the log has stored, and what somebody else has. */
static struct {
    struct clog *log;
    uint64_t size;   /* bytes */
    uint64_t others; /* bytes */
    bool lies;       /* it says that it is empty */
} disk;

static uint64_t disk_free(void)
{
    struct clog_status status = {.size = sizeof(status)};
    uint64_t used = disk.others;

    if (disk.log) {
        clog_status(disk.log, &status);
        used += status.stored_bytes + status.pinned_bytes;
    }
    return used < disk.size ? disk.size - used : 0;
}

static ssize_t disk_writev(struct io *io, int fd, const struct iovec *iov,
                           int count, uint64_t position)
{
    uint64_t bytes = 0;

    for (int i = 0; i < count; i++)
        bytes += iov[i].iov_len;
    return bytes > disk_free()
               ? -ENOSPC
               : io_posix()->ops->writev(io, fd, iov, count, position);
}

static int disk_space(struct io *io, int fd, struct io_space *ret)
{
    uint64_t bytes = disk.lies ? disk.size : disk_free();

    (void)io;
    (void)fd;
    *ret = (struct io_space){1, disk.size, bytes, bytes};
    return 0;
}

static void open_on_disk(struct fixture *fixture, uint64_t size)
{
    memset(&disk, 0, sizeof(disk));
    disk.size = size;
    fixture->fake.ops.writev = disk_writev;
    fixture->fake.ops.space = disk_space;
    fixture->options.flags |= CLOG_DROP_OLDEST;
    fixture_open(fixture);
    disk.log = fixture->log;
}

/* The fixture closes the log. */
static void leave_disk(void)
{
    disk.log = NULL;
    disk.size = UINT64_MAX;
}

/* What can never fit drops nothing, by whatever it would have to be made. */
static void test_drop_nothing_for_what_cannot_fit(void **state)
{
    static char large[40000];
    struct fixture *fixture = *state;

    fixture->options.max_store = 5000;
    open_on_disk(fixture, 30000);
    fixture_fill(fixture, 400);
    assert_int_equal(clog_append(fixture->log, large, sizeof(large), 0, NULL),
                     -ENOSPC);
    assert_int_equal(fixture_status(fixture).drops.segments, 0);
    assert_int_equal(fixture_status(fixture).records, 400);
    /* Nor where others leave no room for it. */
    disk.others = disk_free();
    assert_int_equal(clog_append(fixture->log, large, 25000, 0, NULL), -ENOSPC);
    assert_int_equal(fixture_status(fixture).drops.segments, 0);
    disk.others = 0;
    assert_int_equal(clog_append(fixture->log, large, 25000, 0, NULL), 0);
    assert_true(fixture_status(fixture).drops.by_full > 0);
    leave_disk();
}

/* What somebody has a view of would free nothing, nor would what comes
   before. */
static void test_drop_nothing_that_is_viewed(void **state)
{
    static char large[6000];
    struct fixture *fixture = *state;
    struct clog_view *first = NULL;
    struct clog_view *third = NULL;
    struct clog_segment segment = {0};
    uint64_t base = 0;

    fixture->options.max_store = 1000;
    open_on_disk(fixture, 12000);
    fixture_fill(fixture, 200);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(clog_segment(fixture->log, base, 0, &segment), 0);
        base = segment.base + 1;
    }
    assert_int_equal(clog_view_record(fixture->log, 0, 0, &first), 0);
    assert_int_equal(
        clog_view_segment(fixture->log, segment.base, CLOG_STORE, &third), 0);
    disk.others = disk_free() - 100;
    for (int k = 0; k < 3; k++)
        assert_int_equal(
            clog_append(fixture->log, large, sizeof(large), 0, NULL), -ENOSPC);
    assert_int_equal(fixture_status(fixture).drops.segments, 0);
    assert_int_equal(clog_view_try_close(first), 0);
    /* The two before the third are not enough for this one, but for that. */
    disk.others += 100;
    assert_int_equal(clog_append(fixture->log, large, sizeof(large), 0, NULL),
                     -ENOSPC);
    assert_int_equal(fixture_status(fixture).drops.segments, 0);
    assert_int_equal(clog_append(fixture->log, large, 800, 0, NULL), 0);
    assert_in_range(fixture_status(fixture).drops.by_full, 1, 2);
    clog_view_close(third);
    leave_disk();
}

/* Where room is not what is wanting, or somebody else takes it at once, it ends
   before all is gone. */
static void test_drop_ends_where_it_makes_no_room(void **state)
{
    struct fixture *fixture = *state;
    size_t size = (size_t)1 << 20;
    char *large = calloc(1, size);

    assert_non_null(large);
    fixture->options.max_store = 9 << 20;
    fixture->options.max_record = 1 << 20;
    open_on_disk(fixture, (uint64_t)1 << 40);
    for (int k = 0; k < 80; k++)
        assert_int_equal(clog_append(fixture->log, large, size, 0, NULL), 0);
    disk.others = disk.size;
    disk.lies = true;
    assert_int_equal(clog_append(fixture->log, large, size, 0, NULL), -ENOSPC);
    assert_in_range(fixture_status(fixture).drops.by_full, 1, 3);
    leave_disk();
    free(large);
}

/* A log that could not become larger than a segment has some to drop all the
   same. */
static void test_drop_has_something_to_drop(void **state)
{
    struct fixture *fixture = *state;

    open_on_disk(fixture, 1000000);
    for (int k = 0; k < 100; k++) {
        fixture_fill_batch(fixture, 1000);
        assert_true(fixture_status(fixture).stored_bytes > 1000);
    }
    assert_true(fixture_status(fixture).drops.by_full > 0);
    assert_true(fixture_status(fixture).stored_bytes > 500000);
    /* Others leave less: what was small enough is large now. */
    disk.others = disk_free() + 500000;
    assert_int_equal(clog_retain(fixture->log), 0);
    fixture_fill_batch(fixture, 1000);
    leave_disk();
}

/* --- Directories that keep their names -------------------------------------
 */

static int removals; /* that are let through; the next one is a kill */

/* As in the lower layer of an overlay. */
static int rename_files(struct io *io, int dir, const char *from,
                        const char *to)
{
    struct io_stat st;

    if (io_statat(io, dir, from, &st) == 0 && st.type == IO_DIR)
        return -EXDEV;
    return io_posix()->ops->rename(io, dir, from, to);
}

static int unlink_some(struct io *io, int dir, const char *name, bool directory)
{
    if (removals == 0)
        return -EIO;
    removals--;
    return io_posix()->ops->unlink(io, dir, name, directory);
}

static void open_segments(struct fixture *fixture)
{
    directory_remove(fixture->dir);
    fixture->dir = directory_make();
    fixture->fake.ops.rename = rename_files;
    fixture->fake.ops.unlink = io_posix()->ops->unlink;
    fixture->options.flags = 0;
    fixture->options.max_store = 18;
    fixture_open(fixture);
    fixture_fill(fixture, 3);
}

/* A mark says that the segment is dropped, to readers too, wherever the removal
   of its files has ended; the next open ends it. */
static void test_drop_where_directories_keep_their_names(void **state)
{
    struct fixture *fixture = *state;
    int let = 0;

    do {
        open_segments(fixture);
        fixture->fake.ops.unlink = unlink_some;
        removals = let++;
        assert_int_equal(clog_drop(fixture->log, 0), 0);
        fixture_expect_filled(fixture, 1, 3);
        fixture_kill(fixture);
        fixture->options.flags = CLOG_READ_ONLY;
        fixture_open(fixture);
        assert_int_equal(fixture_status(fixture).oldest, 1);
        fixture_expect_filled(fixture, 1, 3);
        fixture_close(fixture);
        fixture->fake.ops.unlink = io_posix()->ops->unlink;
        fixture->options.flags = 0;
        fixture_open(fixture);
        fixture_expect_filled(fixture, 1, 3);
        assert_int_equal(fixture_report(fixture)->note_count, 0);
        assert_int_equal(directory_count(fixture->dir, "segments"), 2);
        fixture_expect_sound(fixture);
        fixture_close(fixture);
    } while (removals == 0);
    assert_true(let > 4);
}

/* Only the oldest is ever dropped. */
static void test_drop_marks_no_other_segment(void **state)
{
    static const char mark[] = "segments/00000000000000000001.dropped";
    struct fixture *fixture = *state;

    open_segments(fixture);
    fixture_close(fixture);
    file_save(fixture->dir, mark, "", 0);
    fixture_open(fixture);
    fixture_expect_filled(fixture, 0, 3);
    assert_string_equal(fixture_note(fixture, CLOG_NOTE_FOREIGN)->file, mark);
    assert_true(file_exists(fixture->dir, mark));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_drop_is_decided_on_what_is_there),
        FIXTURE_TEST(test_drop_nothing_for_what_cannot_fit),
        FIXTURE_TEST(test_drop_nothing_that_is_viewed),
        FIXTURE_TEST(test_drop_ends_where_it_makes_no_room),
        FIXTURE_TEST(test_drop_has_something_to_drop),
        FIXTURE_TEST(test_drop_where_directories_keep_their_names),
        FIXTURE_TEST(test_drop_marks_no_other_segment),
    };

    return cmocka_run_group_tests_name("drop", tests, NULL, NULL);
}
