/* SPDX-License-Identifier: MIT */
/*
 * view.h - files whose contents are a view of the log, which is their state.
 */
#ifndef CLOG_FS_FILES_VIEW_H
#define CLOG_FS_FILES_VIEW_H

#include "files/kind.h"

/* flags, and what the mount's options add to them for a read of a view. */
unsigned view_flags(const struct handle *handle, unsigned flags);

/* The functions of kind.h. */
ssize_t view_read(struct handle *handle, char *data, size_t size,
                  uint64_t position, unsigned flags);
int view_close(struct handle *handle, unsigned flags);

/* The size of node as an open file of it shows it, where the node itself is
   gone. ESTALE: none is open. */
int view_attr(struct fs *fs, struct node node, struct attr *attr);

#endif
