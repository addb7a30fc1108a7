/* SPDX-License-Identifier: MIT */
/*
 * metadata.h - the small files beside the segments: format, writer, clean,
 * durable, and the cursors.
 *
 * They are what one run of a log leaves behind for the next to decide by.
 * FORMAT.md has their bytes. `durable` and `writer` are written in place, so
 * that a full disk has room for them; a crash can leave them torn, and then
 * they say nothing. The others are written whole: a crash leaves the old file
 * or the new one.
 */
#ifndef CLOG_RECOVERY_METADATA_H
#define CLOG_RECOVERY_METADATA_H

#include "io/io.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define METADATA_FORMAT  "format"
#define METADATA_WRITER  "writer"
#define METADATA_CLEAN   "clean"
#define METADATA_DURABLE "durable"
#define METADATA_CURSORS "cursors" /* a directory */
#define METADATA_NEW     ".new"    /* ends the name of a file being replaced */

/* The last writer: a process, under a kernel, in a directory. */
struct writer {
    pid_t pid;
    char boot_id[37];
    uint64_t dev, ino; /* of the log's directory */
};

/* What a clean close left. */
struct clean {
    uint64_t next;     /* the log's next offset */
    uint64_t base;     /* of the active segment */
    uint64_t sizes[3]; /* of its files, by enum clog_file */
};

/* Whether it is the name of a file that is being replaced, or was. */
bool metadata_is_new(const char *name);

/* ENOENT: there is no such file. EUCLEAN: it is not one of ours, from byte
 *ret_position on. */
int format_check(struct io *io, int root, uint64_t *ret_position);
int format_write(struct io *io, int root);

/* ENOENT; EUCLEAN: torn. */
int writer_load(struct io *io, int root, struct writer *ret_writer);
int writer_store(struct io *io, int root, const struct writer *writer);

/* ENOENT; EUCLEAN: damaged, or not written by us. */
int clean_load(struct io *io, int root, struct clean *ret_clean);
int clean_store(struct io *io, int root, const struct clean *clean);

/* Durably. Absent is fine. */
int clean_remove(struct io *io, int root);

/* ENOENT; EUCLEAN: torn. */
int durable_load(struct io *io, int root, uint64_t *ret_offset);

/* Rewrites the 16 bytes of the file open as fd, without syncing them. */
int durable_write(struct io *io, int fd, uint64_t offset);

/* Whether a cursor can have that name. ENAMETOOLONG; EINVAL. */
int cursor_check_name(const char *name);

/* A cursor's file, in the directory of cursors. ENOENT: what has that name, if
   anything, is no cursor's file. EUCLEAN: it is damaged. */
int cursor_load(struct io *io, int dir, const char *name, uint64_t *ret_offset);

/* Durable when the caller has synced dir. */
int cursor_store(struct io *io, int dir, const char *name, uint64_t offset);

#endif
