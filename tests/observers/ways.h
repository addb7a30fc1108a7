/* SPDX-License-Identifier: MIT */
/*
 * ways - the ways in which a program reads a file.
 */
#ifndef OBSERVERS_WAYS_H
#define OBSERVERS_WAYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum way {
    WAY_READ,     /* lseek(2), read(2) */
    WAY_PREAD,    /* pread(2) */
    WAY_SENDFILE, /* into a file in memory */
    WAY_SPLICE,   /* into a pipe */
    WAY_SHARED,   /* a shared mapping */
    WAY_PRIVATE,  /* a private one */
    WAY_URING,    /* a read of io_uring(7) */
    WAYS
};

/* The most that one call reads. */
#define WAY_MAX ((size_t)1 << 20)

extern const char *const way_names[WAYS];

/*
 * Reads at most size bytes of fd from position on. How many, 0 at the end of
 * the file, or a negative errno; ENODEV: the file or the kernel does not offer
 * this way; EFAULT: SIGBUS. A mapping ends where fstat(2) says. Not for use by
 * two threads.
 */
ssize_t way_read(enum way way, int fd, uint64_t position, void *data,
                 size_t size);

#endif
