/* SPDX-License-Identifier: MIT */
/*
 * times.h - when records were appended, as far as checksums hold.
 *
 * What is dropped goes by these times, and what is appended is never stamped
 * with an earlier one: a wrong time could drop everything or hold it for ever.
 * So a stamp is believed only where the record's checksum, which covers the
 * time, holds; and where the record asked about has been damaged, one near it
 * answers. Times are in ns since the epoch and never decrease with the offset.
 */
#ifndef CLOG_LOG_TIMES_H
#define CLOG_LOG_TIMES_H

#include "log/log.h"

/*
 * A time at or before which all records of the part were appended: that of the
 * last record whose checksum holds, of the last few; else of the first such of
 * the first few of the next part. 0: none of them shows one, or the part is
 * empty. A sealed part's is remembered. flags: CLOG_NOWAIT (EAGAIN).
 */
int times_last(struct clog *log, struct part *part, unsigned flags,
               uint64_t *ret_time_ns);

/* The time of the first of the part's first few records whose checksum holds;
   0: none does. flags: CLOG_NOWAIT (EAGAIN). */
int times_first(struct clog *log, struct part *part, unsigned flags,
                uint64_t *ret_time_ns);

/* When the part's store was last changed; 0: that is not known. May wait. */
uint64_t times_file(struct clog *log, struct part *part);

/* Learns part->first_ns of the first part at or after base that has records:
   what clog_status() says of the oldest record is never looked for there. Of
   records without stamps it is their file's time. May wait. */
void times_learn_first(struct clog *log, uint64_t base);

/* Learns the time of the log's last record, below which no later one's may lie.
   May wait. */
void times_learn_last(struct clog *log);

#endif
