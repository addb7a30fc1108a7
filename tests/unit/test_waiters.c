/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>

#include "log/waiters.h"
#include "test.h"

#define THREADS 4
#define ROUNDS  2000
#define LONG    60000 /* ms: never reached */

static struct waiters waiters;

static int setup(void **state)
{
    (void)state;
    waiters_init(&waiters);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    waiters_done(&waiters);
    return 0;
}

/* There is more when *have is above want. */
struct wish {
    atomic_uint *have;
    unsigned want;
};

static bool is_granted(void *ctx)
{
    const struct wish *wish = ctx;

    return atomic_load(wish->have) > wish->want;
}

static void test_waiters_time_out(void **state)
{
    atomic_uint have = 0;
    struct wish wish = {&have, 0};

    (void)state;
    assert_int_equal(waiters_wait(&waiters, is_granted, &wish, 0), -ETIMEDOUT);
    assert_int_equal(waiters_wait(&waiters, is_granted, &wish, 5), -ETIMEDOUT);
    waiters_wake(&waiters);
    assert_int_equal(waiters_wait(&waiters, is_granted, &wish, 0), -ETIMEDOUT);
}

static void test_waiters_do_not_wait_for_what_is_there(void **state)
{
    atomic_uint have = 1;
    struct wish wish = {&have, 0};

    (void)state;
    assert_int_equal(waiters_wait(&waiters, is_granted, &wish, 0), 0);
    assert_int_equal(waiters_wait(&waiters, is_granted, &wish, LONG), 0);
    assert_int_equal(waiters_wait(&waiters, is_granted, &wish, -1), 0);
}

struct queue {
    atomic_uint sent, answers[THREADS];
    atomic_uint number;
};

/* Answers each of the numbers that are sent. */
static void *answer(void *ctx)
{
    struct queue *queue = ctx;
    unsigned me = atomic_fetch_add(&queue->number, 1);

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct wish wish = {&queue->sent, i};

        if (waiters_wait(&waiters, is_granted, &wish, LONG) < 0)
            return ctx;
        atomic_fetch_add(&queue->answers[me], 1);
        waiters_wake(&waiters);
    }
    return NULL;
}

/* However the looks and the wake-ups fall, none is missed. */
static void test_waiters_miss_no_wake_up(void **state)
{
    struct queue queue = {0};
    pthread_t threads[THREADS];
    void *failed = NULL;

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, answer, &queue), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&queue.sent, 1);
        waiters_wake(&waiters);
        for (int k = 0; k < THREADS; k++) {
            struct wish wish = {&queue.answers[k], i};

            assert_int_equal(waiters_wait(&waiters, is_granted, &wish, LONG),
                             0);
        }
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

#define WAITERS_TEST(test) \
    cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITERS_TEST(test_waiters_time_out),
        WAITERS_TEST(test_waiters_do_not_wait_for_what_is_there),
        WAITERS_TEST(test_waiters_miss_no_wake_up),
    };

    return cmocka_run_group_tests_name("waiters", tests, NULL, NULL);
}
