/* SPDX-License-Identifier: MIT */
#include "log/stream.h"

#include "log/lookup.h"
#include "segment/index.h"

#include <errno.h>
#include <string.h>

/* Frames are read this many bytes at a time; a larger one is checked piece by
   piece, and read again. */
#define FRAMES ((size_t)256 << 10)

/* So many bytes of one record, once it is checked, are read by themselves
   rather than with the frame around them. */
#define ALONE ((size_t)16 << 10)

/* How often an index may turn out to be wrong within one read. */
#define MENDS 3

/* A read of the stream. */
struct reading {
    struct stream *stream;
    struct lookup lookup; /* of the record that comes next */
    uint64_t at;          /* byte of the part's payloads that comes next */
    uint8_t *data;        /* what is left to fill */
    size_t size;
    size_t asked; /* what there was to fill */
    bool whole;   /* it ends where a record does, if one does within it */
    bool ended;   /* ... and has */
    bool blank;   /* damaged records do not end it */
    size_t want;  /* records that are to be known of at once */
    size_t count; /* records from that one on that are known */
    struct known known[SEGMENT_KNOWN];
};

/* What is known is not cleared: it is large. */
static void begin(struct reading *r, struct stream *stream, unsigned flags)
{
    r->stream = stream;
    r->data = NULL;
    r->size = r->asked = 0;
    r->whole = (flags & CLOG_WHOLE) != 0;
    r->ended = false;
    r->blank = (flags & CLOG_BLANK_DAMAGED) != 0;
    r->want = SEGMENT_KNOWN;
    r->count = 0;
}

/* Where in the part's payloads the kth of the known records begins; UINT64_MAX:
   its place is impossible. */
static uint64_t payload_at(const struct reading *r, size_t k)
{
    uint64_t position = r->known[k].place.position;
    uint64_t prefixes = RECORD_PREFIX * (r->lookup.i + k);

    return position < prefixes ? UINT64_MAX : position - prefixes;
}

/* Whether the next byte is of the kth of them. */
static bool holds(const struct reading *r, size_t k)
{
    uint64_t start = payload_at(r, k);

    return r->at >= start && r->at - start < r->known[k].place.length;
}

/* Learns what index and stamps say of the records from i on. EUCLEAN: the next
   byte is not in record i. */
static int know(struct reading *r, uint64_t i)
{
    int n;

    r->lookup.i = i;
    n = lookup_know(&r->lookup, r->want, r->known);
    if (n < 0)
        return n == -EAGAIN ? n : -EUCLEAN;
    r->count = (size_t)n;
    return holds(r, 0) ? 0 : -EUCLEAN;
}

/* Slots on a few pages, which a search may ask about at once. */
#define NEAR 16384u

/* Whether the search may look at entry middle of [low, high) without waiting;
 *near: all of them have been asked about. */
static bool may_look(const struct lookup *lookup, uint64_t low, uint64_t high,
                     uint64_t middle, bool *near)
{
    const struct slots *index = &lookup->held.files->index;

    if (!lookup->nowait || *near)
        return true;
    if (high - low > NEAR)
        return slots_cached(index, middle, 1);
    *near = slots_cached(index, low, high - low);
    return *near || slots_cached(index, middle, 1);
}

/* The last record of the part whose payload starts at or before the next byte;
   the index alone says. */
static int search(const struct reading *r, uint64_t *ret_i)
{
    const struct held *held = &r->lookup.held;
    uint64_t low = 0;
    uint64_t high = held->extent.count;
    bool near = false;

    if (!held->files)
        return -EIO;
    while (low + 1 < high) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t position;

        if (!may_look(&r->lookup, low, high, middle, &near))
            return -EAGAIN;
        if (index_get(&held->files->index, held->files->base, middle,
                      &position) < 0 ||
            position < RECORD_PREFIX * middle)
            return -EUCLEAN;
        if (position - RECORD_PREFIX * middle <= r->at)
            low = middle;
        else
            high = middle;
    }
    *ret_i = low;
    return 0;
}

/* Finds the record that the next byte is of: most often the one at which the
   last read ended. EUCLEAN: the index is wrong. */
static int locate(struct reading *r)
{
    const struct stream *stream = r->stream;
    const struct held *held = &r->lookup.held;
    uint64_t base = held->part->base;
    uint64_t i = 0;
    int e;

    if (stream->position == held->part->stream_start + r->at &&
        stream->offset >= base && stream->offset - base < held->extent.count) {
        e = know(r, stream->offset - base);
        if (e != -EUCLEAN)
            return e;
    }
    e = search(r, &i);
    return e < 0 ? e : know(r, i);
}

