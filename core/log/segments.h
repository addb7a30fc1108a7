/* SPDX-License-Identifier: MIT */
/*
 * segments.h - which segments an open log has.
 */
#ifndef CLOG_LOG_SEGMENTS_H
#define CLOG_LOG_SEGMENTS_H

#include "log/log.h"

/*
 * Finding a part. What is found is referenced: it stays, with its bytes, until
 * segments_put(), also when it is dropped meanwhile. *ret_extent is how much of
 * it counts right now.
 */

/* The part that holds record offset. ENOENT, EIO (in a gap). */
int segments_find(struct clog *log, uint64_t offset, struct part **ret_part,
                  struct extent *ret_extent);

/* The part that holds the byte at that position of the joined view. ENOENT:
   at or past the end. ESTALE: dropped. */
int segments_find_byte(struct clog *log, uint64_t position,
                       struct part **ret_part, struct extent *ret_extent);

/* The part with that base. ENOENT. */
int segments_find_base(struct clog *log, uint64_t base, struct part **ret_part);

/* The first part whose base is at or after base. ENOENT. */
int segments_find_after(struct clog *log, uint64_t base, struct part **ret_part,
                        struct extent *ret_extent);

/* The active part; of a read-only log the last. ENOENT: there is none. */
int segments_find_active(struct clog *log, struct part **ret_part);

/* Ends a reference. NULL is allowed. */
void segments_put(struct clog *log, struct part *part);

/* How much of the part counts. */
struct extent segments_extent(struct clog *log, const struct part *part);

/* Adds a part behind the others, with what it has; its stream_start is set.
   Takes the caller's reference over, unless it fails: ENOMEM. */
int segments_add(struct clog *log, struct part *part);

/* Takes the first part, whose files are pinned, out of the log; it goes when
   the last reference does. */
void segments_remove_first(struct clog *log);

/* Closes and frees everything. */
void segments_done(struct clog *log);

/* The log's next offset, right now. */
uint64_t segments_next(struct clog *log);

/* The first retained offset, right now; next if there is none. */
uint64_t segments_oldest(struct clog *log);

/* The bytes of all stores, indexes and stamps, and the records in them. */
void segments_totals(struct clog *log, uint64_t *ret_bytes,
                     uint64_t *ret_records);

/* Where the joined view begins and ends, right now. */
void segments_stream(struct clog *log, uint64_t *ret_start, uint64_t *ret_end);

/* What of a status is the parts'. */
void segments_status(struct clog *log, struct clog_status *status);

/* For who holds lock, or append_lock, under which alone it changes. */
struct part *segments_active(const struct clog *log);

#endif
