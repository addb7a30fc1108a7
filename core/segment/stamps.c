/* SPDX-License-Identifier: MIT */
#include "segment/stamps.h"

#include "io/bytes.h"

uint32_t stamp_bits(uint64_t offset, uint64_t durable, bool more)
{
    uint64_t unsynced = durable < offset ? offset - durable : 0;

    if (unsynced > STAMP_UNKNOWN)
        unsynced = STAMP_UNKNOWN;
    return (uint32_t)unsynced | (more ? STAMP_MORE : 0);
}

uint64_t stamp_durable(const struct stamp *stamp, uint64_t offset)
{
    uint32_t unsynced = stamp->bits & STAMP_UNKNOWN;

    if (unsynced == STAMP_UNKNOWN || unsynced > offset)
        return 0;
    return offset - unsynced;
}

void stamps_put(uint8_t to[SLOT_SIZE], const struct stamp *stamp)
{
    put_be64(to, stamp->time_ns);
    put_be32(to + 8, stamp->bits);
    put_be32(to + 12, stamp->crc);
}

void stamps_parse(const uint8_t slot[SLOT_SIZE], struct stamp *ret)
{
    ret->time_ns = get_be64(slot);
    ret->bits = get_be32(slot + 8);
    ret->crc = get_be32(slot + 12);
}

int stamps_get(const struct slots *stamps, uint64_t i, struct stamp *ret)
{
    uint8_t slot[SLOT_SIZE];
    int r = slots_get(stamps, i, slot);

    if (r < 0)
        return r;
    stamps_parse(slot, ret);
    return 0;
}
