/* SPDX-License-Identifier: MIT */
/*
 * roll.h - starting the active segment, and sealing it.
 */
#ifndef CLOG_LOG_ROLL_H
#define CLOG_LOG_ROLL_H

#include "log/log.h"

/* Makes the segment that begins at the log's next offset, and its part. */
int roll_add_active(struct clog *log) REQUIRES(log->append_lock);

/* Finds out how large a segment may become: to be called for each that takes
   appends; roll_add_active() does. */
void roll_measure(struct clog *log) REQUIRES(log->append_lock);

/* Whether the active segment is to be rolled before it takes so many records
   and frame bytes more: an empty one takes any. */
bool roll_is_due(const struct clog *log, uint64_t count, uint64_t bytes)
    REQUIRES(log->append_lock);

/* Makes all of the active segment durable, its index too. */
int roll_sync_active(struct clog *log) REQUIRES(log->append_lock);

/* Rolls, unless the active segment is empty. */
int roll_active(struct clog *log) REQUIRES(log->append_lock);

#endif