/* The same, with the index mended where it must be. */
static int locate_mended(struct reading *r)
{
    int e = locate(r);

    for (int tries = 0; e == -EUCLEAN && tries < MENDS; tries++) {
        e = lookup_mend(&r->lookup, true);
        if (e == 0)
            e = locate(r);
    }
    return e == -EUCLEAN ? -EIO : e;
}

static bool is_checked(const struct stream *stream, uint64_t offset)
{
    return offset >= stream->first && offset < stream->last;
}

/* One range of checked records is remembered: enough for a reader that goes on.
 */
static void set_checked(struct stream *stream, uint64_t offset)
{
    if (is_checked(stream, offset))
        return;
    if (offset == stream->last && stream->first < stream->last) {
        stream->last++;
    } else if (offset + 1 == stream->first) {
        stream->first--;
    } else {
        stream->first = offset;
        stream->last = offset + 1;
    }
}

/* What has been delivered: n bytes, and done records up to their end. */
static void advance(struct reading *r, size_t n, uint64_t done)
{
    r->data += n;
    r->size -= n;
    r->at += n;
    r->lookup.i += done;
    r->stream->position = r->lookup.held.part->stream_start + r->at;
    r->stream->offset = r->lookup.held.part->base + r->lookup.i;
}

/* Whether the read goes on with the kth of the known records, which holds the
   next byte. */
static bool goes_on(struct reading *r, size_t k)
{
    uint64_t left = payload_at(r, k) + r->known[k].place.length - r->at;

    r->ended = r->whole && r->size < r->asked && left > r->size;
    return !r->ended;
}

/* Reads of the record that comes next alone, which is checked. */
static int read_alone(struct reading *r)
{
    const struct place *place = &r->known[0].place;
    uint64_t skip = r->at - payload_at(r, 0);
    size_t n = lookup_clip(r->size, skip, place->length);
    int e = lookup_read(&r->lookup, r->data, n,
                        place->position + RECORD_PREFIX + skip);

    if (e == 0)
        advance(r, n, skip + n == place->length);
    return e;
}

/* Whether that is what it is to be read by. */
static bool is_for_itself(const struct reading *r)
{
    const struct place *place = &r->known[0].place;
    uint64_t offset = r->lookup.held.part->base + r->lookup.i;
    size_t n = lookup_clip(r->size, r->at - payload_at(r, 0), place->length);

    return is_checked(r->stream, offset) && (n == r->size || n >= ALONE);
}

/* How many bytes of frames may be of use. */
static size_t frames_size(const struct reading *r)
{
    const struct place *place = &r->known[0].place;
    uint64_t frame = RECORD_PREFIX + place->length;
    uint64_t wanted =
        RECORD_PREFIX + (r->at - payload_at(r, 0)) + r->size + r->size / 4;

    if (wanted < frame)
        wanted = frame;
    if (wanted > FRAMES)
        wanted = FRAMES;
    return lookup_clip((size_t)wanted, place->position,
                       r->lookup.held.extent.end);
}

/* Whether the kth known record is good; its frame is in memory. */
static bool is_good(const struct reading *r, size_t k, const uint8_t *frame)
{
    uint64_t offset = r->lookup.held.part->base + r->lookup.i + k;
    enum verdict verdict;

    if (is_checked(r->stream, offset))
        return true;
    verdict = segment_judge(offset, &r->known[k], frame);
    if (verdict != VERDICT_GOOD && verdict != VERDICT_UNVERIFIED)
        return false;
    set_checked(r->stream, offset);
    return true;
}

/* Delivers the known records from the frames in buffer, size bytes from
   position start of the store, as long as they are whole and good. Returns
   whether it was all of them. */
static bool deliver(struct reading *r, uint64_t start, size_t size)
{
    size_t k = 0;

    while (r->size > 0 && k < r->count && holds(r, k)) {
        const struct place *place = &r->known[k].place;
        uint64_t from = place->position - start;
        const uint8_t *frame = r->lookup.buffer.data + from;
        uint64_t skip = r->at - payload_at(r, k);
        size_t n = lookup_clip(r->size, skip, place->length);

        if (place->position < start ||
            from + RECORD_PREFIX + place->length > size || !goes_on(r, k) ||
            !is_good(r, k, frame))
            break;
        memcpy(r->data, frame + RECORD_PREFIX + skip, n);
        r->data += n;
        r->size -= n;
        r->at += n;
        k += skip + n == place->length;
    }
    advance(r, 0, k);
    return k == r->count;
}

/* Reads a run of frames at once, up to a block that the device cannot read, and
   delivers what is whole of it. */
static int read_frames(struct reading *r)
{
    const struct held *held = &r->lookup.held;
    uint64_t start = r->known[0].place.position;
    size_t size = frames_size(r);
    ssize_t n;
    int e = buffer_reserve(&r->lookup.buffer, size);

    if (e < 0)
        return e;
    n = store_read_some(&held->files->store, r->lookup.buffer.data, size, start,
                        r->lookup.nowait);
    if (n < 0)
        return (int)n;
    while (deliver(r, start, (size_t)n) && r->size > 0 &&
           r->lookup.i < held->extent.count)
        if (know(r, r->lookup.i) < 0)
            break;
    return 0;
}

