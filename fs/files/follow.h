/* SPDX-License-Identifier: MIT */
/*
 * follow.h - reading on as the log grows: the files called `follow`.
 *
 * Such a file is the stream from a position on, and its own positions count
 * from there; a read at the end waits for more. It ends with a whole record,
 * unless not even one fits. Where retention has taken what a read is for, it
 * fails with EPIPE, and where a record is damaged with EIO, once each: the same
 * position in the file is then what comes behind.
 *
 * Nothing waits here: a read at the end says that there is nothing yet.
 */
#ifndef CLOG_FS_FILES_FOLLOW_H
#define CLOG_FS_FILES_FOLLOW_H

#include "files/kind.h"

/* Opens handle at that position of the stream. overrun: something before it
   was missed. ESTALE: dropped just now. ENOMEM. */
int follow_begin(struct handle *handle, uint64_t position, bool overrun);

/* The functions of kind.h. */
int follow_close(struct handle *handle, unsigned flags);
ssize_t follow_read(struct handle *handle, char *data, size_t size,
                    uint64_t position, unsigned flags);
uint64_t follow_waits_for(const struct handle *handle, uint64_t position);

#endif
