/* SPDX-License-Identifier: MIT */
/*
 * killer.h - the system's io, with a SIGKILL at one of its storage calls.
 *
 * A storage call is one that changes what is in a log's directory, or syncs
 * it: reads, look-ups and locks leave nothing behind.
 */
#ifndef KILLER_H
#define KILLER_H

#include "io/io.h"

/* Where in the call the process ends. */
enum blow {
    BLOW_BEFORE,
    BLOW_HALF, /* after half the bytes of a write; no other call counts */
    BLOW_AFTER,
    BLOWS,
};

struct killer {
    struct io io; /* first: an io is cast back to its killer */
    struct io_ops ops;
    uint64_t calls;   /* storage calls begun so far, that count */
    uint64_t changes; /* of them, those that are no syncs */
    uint64_t at;      /* the one that is the last, counted from 1; 0: none */
    enum blow blow;   /* at which moment of it */
    unsigned boot;    /* the kernel's boot id is made of this */
    /* Borrowed, may be NULL: changes is written there before each call. */
    uint64_t *ret_changes;
};

/* A killer that does not kill, until at is set. */
void killer_init(struct killer *killer);

#endif
