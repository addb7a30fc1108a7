/* SPDX-License-Identifier: MIT */
/*
 * record.h - the frame of a record and its checksum, on buffers alone.
 *
 * In the store a record is an 8-byte length and its payload. The store's
 * format has no room for a checksum, so that lies in the record's stamp: a
 * CRC32C over offset, position, time, the stamp's bits, payload and length.
 * Offset and position under it make a record that is whole but in the wrong
 * place a wrong one; the length comes last so that, where only the length is
 * lost, one pass over the bytes finds it again.
 *
 * CRC32C is the Castagnoli polynomial 0x1edc6f41, reflected, inverted at
 * start and end (RFC 3720, appendix B.4); of "123456789" it is e3069283.
 */
#ifndef CLOG_SEGMENT_RECORD_H
#define CLOG_SEGMENT_RECORD_H

#include <stddef.h>
#include <stdint.h>

#define RECORD_PREFIX 8u /* bytes of the length before each payload */

/* A CRC32C so far; of no bytes it is CRC_START. */
typedef uint32_t crc_t;
#define CRC_START ((crc_t)~0u)

crc_t crc_add(crc_t crc, const void *data, size_t size);

static inline uint32_t crc_end(crc_t crc)
{
    return ~crc;
}

/* CRC32C of size bytes. */
uint32_t crc32c(const void *data, size_t size);

/* What a stamp says of a record; stamps.h has its 16 bytes. */
struct stamp {
    uint64_t time_ns; /* when it was appended, ns since the epoch */
    uint32_t bits;    /* STAMP_MORE and the distance to durable */
    uint32_t crc;
};

/* The checksum begun with what precedes the payload; stamp->crc is unused. */
crc_t record_crc_start(uint64_t offset, uint64_t position,
                       const struct stamp *stamp);

/* ... and ended with the length, after the payload's bytes were added. */
uint32_t record_crc_end(crc_t crc, uint64_t length);

#endif
