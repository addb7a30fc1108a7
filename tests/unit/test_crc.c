/* SPDX-License-Identifier: MIT */
/*
 * Built twice: with the checksum that the library uses here, and with the
 * one for systems without ISA-L.
 */
#include "segment/crc.h"

#include <string.h>

#include "test.h"

/* Bit by bit, as RFC 3720 defines it. */
static crc_t by_definition(crc_t crc, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return crc;
}

/* The check value that FORMAT.md and RFC 3720 give. */
static void test_crc_of_digits_is_golden(void **state)
{
    (void)state;
    assert_int_equal(crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(crc32c("", 0), 0);
}

/* RFC 3720, B.4: 32 bytes of zeros, of ones, and counting up. */
static void test_crc_of_rfc_vectors_is_golden(void **state)
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

/* Of any length, wherever in memory it begins. */
static void test_crc_of_any_bytes_is_as_defined(void **state)
{
    uint8_t bytes[320];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * i * 31 + i);
    for (size_t from = 0; from < 16; from++) {
        for (size_t size = 0; size <= 300; size++)
            assert_int_equal(crc_add(CRC_START, bytes + from, size),
                             by_definition(CRC_START, bytes + from, size));
    }
}

/* Cut anywhere, the pieces give the checksum of the whole. */
static void test_crc_of_pieces_is_that_of_whole(void **state)
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

/* The CRC of two parts is known from those of each, wherever they part. */
static void test_crc_of_parts_joins(void **state)
{
    uint8_t data[700];
    crc_t whole;

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * i + i / 3);
    whole = crc_add(CRC_START, data, sizeof(data));
    for (size_t n = 0; n <= sizeof(data); n++) {
        size_t left = sizeof(data) - n;

        assert_int_equal(crc_join(crc_add(CRC_START, data, n),
                                  crc_add(0, data + n, left), left),
                         whole);
    }
}

/* So is that of a range, from what ends where it begins and where it ends. */
static void test_crc_of_range_is_known_from_beginnings(void **state)
{
    uint8_t data[300];

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(7 * i);
    for (size_t from = 0; from < sizeof(data); from += 13)
        for (size_t to = from; to < sizeof(data); to += 7)
            assert_int_equal(crc_join(CRC_START ^ crc_add(0, data, from),
                                      crc_add(0, data, to), to - from),
                             crc_add(CRC_START, data + from, to - from));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc_of_digits_is_golden),
        cmocka_unit_test(test_crc_of_rfc_vectors_is_golden),
        cmocka_unit_test(test_crc_of_any_bytes_is_as_defined),
        cmocka_unit_test(test_crc_of_pieces_is_that_of_whole),
        cmocka_unit_test(test_crc_of_parts_joins),
        cmocka_unit_test(test_crc_of_range_is_known_from_beginnings),
    };

    return cmocka_run_group_tests_name("crc", tests, NULL, NULL);
}
