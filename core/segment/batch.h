/* SPDX-License-Identifier: MIT */
/*
 * batch.h - records that are appended together, and what is written for each.
 */
#ifndef CLOG_SEGMENT_BATCH_H
#define CLOG_SEGMENT_BATCH_H

#include "segment/slot.h"

#include <sys/uio.h>

/* Records to append, and what their stamps are to say. */
struct batch {
    const struct iovec *records;
    size_t count;
    uint64_t time_ns;
    uint64_t durable; /* all records below this offset are durable */
};

/*
 * Encodes stamp and index entry of the batch's record i, which gets that
 * offset and whose frame begins at position.
 */
struct encoded {
    uint8_t stamp[SLOT_SIZE];
    uint8_t entry[SLOT_SIZE]; /* of the index */
};
void batch_encode(const struct batch *batch, size_t i, uint64_t offset,
                  uint64_t position, struct encoded *ret);

#endif
