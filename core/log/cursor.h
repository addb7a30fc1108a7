/* SPDX-License-Identifier: MIT */
/*
 * cursor.h - reading positions with names, that survive restarts.
 *
 * One file each, LOGDIR/cursors/NAME; FORMAT.md has its bytes. All of them are
 * held in memory.
 */
#ifndef CLOG_LOG_CURSOR_H
#define CLOG_LOG_CURSOR_H

#include "log/log.h"

/*
 * Loads all cursors, which are durable then unless read_only. A file that is
 * none of ours is noted and left alone.
 */
int cursor_load_all(struct clog *log, bool read_only,
                    struct clog_report *report);

/* The lowest offset that a cursor has yet to read; UINT64_MAX if there is no
   cursor. */
uint64_t cursor_lowest(struct clog *log);

void cursor_done(struct clog *log);

#endif
