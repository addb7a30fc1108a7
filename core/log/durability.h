/* SPDX-License-Identifier: MIT */
/*
 * durability.h - what of a log is durable, and whether that can be believed.
 *
 * The system tells an error of write-back once for each open file: of two
 * syncs of a file that overlap one fails, and all later ones succeed, though
 * the bytes are lost. So whatever syncs a log's files does it through one
 * gate, one at a time, and the first failure, whatever its errno, closes the
 * gate for good: nothing more becomes durable, and nothing is appended.
 */
#ifndef CLOG_LOG_DURABILITY_H
#define CLOG_LOG_DURABILITY_H

#include "io/io.h"
#include "log/lock.h"

#include <stdatomic.h>

struct durability {
    struct io *io;
    int fd;                  /* owned: the file `durable`; -1: read-only */
    struct mutex gate;       /* held while a sync is made and recorded */
    struct mutex lock;       /* protects what follows; not held in a wait */
    pthread_cond_t synced;   /* syncing has become false */
    bool syncing;            /* a thread in durability_commit() syncs for all */
    _Atomic uint64_t offset; /* records below are durable */
    atomic_int error;        /* negative errno of the first failure */
    _Atomic uint64_t syncs;  /* that durability_commit() made */
};

/* Read-only until durability_open(). */
void durability_init(struct durability *durability, struct io *io);
void durability_done(struct durability *durability);

/* Opens the file `durable` in the log's directory, which is made if need be:
   the log may be written from here on. */
int durability_open(struct durability *durability, int root);

/* Whether the log may be written: it was opened for that, and nothing has
   failed since. */
bool durability_writable(const struct durability *durability);

/* The first failure's negative errno; 0: there was none. */
int durability_error(const struct durability *durability);

/* Records below are durable. */
uint64_t durability_offset(const struct durability *durability);

/* Something has failed after which what is on disk is in doubt: from here on
   the log is read-only. */
void durability_stop(struct durability *durability, int error);

/* Records below next are durable, unless something has failed. */
void durability_raise(struct durability *durability, uint64_t next);

/* Makes a sync. After it records below *ret_next are durable; where that is
   left alone, it says nothing of records. */
typedef int durability_sync_fn(void *ctx, uint64_t *ret_next);

/* Makes a sync through the gate. One that fails stops the log. EIO: something
   has failed before, and no sync was made. */
int durability_sync(struct durability *durability, durability_sync_fn *sync,
                    void *ctx) EXCLUDES(durability->gate, durability->lock);

/* Likewise fsync(2) of a file or directory. */
int durability_sync_file(struct durability *durability, int fd)
    EXCLUDES(durability->gate, durability->lock);

/*
 * Returns when records below upto are durable. Threads that call it at the
 * same time share a sync. One that fails stops the log. EIO: an earlier one
 * has failed. EROFS: the log is read-only.
 */
int durability_commit(struct durability *durability, uint64_t upto,
                      durability_sync_fn *sync, void *ctx)
    EXCLUDES(durability->gate, durability->lock);

#endif
