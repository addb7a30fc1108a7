/* SPDX-License-Identifier: MIT */
/*
 * bytes.h - big-endian integers in buffers, one field at a time.
 *
 * Every integer on disk is big-endian and may lie at any address.
 */
#ifndef CLOG_IO_BYTES_H
#define CLOG_IO_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void put_be64(uint8_t *to, uint64_t value)
{
    value = htobe64(value);
    memcpy(to, &value, sizeof(value));
}

static inline void put_be32(uint8_t *to, uint32_t value)
{
    value = htobe32(value);
    memcpy(to, &value, sizeof(value));
}

static inline uint64_t get_be64(const uint8_t *from)
{
    uint64_t value;

    memcpy(&value, from, sizeof(value));
    return be64toh(value);
}

static inline uint32_t get_be32(const uint8_t *from)
{
    uint32_t value;

    memcpy(&value, from, sizeof(value));
    return be32toh(value);
}

#endif
