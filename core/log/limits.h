/* SPDX-License-Identifier: MIT */
/*
 * limits.h - how much a segment and a log may hold: arithmetic alone.
 *
 * A log is kept within its limits by dropping whole segments, so a segment is
 * rolled at a quarter of each limit at the latest. One that is larger all the
 * same, from before there was a limit or by one large batch, is more than a
 * limit would have dropped, or even all there is.
 */
#ifndef CLOG_LOG_LIMITS_H
#define CLOG_LOG_LIMITS_H

#include "clog.h"
#include "segment/segment.h"

/* Fills in the options that are 0, and what limits imply for them. */
void limits_set(struct clog_options *options);

/* The bytes of all files of a segment that has so much. */
uint64_t limits_bytes(const struct extent *extent);

/*
 * The bytes of all its files before which a segment is rolled. room: bytes that
 * the log has and could have in its filesystem.
 */
uint64_t limits_segment_bytes(const struct clog_options *options,
                              uint64_t room);

/* Whether a segment with so much is one to be rolled, by its files' sizes and
   by limits_segment_bytes(). */
bool limits_passed(const struct clog_options *options, uint64_t segment_bytes,
                   const struct extent *extent);

/*
 * Whether the oldest segment has to go, having part of what the log has in all
 * and limit being what it may have; 0: there is no limit. A segment of up to
 * three quarters of the limit goes as soon as the log is over it; a larger one
 * when what lies behind it reaches the limit: so that a limit keeps what it
 * allows. Where a full disk lets nothing be put behind it, it goes too
 * (drop.h).
 */
bool limits_drop(uint64_t all, uint64_t part, uint64_t limit);

#endif
