/* SPDX-License-Identifier: MIT */
/*
 * ops.h - the operations of the mount: decodes each request, asks tree.h or
 * work.h, and answers exactly once.
 *
 * The session's userdata is the struct fs.
 */
#ifndef CLOG_FS_SERVE_OPS_H
#define CLOG_FS_SERVE_OPS_H

#include "serve/request.h"

extern const struct fuse_lowlevel_ops ops_table;

#endif
