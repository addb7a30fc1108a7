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

struct fs;
struct node;

/*
 * The claim that is made as name among the records. EEXIST: that record is
 * there, or was. EPERM: it is not the next one, or no record's name. EROFS.
 */
int claim_make(struct fs *fs, const char *name, struct node *ret_node);

#endif
