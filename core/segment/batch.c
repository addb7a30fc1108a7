/* SPDX-License-Identifier: MIT */
#include "segment/batch.h"

void batch_encode(const struct batch *batch, size_t i, uint64_t offset,
                  uint64_t position, struct encoded *ret)
{
    const struct iovec *record = &batch->records[i];
    struct stamp made = {
        .time_ns = batch->time_ns,
        .bits = stamp_bits(offset, batch->durable, i + 1 < batch->count),
    };
    crc_t crc = record_crc_start(offset, position, &made);

    crc = crc_add(crc, record->iov_base, record->iov_len);
    made.crc = record_crc_end(crc, record->iov_len);
    stamps_put(ret->stamp, &made);
    index_put(ret->entry, offset, position);
}
