/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "log/log.h"
#include "test.h"

void fixture_take_sigbus(void)
{
    (void)io_posix();
}

static int64_t fake_now(struct io *io)
{
    const struct fake *fake = (struct fake *)(void *)io;

    return fake->now + fake->ahead;
}

static int64_t fake_uptime(struct io *io)
{
    const struct fake *fake = (struct fake *)(void *)io;

    return fake->now - fake->started;
}

static int fake_boot_id(struct io *io, char ret[static 37])
{
    strcpy(ret, ((struct fake *)(void *)io)->boot_id);
    return 0;
}

static ssize_t fake_readv(struct io *io, struct io_from from,
                          const struct iovec *iov, int count)
{
    struct fake *fake = (struct fake *)(void *)io;
    ssize_t n;

    if (fake->cold && from.nowait)
        return -EAGAIN;
    atomic_fetch_add(&fake->waits, fake->cold);
    atomic_fetch_add(&fake->reads, 1);
    n = io_posix()->ops->readv(io, from, iov, count);
    atomic_fetch_add(&fake->read, n > 0 ? (unsigned long long)n : 0);
    return n;
}

static ssize_t fake_writev(struct io *io, int fd, const struct iovec *iov,
                           int count, uint64_t position)
{
    struct fake *fake = (struct fake *)(void *)io;

    if (fake->fails == 0)
        return fake->error;
    if (fake->fails > 0)
        fake->fails--;
    return io_posix()->ops->writev(io, fd, iov, count, position);
}

static int fake_sync(struct io *io, int fd)
{
    struct fake *fake = (struct fake *)(void *)io;

    (void)fd;
    atomic_fetch_add(&fake->waits, fake->cold);
    atomic_fetch_add(&fake->syncs, 1);
    return fake->sync_error;
}

static int fake_open(struct io *io, int dir, const char *name, int flags,
                     mode_t mode)
{
    struct fake *fake = (struct fake *)(void *)io;

    atomic_fetch_add(&fake->waits, fake->cold);
    return io_posix()->ops->open(io, dir, name, flags, mode);
}

/* Remembers the map, or forgets it where size is 0: a test that makes maps by
   itself has others. */
static void note_map(struct fake *fake, const void *map, size_t size)
{
    size_t k = 0;

    (void)pthread_mutex_lock(&fake->maps_lock);
    while (k < FAKE_MAPS && fake->maps[k].map != (size == 0 ? map : NULL))
        k++;
    if (k < FAKE_MAPS) {
        fake->maps[k].map = size == 0 ? NULL : map;
        fake->maps[k].size = size;
    }
    (void)pthread_mutex_unlock(&fake->maps_lock);
    if (k == FAKE_MAPS && size > 0)
        abort();
}

static int fake_map(struct io *io, int fd, size_t size, const void **ret)
{
    struct fake *fake = (struct fake *)(void *)io;
    int r = io_posix()->ops->map(io, fd, size, ret);

    atomic_fetch_add(&fake->waits, fake->cold);
    if (r == 0)
        note_map(fake, *ret, size);
    return r;
}

static void fake_unmap(struct io *io, const void *map, size_t size)
{
    note_map((struct fake *)(void *)io, map, 0);
    io_posix()->ops->unmap(io, map, size);
}

static bool fake_cached(struct io *io, const void *from, size_t size)
{
    (void)from;
    (void)size;
    return !((struct fake *)(void *)io)->cold;
}

void fake_set_cold(struct fake *fake, bool cold)
{
    fake->cold = cold;
    atomic_store(&fake->waits, 0);
    for (size_t k = 0; k < FAKE_MAPS; k++)
        if (fake->maps[k].map)
            assert_int_equal(mprotect((void *)(uintptr_t)fake->maps[k].map,
                                      fake->maps[k].size,
                                      cold ? PROT_NONE : PROT_READ),
                             0);
}

void fake_init(struct fake *fake)
{
    fake->ops = *io_posix()->ops;
    fake->ops.now = fake_now;
    fake->ops.uptime = fake_uptime;
    fake->ops.boot_id = fake_boot_id;
    fake->ops.open = fake_open;
    fake->ops.readv = fake_readv;
    fake->ops.writev = fake_writev;
    fake->ops.sync = fake_sync;
    fake->ops.datasync = fake_sync;
    fake->ops.map = fake_map;
    fake->ops.unmap = fake_unmap;
    fake->ops.cached = fake_cached;
    fake->io.ops = &fake->ops;
    (void)pthread_mutex_init(&fake->maps_lock, NULL);
    memset(fake->maps, 0, sizeof(fake->maps));
    fake->cold = false;
    fake->now = FIXTURE_NOON;
    fake->ahead = 0;
    fake->started = FIXTURE_NOON - INT64_C(1000000000);
    fake->fails = -1;
    fake->error = -ENOSPC;
    fake->sync_error = 0;
    atomic_store(&fake->syncs, 0);
    strcpy(fake->boot_id, "00000000-0000-4000-8000-000000000001");
}

int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fake_init(&fixture->fake);
    fixture->dir = directory_make();
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    fixture_kill(fixture);
    directory_remove(fixture->dir);
    free(fixture);
    return 0;
}

int fixture_try(struct fixture *fixture, struct clog_report *ret_report)
{
    fixture_close(fixture);
    fixture_take_sigbus();
    fixture->options.size = sizeof(fixture->options);
    return log_open(&fixture->fake.io, fixture->dir, &fixture->options,
                    ret_report, &fixture->log);
}

void fixture_open(struct fixture *fixture)
{
    assert_int_equal(fixture_try(fixture, NULL), 0);
}

