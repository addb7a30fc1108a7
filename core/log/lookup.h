/* SPDX-License-Identifier: MIT */
/*
 * look.h - looking at records and segments without their bytes: most of it is
 * in clog.h.
 */
#ifndef CLOG_LOOK_H
#define CLOG_LOOK_H

#include "log/log.h"

/* The time and checksum of record i of a part, from its stamp or else its
   file; unchanged where neither can be had. */
void look_stamp(struct clog *log, struct part *part, uint64_t i,
                struct clog_record *record);

#endif
