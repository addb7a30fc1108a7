/* SPDX-License-Identifier: MIT */
/*
 * segment.h - one store, its index and its stamps, in a directory named by the
 * offset of the first record.
 *
 * A segment here is a set of open files. How many records and bytes of them
 * count is an extent, which the caller keeps: what lies behind it is not there.
 * Nothing here locks. Any number of threads may look up and read within an
 * extent while one appends behind it.
 */
#ifndef CLOG_SEGMENT_SEGMENT_H
#define CLOG_SEGMENT_SEGMENT_H

#include "clog.h"
#include "segment/batch.h"
#include "segment/record.h"
#include "segment/slots.h"
#include "segment/staging.h"
#include "segment/store.h"

#include <stdbool.h>

#define SEGMENT_NAME 21 /* bytes of a segment's name: 20 digits and a NUL */

/* The names of a segment's files, by enum clog_file. */
extern const char *const segment_files[3];

struct segment {
    struct io *io;
    uint64_t base; /* offset of the first record */
    int dir;       /* owned; -1 when sealed */
    struct store store;
    struct slots index;
    struct slots stamps;
};

/* What of a segment counts. */
struct extent {
    uint64_t count; /* records */
    uint64_t end;   /* bytes of the store */
};

/* Where a record is: its frame is the bytes [position, position + 8 + length)
   of the store. */
struct place {
    uint64_t position;
    uint64_t length; /* of the payload */
};

/* How a record's bytes compare with its stamp. */
enum verdict {
    VERDICT_GOOD,
    VERDICT_PREFIX,     /* good, but the prefix in the store is wrong */
    VERDICT_UNVERIFIED, /* there is no stamp; prefix and index agree */
    VERDICT_BAD,
};

/* Memory that appends share. All zeros is empty. */
struct scratch {
    struct buffer frames, stamps, index;
};

void scratch_trim(struct scratch *scratch);
void scratch_done(struct scratch *scratch);

/* The name of the segment with that base. */
void segment_name(uint64_t base, char ret[SEGMENT_NAME]);

/* What is behind the name of a segment that is dropped: of its directory, which
   was renamed, or where that cannot be, of an empty file beside it. */
#define SEGMENT_DROPPED ".dropped"

/* Exactly 20 digits of a number below 2^64, or EINVAL. */
int segment_parse(const char *name, uint64_t *ret_base);

/* Opens the directory of the segment base. */
int segment_open_dir(struct io *io, int segments, uint64_t base);

/* The same, and lets its owner make files in it. */
int segment_open_writable(struct io *io, int segments, uint64_t base);

/*
 * Gives the segment the name of one that is dropped, or marks it so. That is
 * durable when the caller has synced segments. ENOENT: there is none.
 */
int segment_drop(struct io *io, int segments, uint64_t base);

/* Whether an empty file beside the segment says that it is dropped. */
bool segment_is_marked(struct io *io, int segments, uint64_t base);

/*
 * Removes a dropped segment, whose name or mark is durable: its files, and then
 * that. On failure, or after a crash, there is less of it, and it can be tried
 * again. ENOTEMPTY, EEXIST: there are files in it that are not the log's.
 */
int segment_remove_dropped(struct io *io, int segments, uint64_t base);

/*
 * Removes the directory name, with a segment's files. On failure, or after a
 * crash, it has fewer of them, and can be tried again. ENOTEMPTY, EEXIST: there
 * are others in it.
 */
int segment_remove(struct io *io, int segments, const char *name);

/*
 * Opens the segment base below the directory segments, to read count records.
 * A file that is missing has no bytes. No descriptor but the store's is kept.
 */
int segment_open(struct segment *segment, struct io *io, int segments,
                 uint64_t base, uint64_t count);

/* Makes the directory of the segment base. EEXIST. */
int segment_make(struct io *io, int segments, uint64_t base);

/* The name of a segment that is made ahead of need: renamed to its base it is
   one. */
#define SEGMENT_NEXT "next.new"

struct segment_next {
    int dir;      /* owned */
    int files[3]; /* owned */
};

/* Makes it, and its files; one that is there is taken if it is empty. EEXIST:
   it is not. A crash leaves it with some of its files. */
int segment_next_make(struct io *io, int segments,
                      struct segment_next *ret_next);

/* Makes all of it durable. */
int segment_next_sync(struct io *io, int segments,
                      const struct segment_next *next);

void segment_next_close(struct io *io, const struct segment_next *next);

/*
 * Opens it to append as well, and makes the files that are missing; nothing of
 * that is durable before segment_sync_new(). The maps have room for capacity
 * bytes of slots. A crash leaves a segment with some of its files, empty,
 * which the next call completes.
 */
