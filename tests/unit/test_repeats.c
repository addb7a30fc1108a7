/* SPDX-License-Identifier: MIT */
#include "daemon/repeats.h"

#include <stdio.h>
#include <stdlib.h>

#include "test.h"

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct repeats));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    struct repeats *repeats = *state;

    for (size_t i = 0; i < REPEATS_TEXTS; i++)
        free(repeats->kept[i].text);
    free(repeats);
    return 0;
}

static void expect_taken(struct repeats *repeats, int64_t now_ms,
                         const char *text, unsigned count)
{
    struct repeat repeat;

    assert_true(repeats_take(repeats, now_ms, &repeat));
    assert_string_equal(repeat.text, text);
    assert_int_equal(repeat.count, count);
    free(repeat.text);
}

static void test_repeats_are_counted_for_some_seconds(void **state)
{
    struct repeats *repeats = *state;
    struct repeat repeat;

    assert_int_equal(repeats_due(repeats), INT64_MAX);
    assert_true(repeats_admit(repeats, 3, "full", 1000));
    assert_int_equal(repeats_due(repeats), INT64_MAX);
    assert_false(repeats_admit(repeats, 3, "full", 1001));
    assert_false(repeats_admit(repeats, 3, "full", 1000 + REPEATS_MS - 1));
    assert_int_equal(repeats_due(repeats), 1000 + REPEATS_MS);
    assert_false(repeats_take(repeats, 1000 + REPEATS_MS - 1, &repeat));
    expect_taken(repeats, 1000 + REPEATS_MS, "full", 2);
    assert_false(repeats_take(repeats, INT64_MAX, &repeat));
    assert_true(repeats_admit(repeats, 3, "full", 1000 + REPEATS_MS));
}

/* Nothing is lost of a count that nobody has taken in time. */
static void test_repeats_count_on_after_their_time(void **state)
{
    struct repeats *repeats = *state;

    assert_true(repeats_admit(repeats, 3, "full", 0));
    assert_false(repeats_admit(repeats, 3, "full", 1));
    assert_true(repeats_admit(repeats, 3, "full", REPEATS_MS));
    assert_false(repeats_admit(repeats, 3, "full", REPEATS_MS + 1));
    expect_taken(repeats, (int64_t)2 * REPEATS_MS, "full", 2);
}

/* Texts that are kept are never told apart wrongly; of more than fit, the
   latest are admitted always. */
static void test_repeats_of_many_texts(void **state)
{
    struct repeats *repeats = *state;
    char text[32];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2 * REPEATS_TEXTS; i++) {
            snprintf(text, sizeof(text), "record %d", i);
            assert_int_equal(repeats_admit(repeats, 3, text, round),
                             round == 0 || i >= REPEATS_TEXTS);
        }
    }
    /* Their places are free again when nobody has repeated them. */
    for (int i = 0; i < REPEATS_TEXTS; i++) {
        struct repeat repeat;

        assert_true(repeats_take(repeats, REPEATS_MS, &repeat));
        free(repeat.text);
    }
    assert_true(repeats_admit(repeats, 3, "record 31", REPEATS_MS));
    assert_false(repeats_admit(repeats, 3, "record 31", REPEATS_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_repeats_are_counted_for_some_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_repeats_count_on_after_their_time,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_repeats_of_many_texts, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("repeats", tests, NULL, NULL);
}
