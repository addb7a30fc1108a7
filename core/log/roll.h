/* SPDX-License-Identifier: MIT */
/*
 * roll.h - starting the active segment, and sealing it.
 */
#ifndef CLOG_LOG_ROLL_H
#define CLOG_LOG_ROLL_H

#include "log/log.h"

/* Makes the segment that begins at the log's next offset, and its part. The
   caller holds append_lock, or is alone. */
int roll_add_active(struct clog *log);

/* Rolls, unless the active segment is empty. The caller holds append_lock. */
int roll_active(struct clog *log);

#endif
