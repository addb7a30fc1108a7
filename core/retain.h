/* SPDX-License-Identifier: MIT */
/*
 * retain.h - dropping the oldest segment, by hand, by a limit, or for room.
 */
#ifndef CLOG_RETAIN_H
#define CLOG_RETAIN_H

#include "log.h"

/* Fills in what limits imply: a segment is rolled early enough for a limit to
   be kept to within a quarter. */
void retain_set_limits(struct clog_options *options);

/*
 * Whether an append of so many frame bytes and records has to be refused
 * because a limit is reached and nothing may be dropped: keep_unread. ENOSPC.
 */
int retain_admit(struct clog *log, uint64_t bytes, uint64_t records);

/* Makes room on a full disk by dropping the oldest segment, if the log was
   opened so. ENOSPC: it was not, or there is only one. */
int retain_make_room(struct clog *log);

#endif
