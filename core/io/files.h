/* SPDX-License-Identifier: MIT */
/*
 * files.h - whole files, read and replaced.
 */
#ifndef CLOG_IO_FILES_H
#define CLOG_IO_FILES_H

#include "io/io.h"

/* Reads the whole file name into data. EFBIG: it has more than size bytes. */
ssize_t io_load(struct io *io, int dir, const char *name, void *data,
                size_t size);

/*
 * Makes name hold these bytes, or leaves it as it was: a new file is written
 * and synced as name.new, then renamed. Which of the two a power cut leaves is
 * decided when dir is synced, which is left to the caller. A crash may leave
 * name.new.
 */
int io_put(struct io *io, int dir, const char *name, const void *data,
           size_t size);

/* The same, and syncs dir. */
int io_replace(struct io *io, int dir, const char *name, const void *data,
               size_t size);

#endif