/* Reads on from a record that has been located. */
static int read_located(struct reading *r)
{
    struct stream *stream = r->stream;
    struct place place = r->known[0].place;
    uint64_t offset = r->lookup.held.part->base + r->lookup.i;
    size_t before = r->size;
    int e;

    if (!goes_on(r, 0))
        return 0;
    if (is_for_itself(r))
        return read_alone(r);
    if (RECORD_PREFIX + place.length <= FRAMES) {
        e = read_frames(r);
        if (r->size < before || (e < 0 && e != -EIO && e != -EAGAIN))
            return e;
    }
    if (is_checked(stream, offset))
        return read_alone(r);
    /* It is large, or something about it is not as it should be: it is checked,
       and then found anew, for that may have mended the index. */
    e = lookup_check(&r->lookup, &place);
    if (e == 0)
        set_checked(stream, offset);
    return e;
}

/* Delivers blanks for the record that has been located. */
static void deliver_blanks(struct reading *r)
{
    uint64_t length = r->known[0].place.length;
    uint64_t skip = r->at - payload_at(r, 0);
    size_t n = lookup_clip(r->size, skip, length);

    memset(r->data, ' ', n);
    if (skip + n == length)
        r->data[n - 1] = '\n';
    advance(r, n, skip + n == length);
}

/* The record that was read last is damaged: what to do about it. To find that
   out may have mended the index, and then it is another record. */
static int pass_by(struct reading *r, int error)
{
    uint64_t i = r->lookup.i;

    if (error != -EIO || !r->blank || locate(r) < 0)
        return error;
    if (r->lookup.i == i)
        deliver_blanks(r);
    return 0;
}

/* Reads on in one part, to its end or that of the read. */
static int read_part(struct reading *r)
{
    const struct extent *extent = &r->lookup.held.extent;
    uint64_t end = extent->end - RECORD_PREFIX * extent->count;
    int e = 0;

    while (e == 0 && !r->ended && r->size > 0 && r->at < end) {
        e = locate_mended(r);
        if (e == 0) {
            e = read_located(r);
            if (e < 0)
                e = pass_by(r, e);
        }
    }
    return e;
}

ssize_t stream_read(struct stream *stream, void *data, size_t size,
                    uint64_t position, unsigned flags)
{
    struct reading r;
    uint64_t at = stream->origin + position;
    int e = 0;

    begin(&r, stream, flags);
    r.data = data;
    r.size = r.asked = size;
    while (e == 0 && !r.ended && r.size > 0) {
        e = lookup_begin_byte(&r.lookup, stream->log, at + (size - r.size),
                              flags);
        if (e < 0)
            break;
        r.at = at + (size - r.size) - r.lookup.held.part->stream_start;
        e = read_part(&r);
        lookup_end(&r.lookup);
    }
    return r.size < size ? (ssize_t)(size - r.size) : e;
}

int clog_stream_find(struct clog *log, uint64_t position, unsigned flags,
                     struct clog_span *ret_span)
{
    struct stream stream = {.log = log, .position = UINT64_MAX};
    struct reading r;
    int e;

    begin(&r, &stream, 0);
    r.want = 1;
    e = lookup_begin_byte(&r.lookup, log, position, flags);
    if (e < 0)
        return e;
    r.at = position - r.lookup.held.part->stream_start;
    e = locate_mended(&r);
    if (e == 0) {
        ret_span->offset = r.lookup.held.part->base + r.lookup.i;
        ret_span->start = position - (r.at - payload_at(&r, 0));
        ret_span->end = ret_span->start + r.known[0].place.length;
    }
    lookup_end(&r.lookup);
    return e;
}

int clog_stream_position(struct clog *log, uint64_t offset, unsigned flags,
                         uint64_t *ret_position)
{
    struct lookup lookup;
    struct place place;
    int r;

    /* What is dropped between the two looks is looked for again. */
    do {
        uint64_t next = clog_seek(log, offset);
        uint64_t start, end;

        segments_stream(&log->segments, &start, &end);
        r = lookup_begin(&lookup, log, next, flags);
        if (r == -ENOENT && next == segments_next(&log->segments)) {
            *ret_position = end;
            return 0;
        }
    } while (r == -ENOENT);
    if (r < 0)
        return r;
    r = lookup_place(&lookup, &place);
    if (r == 0)
        *ret_position = lookup.held.part->stream_start + place.position -
                        RECORD_PREFIX * lookup.i;
    lookup_end(&lookup);
    return r;
}
