/* SPDX-License-Identifier: MIT */
/*
 * stream.h - files that are all records from a place on, end to end: `log`,
 * and a cursor's.
 *
 * Where it begins is settled when it is opened, and its positions stay what
 * they are, whatever is dropped. A node that is open nowhere begins where the
 * name stands for now; so one that outlives its name, as of a bind mount, goes
 * on.
 */
#ifndef CLOG_FS_FILES_STREAM_H
#define CLOG_FS_FILES_STREAM_H

#include "files/kind.h"

/* As the functions of kind.h; origin: where the file begins in the stream,
   unless it is open. ESTALE: it has been dropped. */
int stream_attr(struct fs *fs, struct node node, uint64_t origin,
                struct attr *attr);
int stream_open(struct handle *handle, uint64_t origin);
ssize_t stream_pread(struct handle *handle, char *data, size_t size,
                     uint64_t position, unsigned flags);

#endif
