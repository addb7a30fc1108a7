/* SPDX-License-Identifier: MIT */
/*
 * stream.h - the joined view: all records' payloads end to end.
 */
#ifndef CLOG_LOG_STREAM_H
#define CLOG_LOG_STREAM_H

#include "log/log.h"

/* A view of it, and what earlier reads have found out. */
struct stream {
    struct clog *log;
    uint64_t origin;      /* position of the view's first byte */
    uint64_t first, last; /* records [first, last) are checked */
    uint64_t position;    /* where the last read ended, ... */
    uint64_t offset;      /* ... and the record that byte is of */
};

/* Reads up to size bytes, all of which are in the log, at position behind
   origin; as clog_view_read(). */
ssize_t stream_read(struct stream *stream, void *data, size_t size,
                    uint64_t position, unsigned flags);

#endif
