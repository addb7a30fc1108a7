/* SPDX-License-Identifier: MIT */
/*
 * drop.h - dropping the oldest segment.
 */
#ifndef CLOG_LOG_DROP_H
#define CLOG_LOG_DROP_H

#include "log/log.h"

enum drop_cause {
    DROP_BY_NONE,
    DROP_BY_BYTES,
    DROP_BY_RECORDS,
    DROP_BY_AGE,
    DROP_BY_FULL,
    DROP_BY_HAND,
};

/* Whether a cursor has still to read of it. */
bool drop_is_unread(struct clog *log, const struct oldest *oldest);

/* Drops it, durably; it is sealed, and was looked at under this lock. */
int drop_oldest(struct clog *log, const struct oldest *oldest,
                enum drop_cause cause) REQUIRES(log->retain_lock);

/* Makes room on a full disk by dropping the oldest segment, if the log was
   opened so. ENOSPC: it was not, or there is only one. */
int drop_for_room(struct clog *log) EXCLUDES(log->retain_lock);

/*
 * Whether an append of so many frame bytes and records has to be refused
 * because a limit is reached and nothing may be dropped: keep_unread. ENOSPC.
 */
int drop_admit(struct clog *log, uint64_t bytes, uint64_t records);

#endif
