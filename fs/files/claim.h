/* SPDX-License-Identifier: MIT */
/*
 * claim.h - compare and append: making the file records/N.
 *
 * A file that is made there is a claim to offset N, which the next record must
 * have: the first write to it becomes record N, or fails. It is not the record
 * itself, which has a name and attributes only once it is there.
 */
#ifndef CLOG_FS_FILES_CLAIM_H
#define CLOG_FS_FILES_CLAIM_H

#include <stddef.h>
#include <stdint.h>

struct fs;
struct handle;
struct node;
struct attr;

/*
 * The claim that is made as name in the directory dir. EEXIST: that record is
 * there, or was. EPERM: it is not the next one, or no record's name. EROFS.
 */
int claim_make(struct fs *fs, struct node dir, const char *name,
               struct node *ret_node);

/* The function of kind.h. */
int claim_attr(struct fs *fs, uint64_t offset, struct attr *attr);

/*
 * Appends the write as the record that handle claims. EEXIST: another writer
 * was first. EMSGSIZE: it is too long for `put` as well, or handle has written
 * already. Else as clog_append_at().
 */
int claim_write(struct fs *fs, struct handle *handle, const char *data,
                size_t size, unsigned flags);

#endif