int segment_open_active(struct segment *segment, struct io *io, int segments,
                        uint64_t base, uint64_t capacity);

/* Makes the files of a segment that is open to append durable, with all their
   names and their directory's. */
int segment_sync_new(struct segment *segment, int segments);

/* Idempotent; a half-open segment is fine, and so is one of zeros. */
void segment_done(struct segment *segment);

/* What an append that failed leaves. */
enum remains {
    REMAINS_NOTHING, /* the files are as they were */
    REMAINS_CUT,     /* so they are, but a power cut may bring the batch back,
                        until the segment has been synced */
    REMAINS_MORE,    /* they could not be cut back: nothing may be appended */
};

struct appended {
    struct extent extent; /* as it is now; on failure, untouched */
    enum remains remains; /* what a failure has left */
};

/*
 * Appends a batch behind extent, store first, then stamps, then index, and
 * returns the new extent. On failure the files are cut back to extent, and
 * ret->remains tells how far that went. A crash leaves a part of the batch,
 * without its last stamp unless it is whole.
 */
int segment_append(struct segment *segment, const struct extent *extent,
                   const struct batch *batch, struct scratch *scratch,
                   struct appended *ret);

/* Makes the maps large enough for count records. They grow for the first batch
   of an empty segment alone, which nobody reads yet. */
int segment_reserve(struct segment *segment, uint64_t count);

/* Lets what is staged be read as if it lay in the files. Borrowed. */
void segment_use_staging(struct segment *segment,
                         const struct staging *staging);

/*
 * Writes what is staged and not yet written to the files, in their order, and
 * publishes in *state that it has. On failure nothing is lost and it may be
 * tried again: the same bytes go to the same places, as after a crash.
 */
int segment_flush(struct segment *segment, struct staging *staging,
                  struct staged *state);

/* The same, without publishing it: for what another process has left. */
int segment_write_staged(struct segment *segment, const struct staging *staging,
                         const struct staged *state);

/* Cuts the files back to extent. */
int segment_cut(struct segment *segment, const struct extent *extent);

/* Makes store and stamps durable. */
int segment_sync(struct segment *segment);

/* Makes all three files durable. */
int segment_sync_all(struct segment *segment);

/* The name of a file of the segment that is there and cannot be opened with
   those flags; "" where all can, or the directory cannot. */
const char *segment_closed_file(struct io *io, int segments, uint64_t base,
                                int flags);

/* Takes write permission from the files of a sealed segment. Its directory
   stays writable, so that its owner can remove it. Missing files are passed
   over, and files that have other names too. */
int segment_guard(struct io *io, int segments, uint64_t base);

/* Whether a file of a segment needs no guarding. */
bool segment_is_guarded(const struct io_stat *file);

/*
 * Where record base + i is, by the index. EIO: the index does not have it.
 * EUCLEAN: what it says is impossible. Nothing is read from the store.
 */
int segment_place(const struct segment *segment, const struct extent *extent,
                  uint64_t i, struct place *ret_place);

#define SEGMENT_KNOWN 64 /* records that are asked about at once */

/* What index and stamps say of a record. */
struct known {
    struct place place;
    struct stamp stamp;
    bool stamped; /* there is a stamp */
};

/*
 * What is known of records base + i and on, count of them, at most
 * SEGMENT_KNOWN. Returns of how many, up to the first whose place is
 * impossible. EIO, EUCLEAN: the first one's is, as from segment_place().
 */
int segment_know(const struct segment *segment, const struct extent *extent,
                 uint64_t i, size_t count, struct known *ret_known);

/* Compares the whole frame of record offset in memory with what is known. */
enum verdict segment_judge(uint64_t offset, const struct known *known,
                           const uint8_t *frame);

/* Reads the payload of record base + i, which lies at place, into data and
   compares it with the stamp. Returns the verdict. EAGAIN, EIO. */
int segment_take(const struct segment *segment, uint64_t i,
                 const struct place *place, void *data, bool nowait);

/* Compares a whole frame in memory with the stamp of record base + i. */
enum verdict segment_verify(const struct segment *segment, uint64_t i,
                            const struct place *place, const uint8_t *frame);

/* What a frame is read into. */
struct into {
    uint8_t *buffer;
    size_t size; /* at least RECORD_PREFIX */
    bool nowait; /* EAGAIN where it is not in memory */
};

/*
 * The same, reading the frame: at once if it fits, and then it is left in the
 * buffer; otherwise piece by piece. EAGAIN, EIO.
 */
int segment_check(const struct segment *segment, uint64_t i,
                  const struct place *place, const struct into *into,
                  enum verdict *ret_verdict);

#endif
