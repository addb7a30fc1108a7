/* SPDX-License-Identifier: MIT */
/*
 * stage.h - the staging buffer of an open log: an append goes into memory that
 * outlives the process, and from there into the segment's files, many appends
 * at a time.
 *
 * What is staged is acknowledged, and read as if it lay in the files. It is
 * flushed, that is, written to them, when the buffer is full, before a sync, a
 * roll and a close, and by clog_flush(). Room for what the buffer can hold is
 * set aside in the files first, so that a full disk refuses the append and not
 * the flush.
 *
 * A log without a buffer writes each append to the files.
 */
#ifndef CLOG_LOG_STAGE_H
#define CLOG_LOG_STAGE_H

#include "segment/segment.h"

#include <stdatomic.h>

struct stage {
    struct io *io;
    int root;               /* borrowed: LOGDIR */
    struct staging staging; /* .map NULL: there is no buffer */
    bool off;               /* it failed, and is only read from */
    atomic_int error;       /* why there is none, negative errno; 0 */
    struct staged state;    /* what is published, as the appender knows */
    uint64_t room_end;   /* bytes of the active store, and slots, for which */
    uint64_t room_slots; /* room is set aside */
    _Atomic uint64_t bytes;   /* of the store, staged and not flushed */
    _Atomic uint64_t written; /* records below are in the files; UINT64_MAX:
                                 all are */
};

/* Records below this are in the files. From any thread. */
static inline uint64_t stage_written(const struct stage *stage)
{
    return atomic_load(&stage->written);
}

/* Without a buffer, until stage_open(). */
void stage_init(struct stage *stage, struct io *io);

/*
 * Makes the buffer for a log in which extent of the active segment counts; all
 * of it is in the files. A buffer that cannot be had is no error; an old one
 * that cannot be removed is.
 */
int stage_open(struct stage *stage, size_t size,
               const struct staging_owner *owner, struct segment *active,
               const struct extent *extent);

/* Forgets the buffer; what is in it stays for the next process. */
void stage_done(struct stage *stage);

/*
 * Appends a batch of so many frame bytes behind extent. EAGAIN: nowait, and it
 * would have to write to a file. ENOSPC, EDQUOT: the files have no room for
 * it. *ret is as segment_append() has it.
 */
struct stage_append {
    const struct batch *batch;
    uint64_t bytes;
    bool nowait;
    struct scratch *scratch;
};
int stage_append(struct stage *stage, struct segment *active,
                 const struct extent *extent, const struct stage_append *append,
                 struct appended *ret);

/* Writes all that is staged to the active segment's files. On failure nothing
   is lost, and it may be tried again. */
int stage_flush(struct stage *stage, struct segment *active);

/* The next segment takes the appends; the one before it is flushed. */
int stage_follow(struct stage *stage, struct segment *active);

/* Gives back what was set aside for files that grow no more. */
void stage_release(struct stage *stage, struct segment *sealed,
                   const struct extent *extent);

#endif
