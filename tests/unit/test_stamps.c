/* SPDX-License-Identifier: MIT */
#include "segment/stamps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

/* The first stamp that FORMAT.md shows. */
static const uint8_t golden[16] = {0x18, 0xea, 0x5c, 0x38, 0xaf, 0xec,
                                   0x80, 0x00, 0x00, 0x00, 0x00, 0x00,
                                   0xf8, 0x25, 0x0b, 0xe4};

/* A stamp is time, bits and checksum, big-endian. */
static void test_stamps_put_is_golden(void **state)
{
    struct stamp stamp = {.time_ns = 1795348800000000000ULL, .crc = 0xf8250be4};
    uint8_t bytes[16];

    (void)state;
    stamps_put(bytes, &stamp);
    assert_memory_equal(bytes, golden, sizeof(golden));
}

/* What was put is what is got; behind the last there is none. */
static void test_stamps_got_as_put(void **state)
{
    struct stamp stamp = {~0ULL - 1, STAMP_MORE | 7, 0xdeadbeef};
    struct stamp got = {0};
    struct slots stamps = {.fd = -1};
    uint8_t *memory = malloc(32);

    (void)state;
    assert_non_null(memory);
    memcpy(memory, golden, 16);
    stamps_put(memory + 16, &stamp);
    slots_use(&stamps, memory, 32);
    assert_int_equal(stamps_get(&stamps, 1, &got), 0);
    assert_int_equal(got.time_ns, stamp.time_ns);
    assert_int_equal(got.bits, stamp.bits);
    assert_int_equal(got.crc, stamp.crc);
    assert_int_equal(stamps_get(&stamps, 2, &got), -EIO);
    assert_int_equal(got.crc, stamp.crc);
    free(stamps.memory);
}

/* The lower bits say how far the record lay above what was durable. */
static void test_stamps_bits_tell_distance_and_batch(void **state)
{
    (void)state;
    assert_int_equal(stamp_bits(10, 10, false), 0);
    assert_int_equal(stamp_bits(10, 3, false), 7);
    assert_int_equal(stamp_bits(10, 3, true), 0x80000007);
    assert_int_equal(stamp_bits(10, 11, false), 0);
}

/* A distance that does not fit is not known, rather than a wrong one. */
static void test_stamps_bits_of_huge_distance_are_unknown(void **state)
{
    (void)state;
    assert_int_equal(stamp_bits(0x7ffffffeULL, 0, false), 0x7ffffffe);
    assert_int_equal(stamp_bits(0x7fffffffULL, 0, false), STAMP_UNKNOWN);
    assert_int_equal(stamp_bits(1ULL << 40, 0, false), STAMP_UNKNOWN);
    assert_int_equal(stamp_bits(1ULL << 40, 0, true),
                     STAMP_UNKNOWN | STAMP_MORE);
}

/* A stamp proves the durable offset it was made with, or none at all. */
static void test_stamps_durable_is_what_the_stamp_proves(void **state)
{
    struct stamp stamp = {.bits = stamp_bits(10, 3, true)};

    (void)state;
    assert_int_equal(stamp_durable(&stamp, 10), 3);
    stamp.bits = stamp_bits(10, 10, false);
    assert_int_equal(stamp_durable(&stamp, 10), 10);
    stamp.bits = STAMP_UNKNOWN;
    assert_int_equal(stamp_durable(&stamp, 1ULL << 40), 0);
    stamp.bits = 11;
    assert_int_equal(stamp_durable(&stamp, 10), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stamps_put_is_golden),
        cmocka_unit_test(test_stamps_got_as_put),
        cmocka_unit_test(test_stamps_bits_tell_distance_and_batch),
        cmocka_unit_test(test_stamps_bits_of_huge_distance_are_unknown),
        cmocka_unit_test(test_stamps_durable_is_what_the_stamp_proves),
    };

    return cmocka_run_group_tests_name("stamps", tests, NULL, NULL);
}
