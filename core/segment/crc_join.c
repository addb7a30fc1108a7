/* SPDX-License-Identifier: MIT */
#include "segment/crc.h"

#define POLYNOMIAL 0x82f63b78u /* 0x1edc6f41 with its bits reversed */

/* a times b modulo the polynomial; the highest bit is x^0. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (uint32_t bit = 1u << 31; bit > 0; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b >> 1 ^ (b & 1 ? POLYNOMIAL : 0);
    }
    return product;
}

crc_t crc_join(crc_t first, crc_t second, uint64_t size)
{
    uint32_t power = 1u << 23; /* x^8, and then its squares */

    for (; size > 0; size >>= 1) {
        if (size & 1)
            first = multiply(first, power);
        power = multiply(power, power);
    }
    return first ^ second;
}
