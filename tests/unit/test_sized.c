/* SPDX-License-Identifier: MIT */
#include "log/sized.h"

#include <errno.h>
#include <string.h>

#include "fixture.h"
#include "log/log.h"
#include "test.h"

/* One struct in three versions: the library has the middle one. */
struct older {
    size_t size;
    uint64_t a;
};

struct own {
    size_t size;
    uint64_t a, b;
};

struct newer {
    size_t size;
    uint64_t a, b, c;
};

static void test_sized_same_version_is_taken_whole(void **state)
{
    struct own given = {sizeof(given), 1, 2};
    struct own own;

    (void)state;
    assert_int_equal(sized_take(&given, sizeof(own), &own), 0);
    assert_int_equal(own.a, 1);
    assert_int_equal(own.b, 2);
}

/* What the caller does not know is zero, whatever lies behind its struct. */
static void test_sized_older_caller_gets_the_default(void **state)
{
    struct own given = {sizeof(struct older), 1, 2};
    struct own own;

    (void)state;
    assert_int_equal(sized_take(&given, sizeof(own), &own), 0);
    assert_int_equal(own.a, 1);
    assert_int_equal(own.b, 0);
}

static void test_sized_newer_caller_may_ask_for_nothing_new(void **state)
{
    struct newer given = {sizeof(given), 1, 2, 0};
    struct own own = {0};

    (void)state;
    assert_int_equal(sized_take(&given, sizeof(own), &own), 0);
    assert_int_equal(own.b, 2);
    for (size_t i = 0; i < sizeof(given.c); i++) {
        ((char *)&given.c)[i] = 1;
        own = (struct own){.a = 7};
        assert_int_equal(sized_take(&given, sizeof(own), &own), -E2BIG);
        assert_int_equal(own.a, 7);
        given.c = 0;
    }
}

/* A caller that has not set the size has left anything there. */
static void test_sized_no_size_is_refused(void **state)
{
    static const size_t wrong[] = {0, 1, sizeof(size_t) - 1};
    struct own given = {0, 1, 2};
    struct own own = {.a = 7};

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        given.size = wrong[i];
        assert_int_equal(sized_take(&given, sizeof(own), &own), -EINVAL);
        assert_int_equal(sized_give(&own, sizeof(own), &given), -EINVAL);
    }
    given.size = SIZE_MAX;
    assert_int_equal(sized_take(&given, sizeof(own), &own), -E2BIG);
    assert_int_equal(own.a, 7);
    assert_int_equal(given.a, 1);
}

static void test_sized_caller_gets_what_fits(void **state)
{
    const struct own own = {sizeof(own), 1, 2};
    struct own older = {sizeof(struct older), 7, 8};
    struct newer newer = {sizeof(newer), 7, 8, 9};

    (void)state;
    assert_int_equal(sized_give(&own, sizeof(own), &older), 0);
    assert_int_equal(older.size, sizeof(struct older));
    assert_int_equal(older.a, 1);
    assert_int_equal(older.b, 8);
    assert_int_equal(sized_give(&own, sizeof(own), &newer), 0);
    assert_int_equal(newer.size, sizeof(newer));
    assert_int_equal(newer.b, 2);
    assert_int_equal(newer.c, 9);
}

/* --- As the library's own structs have it --------------------------------- */

/* What a newer version of clog.h may look like. */
struct newer_options {
    struct clog_options known;
    uint64_t more;
};

struct newer_status {
    struct clog_status known;
    uint64_t more;
};

static void test_sized_options_of_other_versions(void **state)
{
    struct fixture *fixture = *state;
    struct newer_options given = {.known = {.max_record = 1, .max_store = 1}};
    struct clog_options *options = &given.known;
    struct clog *log = NULL;
    struct io *io = &fixture->fake.io;

    assert_int_equal(log_open(io, fixture->dir, options, NULL, &log), -EINVAL);
    options->size = sizeof(given);
    given.more = 1;
    assert_int_equal(log_open(io, fixture->dir, options, NULL, &log), -E2BIG);
    assert_int_equal(directory_count(fixture->dir, "."), 0);

    given.more = 0;
    fixture_take_sigbus();
    assert_int_equal(log_open(io, fixture->dir, options, NULL, &log), 0);
    assert_int_equal(clog_append(log, "a", 1, 0, NULL), 0);
    assert_int_equal(clog_append(log, "ab", 2, 0, NULL), -EMSGSIZE);
    assert_int_equal(clog_close(log), 0);

    /* max_record is known, max_store is not: the log does not roll. */
    options->size = offsetof(struct clog_options, max_store);
    fixture_take_sigbus();
    assert_int_equal(log_open(io, fixture->dir, options, NULL, &log), 0);
    fixture->log = log;
    assert_int_equal(clog_max_record(log), 1);
    assert_int_equal(clog_append(log, "a", 1, 0, NULL), 0);
    assert_int_equal(fixture_status(fixture).segments, 1);
}

static void test_sized_status_of_other_versions(void **state)
{
    struct fixture *fixture = *state;
    struct newer_status status = {.known.size = sizeof(status), .more = 7};

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    assert_int_equal(clog_status(fixture->log, &status.known), 0);
    assert_int_equal(status.known.next, 3);
    assert_true(status.known.writable);
    assert_int_equal(status.more, 7);

    memset(&status, 7, sizeof(status));
    status.known.size = offsetof(struct clog_status, durable);
    assert_int_equal(clog_status(fixture->log, &status.known), 0);
    assert_int_equal(status.known.next, 3);
    for (size_t i = status.known.size; i < sizeof(status); i++)
        assert_int_equal(((char *)&status)[i], 7);

    status.known.size = 0;
    assert_int_equal(clog_status(fixture->log, &status.known), -EINVAL);
}

static void test_sized_verify_of_other_versions(void **state)
{
    struct fixture *fixture = *state;
    struct clog_verify_options options = {0};
    struct clog_verify_result result = {0};
    struct io *io = &fixture->fake.io;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    fixture_close(fixture);
    assert_int_equal(log_verify(io, fixture->dir, NULL, &result), -EINVAL);
    result.size = offsetof(struct clog_verify_result, good);
    assert_int_equal(log_verify(io, fixture->dir, &options, &result), -EINVAL);
    assert_int_equal(log_verify(io, fixture->dir, NULL, &result), 0);
    assert_int_equal(result.records, 3);
    assert_int_equal(result.good, 0);
    result.size = sizeof(result);
    assert_int_equal(log_verify(io, fixture->dir, NULL, &result), 0);
    assert_int_equal(result.good, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sized_same_version_is_taken_whole),
        cmocka_unit_test(test_sized_older_caller_gets_the_default),
        cmocka_unit_test(test_sized_newer_caller_may_ask_for_nothing_new),
        cmocka_unit_test(test_sized_no_size_is_refused),
        cmocka_unit_test(test_sized_caller_gets_what_fits),
        FIXTURE_TEST(test_sized_options_of_other_versions),
        FIXTURE_TEST(test_sized_status_of_other_versions),
        FIXTURE_TEST(test_sized_verify_of_other_versions),
    };

    return cmocka_run_group_tests_name("sized", tests, NULL, NULL);
}
