/* SPDX-License-Identifier: MIT */
/*
 * next.h - the next segment's directory, made before the segment has a name.
 *
 * A name says where the segment before ends, so it is given in a roll, when
 * that is known and durable. FORMAT.md calls the directory `next.new`. Nothing
 * depends on its being there.
 */
#ifndef CLOG_LOG_NEXT_H
#define CLOG_LOG_NEXT_H

#include "log/log.h"

/* Makes it, durably, if it is not there yet. Where that fails the roll makes
   one, or fails. A crash leaves it, empty, for the next who makes it. */
void next_make(struct clog *log) REQUIRES(log->ahead_lock)
    EXCLUDES(log->append_lock);

/* Gives it that name, not durably. ENOENT: it was not made, or is gone.
   EUCLEAN: the name is taken. */
int next_take(struct clog *log, const char *name) REQUIRES(log->append_lock);

/* Removes it: the log is closed. */
void next_done(struct clog *log);

#endif
