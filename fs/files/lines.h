/* SPDX-License-Identifier: MIT */
/*
 * lines.h - cuts what is written into lines.
 *
 * A line is everything up to a newline, with it. Nothing here knows of files.
 */
#ifndef CLOG_FS_FILES_LINES_H
#define CLOG_FS_FILES_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* Lines one after the other. {0} is empty; the array is kept for next time. */
struct lines {
    struct iovec *iov; /* each borrows the bytes it was cut from */
    size_t count;
    size_t capacity;
};

/*
 * Cuts [data, data + size) after each newline into lines, replacing what it
 * held, and tells in *ret_tail how many bytes at the end belong to a line that
 * has no newline yet. held bytes came earlier and belong to the first line;
 * their length counts, their bytes are not looked at. With end, the last line
 * ends without a newline too: it is a line unless it would be empty, and the
 * tail is 0. Where held bytes alone make the line, its piece has length 0.
 *
 * EMSGSIZE: a line, or what there is of the last one, is longer than max, held
 * bytes included. ENOMEM. lines is scratch after a failure.
 */
int lines_cut(const char *data, size_t size, size_t held, size_t max, bool end,
              struct lines *lines, size_t *ret_tail);

/* Frees the array; lines is empty again. */
void lines_done(struct lines *lines);

#endif
