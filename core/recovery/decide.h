/* SPDX-License-Identifier: MIT */
/*
 * decide.h - what the evidence about the last segment means. FORMAT.md,
 * "Recovery", has the rules.
 */
#ifndef CLOG_RECOVERY_DECIDE_H
#define CLOG_RECOVERY_DECIDE_H

#include "recovery/recovery.h"

/* What decides about the last segment of an unclean log. */
struct evidence {
    uint64_t durable;    /* all records below this were durable */
    bool same_boot;      /* completed writes are all there */
    bool stamps_missing; /* somebody took them away, no crash did */
    bool unread;         /* the device cannot read some of it */
    uint64_t store_size, stamps_size; /* bytes */
    uint64_t index_count, stamps_count;
};

struct decision {
    bool cut;           /* what lies behind keep is a torn tail */
    struct extent keep; /* what is served */
    bool sound;         /* appends may go on behind keep */
    uint64_t next;      /* the next offset */
};

/* The evidence about the last segment. */
void evidence_gather(const struct recovery *recovery, const struct found *found,
                     const struct scan *scan, struct evidence *ret_evidence);

/* Pure: reads nothing but scan and the segment's stamps. */
void decide_tail(const struct evidence *evidence, const struct scan *scan,
                 const struct segment *segment, struct decision *ret_decision);

#endif
