/* SPDX-License-Identifier: MIT */
/*
 * quarantine.h - where torn tails are kept.
 *
 * What is cut from a segment is first copied to quarantine/, as files
 * BASE.OFFSET.CRC.store, .stamps and .note, and never deleted by clog. CRC is
 * of the bytes that were cut, so that a recovery that is run again writes the
 * same files again and not others. Holes in what is cut stay holes here.
 */
#ifndef CLOG_RECOVERY_QUARANTINE_H
#define CLOG_RECOVERY_QUARANTINE_H

#include "recovery/recovery.h"

/*
 * Copies what lies behind keep in the files of the segment, durably. On failure
 * nothing of it is left, ENOSPC, also where it would have filled the disk; a
 * crash may leave some, which the next try writes anew.
 */
int quarantine_tail(const struct recovery *recovery, const struct found *found,
                    const struct extent *keep);

/*
 * Keeps size bytes that a repair is about to overwrite in a segment's store,
 * as BASE.OFFSET.CRC.prefix, durably.
 */
int quarantine_prefix(struct io *io, int root, uint64_t base, uint64_t offset,
                      const uint8_t prefix[static RECORD_PREFIX]);

#endif
