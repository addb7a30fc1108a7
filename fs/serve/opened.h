/* SPDX-License-Identifier: MIT */
/*
 * opened.h - what requests about open files do, from their opening to their
 * release: the run of each, see request.h.
 */
#ifndef CLOG_FS_SERVE_OPENED_H
#define CLOG_FS_SERVE_OPENED_H

#include "serve/request.h"

/* flags: open(2)'s. */
int opened_open(struct request *request, unsigned flags);

/* data: the name that is made in the directory node; flags: open(2)'s. */
int opened_create(struct request *request, unsigned flags);

/* position, size; flags: open(2)'s, as they are now. */
int opened_read(struct request *request, unsigned flags);

/* data, end; of an fsync of what is written to: nothing, and the end. */
int opened_write(struct request *request, unsigned flags);

/* The last use of handle: what is unfinished is finished. */
int opened_release(struct request *request, unsigned flags);

#endif
