/* SPDX-License-Identifier: MIT */
/*
 * reindex.h - finding records, and finding them again where an index is wrong.
 */
#ifndef CLOG_LOG_REINDEX_H
#define CLOG_LOG_REINDEX_H

#include "log/log.h"

/*
 * Called when record i of the part is not where its index says, or fails its
 * checksum there: scans the store for its frame and rebuilds the index if that
 * is wrong. index_failed: the entry itself was unreadable or impossible.
 * EIO: nothing new was learnt. May wait.
 */
int mend_index(struct clog *log, struct part *part, const struct extent *extent,
               uint64_t i, bool index_failed);

/*
 * Where record i of the part is, and that its prefix agrees; it may still fail
 * its checksum. Mends the index where it must, unless nowait (EAGAIN).
 */
int mend_place(struct clog *log, struct part *part, const struct extent *extent,
               uint64_t i, bool nowait, struct place *ret_place);

/*
 * Checks record i against its stamp, reading through buffer, where its frame
 * is left if it fits. *place is where mend_place() said, and is corrected.
 * EIO: it is damaged; counted.
 */
int mend_check(struct clog *log, struct part *part, const struct extent *extent,
               uint64_t i, struct buffer *buffer, bool nowait,
               struct place *place);

#endif
