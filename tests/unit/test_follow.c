/* SPDX-License-Identifier: MIT */
#include "files/follow.h"

#include <stdlib.h>
#include <string.h>

#include "clog.h"
#include "files/handle.h"
#include "files/mount.h"
#include "fixture.h"
#include "test.h"

/* How often it was asked where a record lies, which is a search. */
static unsigned finds;

/* The linker leads the calls here. */
int real_find(struct clog *log, uint64_t position, unsigned flags,
              struct clog_span *ret_span) __asm__("__real_clog_stream_find");
int wrap_find(struct clog *log, uint64_t position, unsigned flags,
              struct clog_span *ret_span) __asm__("__wrap_clog_stream_find");

int wrap_find(struct clog *log, uint64_t position, unsigned flags,
              struct clog_span *ret_span)
{
    finds++;
    return real_find(log, position, flags, ret_span);
}

/* However much a reader is behind, and however many records it is given, each
   read searches once, and at the end of what there is not at all. */
static void test_follow_searches_once_a_read(void **state)
{
    struct fixture *fixture = *state;
    struct options options = {0};
    struct fs fs = {.options = &options};
    struct handle handle = {.fs = &fs, .kind = &follow_kind};
    char data[200];
    uint64_t position = 0;
    ssize_t n;

    fixture->options.max_index = 4096;
    fixture_open(fixture);
    fixture_fill(fixture, 2000);
    fs.log = fixture->log;
    assert_int_equal(follow_begin(&handle, 0, false), 0);
    for (int reads = 1; reads <= 50; reads++) {
        n = follow_read(&handle, data, sizeof(data), position, 0);
        assert_in_range(n, 1, sizeof(data));
        position += (uint64_t)n;
        assert_int_equal(finds, reads);
    }
    finds = 0;
    position = fixture_status(fixture).stream_end - sizeof(data);
    n = follow_read(&handle, data, sizeof(data), position, 0);
    assert_int_equal(n, sizeof(data));
    assert_int_equal(finds, 0);
    (void)follow_close(&handle, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_follow_searches_once_a_read),
    };

    return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
