/* SPDX-License-Identifier: MIT */
/*
 * sync.h - what is durable, and what becomes of a log that could not be synced.
 */
#ifndef CLOG_LOG_SYNC_H
#define CLOG_LOG_SYNC_H

#include "log/log.h"

/* After this only reads are served: what is on disk is in doubt. */
void sync_stop(struct clog *log, int error);

/* All records below next are durable. */
void sync_set_durable(struct clog *log, uint64_t next);

#endif
