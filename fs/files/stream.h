/* SPDX-License-Identifier: MIT */
/*
 * stream.h - the file `log`: all records, end to end.
 *
 * The functions of kind.h; number is the position in the stream where
 * the file begins. When the oldest records are dropped, the name stands for
 * another node; who has the old one open keeps its positions.
 */
#ifndef CLOG_FS_FILES_STREAM_H
#define CLOG_FS_FILES_STREAM_H

#include <stdint.h>

struct fs;
struct handle;
struct attr;

int stream_attr(struct fs *fs, uint64_t origin, struct attr *attr);
int stream_number(struct fs *fs, uint64_t *ret_origin);

/*
 * Where record offset begins in the stream, or else the first one behind it:
 * of an offset below oldest, where the stream starts. ESTALE: dropped just now.
 * EIO.
 */
int stream_position(struct fs *fs, uint64_t offset, uint64_t *ret_position);

/* ESTALE: what the file begins with has been dropped. */
int stream_open(struct fs *fs, uint64_t origin, struct handle *handle);

#endif
