/* SPDX-License-Identifier: MIT */
/*
 * spoil.h - damage to the files of a disk in memory, behind the log's back.
 *
 * Where there is no such file, or nothing in it, nothing happens; positions
 * behind what is there count from the beginning again. So whatever numbers a
 * fuzzer or a generator comes up with are a damage. Cutting and removing are
 * memio_resize() and memio_remove().
 */
#ifndef CLOG_TESTS_SPOIL_H
#define CLOG_TESTS_SPOIL_H

#include "memio.h"

/* A place in a file. */
struct file_at {
    const char *path;
    uint64_t at;
};

/* Entries of an index: the i-th says that record base + i lies at
   first + i * step. */
struct entries {
    uint64_t base, first, step;
};

/* Turns around the bits that are set in n bytes from the spot on. */
void spoil_flip(struct memio *disk, const struct file_at *spot,
                const uint8_t *bits, size_t n);

/* Writes n bytes there, as many as lie in the file. */
void spoil_write(struct memio *disk, const struct file_at *spot,
                 const void *data, size_t n);

/* Copies n bytes from one place to another; in one file they may overlap. A
   file that has fewer is left alone. */
void spoil_copy(struct memio *disk, const struct file_at *from,
                const struct file_at *to, size_t n);

/* The file, which is made if need be, has these n bytes and no others. */
void spoil_replace(struct memio *disk, const char *path, const void *data,
                   size_t n);

/* The file has that size, by repeating what it had. */
void spoil_repeat(struct memio *disk, const char *path, uint64_t size);

/* The file, which is made if need be, is an index of count such entries. */
void spoil_entries(struct memio *disk, const char *path,
                   const struct entries *entries, uint64_t count);

#endif
