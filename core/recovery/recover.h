/* SPDX-License-Identifier: MIT */
/*
 * recover.h - from what lies in a log's directory to a log that can be served.
 *
 * Three steps, kept apart: scan_segment() says what the bytes are,
 * decide_tail() says what that means, and what follows is applied. Only
 * the last segment can have a torn tail; all else that is wrong is damage,
 * and damage is never cut. FORMAT.md, "Recovery", has the rules and the table
 * of crashes.
 *
 * Recovery can end anywhere, by a kill or a power cut, and is run again by the
 * next open to the same end. What speaks for this run is written last.
 */
#ifndef CLOG_RECOVERY_RECOVER_H
#define CLOG_RECOVERY_RECOVER_H

#include "recovery/decide.h"
#include "recovery/recovery.h"

/*
 * Fills in found, next, durable and seal of a recovery whose io, root,
 * read_only, options and report are set. Release it with recovery_done(),
 * whatever is returned.
 *
 * EUCLEAN: not a log, or one of a kind that is not known; noted, and nothing
 * was changed. Errors of the device and of memory: the next open goes on.
 * Where it could serve but not write, read_only is set, and noted.
 */
int recover(struct recovery *recovery);

#endif
