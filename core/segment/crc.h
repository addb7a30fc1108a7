/* SPDX-License-Identifier: MIT */
/*
 * crc.h - CRC32C.
 *
 * The Castagnoli polynomial 0x1edc6f41, reflected, inverted at start and end
 * (RFC 3720, appendix B.4); of "123456789" it is e3069283. By ISA-L where
 * that is there (crc_isal.c), else by tables (crc_table.c).
 */
#ifndef CLOG_SEGMENT_CRC_H
#define CLOG_SEGMENT_CRC_H

#include <stddef.h>
#include <stdint.h>

/* A CRC32C so far; of no bytes it is CRC_START. */
typedef uint32_t crc_t;
#define CRC_START ((crc_t)~0u)

crc_t crc_add(crc_t crc, const void *data, size_t size);

/*
 * The CRC of bytes in two parts: first is that of the first part, begun with
 * whatever; second that of the other one, of size bytes, begun with 0. So the
 * CRC of any range is known from those of what ends where it begins and ends.
 * It is first times x^(8 size) modulo the polynomial, and second, as zlib's
 * crc32_combine() has it.
 */
crc_t crc_join(crc_t first, crc_t second, uint64_t size);

static inline uint32_t crc_end(crc_t crc)
{
    return ~crc;
}

/* CRC32C of size bytes. */
static inline uint32_t crc32c(const void *data, size_t size)
{
    return crc_end(crc_add(CRC_START, data, size));
}

#endif