void fixture_close(struct fixture *fixture)
{
    struct clog *log = fixture->log;

    fixture->log = NULL;
    assert_int_equal(clog_close(log), 0);
}

void fixture_kill(struct fixture *fixture)
{
    if (fixture->log)
        log_abandon(fixture->log);
    fixture->log = NULL;
}

void fixture_power_cut(struct fixture *fixture)
{
    fixture_kill(fixture);
    fixture->fake.boot_id[35]++;
    fixture->fake.started = fixture->fake.now;
}

uint64_t fixture_append(struct fixture *fixture, const char *text)
{
    uint64_t offset = UINT64_MAX;

    assert_int_equal(clog_append(fixture->log, text, strlen(text), 0, &offset),
                     0);
    return offset;
}

size_t fixture_text(uint64_t offset, char ret[FIXTURE_TEXT])
{
    int n = snprintf(ret, FIXTURE_TEXT, "record %" PRIu64, offset);

    /* Lengths differ, so that no record fits another's place. */
    for (uint64_t i = 0; i < offset % 7; i++)
        ret[n++] = (char)('a' + (char)i);
    ret[n] = '\0';
    return (size_t)n;
}

void fixture_fill(struct fixture *fixture, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        char text[FIXTURE_TEXT];
        uint64_t next = fixture_status(fixture).next;

        (void)fixture_text(next, text);
        assert_int_equal(fixture_append(fixture, text), next);
    }
}

void fixture_fill_batch(struct fixture *fixture, uint64_t count)
{
    struct iovec *records = calloc(count, sizeof(*records));
    char(*texts)[FIXTURE_TEXT] = calloc(count, sizeof(*texts));
    uint64_t next = fixture_status(fixture).next;
    uint64_t offset = UINT64_MAX;

    assert_non_null(records);
    assert_non_null(texts);
    for (uint64_t i = 0; i < count; i++) {
        records[i].iov_len = fixture_text(next + i, texts[i]);
        records[i].iov_base = texts[i];
    }
    assert_int_equal(
        clog_append_batch(fixture->log, records, count, 0, &offset), 0);
    assert_int_equal(offset, next);
    free(texts);
    free(records);
}

void fixture_expect(struct fixture *fixture, uint64_t offset, const char *text)
{
    char data[256];
    struct clog_record record;
    ssize_t n = clog_read(fixture->log, offset, data, sizeof(data));

    assert_int_equal(n, strlen(text));
    assert_memory_equal(data, text, strlen(text));
    assert_int_equal(clog_stat(fixture->log, offset, 0, &record), 0);
    assert_int_equal(record.offset, offset);
    assert_int_equal(record.length, strlen(text));
}

void fixture_expect_stream(struct fixture *fixture, uint64_t from, uint64_t to)
{
    struct clog_view *view = NULL;
    struct clog_status status = fixture_status(fixture);
    uint64_t at = 0;
    char text[FIXTURE_TEXT];
    char data[FIXTURE_TEXT];

    assert_int_equal(clog_view_stream(fixture->log, status.stream_start, &view),
                     0);
    for (uint64_t offset = from; offset < to; offset++) {
        size_t size = fixture_text(offset, text);

        assert_int_equal(clog_view_read(view, data, size, at, 0), size);
        assert_memory_equal(data, text, size);
        at += size;
    }
    assert_int_equal(clog_view_size(view), at);
    assert_int_equal(clog_view_read(view, data, 1, at, 0), 0);
    clog_view_close(view);
}

void fixture_expect_filled(struct fixture *fixture, uint64_t from, uint64_t to)
{
    for (uint64_t offset = from; offset < to; offset++) {
        char text[FIXTURE_TEXT];

        (void)fixture_text(offset, text);
        fixture_expect(fixture, offset, text);
    }
    if (from == fixture_status(fixture).oldest &&
        to == fixture_status(fixture).next)
        fixture_expect_stream(fixture, from, to);
}

void fixture_expect_error(struct fixture *fixture, uint64_t offset, int error)
{
    char data[256];

    assert_int_equal(clog_read(fixture->log, offset, data, sizeof(data)),
                     error);
}

void fixture_expect_next(struct fixture *fixture, uint64_t next)
{
    assert_int_equal(fixture_status(fixture).next, next);
}

struct clog_status fixture_status(struct fixture *fixture)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(fixture->log, &status);
    return status;
}

const struct clog_report *fixture_report(struct fixture *fixture)
{
    return clog_open_report(fixture->log);
}

const struct clog_note *fixture_note(struct fixture *fixture,
                                     enum clog_note_kind kind)
{
    const struct clog_report *report = fixture_report(fixture);

    for (size_t i = 0; i < report->note_count; i++)
        if (report->notes[i].kind == kind)
            return &report->notes[i];
    fail_msg("no note of kind %d", (int)kind);
    return NULL;
}

void fixture_expect_sound(struct fixture *fixture)
{
    uint64_t next = fixture_status(fixture).next;

    assert_int_equal(fixture_append(fixture, "appended"), next);
    fixture_expect(fixture, next, "appended");
    fixture_kill(fixture);
    fixture_open(fixture);
    assert_int_equal(fixture_report(fixture)->torn_bytes, 0);
    assert_int_equal(fixture_report(fixture)->indexes, 0);
    fixture_expect(fixture, next, "appended");
    fixture_open(fixture);
    assert_true(fixture_report(fixture)->clean);
    assert_int_equal(fixture_report(fixture)->indexes, 0);
    fixture_expect_next(fixture, next + 1);
    fixture_expect(fixture, next, "appended");
    assert_true(fixture_status(fixture).writable);
}
