/* SPDX-License-Identifier: MIT */
#include "segment/slot.h"

#include "io/bytes.h"

uint32_t stamp_bits(uint64_t offset, uint64_t durable, bool more)
{
    uint64_t unsynced = durable < offset ? offset - durable : 0;

    if (unsynced > STAMP_UNKNOWN)
        unsynced = STAMP_UNKNOWN;
    return (uint32_t)unsynced | (more ? STAMP_MORE : 0);
}

void stamps_put(uint8_t to[SLOT_SIZE], const struct stamp *stamp)
{
    put_be64(to, stamp->time_ns);
    put_be32(to + 8, stamp->bits);
    put_be32(to + 12, stamp->crc);
}

void index_put(uint8_t to[SLOT_SIZE], uint64_t offset, uint64_t position)
{
    put_be64(to, offset);
    put_be64(to + 8, position);
}
