/* SPDX-License-Identifier: MIT */
/*
 * text.h - files whose contents are a text that is made when it is read.
 *
 * A read from the start makes it anew, and reads further on go on in the same:
 * a reader that reads it through has one moment, and one that goes back to the
 * start, or has waited for a lock on it, reads what is true then.
 *
 * Many programs believe the size that a file is said to have. The kernel asks
 * for it before the file is opened; so, for a moment, the first read gives the
 * text that was measured then, where it has another length since.
 */
#ifndef CLOG_FS_FILES_TEXT_H
#define CLOG_FS_FILES_TEXT_H

#include "files/kind.h"

/* When no file is open any more. */
void text_forget_all(struct fs *fs);

/* Sets what attr says of a node that has a text. */
int text_attr(struct fs *fs, const struct kind *kind, struct node node,
              struct attr *attr);

/* The functions of kind.h, for kinds that have a text. */
int text_open(struct handle *handle, unsigned flags);
ssize_t text_read(struct handle *handle, char *data, size_t size,
                  uint64_t position, unsigned flags);
int text_close(struct handle *handle, unsigned flags);

#endif
