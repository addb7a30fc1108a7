/* SPDX-License-Identifier: MIT */
#include "serve/patience.h"
#include "serve/waiting.h"

#include <errno.h>
#include <stdlib.h>

#include "files/mount.h"
#include "fixture.h"
#include "test.h"

/* Reads that wait, without a mount: no signal ever comes to them. */
struct bench {
    struct fixture *fixture;
    struct fs fs;
    struct waiters waiters;
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    void *fixture = NULL;

    assert_non_null(bench);
    assert_int_equal(fixture_setup(&fixture), 0);
    bench->fixture = fixture;
    fixture_open(bench->fixture);
    bench->fs.log = bench->fixture->log;
    waiting_start(&bench->waiters, &bench->fs);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    void *fixture = bench->fixture;

    (void)fixture_teardown(&fixture);
    free(bench);
    return 0;
}

static struct request reader(uid_t uid, uint64_t at)
{
    return (struct request){.uid = uid, .at = at, .watched = true};
}

static int park(struct bench *bench, struct request *request)
{
    return waiting_park(&bench->waiters, request);
}

/* An append wakes who waits for it, and nobody who waits for what is far
   ahead. */
static void test_parked_ahead_stay(void **state)
{
    struct bench *bench = *state;
    struct request near = reader(1, 0);
    struct request at_end = reader(1, 8);
    struct request far = reader(1, UINT64_C(1) << 40);
    uint64_t end = 0;

    assert_int_equal(park(bench, &near), 0);
    assert_int_equal(park(bench, &far), 0);
    assert_int_equal(park(bench, &at_end), 0);
    assert_int_equal(bench->fs.following, 3);
    assert_null(waiting_take(&bench->waiters, &end));
    fixture_fill(bench->fixture, 1); /* 8 bytes */
    assert_ptr_equal(waiting_take(&bench->waiters, &end), &near);
    assert_null(near.next);
    assert_int_equal(end, 8);
    assert_int_equal(bench->fs.following, 2);
    assert_int_equal(park(bench, &near), 1);
    assert_null(waiting_take(&bench->waiters, &end));
    fixture_fill(bench->fixture, 1);
    assert_ptr_equal(waiting_take(&bench->waiters, &end), &at_end);
    assert_null(at_end.next);
    assert_int_equal(bench->fs.following, 1);
    assert_null(waiting_take(&bench->waiters, &end));
}

/* One user's readers take no place of another's. */
static void test_parked_users_have_their_share(void **state)
{
    struct bench *bench = *state;
    struct request *of_one = calloc(WAITING_MAX, sizeof(*of_one));
    struct request more = reader(1, 0);
    struct request other = reader(2, 0);
    uint64_t end = 0;

    assert_non_null(of_one);
    for (size_t i = 0; i < WAITING_MAX; i++) {
        of_one[i] = reader(1, 0);
        assert_int_equal(park(bench, &of_one[i]), 0);
    }
    assert_int_equal(park(bench, &more), -ENOBUFS);
    assert_int_equal(park(bench, &other), 0);
    assert_int_equal(bench->fs.following, WAITING_MAX + 1);
    fixture_fill(bench->fixture, 1);
    assert_non_null(waiting_take(&bench->waiters, &end));
    assert_int_equal(bench->fs.following, 0);
    more.at = end;
    assert_int_equal(park(bench, &more), 0);
    free(of_one);
}

/* Many users wait at a time, and one more when one of them has gone. */
static void test_parked_users_are_bounded(void **state)
{
    struct bench *bench = *state;
    struct request readers[WAITING_USERS];
    struct request more = reader(WAITING_USERS, 8);
    uint64_t end = 0;

    for (size_t i = 0; i < WAITING_USERS; i++) {
        readers[i] = reader((uid_t)i, i == 7 ? 0 : 8);
        assert_int_equal(park(bench, &readers[i]), 0);
    }
    assert_int_equal(park(bench, &more), -ENOBUFS);
    fixture_fill(bench->fixture, 1);
    assert_ptr_equal(waiting_take(&bench->waiters, &end), &readers[7]);
    assert_int_equal(park(bench, &more), 0);
}

/* Half of what the kernel waits, which is 15 seconds at least. */
static void test_parked_patience_is_half_the_kernels(void **state)
{
    (void)state;
    assert_int_equal(patience_limit(0, 0), 0);
    assert_int_equal(patience_limit(60, 0), UINT64_C(30000000000));
    assert_int_equal(patience_limit(60, 40), UINT64_C(20000000000));
    assert_int_equal(patience_limit(0, 40), UINT64_C(20000000000));
    assert_int_equal(patience_limit(20, 40), UINT64_C(10000000000));
    assert_int_equal(patience_limit(1, 0), UINT64_C(7500000000));
}

#define PARKED_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PARKED_TEST(test_parked_ahead_stay),
        PARKED_TEST(test_parked_users_have_their_share),
        PARKED_TEST(test_parked_users_are_bounded),
        cmocka_unit_test(test_parked_patience_is_half_the_kernels),
    };

    return cmocka_run_group_tests_name("parked", tests, NULL, NULL);
}
