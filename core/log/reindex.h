/* SPDX-License-Identifier: MIT */
/*
 * reindex.h - an index that turns out to be wrong while the log is open.
 */
#ifndef CLOG_LOG_REINDEX_H
#define CLOG_LOG_REINDEX_H

#include "log/log.h"

/*
 * Called when record i of a part is not where its index says, or fails its
 * checksum there: scans the store for its frame and rebuilds the index if that
 * is wrong. index_failed: the entry itself was unreadable or impossible. 0: the
 * index is another one now, by this call or since held was pinned, and held has
 * the files that show it. EIO: nothing new was learnt. May wait.
 */
int reindex(struct clog *log, struct held *held, uint64_t i, bool index_failed);

/* Tells that record i of a part cannot be had, unless a scan has found it and
   told: its frame is at place, or it is not known where (NULL). Once, and of
   the first few of a part. May wait. */
void reindex_tell(struct clog *log, const struct held *held, uint64_t i,
                  const struct place *place);

#endif
