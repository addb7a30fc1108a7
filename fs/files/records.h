/* SPDX-License-Identifier: MIT */
/*
 * records.h - the directory `records`, every record a file named by its
 * offset, and the links `first` and `last` to two of them.
 *
 * The functions of kind.h; number is the record's offset.
 */
#ifndef CLOG_FS_FILES_RECORDS_H
#define CLOG_FS_FILES_RECORDS_H

#include <stdint.h>

struct clog_record;
struct fs;
struct handle;
struct node;
struct attr;
struct entry;

/* The directory. Its times are the last record's, so they move with each. */
int records_attr(struct fs *fs, uint64_t number, struct attr *attr);
int records_lookup(struct fs *fs, uint64_t number, const char *name,
                   struct node *ret_node);
int records_list(struct fs *fs, uint64_t number, uint64_t cookie,
                 struct entry *ret_entry);

/* A record. ENOENT: not yet; ESTALE: not any more; EIO: it lies in a gap. */
int record_stat(struct fs *fs, uint64_t offset, struct clog_record *ret_record);
int record_attr(struct fs *fs, uint64_t offset, struct attr *attr);
int record_open(struct fs *fs, uint64_t offset, struct handle *handle);

/* The links. ENOENT: the log is empty. */
int record_link_attr(struct fs *fs, uint64_t number, struct attr *attr);
int record_link_number(struct fs *fs, uint64_t *ret_number);

/* The first and last record there is. ENOENT: the log is empty. */
int records_first(struct fs *fs, uint64_t *ret_offset);
int records_last(struct fs *fs, uint64_t *ret_offset);

#endif
