/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - finding records and checking them; the look-ups of clog.h.
 */
#ifndef CLOG_LOG_LOOKUP_H
#define CLOG_LOG_LOOKUP_H

#include "log/log.h"

/* The time and checksum of record i of a part, from its stamp or else its
   file; unchanged where neither can be had. EAGAIN: nowait, and its files are
   closed. */
int lookup_stamp(struct clog *log, struct part *part, uint64_t i, bool nowait,
                 struct clog_record *record);

/*
 * Where record i of the part is, and that its prefix agrees; it may still fail
 * its checksum. Mends the index where it must, unless nowait (EAGAIN).
 */
int lookup_place(struct clog *log, struct part *part,
                 const struct extent *extent, uint64_t i, bool nowait,
                 struct place *ret_place);

/*
 * Checks record i against its stamp, reading through buffer, where its frame
 * is left if it fits. *place is where lookup_place() said, and is corrected.
 * EIO: it is damaged; counted.
 */
int lookup_check(struct clog *log, struct part *part,
                 const struct extent *extent, uint64_t i, struct buffer *buffer,
                 bool nowait, struct place *place);

/* How many of size bytes at position lie before end. */
size_t clip(size_t size, uint64_t position, uint64_t end);

/* Reads exactly size bytes of a part's store. */
int read_store(struct clog *log, struct part *part, void *data, size_t size,
               uint64_t position, bool nowait);

#endif
