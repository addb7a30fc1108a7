/* SPDX-License-Identifier: MIT */
#include "log/lookup.h"

#include "io/bytes.h"
#include "log/reindex.h"
#include "segment/stamps.h"

#include <errno.h>
#include <string.h>

#define CHECK_BUFFER ((size_t)64 << 10)

/* How often an index may turn out to be wrong within one look-up: once for each
   that mends it meanwhile, and a file that goes on changing is given up. */
#define MENDS 3

#define AHEAD 1024 /* slots that are asked about at once: a few pages */

static struct lookup nothing_held(struct clog *log, unsigned flags)
{
    return (struct lookup){.log = log, .nowait = (flags & CLOG_NOWAIT) != 0};
}

int lookup_begin(struct lookup *lookup, struct clog *log, uint64_t offset,
                 unsigned flags)
{
    int r;

    *lookup = nothing_held(log, flags);
    r = segments_hold(&log->segments, offset, lookup->nowait, &lookup->held);
    if (r == 0)
        lookup->i = offset - lookup->held.part->base;
    return r;
}

int lookup_begin_byte(struct lookup *lookup, struct clog *log,
                      uint64_t position, unsigned flags)
{
    *lookup = nothing_held(log, flags);
    return segments_hold_byte(&log->segments, position, lookup->nowait,
                              &lookup->held);
}

int lookup_begin_part(struct lookup *lookup, struct clog *log,
                      struct part *part, unsigned flags)
{
    *lookup = nothing_held(log, flags);
    return segments_hold_part(&log->segments, part, lookup->nowait,
                              &lookup->held);
}

void lookup_end(struct lookup *lookup)
{
    segments_release(&lookup->held);
    buffer_done(&lookup->buffer);
}

int lookup_mend(struct lookup *lookup, bool index_failed)
{
    if (lookup->nowait)
        return -EAGAIN;
    return reindex(lookup->log, &lookup->held, lookup->i, index_failed);
}

/* Whether a look at that many slots from the record's on would wait. */
static bool must_wait(const struct lookup *lookup, const struct slots *slots,
                      uint64_t count)
{
    return lookup->nowait && !slots_cached(slots, lookup->i, count);
}

/* The place by the index as it is. EUCLEAN: it is impossible. */
static int place_once(const struct lookup *lookup, struct place *ret_place)
{
    const struct held *held = &lookup->held;

    if (!held->files)
        return -EIO;
    if (must_wait(lookup, &held->files->index, 2))
        return -EAGAIN;
    return segment_place(held->files, &held->extent, lookup->i, ret_place) < 0
               ? -EUCLEAN
               : 0;
}

int lookup_place(struct lookup *lookup, struct place *ret_place)
{
    int r = place_once(lookup, ret_place);

    for (int tries = 0; r == -EUCLEAN && tries < MENDS; tries++) {
        r = lookup_mend(lookup, true);
        if (r == 0)
            r = place_once(lookup, ret_place);
    }
    if (r == -EUCLEAN)
        r = -EIO;
    if (r == -EIO && !lookup->nowait)
        reindex_tell(lookup->log, &lookup->held, lookup->i, NULL);
    return r;
}

int lookup_read(struct lookup *lookup, void *data, size_t size,
                uint64_t position)
{
    ssize_t n;

    if (!lookup->held.files)
        return -EIO;
    n = store_read(&lookup->held.files->store, data, size, position,
                   lookup->nowait);
    if (n < 0)
        return (int)n;
    if ((size_t)n == size)
        return 0;
    return lookup->nowait ? -EAGAIN : -EIO;
}

int lookup_verify(struct lookup *lookup, const struct place *place,
                  enum verdict *ret_verdict)
{
    const struct held *held = &lookup->held;
    struct buffer *buffer = &lookup->buffer;
    int r = buffer_reserve(buffer, place->length < CHECK_BUFFER
                                       ? RECORD_PREFIX + (size_t)place->length
                                       : CHECK_BUFFER);

    if (r < 0)
        return r;
    if (!held->files)
        return -EIO;
    if (must_wait(lookup, &held->files->stamps, 1))
        return -EAGAIN;
    return segment_check(
        held->files, lookup->i, place,
        &(struct into){buffer->data, buffer->size, lookup->nowait},
        ret_verdict);
}

