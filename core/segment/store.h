/* SPDX-License-Identifier: MIT */
/*
 * store.h - a segment's store: [8-byte length][payload], end to end.
 *
 * Records are appended at a position that the caller keeps, and read back by
 * position. Nothing here waits for the device but store_read() of bytes that
 * are not cached, and nothing is durable before store_sync().
 */
#ifndef CLOG_SEGMENT_STORE_H
#define CLOG_SEGMENT_STORE_H

#include "io/buffer.h"
#include "io/io.h"
#include "segment/staging.h"

struct store {
    struct io *io;
    int fd;                        /* owned; -1: the file is missing */
    const struct staging *staging; /* borrowed; has bytes that are not in the
                                      file yet; NULL: none */
    struct staged_file name;       /* for staging */
};

void store_open(struct store *store, struct io *io, int fd);
void store_done(struct store *store);

/*
 * Writes the frames of count records from position end on, in one write where
 * the system takes it whole. On failure some of it may have been written.
 * scratch is for the frames of small records.
 */
int store_append(struct store *store, const struct iovec *records, size_t count,
                 uint64_t end, struct buffer *scratch);

/* As io_readv() and io_read_some(). */
ssize_t store_readv(const struct store *store, struct iovec *iov, int count,
                    uint64_t position, bool nowait);
ssize_t store_read_some(const struct store *store, void *data, size_t size,
                        uint64_t position, bool nowait);

/* As io_read(). */
ssize_t store_read(const struct store *store, void *data, size_t size,
                   uint64_t position, bool nowait);

#endif
