/* SPDX-License-Identifier: MIT */
#include "io/bytes.h"
#include "test.h"

/* The most significant byte comes first. */
static void test_bytes_put_big_endian(void **state)
{
    static const uint8_t eight[] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t bytes[8];

    (void)state;
    put_be64(bytes, 0x0102030405060708);
    assert_memory_equal(bytes, eight, 8);
    put_be32(bytes, 0x01020304);
    assert_memory_equal(bytes, eight, 4);
}

/* What was put is what is got, at the ends of the range too. */
static void test_bytes_got_as_put(void **state)
{
    static const uint64_t numbers[] = {0, 1, UINT32_MAX, 1ULL << 63,
                                       UINT64_MAX};
    uint8_t bytes[8];

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        put_be64(bytes, numbers[i]);
        assert_int_equal(get_be64(bytes), numbers[i]);
        put_be32(bytes, (uint32_t)numbers[i]);
        assert_int_equal(get_be32(bytes), (uint32_t)numbers[i]);
    }
}

/* Integers may lie at any address, and nothing around them is touched. */
static void test_bytes_unaligned_leaves_neighbours(void **state)
{
    uint8_t bytes[11] = {0};

    (void)state;
    memset(bytes, 0xee, sizeof(bytes));
    put_be64(bytes + 1, 0x1122334455667788);
    assert_int_equal(get_be64(bytes + 1), 0x1122334455667788);
    assert_int_equal(bytes[0], 0xee);
    assert_int_equal(bytes[9], 0xee);
    put_be32(bytes + 3, 0x99aabbcc);
    assert_int_equal(get_be32(bytes + 3), 0x99aabbcc);
    assert_int_equal(get_be64(bytes + 1), 0x112299aabbcc7788);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_put_big_endian),
        cmocka_unit_test(test_bytes_got_as_put),
        cmocka_unit_test(test_bytes_unaligned_leaves_neighbours),
    };

    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
