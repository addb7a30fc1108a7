/* SPDX-License-Identifier: MIT */
/*
 * cache.h - which segments' files are open: those in use, and a bounded number
 * of others.
 */
#ifndef CLOG_LOG_CACHE_H
#define CLOG_LOG_CACHE_H

#include "log/log.h"

/*
 * The part's files, open until cache_unpin(). They are kept open afterwards, a
 * bounded number of them. EAGAIN: nowait, and they are closed. EIO: the
 * directory is gone.
 */
int cache_pin(struct clog *log, struct part *part, bool nowait,
              struct segment **ret_files);
void cache_unpin(struct clog *log, struct part *part);

/* Lets the part's files be opened anew, once nobody uses them. */
void cache_reopen(struct clog *log, struct part *part);

/* The part's files are these, which it takes over, pinned. */
void cache_set_files(struct clog *log, struct part *part,
                     struct segment *files);

/* Takes the part's files out of the cache; they are the caller's, NULL if they
   are closed. */
struct segment *cache_detach(struct clog *log, struct part *part)
    REQUIRES(log->cache_lock);

/* Closes and frees files. NULL is allowed. */
void cache_close(struct segment *files);

#endif
