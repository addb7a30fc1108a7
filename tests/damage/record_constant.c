/* SPDX-License-Identifier: MIT */
/*
 * A record.c whose checksum is the same for all bytes. Linked before the
 * library it takes the real one's place: the suite must notice.
 */
#include "segment/record.h"

crc_t crc_add(crc_t crc, const void *data, size_t size)
{
    (void)data;
    (void)size;
    return crc;
}

crc_t record_crc_start(uint64_t offset, uint64_t position,
                       const struct stamp *stamp)
{
    (void)offset;
    (void)position;
    (void)stamp;
    return CRC_START;
}

uint32_t record_crc_end(crc_t crc, uint64_t length)
{
    (void)length;
    return crc_end(crc);
}
