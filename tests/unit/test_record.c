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
        cmocka_unit_test(test_record_crc_of_hello_world_foo_is_golden),
        cmocka_unit_test(test_record_crc_of_anything_else_differs),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
