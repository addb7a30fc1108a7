/* SPDX-License-Identifier: MIT */
/*
 * greeting.h - what the kernel offers and is answered when a session begins.
 *
 * libfuse before 3.17 does not pass on that
 *
 * - many look-ups in one directory may be under way: the kernel keeps it to one
 *   otherwise, its answer included, and one that waits holds up all others
 *   (FUSE_PARALLEL_DIROPS);
 * - a file that is not in the kernel's cache may be mapped shared all the same
 *   (FUSE_DIRECT_IO_ALLOW_MMAP, since Linux 6.6).
 *
 * So the answer is completed on its way out.
 */
#ifndef CLOG_FS_SERVE_GREETING_H
#define CLOG_FS_SERVE_GREETING_H

struct fuse_session;

/* To be called once, before the first request is received. ENOMEM. */
int greeting_complete(struct fuse_session *session);

#endif
