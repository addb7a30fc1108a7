/* SPDX-License-Identifier: MIT */
#include "segment/record.h"

#include "io/bytes.h"

#include <isa-l/crc.h>
#include <limits.h>

crc_t crc_add(crc_t crc, const void *data, size_t size)
{
    unsigned char *bytes = (unsigned char *)(uintptr_t)data;

    while (size > 0) {
        int n = size < INT_MAX ? (int)size : INT_MAX;

        crc = crc32_iscsi(bytes, n, crc);
        bytes += n;
        size -= (size_t)n;
    }
    return crc;
}

uint32_t crc32c(const void *data, size_t size)
{
    return crc_end(crc_add(CRC_START, data, size));
}

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
