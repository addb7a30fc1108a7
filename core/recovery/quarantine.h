/* SPDX-License-Identifier: MIT */
/*
 * quarantine.h - where torn tails are kept.
 *
 * What is cut from a segment is first copied to quarantine/, as files
 * BASE.OFFSET.CRC.store, .stamps and .note, and never deleted by clog. CRC is
 * of the bytes that were cut, so that a recovery that is run again writes the
 * same files again and not others.
 */
#ifndef CLOG_RECOVERY_QUARANTINE_H
#define CLOG_RECOVERY_QUARANTINE_H

#include "recovery/decide.h"

/*
 * Copies what lies behind keep in the files of the segment, durably.
 * On failure there may be some of it, which the next try overwrites.
 */
int quarantine_tail(struct io *io, int root, const struct segment *segment,
                    const struct evidence *evidence, const struct extent *keep);

/*
 * Keeps size bytes that a repair is about to overwrite in a segment's store,
 * as BASE.OFFSET.CRC.prefix, durably.
 */
int quarantine_prefix(struct io *io, int root, uint64_t base, uint64_t offset,
                      const void *data, size_t size);

#endif
