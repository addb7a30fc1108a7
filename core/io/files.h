/* SPDX-License-Identifier: MIT */
/*
 * files.h - whole files: read, made, replaced.
 *
 * A name in a log's directory may have become anything. What is written to is
 * a regular file that has no other name: what others have too is left to them.
 */
#ifndef CLOG_IO_FILES_H
#define CLOG_IO_FILES_H

#include "io/io.h"

/* Reads the whole file name into data. EFBIG: it has more than size bytes.
   EUCLEAN: it is not a regular file. ELOOP: it is a symbolic link. */
ssize_t io_load(struct io *io, int dir, const char *name, void *data,
                size_t size);

/*
 * Opens the file name to be read and written, and makes it if it is missing
 * and create is true. What has other names too, by hard links, is copied
 * first, durably, and the copy takes the name; what its owner may not write to
 * is made so that he may. A crash may leave name.new.
 *
 * EUCLEAN: it is not a regular file. ELOOP: it is a symbolic link.
 */
int io_open_own(struct io *io, int dir, const char *name, bool create);

/* Lets the owner of the directory that is open as dir make and remove files in
   it. A process that does not own it cannot change that, and need not. */
void io_let_owner_write(struct io *io, int dir);

/* Makes a new file, open to be read and written, in the place of what has that
   name, which is removed unless it is a directory (EISDIR). */
int io_make(struct io *io, int dir, const char *name);

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

/*
 * Makes the names in dir durable, those too whose sync has failed before: the
 * cache has them then, and a sync that finds nothing to write proves nothing.
 * So a name is made and removed first, which lets a filesystem without a
 * journal write the directory anew. Where there is no room or no right to make
 * one, the directory is only synced. A crash may leave sync.new.
 */
int io_sync_names(struct io *io, int dir);

/* Whether all bytes are zeros. */
bool io_is_zero(const void *data, size_t size);

/*
 * Copies bytes [at, at + size) of one file to the beginning of another one,
 * which is empty. Pieces that are zeros are not written, so that a hole stays
 * one. EIO: there are fewer.
 */
int io_copy(struct io *io, int from, uint64_t at, uint64_t size, int to);

#endif
