/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Lengths come again after so many records. */
#define CYCLE 64

#define FRAME 8
#define SLOT  16

static uint64_t starts[CYCLE + 1];
static uint32_t crc_table[256];

static size_t length_of(uint64_t i)
{
    if (i == 21)
        return PATTERN_RECORD;
    if (i % 16 == 5)
        return 14;
    return 20 + (size_t)(i * 7919 % 211) + (i % 8 == 3 ? 900 : 0);
}

void pattern_init(void)
{
    for (uint64_t i = 0; i < CYCLE; i++)
        starts[i + 1] = starts[i] + length_of(i);
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ ((value & 1) != 0 ? 0x82f63b78U : 0);
        crc_table[i] = value;
    }
}

size_t pattern_length(uint64_t n)
{
    return length_of(n % CYCLE);
}

uint64_t pattern_start(uint64_t n)
{
    return n / CYCLE * starts[CYCLE] + starts[n % CYCLE];
}

/* The record in whose step position lies, each extra bytes longer than its
   payload, where position 0 is the beginning of a cycle. */
static uint64_t record_at(uint64_t position, uint64_t extra)
{
    uint64_t cycle = starts[CYCLE] + CYCLE * extra;
    uint64_t n = position / cycle * CYCLE;
    uint64_t i = 0;

    position %= cycle;
    while (starts[i + 1] + (i + 1) * extra <= position)
        i++;
    return n + i;
}

uint64_t pattern_at(uint64_t position)
{
    return record_at(position, 0);
}

/* Where the frame of record n would begin if all records since 0 lay in one
   store. */
static uint64_t frame_start(uint64_t n)
{
    return pattern_start(n) + n * FRAME;
}

uint64_t pattern_stored(uint64_t base, uint64_t position)
{
    return record_at(frame_start(base) + position, FRAME);
}

size_t pattern_record(uint64_t n, char *data)
{
    size_t size = pattern_length(n);
    char digits[PATTERN_DIGITS + 1];

    snprintf(digits, sizeof(digits), "%0*" PRIu64, PATTERN_DIGITS,
             n % UINT64_C(1000000000000));
    memcpy(data, digits, PATTERN_DIGITS);
    for (size_t i = PATTERN_DIGITS; i + 1 < size; i++)
        data[i] = (char)('a' + (n + i) % 26);
    data[size - 1] = '\n';
    return size;
}

uint64_t pattern_number(const char *data, size_t size)
{
    uint64_t n = 0;

    if (size < PATTERN_DIGITS)
        return UINT64_MAX;
    for (size_t i = 0; i < PATTERN_DIGITS; i++) {
        if (data[i] < '0' || data[i] > '9')
            return UINT64_MAX;
        n = n * 10 + (uint64_t)(data[i] - '0');
    }
    return n;
}

static void put_be(unsigned char *data, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        data[i] = (unsigned char)(value >> (56 - 8 * i));
}

static uint64_t get_be(const unsigned char *data, int bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < bytes; i++)
        value = value << 8 | data[i];
    return value;
}

/* Copies what of the whole bytes of a piece lies in the window: at most size
   bytes, from skip on. */
static size_t window(char *data, size_t size, const char *whole, size_t skip,
                     size_t length)
{
    size_t n = length - skip;

    if (n > size)
        n = size;
    memcpy(data, whole + skip, n);
    return n;
}

void pattern_stream(uint64_t position, char *data, size_t size)
{
    char record[PATTERN_RECORD];
    uint64_t n = pattern_at(position);
    size_t skip = (size_t)(position - pattern_start(n));

    for (; size > 0; n++, skip = 0) {
        size_t length = pattern_record(n, record);
        size_t got = window(data, size, record, skip, length);

        data += got;
        size -= got;
    }
}

void pattern_store(uint64_t base, uint64_t position, char *data, size_t size)
{
    char frame[FRAME + PATTERN_RECORD];
    uint64_t n = pattern_stored(base, position);
    size_t skip = (size_t)(frame_start(base) + position - frame_start(n));

    for (; size > 0; n++, skip = 0) {
        size_t length = pattern_record(n, frame + FRAME);
        size_t got;

        put_be((unsigned char *)frame, length);
        got = window(data, size, frame, skip, FRAME + length);
        data += got;
        size -= got;
    }
}

static void make_entry(uint64_t base, uint64_t n, unsigned char entry[SLOT])
{
    put_be(entry, n);
    put_be(entry + 8, frame_start(n) - frame_start(base));
}

void pattern_index(uint64_t base, uint64_t position, char *data, size_t size)
{
    unsigned char entry[SLOT];
    uint64_t n = base + position / SLOT;
    size_t skip = (size_t)(position % SLOT);

    for (; size > 0; n++, skip = 0) {
        size_t got;

        make_entry(base, n, entry);
        got = window(data, size, (const char *)entry, skip, SLOT);
        data += got;
        size -= got;
    }
}

/* CRC32C of data, going on from the inner state crc. */
static uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < size; i++)
        crc = crc_table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
    return crc;
}

int pattern_stamp(uint64_t base, uint64_t n, const unsigned char *stamp,
                  uint64_t *ret_time)
{
    char record[PATTERN_RECORD];
    size_t length = pattern_record(n, record);
    unsigned char entry[SLOT];
    unsigned char prefix[FRAME];
    uint32_t crc;

    make_entry(base, n, entry);
    put_be(prefix, length);
    crc = crc32c(UINT32_MAX, entry, SLOT);
    crc = crc32c(crc, stamp, 12);
    crc = crc32c(crc, record, length);
    crc = ~crc32c(crc, prefix, FRAME);
    if (crc != get_be(stamp + 12, 4))
        return 0;
    *ret_time = get_be(stamp, 8);
    return 1;
}
