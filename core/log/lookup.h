/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - looking at records and segments without their bytes: most of it is
 * in clog.h.
 */
#ifndef CLOG_LOG_LOOKUP_H
#define CLOG_LOG_LOOKUP_H

#include "log/log.h"

/* The time and checksum of record i of a part, from its stamp or else its
   file; unchanged where neither can be had. EAGAIN: nowait, and its files are
   closed. */
int look_stamp(struct clog *log, struct part *part, uint64_t i, bool nowait,
               struct clog_record *record);

#endif
