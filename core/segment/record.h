/* SPDX-License-Identifier: MIT */
/*
 * record.h - the frame of a record, its stamp, its index entry and its
 * checksum, on buffers alone.
 *
 * In the store a record is an 8-byte length and its payload. The store's
 * format has no room for a checksum, so that lies in the record's stamp: a
 * CRC32C over offset, position, time, the stamp's bits, payload and length.
 * Offset and position under it make a record that is whole but in the wrong
 * place a wrong one; the length comes last so that, where only the length is
 * lost, one pass over the bytes finds it again.
 */
#ifndef CLOG_SEGMENT_RECORD_H
#define CLOG_SEGMENT_RECORD_H

#include "segment/crc.h"

#include <stdint.h>

#define RECORD_PREFIX 8u /* bytes of the length before each payload */

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
