/* SPDX-License-Identifier: MIT */
#include "segment/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

/* FORMAT.md's example: "hello", "world" and "foo" lie at 0, 13 and 26. */
static const uint8_t golden[48] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, /**/
    0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x0d, /**/
    0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x1a,
};

static void open_in_memory(struct slots *index, const void *data, size_t size)
{
    uint8_t *memory = malloc(size);

    assert_non_null(memory);
    memcpy(memory, data, size);
    *index = (struct slots){.fd = -1};
    slots_use(index, memory, size);
}

/* An entry is offset and position, big-endian. */
static void test_index_put_is_golden(void **state)
{
    uint8_t entries[48];

    (void)state;
    index_put(entries, 0, 0);
    index_put(entries + 16, 1, 13);
    index_put(entries + 32, 2, 26);
    assert_memory_equal(entries, golden, sizeof(golden));
}

/* Entry i is found at i * 16. */
static void test_index_get_of_each_is_its_position(void **state)
{
    struct slots index;
    uint64_t position = 99;

    (void)state;
    open_in_memory(&index, golden, sizeof(golden));
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(index_get(&index, 0, i, &position), 0);
        assert_int_equal(position, 13 * i);
    }
    free(index.memory);
}

/* Offsets are absolute: entry i of the segment is of record base + i. */
static void test_index_get_with_base_wants_absolute_offset(void **state)
{
    struct slots index;
    uint64_t position = 99;
    uint8_t entry[16];

    (void)state;
    index_put(entry, 12345, 77);
    open_in_memory(&index, entry, sizeof(entry));
    assert_int_equal(index_get(&index, 12345, 0, &position), 0);
    assert_int_equal(position, 77);
    assert_int_equal(index_get(&index, 12344, 0, &position), -EUCLEAN);
    assert_int_equal(position, 77);
    free(index.memory);
}

/* A slot of zeros is no entry, save that of record 0. */
static void test_index_get_of_zeros_is_euclean(void **state)
{
    static const uint8_t zeros[32];
    struct slots index;
    uint64_t position = 99;

    (void)state;
    open_in_memory(&index, zeros, sizeof(zeros));
    assert_int_equal(index_get(&index, 0, 1, &position), -EUCLEAN);
    assert_int_equal(index_get(&index, 5, 0, &position), -EUCLEAN);
    assert_int_equal(position, 99);
    assert_int_equal(index_get(&index, 0, 0, &position), 0);
    assert_int_equal(position, 0);
    free(index.memory);
}

/* Behind the last entry there is none, and the output stays as it was. */
static void test_index_get_behind_end_is_eio(void **state)
{
    struct slots index;
    uint64_t position = 99;

    (void)state;
    open_in_memory(&index, golden, sizeof(golden));
    assert_int_equal(index_get(&index, 0, 3, &position), -EIO);
    assert_int_equal(index_get(&index, 0, UINT64_MAX, &position), -EIO);
    assert_int_equal(position, 99);
    free(index.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_put_is_golden),
        cmocka_unit_test(test_index_get_of_each_is_its_position),
        cmocka_unit_test(test_index_get_with_base_wants_absolute_offset),
        cmocka_unit_test(test_index_get_of_zeros_is_euclean),
        cmocka_unit_test(test_index_get_behind_end_is_eio),
    };

    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
