/* SPDX-License-Identifier: MIT */
#include "segment/stamps.h"

#include "io/bytes.h"

uint64_t stamp_durable(const struct stamp *stamp, uint64_t offset)
{
    uint32_t unsynced = stamp->bits & STAMP_UNKNOWN;

    if (unsynced == STAMP_UNKNOWN || unsynced > offset)
        return 0;
    return offset - unsynced;
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
