/* SPDX-License-Identifier: MIT */
/*
 * records.h - the directory `records`, every record a file named by its
 * offset, and the links to records.
 */
#ifndef CLOG_FS_FILES_RECORDS_H
#define CLOG_FS_FILES_RECORDS_H

#include "files/kind.h"

/* Of links whose target may change at any time; a function of kind.h. */
int record_link_attr(struct fs *fs, struct node node, unsigned flags,
                     struct attr *attr);

/* Where the record at that offset is, from a directory as far below the root
   as up says: "" or "../". */
void record_path(const char *up, uint64_t offset, char ret_path[ENTRY_NAME]);

#endif
