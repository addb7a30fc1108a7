/* SPDX-License-Identifier: MIT */
/*
 * stream.h - the joined view: all records' payloads end to end.
 */
#ifndef CLOG_LOG_STREAM_H
#define CLOG_LOG_STREAM_H

#include "log/log.h"

/* Where the view begins, and what has been checked of it. */
struct stream {
    struct clog *log;
    uint64_t origin;      /* position of its first byte */
    uint64_t first, last; /* records [first, last) are checked */
    struct buffer buffer;
};

/* Reads size bytes, which are there, at position behind origin, or fewer. */
ssize_t read_stream(struct stream *view, void *data, size_t size,
                    uint64_t position, bool nowait);

#endif
