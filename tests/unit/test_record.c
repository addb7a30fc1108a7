/* SPDX-License-Identifier: MIT */
#include "segment/record.h"

#include <string.h>

#include "segment/stamps.h"
#include "test.h"

#define NOON 1795348800000000000ULL

static uint32_t checksum(uint64_t offset, uint64_t position, uint64_t time_ns,
                         uint32_t bits, const char *payload)
{
    struct stamp stamp = {.time_ns = time_ns, .bits = bits};
    crc_t crc = record_crc_start(offset, position, &stamp);

    crc = crc_add(crc, payload, strlen(payload));
    return record_crc_end(crc, strlen(payload));
}

/* The check value that FORMAT.md and RFC 3720 give. */
static void test_record_crc32c_of_digits_is_golden(void **state)
{
    (void)state;
    assert_int_equal(crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(crc32c("", 0), 0);
}

/* RFC 3720, B.4: 32 bytes of zeros, of ones, and counting up. */
static void test_record_crc32c_of_rfc_vectors_is_golden(void **state)
{
    uint8_t bytes[32];

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x62a8ab43);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x46dd794e);
}

/* Cut anywhere, the pieces give the checksum of the whole. */
static void test_record_crc_of_pieces_is_that_of_whole(void **state)
{
    static const char text[] = "the quick brown fox jumps over the lazy dog";
    size_t size = strlen(text);

    (void)state;
    for (size_t cut = 0; cut <= size; cut++) {
        crc_t crc = crc_add(CRC_START, text, cut);

        crc = crc_add(crc, text + cut, size - cut);
        assert_int_equal(crc_end(crc), crc32c(text, size));
    }
}

/* The checksums in the stamps that FORMAT.md shows. */
static void test_record_crc_of_hello_world_foo_is_golden(void **state)
{
    (void)state;
    assert_int_equal(checksum(0, 0, NOON, 0, "hello"), 0xf8250be4);
    assert_int_equal(checksum(1, 13, NOON + 1000000000, 1, "world"),
                     0x9c84eda4);
    assert_int_equal(checksum(2, 26, NOON + 2000000000, 2, "foo"), 0xe73fa366);
}

/* Everything that the checksum is over changes it. */
static void test_record_crc_of_anything_else_differs(void **state)
{
    uint32_t crc = checksum(7, 91, NOON, 3, "payload");

    (void)state;
    assert_int_not_equal(checksum(8, 91, NOON, 3, "payload"), crc);
    assert_int_not_equal(checksum(7, 92, NOON, 3, "payload"), crc);
    assert_int_not_equal(checksum(7, 91, NOON + 1, 3, "payload"), crc);
    assert_int_not_equal(checksum(7, 91, NOON, 3 | STAMP_MORE, "payload"), crc);
    assert_int_not_equal(checksum(7, 91, NOON, 3, "Payload"), crc);
    assert_int_not_equal(checksum(7, 91, NOON, 3, "payloa"), crc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_crc32c_of_digits_is_golden),
        cmocka_unit_test(test_record_crc32c_of_rfc_vectors_is_golden),
        cmocka_unit_test(test_record_crc_of_pieces_is_that_of_whole),
        cmocka_unit_test(test_record_crc_of_hello_world_foo_is_golden),
        cmocka_unit_test(test_record_crc_of_anything_else_differs),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
