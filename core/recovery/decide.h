/* SPDX-License-Identifier: MIT */
/*
 * decide.h - what the evidence about the last segment means. FORMAT.md,
 * "Recovery", has the rules.
 */
#ifndef CLOG_RECOVERY_DECIDE_H
#define CLOG_RECOVERY_DECIDE_H

#include "recovery/recovery.h"

struct decision {
    bool cut;           /* what lies behind keep is a torn tail */
    struct extent keep; /* what is served */
    bool sound;         /* appends may go on behind keep */
    uint64_t next;      /* the next offset */
};

/* Pure: reads nothing but scan and the segment's stamps. */
void recover_decide(const struct evidence *evidence, const struct scan *scan,
                    const struct segment *segment,
                    struct decision *ret_decision);

#endif
