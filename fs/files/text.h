/* SPDX-License-Identifier: MIT */
/*
 * text.h - files whose contents are a text that is made when it is read.
 *
 * A read from the start makes it anew, and reads further on go on in the same:
 * a reader that reads it through has one moment, and one that goes back to the
 * start, as after waiting for a lock on it, reads what is true then.
 */
#ifndef CLOG_FS_FILES_TEXT_H
#define CLOG_FS_FILES_TEXT_H

#include "files/kind.h"

/* How long the text of node would be now. ENOMEM, and what kind->text
   answers. */
int text_size(struct fs *fs, const struct kind *kind, struct node node,
              size_t *ret_size);

/* The functions of kind.h, for kinds that have a text. */
ssize_t text_read(struct handle *handle, char *data, size_t size,
                  uint64_t position, unsigned flags);
int text_close(struct handle *handle, unsigned flags);

#endif
