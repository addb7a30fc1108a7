/* SPDX-License-Identifier: MIT */
/*
 * replay.h - what a killed process had acknowledged and not yet written to the
 * files.
 */
#ifndef CLOG_RECOVERY_REPLAY_H
#define CLOG_RECOVERY_REPLAY_H

#include "recovery/recovery.h"

/*
 * Finds the staging buffer of a process that was killed under this kernel and
 * in this directory. What it holds is written to the last segment's files, or,
 * where nothing may be written, is kept in recovery->staging and belongs to
 * the segment from then on. A buffer of another kernel or directory says
 * nothing. Damage in its head is noted. A crash in it leaves the buffer, and
 * so does the next.
 */
int replay(struct recovery *recovery);

#endif
