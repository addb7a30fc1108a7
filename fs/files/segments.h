/* SPDX-License-Identifier: MIT */
/*
 * segments.h - the directory `segments`: the log's files as they are.
 *
 * The functions of kind.h; number is the segment's base offset.
 */
#ifndef CLOG_FS_FILES_SEGMENTS_H
#define CLOG_FS_FILES_SEGMENTS_H

#include <stdint.h>

struct fs;
struct handle;
struct node;
struct attr;
struct entry;

/* All segments. */
int segments_attr(struct fs *fs, uint64_t number, struct attr *attr);
int segments_lookup(struct fs *fs, uint64_t number, const char *name,
                    struct node *ret_node);
int segments_list(struct fs *fs, uint64_t number, uint64_t cookie,
                  struct entry *ret_entry);

/* One segment. ESTALE: it has been dropped. */
int segment_attr(struct fs *fs, uint64_t base, struct attr *attr);
int segment_lookup(struct fs *fs, uint64_t base, const char *name,
                   struct node *ret_node);
int segment_list(struct fs *fs, uint64_t base, uint64_t cookie,
                 struct entry *ret_entry);

/* Its files, at their logical size. ESTALE: it has been dropped. */
int segment_store_attr(struct fs *fs, uint64_t base, struct attr *attr);
int segment_index_attr(struct fs *fs, uint64_t base, struct attr *attr);
int segment_stamps_attr(struct fs *fs, uint64_t base, struct attr *attr);
int segment_store_open(struct fs *fs, uint64_t base, struct handle *handle);
int segment_index_open(struct fs *fs, uint64_t base, struct handle *handle);
int segment_stamps_open(struct fs *fs, uint64_t base, struct handle *handle);

#endif
