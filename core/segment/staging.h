/* SPDX-License-Identifier: MIT */
/*
 * staging.h - bytes of the active segment that are acknowledged and not yet
 * in its files: a buffer that outlives the process that fills it.
 *
 * A file of fixed size is mapped, shared with the page cache. It has a head
 * and three rings, of store, stamps and index: byte p of the segment's store
 * lies at p modulo the ring's size, and so do its slots. An append copies
 * into the rings behind what is published, and publishes by storing one
 * counter, so that a process killed between any two instructions leaves a
 * batch whole or absent. A flush, which is segment.c's, writes what is
 * published and not yet written to the files, and publishes that it has.
 *
 * The head has two states; the counter's lowest bit says which one counts.
 * The appender fills the other and then raises the counter, so a reader that
 * finds the counter unchanged behind its copy has a state that was true. In
 * the same way bytes of a ring are overwritten only after a state says that
 * they are in the files: a reader copies them first and looks at the state
 * after.
 *
 * Numbers are in the machine's byte order: no other kernel may believe them.
 * core/FORMAT.md has the bytes. One thread at a time may put and publish; any
 * number may read meanwhile.
 */
#ifndef CLOG_SEGMENT_STAGING_H
#define CLOG_SEGMENT_STAGING_H

#include "clog.h"
#include "io/io.h"
#include "segment/batch.h"

#define STAGING_NAME "staging"
#define STAGING_MIN  ((size_t)64 << 10) /* bytes of the file */
#define STAGING_MAX  ((size_t)64 << 20)

/* Whose bytes they are: believed under this kernel and in this directory. */
struct staging_owner {
    char boot_id[37];
    uint64_t dev, ino; /* LOGDIR's */
};

/* What is published. Zeros: no segment yet. */
struct staged {
    uint64_t base;        /* of the active segment */
    uint64_t next;        /* offset of the next record */
    uint64_t end;         /* bytes of the segment's store */
    uint64_t written;     /* the segment's files have records below this ... */
    uint64_t written_end; /* ... and these bytes of its store */
    uint64_t time_ns;     /* of the last record */
    uint64_t flags;       /* STAGED_* */
};

/* A sync of the log's files is under way, or has failed: what the page cache
   shows of them is not what the disk will have. */
#define STAGED_UNSYNCED 1u

struct staging {
    struct io *io;
    uint8_t *map;      /* owned; NULL: there is no buffer */
    bool loaded;       /* map is memory of malloc(3), not the file */
    size_t size;       /* bytes of the file */
    size_t slots;      /* that each of the two rings of slots has */
    size_t store_size; /* bytes of the store's ring */
};

/*
 * Makes the file anew in LOGDIR root, of size bytes, a power of two in
 * [STAGING_MIN, STAGING_MAX], each block of it allocated and written, and maps
 * it. Its state is all zeros. Not durable, and never needs to be. A crash
 * leaves a file that staging_load() refuses, or one without records.
 * EOPNOTSUPP: the filesystem cannot set room aside, so there can be no buffer.
 */
int staging_make(struct staging *staging, struct io *io, int root, size_t size,
                 const struct staging_owner *owner);

/*
 * Copies into memory what an earlier process has left, as a staging to read
 * from. ENOENT: nothing. ESTALE: it is of another kernel or directory, or not
 * of this version. EUCLEAN: its head is damaged. ENOMEM, EIO.
 */
int staging_load(struct staging *staging, struct io *io, int root,
                 const struct staging_owner *owner);

/* NULL's equal, a staging of zeros, is allowed. */
void staging_done(struct staging *staging);

/* The state that is published. EUCLEAN: it is damaged, or impossible. EIO:
   the page cannot be read. */
int staging_state(const struct staging *staging, struct staged *ret_state);

/* Whether the rings can take a batch of so many frame bytes and records: at
   all, and behind state without a flush first. */
bool staging_fits(const struct staging *staging, uint64_t bytes,
                  uint64_t count);
bool staging_has_room(const struct staging *staging, const struct staged *state,
                      uint64_t bytes, uint64_t count);

/*
 * Copies a batch, for which there is room, behind state, and returns the state
 * to publish. Nothing can be seen of it before. EIO: the page cannot be
 * written to; nothing has changed.
 */
int staging_put(struct staging *staging, const struct staged *state,
                const struct batch *batch, struct staged *ret_state);

/* Publishes state, in one step. EIO, as above. */
int staging_publish(struct staging *staging, const struct staged *state);

/* A file of a segment, whose bytes may be staged. */
struct staged_file {
    uint64_t base;
    enum clog_file kind;
};

/*
 * Copies up to size bytes of a file, from byte position on, as far as they are
 * published and not yet written. Returns how many; 0: they are in the segment's
 * file, or nowhere.
 */
size_t staging_read(const struct staging *staging, struct staged_file file,
                    void *data, size_t size, uint64_t position);

/* Whether byte position is staged, and so all behind it are that there are. */
bool staging_has(const struct staging *staging, struct staged_file file,
                 uint64_t position);

/* How many of size bytes from position on lie in front of what is staged; size
   where none of them is staged. */
size_t staging_ahead(const struct staging *staging, struct staged_file file,
                     uint64_t position, size_t size);

/* The pieces of memory, at most two, that bytes [from, to) of a file are. */
size_t staging_pieces(const struct staging *staging, enum clog_file file,
                      uint64_t from, uint64_t to, struct iovec ret_pieces[2]);

#endif
