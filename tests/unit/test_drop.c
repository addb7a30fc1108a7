/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_drop_is_decided_on_what_is_there),
    };

    return cmocka_run_group_tests_name("drop", tests, NULL, NULL);
}
