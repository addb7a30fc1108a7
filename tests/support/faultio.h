/* SPDX-License-Identifier: MIT */
/*
 * faultio.h - a layer over any io that counts calls and spoils one, or all
 * from one on.
 *
 * A faultio is set up with faultio_init() and then by its fields, at any time
 * between two calls. Not thread-safe.
 */
#ifndef CLOG_TESTS_FAULTIO_H
#define CLOG_TESTS_FAULTIO_H

#include "io/io.h"

#include <errno.h>

/* What calls return once the process that makes them is thought dead. */
#define FAULT_DEAD (-EOWNERDEAD)

enum fault {
    FAULT_NONE,
    FAULT_EIO,
    FAULT_ENOSPC,
    FAULT_EINTR, /* for ever: each call is interrupted once */
    FAULT_SHORT, /* a read or a write does only half */
    FAULT_FULL,  /* a write does only half, and the rest is ENOSPC */
    FAULT_STOP,  /* the process ends in this call: a write does a part of what
                    it should, anything else nothing, and every later call
                    but close is FAULT_DEAD */
    FAULTS,
};

struct faultio {
    struct io io;     /* first: what the log is given */
    struct io *below; /* borrowed */
    uint64_t calls;   /* counted so far */
    uint64_t at;      /* the call that is spoiled, from 1; 0: none */
    enum fault fault;
    bool forever;      /* not only that call but all from it on */
    bool changes_only; /* count no calls but those that change something */
    uint64_t spoiled;  /* calls that were */
    uint64_t part;     /* of FAULT_STOP: bytes of the write that are done */
    bool dead;         /* a FAULT_STOP has happened */
    bool full;         /* of FAULT_FULL: the next write is ENOSPC */
    bool interrupted;  /* the last call was spoiled by FAULT_EINTR */
    unsigned depth;    /* calls that are being made: 0 or 1 */
    bool no_sync;      /* of a control: syncs do nothing and succeed */
    bool no_truncate;  /* of a control: likewise truncations, from the
                          spoiled call on */
    void (*lose)(struct io *below, int fd); /* called for a sync that fails */
};

void faultio_init(struct faultio *fault, struct io *below);

/* Nothing is spoiled any more, and counting starts anew. */
void faultio_reset(struct faultio *fault);

const char *fault_name(enum fault fault);

#endif
