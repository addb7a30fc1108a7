/* SPDX-License-Identifier: MIT */
/*
 * names.h - what requests about names, attributes and directories do: the run
 * of each, see request.h.
 */
#ifndef CLOG_FS_SERVE_NAMES_H
#define CLOG_FS_SERVE_NAMES_H

#include "files/kind.h"
#include "serve/request.h"

/* Everything there is to say about node, for a look-up or a listing. */
int names_describe(struct fs *fs, struct node node, unsigned flags,
                   struct fuse_entry_param *ret_entry);

/* data: the name in the directory node. */
int names_lookup(struct request *request, unsigned flags);
int names_mkdir(struct request *request, unsigned flags);
int names_rmdir(struct request *request, unsigned flags);

int names_getattr(struct request *request, unsigned flags);

/* data: a struct stat; flags: what of it is to be set. */
int names_setattr(struct request *request, unsigned flags);

int names_readlink(struct request *request, unsigned flags);

/* position: the cookie; size. */
int names_readdir(struct request *request, unsigned flags);

/* data: the attribute's name; size: 0 to learn the value's. */
int names_getxattr(struct request *request, unsigned flags);
int names_listxattr(struct request *request, unsigned flags);

int names_statfs(struct request *request, unsigned flags);

#endif