/* The checksum fits: so the index is right where it and the prefix differ, and
   what is wrong with the prefix is to be said, once, which may wait. */
static int tell_prefix(struct lookup *lookup)
{
    if (lookup->nowait)
        return -EAGAIN;
    (void)lookup_mend(lookup, false);
    return 0;
}

bool lookup_has_frame(const struct lookup *lookup, const struct place *place)
{
    return RECORD_PREFIX + place->length <= lookup->buffer.size;
}

int lookup_check(struct lookup *lookup, struct place *place)
{
    enum verdict verdict = VERDICT_BAD;
    int r = lookup_verify(lookup, place, &verdict);

    for (int tries = 0; r == 0 && verdict == VERDICT_BAD; tries++) {
        r = tries < MENDS ? lookup_mend(lookup, false) : -EIO;
        if (r == 0)
            r = lookup_place(lookup, place);
        if (r == 0)
            r = lookup_verify(lookup, place, &verdict);
    }
    /* To tell of it may wait. */
    if (r == -EIO && lookup->nowait)
        return -EAGAIN;
    if (r == -EIO) {
        atomic_fetch_add(&lookup->log->read_errors, 1);
        reindex_tell(lookup->log, &lookup->held, lookup->i, place);
    }
    if (r == 0 && verdict == VERDICT_PREFIX) {
        r = tell_prefix(lookup);
        if (r == 0)
            atomic_fetch_add(&lookup->log->prefixes, 1);
    }
    return r;
}

/* Whether index or prefix is right, where they differ: the checksum knows.
   0: it is settled, *place is right or nothing better is known. */
static int settle(struct lookup *lookup, struct place *place, bool *ret_again)
{
    enum verdict verdict = VERDICT_BAD;
    int r = lookup_verify(lookup, place, &verdict);

    if (r == 0 && verdict == VERDICT_BAD) {
        r = lookup_mend(lookup, false);
        *ret_again = r == 0;
    } else if (r == 0) {
        r = tell_prefix(lookup);
    }
    return r == -EIO ? 0 : r;
}

int lookup_confirm(struct lookup *lookup, struct place *ret_place)
{
    bool again = true;

    for (int tries = 0; again && tries < MENDS; tries++) {
        uint8_t prefix[RECORD_PREFIX];
        int r = lookup_place(lookup, ret_place);

        if (r == 0)
            r = lookup_read(lookup, prefix, sizeof(prefix),
                            ret_place->position);
        again = false;
        if (r == 0 && get_be64(prefix) != ret_place->length)
            r = settle(lookup, ret_place, &again);
        if (r < 0)
            return r;
    }
    return 0;
}

int lookup_take(struct lookup *lookup, struct place *place, void *data,
                size_t size)
{
    const struct held *held = &lookup->held;
    int r = VERDICT_BAD;

    if (must_wait(lookup, &held->files->stamps, 1))
        return -EAGAIN;
    if (place->length <= size)
        r = segment_take(held->files, lookup->i, place, data, lookup->nowait);
    if (r == VERDICT_GOOD || r == VERDICT_UNVERIFIED)
        return 0;
    if (r == -EAGAIN)
        return r;
    /* Once more, in any case that is not as it should be. */
    r = lookup_check(lookup, place);
    if (r < 0)
        return r;
    if (place->length > size)
        return -EMSGSIZE;
    if (!lookup_has_frame(lookup, place))
        return lookup_read(lookup, data, (size_t)place->length,
                           place->position + RECORD_PREFIX);
    memcpy(data, lookup->buffer.data + RECORD_PREFIX, (size_t)place->length);
    return 0;
}

/* Whether count slots of index and stamps from i on are in memory, and one more
   of the index, in which the last record ends. */
static bool is_sure(struct lookup *lookup, uint64_t count)
{
    const struct segment *files = lookup->held.files;

    if (must_wait(lookup, &files->index, count + 1) ||
        must_wait(lookup, &files->stamps, count))
        return false;
    lookup->sure = lookup->i + count;
    return true;
}

