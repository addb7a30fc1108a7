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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fs;
struct handle;

/* What an open file of this kind knows; by its handle's lock. */
struct follower {
    uint64_t origin; /* where its view begins in the stream */
    uint64_t moved;  /* a position of the file is this much further in it */
    bool overrun;    /* the next read says that something was missed */
};

/* Opens handle at that position of the stream. overrun: something before it
   was missed. ESTALE: dropped just now. ENOMEM. */
int follow_begin(struct fs *fs, struct handle *handle, uint64_t position,
                 bool overrun);

/* The function of kind.h for the mount's own `follow`: from now on. */
int follow_open(struct fs *fs, uint64_t number, struct handle *handle);

/* Where in the stream a position of the file is; the caller holds the handle's
   lock, here and below. */
uint64_t follow_place(const struct handle *handle, uint64_t position);

/*
 * Reads at most size bytes at position into *ret_data, which is to be freed.
 * Returns how many; 0: there is nothing yet. EAGAIN: CLOG_NOWAIT is in flags
 * and it would have to wait for a device. EPIPE, EIO: as above. ENOMEM.
 */
ssize_t follow_take(struct handle *handle, size_t size, uint64_t position,
                    unsigned flags, char **ret_data);

#endif
