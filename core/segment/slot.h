/* SPDX-License-Identifier: MIT */
/*
 * slot.h - the 16 bytes that a record has in its segment's stamps, and those
 * that it has in the index, on buffers alone. stamps.h and index.h say what
 * they mean.
 */
#ifndef CLOG_SEGMENT_SLOT_H
#define CLOG_SEGMENT_SLOT_H

#include "segment/record.h"

#include <stdbool.h>

#define SLOT_SIZE 16u

#define STAMP_MORE    0x80000000u
#define STAMP_UNKNOWN 0x7fffffffu /* unsynced is not known, or too large */

/* The bits of record offset, appended while records below durable were. */
uint32_t stamp_bits(uint64_t offset, uint64_t durable, bool more);

/* Encodes one stamp; stamps.h says what is in it. */
void stamps_put(uint8_t to[SLOT_SIZE], const struct stamp *stamp);

/* Encodes one index entry. */
void index_put(uint8_t to[SLOT_SIZE], uint64_t offset, uint64_t position);

#endif
