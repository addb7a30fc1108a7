/* SPDX-License-Identifier: MIT */
/*
 * stream.h - files that are all records from a place on, end to end: `log`,
 * and a cursor's.
 *
 * The number of such a node is the position in the stream where the file
 * begins. When the oldest records are dropped, the name stands for another
 * node; an open file of the old one keeps its positions.
 */
#ifndef CLOG_FS_FILES_STREAM_H
#define CLOG_FS_FILES_STREAM_H

#include "files/kind.h"

/* The functions of kind.h. ESTALE: what the file begins with is dropped. */
int stream_attr(struct fs *fs, struct node node, unsigned flags,
                struct attr *attr);
int stream_open(struct handle *handle, unsigned flags);

#endif
