/* SPDX-License-Identifier: MIT */
/*
 * parallel.h - many look-ups in one directory at a time.
 *
 * The kernel keeps a directory to one look-up or listing at a time, its answer
 * included, unless it is told that this need not be: then one that waits holds
 * up all others there. libfuse before 3.17 takes FUSE_CAP_PARALLEL_DIROPS and
 * does not pass it on; so here the answer to INIT is completed on its way out.
 */
#ifndef CLOG_FS_SERVE_PARALLEL_H
#define CLOG_FS_SERVE_PARALLEL_H

struct fuse_session;

/* To be called once, before the first request is received. ENOMEM. */
int parallel_directories(struct fuse_session *session);

#endif
