/* SPDX-License-Identifier: MIT */
/*
 * roll.h - starting the active segment, and sealing it.
 */
#ifndef CLOG_LOG_ROLL_H
#define CLOG_LOG_ROLL_H

#include "log/log.h"

/* Makes the segment that begins at the log's next offset, and its part. */
int roll_add_active(struct clog *log) REQUIRES(log->append_lock);

/* Makes all of the active segment durable, its index too. */
int roll_sync_active(struct clog *log) REQUIRES(log->append_lock);

/* Rolls, unless the active segment is empty. */
int roll_active(struct clog *log) REQUIRES(log->append_lock);

#endif
