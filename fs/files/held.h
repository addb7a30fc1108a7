/* SPDX-License-Identifier: MIT */
/*
 * held.h - lines, and what is held of unfinished ones.
 *
 * What is written is cut after each newline; a record is a line with its
 * newline. An unfinished line is held per open file until the bytes that
 * finish it, or the end of the file's use.
 *
 * Writes must not overlap, whatever file they are for; other files may be
 * opened and closed meanwhile. The counts, and whether a file holds a line, may
 * be read at any time.
 */
#ifndef CLOG_FS_FILES_HELD_H
#define CLOG_FS_FILES_HELD_H

#include "files/lines.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clog;

/* The unfinished line of one open file. {0} is an empty one. */
struct line {
    char *bytes;
    _Atomic size_t size; /* bytes held; 0: no unfinished line */
    size_t capacity;
};

/* What all open files share. */
struct held {
    struct clog *log;   /* not owned */
    const char *logdir; /* for messages; not owned */
    uint64_t max_held;
    size_t max_record;
    struct lines lines; /* scratch, kept so that a write allocates nothing */
    _Atomic uint64_t charged; /* what counts of max_held */
    _Atomic uint64_t held_bytes;
    _Atomic uint64_t held_lines;
    _Atomic uint64_t lines_lost; /* unfinished lines that could not be stored */
};

/* log and logdir are borrowed until held_done(). max_held is in bytes, over all
 * files. */
void held_init(struct held *held, struct clog *log, const char *logdir,
               uint64_t max_held);

/* No file may be open. */
void held_done(struct held *held);

/* Throws away what is held in line, and its memory. */
void held_drop(struct held *held, struct line *line);

/*
 * Takes a write of size bytes: all lines it completes are appended as one
 * batch, the first joined with what was held, and the rest is held. With end
 * the rest is a record too, so that size 0 ends the unfinished line.
 *
 * All or nothing. EMSGSIZE: a line longer than max_record; what was held is a
 * record now and the next byte starts a line. ENOBUFS: too much would be held.
 * ENOMEM, EROFS and whatever clog_append_batch() answers: what was held still
 * is. flags are clog_append()'s; without CLOG_NOWAIT it may wait for a roll.
 */
int held_write(struct held *held, struct line *line, const char *data,
               size_t size, bool end, unsigned flags);

/*
 * Makes the unfinished line a record because its file is used no more. One
 * that cannot be stored is said, counted and lost. EAGAIN: CLOG_NOWAIT is in
 * flags, it would have to wait, and nothing was done.
 */
int held_finish(struct held *held, struct line *line, unsigned flags);

#endif
