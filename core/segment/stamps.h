/* SPDX-License-Identifier: MIT */
/*
 * stamps.h - a segment's stamps: slots of [8-byte time][4-byte bits][4-byte
 * CRC32C], one a record.
 *
 * The top bit of bits says that the record's batch goes on in the next one.
 * The rest is `unsynced`: how far the record's offset lay above the durable
 * offset when it was appended. So every stamp is also a proof that all
 * records below offset - unsynced had been made durable before it was written.
 */
#ifndef CLOG_SEGMENT_STAMPS_H
#define CLOG_SEGMENT_STAMPS_H

#include "segment/record.h"
#include "segment/slots.h"

/* The durable offset that a valid stamp of record offset proves; 0 if none. */
uint64_t stamp_durable(const struct stamp *stamp, uint64_t offset);

/* Decodes one stamp. */
void stamps_parse(const uint8_t slot[SLOT_SIZE], struct stamp *ret);

/* The stamp of a segment's record i. EIO: the file does not have it. */
int stamps_get(const struct slots *stamps, uint64_t i, struct stamp *ret);

#endif
