/* SPDX-License-Identifier: MIT */
/*
 * crc_table.c - CRC32C in C alone, eight bytes at a time by eight tables
 * ("slicing by 8", Kounavis and Berry, Intel, 2005).
 */
#include "segment/crc.h"

#include <pthread.h>

#define POLYNOMIAL 0x82f63b78u /* 0x1edc6f41 with its bits reversed */

/* tables[k][b]: what byte b does to the sum when k bytes follow it. */
static uint32_t tables[8][256];
static pthread_once_t filled = PTHREAD_ONCE_INIT;

static void fill(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t sum = b;

        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? POLYNOMIAL : 0);
        tables[0][b] = sum;
    }
    for (int k = 1; k < 8; k++) {
        for (uint32_t b = 0; b < 256; b++) {
            uint32_t sum = tables[k - 1][b];

            tables[k][b] = sum >> 8 ^ tables[0][sum & 0xff];
        }
    }
}

static crc_t add_eight(crc_t crc, const uint8_t *bytes)
{
    crc_t sum = 0;

    for (int i = 0; i < 4; i++)
        sum ^= tables[7 - i][bytes[i] ^ (crc >> 8 * i & 0xff)];
    for (int i = 4; i < 8; i++)
        sum ^= tables[7 - i][bytes[i]];
    return sum;
}

crc_t crc_add(crc_t crc, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    (void)pthread_once(&filled, fill);
    for (; size >= 8; size -= 8, bytes += 8)
        crc = add_eight(crc, bytes);
    for (; size > 0; size--, bytes++)
        crc = crc >> 8 ^ tables[0][(crc ^ *bytes) & 0xff];
    return crc;
}
