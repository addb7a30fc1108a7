/* SPDX-License-Identifier: MIT */
/*
 * ahead.h - what a roll waits for, done ahead of it and beside the appends.
 *
 * A roll makes the full segment durable and starts the next, and nothing can
 * be appended meanwhile. So a large segment is synced again and again once it
 * is a third full, and the next one's directory is made under another name;
 * then it is rolled, a little before it is full, when there is little left to
 * sync. Who appends faster than that waits as if nothing had been done.
 */
#ifndef CLOG_LOG_AHEAD_H
#define CLOG_LOG_AHEAD_H

#include "log/log.h"

void ahead_init(struct clog *log);

/* Does what there is to do for the next roll, and rolls if it is time for it.
   May wait. Returns 1 if it did. */
int ahead_work(struct clog *log);

#endif
