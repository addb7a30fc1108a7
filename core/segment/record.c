/* SPDX-License-Identifier: MIT */
#include "segment/record.h"

#include "io/bytes.h"

crc_t record_crc_start(uint64_t offset, uint64_t position,
                       const struct stamp *stamp)
{
    uint8_t head[28];

    put_be64(head, offset);
    put_be64(head + 8, position);
    put_be64(head + 16, stamp->time_ns);
    put_be32(head + 24, stamp->bits);
    return crc_add(CRC_START, head, sizeof(head));
}

uint32_t record_crc_end(crc_t crc, uint64_t length)
{
    uint8_t tail[8];

    put_be64(tail, length);
    return crc_end(crc_add(crc, tail, sizeof(tail)));
}