int lookup_know(struct lookup *lookup, size_t count, struct known *ret_known)
{
    const struct held *held = &lookup->held;

    if (!held->files)
        return -EIO;
    /* Asking costs as much as a read of many slots: so it is about more than
       are wanted now, in case that the reader goes on. */
    if (lookup->nowait && lookup->i + count > lookup->sure &&
        !(count > 1 && is_sure(lookup, AHEAD)) && !is_sure(lookup, count)) {
        if (!is_sure(lookup, 1))
            return -EAGAIN;
        count = 1;
    }
    return segment_know(held->files, &held->extent, lookup->i, count,
                        ret_known);
}

size_t lookup_clip(size_t size, uint64_t position, uint64_t end)
{
    if (position >= end)
        return 0;
    return end - position < size ? (size_t)(end - position) : size;
}

uint64_t lookup_file_time(const struct lookup *lookup)
{
    const struct segment *files = lookup->held.files;
    struct io_stat st;

    if (!files || files->store.fd < 0 ||
        io_stat(files->io, files->store.fd, &st) < 0 || st.time_ns < 0)
        return 0;
    return (uint64_t)st.time_ns;
}

int lookup_stamp(struct lookup *lookup, struct clog_record *record)
{
    const struct segment *files = lookup->held.files;
    struct stamp stamp;

    if (!files)
        return -EIO;
    if (must_wait(lookup, &files->stamps, 1))
        return -EAGAIN;
    record->verifiable = stamps_get(&files->stamps, lookup->i, &stamp) == 0;
    if (record->verifiable) {
        record->time_ns = stamp.time_ns;
        record->crc32c = stamp.crc;
    } else {
        record->time_ns = lookup_file_time(lookup);
    }
    return 0;
}

int clog_stat(struct clog *log, uint64_t offset, unsigned flags,
              struct clog_record *ret)
{
    struct clog_record record = {.offset = offset};
    struct lookup lookup;
    struct place place;
    int r = lookup_begin(&lookup, log, offset, flags);

    if (r < 0)
        return r;
    r = lookup_place(&lookup, &place);
    if (r == 0)
        r = lookup_stamp(&lookup, &record);
    if (r == 0) {
        record.length = place.length;
        record.position = place.position;
        record.segment = lookup.held.part->base;
        *ret = record;
    }
    lookup_end(&lookup);
    return r;
}

/* A record's time alone; 0 if it is not there any more. */
static int time_of(struct clog *log, uint64_t offset, unsigned flags,
                   uint64_t *ret_time_ns)
{
    struct clog_record record = {0};
    struct lookup lookup;
    int r = lookup_begin(&lookup, log, offset, flags);

    if (r == 0) {
        r = lookup_stamp(&lookup, &record);
        lookup_end(&lookup);
    }
    if (r == -EAGAIN)
        return r;
    *ret_time_ns = record.time_ns;
    return 0;
}

int clog_find(struct clog *log, uint64_t time_ns, unsigned flags,
              uint64_t *ret_offset)
{
    uint64_t low = segments_oldest(&log->segments);
    uint64_t high = segments_next(&log->segments);
    uint64_t next = high;

    /* Times never decrease; so the first one that is not before time_ns is
       found as in any sorted list. What is dropped meanwhile is before it. */
    while (low < high) {
        uint64_t middle = clog_seek(log, low + (high - low) / 2);
        uint64_t found_ns = 0;
        int r;

        if (middle >= high) {
            high = low + (high - low) / 2;
            continue;
        }
        r = time_of(log, middle, flags, &found_ns);
        if (r < 0)
            return r;
        if (found_ns < time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    low = clog_seek(log, low);
    if (low >= next)
        return -ENOENT;
    *ret_offset = low;
    return 0;
}

uint64_t clog_seek(struct clog *log, uint64_t offset)
{
    struct part *part = NULL;
    struct extent extent;
    int r = segments_find(&log->segments, offset, &part, &extent);

    if (r == -EIO || r == -ENOENT) {
        /* In a gap, or below oldest: the next segment that has a record. */
        while ((r = segments_find_after(&log->segments, offset, &part,
                                        &extent)) == 0 &&
               extent.count == 0) {
            offset = part->base + 1;
            segments_put(&log->segments, part);
        }
        offset = r == 0 ? part->base : segments_next(&log->segments);
    }
    if (r == 0)
        segments_put(&log->segments, part);
    return offset;
}
