/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - finding records, checking and reading them; the look-ups of
 * clog.h.
 *
 * A look-up holds the record's segment: it is found once and its files are
 * pinned once, whatever is then asked of it. Where index or checksum turn out
 * to be wrong the index is mended and the question asked again. With nowait
 * nothing waits for a device: where the answer needs one it is EAGAIN, and so
 * it is where an index has to be mended.
 */
#ifndef CLOG_LOG_LOOKUP_H
#define CLOG_LOG_LOOKUP_H

#include "io/buffer.h"
#include "log/log.h"

struct lookup {
    struct clog *log;
    struct held held;
    uint64_t i;           /* the record: its number in the part */
    bool nowait;          /* EAGAIN rather than wait for a device */
    uint64_t sure;        /* slots [i, sure) were in memory when asked about */
    struct buffer buffer; /* scratch; see lookup_check() */
};

/*
 * Begins a look-up of record offset. flags: CLOG_NOWAIT. On failure there is
 * nothing to end. ENOENT, EIO (in a gap; the files are gone), EAGAIN.
 */
int lookup_begin(struct lookup *lookup, struct clog *log, uint64_t offset,
                 unsigned flags);

/* Likewise of the part that holds that byte of the joined view; i is 0. ENOENT,
   ESTALE. */
int lookup_begin_byte(struct lookup *lookup, struct clog *log,
                      uint64_t position, unsigned flags);

/* Likewise of a part that the caller has a reference of; i is 0. */
int lookup_begin_part(struct lookup *lookup, struct clog *log,
                      struct part *part, unsigned flags);

void lookup_end(struct lookup *lookup);

/* Where the record is, by the index alone. EIO: no index that could be had
   says. */
int lookup_place(struct lookup *lookup, struct place *ret_place);

/* Likewise, and its prefix agrees; or it is known which of the two is right. A
   damaged record has a place all the same. */
int lookup_confirm(struct lookup *lookup, struct place *ret_place);

/*
 * Checks the record against its stamp. *place is where lookup_place() said, and
 * is corrected. It is read through buffer, where its frame is left if
 * lookup_has_frame(). EIO: it is damaged; counted.
 */
int lookup_check(struct lookup *lookup, struct place *place);
bool lookup_has_frame(const struct lookup *lookup, const struct place *place);

/* The verdict on the record at place; nothing is mended or counted. It is read
   through buffer. EAGAIN, EIO: the device. */
int lookup_verify(struct lookup *lookup, const struct place *place,
                  enum verdict *ret_verdict);

/*
 * Reads the whole payload into data, of size bytes, and checks it: by one
 * system call where all is well. *place as for lookup_check(). EMSGSIZE: it
 * does not fit, and is good. EIO: as from lookup_check().
 */
int lookup_take(struct lookup *lookup, struct place *place, void *data,
                size_t size);

/* Reads exactly size bytes of the store. */
int lookup_read(struct lookup *lookup, void *data, size_t size,
                uint64_t position);

/* The time and checksum of the record, from its stamp, unchecked, or else its
   file. */
int lookup_stamp(struct lookup *lookup, struct clog_record *record);

/* When the store was changed last, or made; 0: not known. */
uint64_t lookup_file_time(const struct lookup *lookup);

/* What index and stamps say of count records from i on; as segment_know(). With
   nowait of fewer, where the rest is not in memory. */
int lookup_know(struct lookup *lookup, size_t count, struct known *ret_known);

/* The index is wrong about the record: as reindex(). */
int lookup_mend(struct lookup *lookup, bool index_failed);

/* How many of size bytes at position lie before end. */
size_t lookup_clip(size_t size, uint64_t position, uint64_t end);

#endif
