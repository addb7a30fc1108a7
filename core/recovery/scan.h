/* SPDX-License-Identifier: MIT */
/*
 * scan.h - what a segment's files say, read from end to end.
 *
 * A scan reads and decides nothing: it walks the store record by record,
 * compares each with its stamp, and finds the way past damage. A record's
 * frame is known from up to four places: its length prefix, the index, the
 * checksum (which fits one length only), and the records behind it, which
 * verify at one position only. The scan takes what the others confirm.
 *
 * Reference for the order of trust: FORMAT.md, "How a segment is read".
 */
#ifndef CLOG_RECOVERY_SCAN_H
#define CLOG_RECOVERY_SCAN_H

#include "segment/segment.h"

/* Consecutive records with one verdict other than VERDICT_GOOD. */
struct run {
    enum verdict verdict;
    uint64_t first;    /* record number in the segment, not the offset */
    uint64_t count;    /* records */
    uint64_t position; /* of the first one's frame */
};

/* What to scan. */
struct scan_input {
    const struct segment *segment; /* borrowed; the maps cover all slots */
    uint64_t store_size;           /* bytes in the store */
    uint64_t index_count;          /* whole entries in the index */
    uint64_t stamps_count;         /* whole stamps */
    uint64_t limit;                /* stop after so many records */
    void (*progress)(void *ctx, uint64_t position); /* may be NULL */
    void *progress_ctx;
};

struct scan {
    struct extent extent; /* the records whose frames are known */
    uint8_t *index;       /* owned: their index entries, extent.count */
    struct run *runs;     /* owned: what is not good, in order */
    size_t run_count;
    uint64_t good, prefixes, unverified, bad; /* records by verdict */
    bool unread;      /* there is something that the device cannot read */
    uint64_t durable; /* highest durable offset that a valid stamp proves */
    uint64_t time_ns; /* of the last valid stamp; 0: none is valid */
};

/* EIO: the store is shorter than it was, or much of it cannot be read. ENOMEM.
   On failure there is nothing to release. */
int scan_segment(const struct scan_input *input, struct scan *ret_scan);

void scan_done(struct scan *scan);

/* The position of record i of a scan; extent.end for i = extent.count. */
uint64_t scan_position(const struct scan *scan, uint64_t i);

#endif
