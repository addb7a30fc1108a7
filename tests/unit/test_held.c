/* SPDX-License-Identifier: MIT */
#include "files/held.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clog.h"
#include "fixture.h"
#include "test.h"

/* Appending very many lines takes long enough to be another thread's. */
static void test_held_many_lines_would_wait(void **state)
{
    enum { MANY = 10000 };
    struct fixture *fixture = *state;
    struct held held;
    struct line line = {0};
    char *data = malloc(MANY);

    assert_non_null(data);
    memset(data, '\n', MANY);
    fixture_open(fixture);
    held_init(&held, fixture->log, "log", 1 << 20);
    assert_int_equal(held_write(&held, &line, data, MANY, false, CLOG_NOWAIT),
                     -EAGAIN);
    fixture_expect_next(fixture, 0);
    assert_int_equal(held_write(&held, &line, data, 10, false, CLOG_NOWAIT), 0);
    fixture_expect_next(fixture, 10);
    assert_int_equal(held_write(&held, &line, data, MANY, false, 0), 0);
    fixture_expect_next(fixture, 10 + MANY);
    held_drop(&held, &line);
    held_done(&held);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_held_many_lines_would_wait),
    };

    return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
