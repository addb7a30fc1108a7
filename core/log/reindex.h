/* SPDX-License-Identifier: MIT */
/*
 * reindex.h - an index that turns out to be wrong while the log is open.
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
int reindex(struct clog *log, struct part *part, const struct extent *extent,
            uint64_t i, bool index_failed);

#endif
