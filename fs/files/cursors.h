/* SPDX-License-Identifier: MIT */
/*
 * cursors.h - the directory `cursors`: reading positions with names.
 *
 * Making a directory in it makes a cursor, removing that forgets it. The files
 * of a cursor are `offset`, which is written to move it, `lag` and `lost`,
 * `log`, the stream from where it stands, and `follow`, which is not listed.
 *
 * The number of a cursor's nodes is its id, but of `log` the position in the
 * stream where it begins, as of the mount's own `log`.
 */
#ifndef CLOG_FS_FILES_CURSORS_H
#define CLOG_FS_FILES_CURSORS_H

#include <stddef.h>
#include <stdint.h>

struct fs;
struct handle;
struct node;
struct attr;
struct entry;

/* The functions of kind.h: all cursors; one. ESTALE: it is
   forgotten. */
int cursors_attr(struct fs *fs, uint64_t number, struct attr *attr);
int cursors_lookup(struct fs *fs, uint64_t number, const char *name,
                   struct node *ret_node);
int cursors_list(struct fs *fs, uint64_t number, uint64_t cookie,
                 struct entry *ret_entry);
int cursor_attr(struct fs *fs, uint64_t id, struct attr *attr);
int cursor_lookup(struct fs *fs, uint64_t id, const char *name,
                  struct node *ret_node);
int cursor_list(struct fs *fs, uint64_t id, uint64_t cookie,
                struct entry *ret_entry);

/* Its figures, as a number and a newline. */
int cursor_offset_open(struct fs *fs, uint64_t id, struct handle *handle);
int cursor_lag_open(struct fs *fs, uint64_t id, struct handle *handle);
int cursor_lost_open(struct fs *fs, uint64_t id, struct handle *handle);

/* Blocks at the end, see follow.h. */
int cursor_follow_open(struct fs *fs, uint64_t id, struct handle *handle);

/*
 * Moves cursor id to where text says: a number, "oldest" or "next", with or
 * without a newline. Durable when it returns, and so is every record before it.
 * May wait. EINVAL: text is none of them, or a number above next. ESTALE.
 */
int cursor_move(struct fs *fs, uint64_t id, const char *text, size_t size);

#endif
