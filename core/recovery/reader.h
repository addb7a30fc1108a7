/* SPDX-License-Identifier: MIT */
/*
 * reader.h - a segment's store as a scan reads it.
 *
 * A scan goes through the store from its start, looks ahead for a way past
 * damage, and comes back. Each of these has a window of its own, which is small
 * where it jumps and grows where it goes on. The checksum of a long range costs
 * no more than that of a short one: the store's bytes are added up once, and
 * the range's CRC is what two sums differ by.
 *
 * Where the device cannot read, the bytes of a sector are unread; all others
 * are read.
 */
#ifndef CLOG_RECOVERY_READER_H
#define CLOG_RECOVERY_READER_H

#include "io/buffer.h"
#include "segment/crc.h"
#include "segment/store.h"

/* The bytes asked for are in a sector that the device cannot read. */
#define READER_UNREAD (-ENODATA)

enum reader_window {
    READER_HERE,  /* where the scan is */
    READER_AHEAD, /* where it looks for a way */
    READER_SUMS,  /* for the reader's own use */
    READER_WINDOWS,
};

struct window {
    struct buffer buffer; /* bytes [start, start + held) of the store */
    uint64_t start;
    size_t held;
    size_t size; /* of the last read */
};

struct reader {
    const struct store *store; /* borrowed */
    uint64_t size;             /* bytes of the store */
    struct window windows[READER_WINDOWS];
    uint64_t here;        /* the caller's: nothing before it is asked for */
    uint64_t ahead;       /* bytes that were read ahead */
    uint64_t cautious_to; /* a read of many bytes, up to here, has failed */
    uint64_t *unread;     /* owned: sectors, in no order */
    size_t unread_count, unread_capacity;
    crc_t *sums;         /* owned: of bytes [sums_from, sums_from + k BLOCK) */
    uint64_t sums_from;  /* byte */
    uint64_t sums_count; /* 0: none is needed yet */
    uint64_t sums_capacity;
};

/* Begins to read; a reader of zeros has nothing to release. */
void reader_init(struct reader *reader, const struct store *store,
                 uint64_t size);
void reader_done(struct reader *reader);

/* Copies size bytes at position, which the caller has checked lie in the store.
   UNREAD. EIO: the store is shorter, or too much of it cannot be read. */
int reader_copy(struct reader *reader, enum reader_window window,
                uint64_t position, void *data, size_t size);

/* Bytes of a window, valid until it is used again. */
struct looked {
    const uint8_t *bytes;
    size_t size;
};

/* The bytes at position, at least 1 and at most size of them. The same
   errors. */
int reader_look(struct reader *reader, enum reader_window window,
                uint64_t position, size_t size, struct looked *ret);

/* Adds bytes [from, to) of the store to *crc. The same errors. */
int reader_add(struct reader *reader, enum reader_window window, uint64_t from,
               uint64_t to, crc_t *crc);

/* The same for ranges that may be long, and may be for nothing: ever more of
   them that overlap do not read ever more. */
int reader_add_far(struct reader *reader, enum reader_window window,
                   uint64_t from, uint64_t to, crc_t *crc);

#endif
