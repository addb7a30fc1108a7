/* SPDX-License-Identifier: MIT */
/*
 * files.h - private directories, and files looked at and damaged behind a
 * log's back.
 *
 * Files are named by a directory and a path below it. What cannot be done
 * fails the test. Files and directories without write permission are changed
 * all the same, and keep their modes.
 */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A new directory below $TMPDIR or /tmp; end it with directory_remove(). */
char *directory_make(void);

/* Removes the directory with all that is in it, and frees path. */
void directory_remove(char *path);

/* Copies the tree at from to the new directory to, contents and modes. */
void directory_copy(const char *from, const char *to);

/*
 * Everything in the tree as text, one line each, in order of names: path,
 * type, mode, size, time of the last change and a checksum of the contents.
 * Caller frees.
 */
char *directory_picture(const char *path);

/* Names in the directory, "." and ".." aside. */
size_t directory_count(const char *dir, const char *name);

/* The whole contents; caller frees. */
uint8_t *file_load(const char *dir, const char *name, size_t *ret_size);

/* Makes or replaces the file. */
void file_save(const char *dir, const char *name, const void *data,
               size_t size);

/* Whether the file holds exactly these bytes. */
bool file_holds(const char *dir, const char *name, const void *data,
                size_t size);

bool file_exists(const char *dir, const char *name);
uint64_t file_size(const char *dir, const char *name);
uint64_t file_blocks(const char *dir, const char *name); /* of 512 bytes */
unsigned file_mode(const char *dir, const char *name);

/* Cuts the file, or lets it grow with zeros. */
void file_resize(const char *dir, const char *name, uint64_t size);

/* Turns around all bits of one byte. */
void file_flip(const char *dir, const char *name, uint64_t position);

/* Overwrites bytes. */
void file_patch(const char *dir, const char *name, uint64_t position,
                const void *data, size_t size);

/* A file, or a tree. */
void file_remove(const char *dir, const char *name);

void file_rename(const char *dir, const char *from, const char *to);

#endif
