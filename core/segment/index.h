/* SPDX-License-Identifier: MIT */
/*
 * index.h - a segment's index: slots of [8-byte offset][8-byte position].
 *
 * Entry i is of record base + i and says where in the store its frame starts.
 * The offset is the record's own, not relative to base, so that a slot of
 * zeros is no entry, except that of record 0, where it is the right one. The
 * index is derived from the store: whatever is read here is a hint until the
 * record it leads to has been checked.
 */
#ifndef CLOG_SEGMENT_INDEX_H
#define CLOG_SEGMENT_INDEX_H

#include "segment/slots.h"

/* Decodes the entry of record offset. EUCLEAN: it is of another record. */
int index_parse(const uint8_t entry[SLOT_SIZE], uint64_t offset,
                uint64_t *ret_position);

/* The position of record base + i. EIO: the file does not have the entry.
   EUCLEAN: it is of another record. */
int index_get(const struct slots *index, uint64_t base, uint64_t i,
              uint64_t *ret_position);

#endif
