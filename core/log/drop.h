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

/* Whether it has to stay because a cursor has still to read of it. The caller
   holds retain_lock where it goes by that: no cursor is made or moved back
   then. */
bool drop_is_kept(struct clog *log, const struct oldest *oldest);

/* Drops it, durably; it is sealed, and was looked at under this lock. */
int drop_oldest(struct clog *log, const struct oldest *oldest,
                enum drop_cause cause) REQUIRES(log->retain_lock);

/* The room that one append needs, and what has been dropped for it. */
struct room {
    uint64_t wanted;  /* bytes of files */
    uint64_t dropped; /* likewise */
    uint64_t free;    /* bytes in the filesystem before the last was dropped */
};

/* Whether the log was opened so that something may be dropped for room. */
bool drop_makes_room(const struct clog *log);

/*
 * Makes room on a full disk by dropping the oldest segment, if the log was
 * opened so, or has passed a limit: what that would have kept for a while
 * keeps the log from going on. ENOSPC: neither; or all that can be dropped
 * taken together would not make enough room; or somebody has a view of it, and
 * it would go without its room being free; or much has been dropped for this
 * append, and the last of it made no room: somebody else takes it, or it is not
 * what is wanting.
 */
int drop_for_room(struct clog *log, struct room *room)
    EXCLUDES(log->retain_lock);

/*
 * Whether an append of so much has to be refused because a limit is reached and
 * nothing may be dropped: keep_unread. ENOSPC.
 */
int drop_admit(struct clog *log, const struct extent *more);

#endif
