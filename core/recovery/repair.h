/* SPDX-License-Identifier: MIT */
/*
 * repair.h - what recovery does to the files of a segment: an index rebuilt, a
 * torn tail cut, what is kept made durable.
 */
#ifndef CLOG_RECOVERY_REPAIR_H
#define CLOG_RECOVERY_REPAIR_H

#include "recovery/decide.h"

/* How many entries of the index on disk, of so many bytes, agree with the
   scan's, from the first on. */
uint64_t index_agrees(const struct slots *index, uint64_t index_size,
                      const struct scan *scan);

/* Whether all do, and there are no others. */
bool index_fits(const struct slots *index, uint64_t index_size,
                const struct scan *scan);

enum {
    REPAIR_EXACT = 1 << 0,
    REPAIR_SEALED = 1 << 1, /* the segment is sealed, and is again afterwards */
};

/*
 * Makes the segment's index file begin with that of the scan, durably; with
 * REPAIR_EXACT there is nothing behind it. Where records are lost, what is
 * behind may be all that says where some of them were, and a later scan wants
 * it again. A sealed segment is writable for as long as it takes; a crash
 * leaves it so, for the next open to mend.
 */
int repair_index(struct io *io, int segments, uint64_t base,
                 const struct scan *scan, unsigned how);

/*
 * Writes the wrong length prefixes anew among the first count records of the
 * scan, as it has them; what was there is in quarantine first. A crash leaves
 * some right and some wrong, as a repair that is run again finds them, and
 * perhaps a sealed segment's files writable, which the next open mends. Returns
 * 1, or 0 where there were none.
 */
int repair_prefixes(struct recovery *recovery, const struct found *found,
                    const struct scan *scan, uint64_t count);

/*
 * Cuts the last segment's store and stamps as was decided, and makes all of
 * them durable that is not known to be, that is, records from durable on. Its
 * tail is in quarantine already. On failure some of it may have been done.
 */
int repair_tail(struct recovery *recovery, const struct found *found,
                const struct scan *scan, const struct decision *decision,
                uint64_t durable);

/* Leaves the last segment as it is, and makes it durable as far as a sync can:
   it cannot be read to be written again. */
int repair_nothing(struct recovery *recovery, const struct found *found);

#endif
