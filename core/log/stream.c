/* SPDX-License-Identifier: MIT */
#include "log/stream.h"

#include "log/cache.h"
#include "log/lookup.h"
#include "log/reindex.h"
#include "log/segments.h"
#include "segment/index.h"

#include <errno.h>
#include <string.h>

/* Frames of the stream are read this many bytes at a time; a larger one is
   checked piece by piece, and read again. */
#define FRAMES ((size_t)256 << 10)

/* Where a read of the stream is. */
struct cursor {
    struct stream *view;
    struct part *part;
    struct extent extent;
    bool nowait;
    uint8_t *data; /* what is left to fill */
    size_t size;
    uint64_t at; /* byte of the part's payloads that comes next */
};

/* The last record of the part whose payload starts at or before byte at of its
   payloads; the index alone says. */
static int search_record(const struct segment *files,
                         const struct extent *extent, uint64_t at,
                         uint64_t *ret_i)
{
    uint64_t low = 0;
    uint64_t high = extent->count;

    while (low + 1 < high) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t position;
        int r = index_get(&files->index, files->base, middle, &position);

        if (r < 0 || position < RECORD_PREFIX * middle)
            return -EUCLEAN;
        if (position - RECORD_PREFIX * middle <= at)
            low = middle;
        else
            high = middle;
    }
    *ret_i = low;
    return 0;
}

/* The record that the next byte is of, and where the index has it. */
static int find_record(const struct cursor *c, uint64_t *ret_i,
                       struct place *ret_place)
{
    struct segment *files = NULL;
    int r =
        cache_pin(&c->view->log->segments.cache, c->part, c->nowait, &files);

    if (r < 0)
        return r;
    r = search_record(files, &c->extent, c->at, ret_i);
    if (r == 0 && segment_place(files, &c->extent, *ret_i, ret_place) < 0)
        r = -EUCLEAN;
    cache_unpin(&c->view->log->segments.cache, files);
    return r;
}

static bool is_checked(const struct stream *view, uint64_t offset)
{
    return offset >= view->first && offset < view->last;
}

/* One range of checked records is remembered: enough for who reads on. */
static void set_checked(struct stream *view, uint64_t offset)
{
    if (offset == view->last && view->first < view->last) {
        view->last++;
    } else if (offset + 1 == view->first) {
        view->first--;
    } else {
        view->first = offset;
        view->last = offset + 1;
    }
}

/* Delivers payload bytes from byte skip of a record on. */
static void deliver(struct cursor *c, const uint8_t *payload, uint64_t length,
                    uint64_t skip)
{
    size_t n = clip(c->size, skip, length);

    memcpy(c->data, payload + skip, n);
    c->data += n;
    c->size -= n;
    c->at += n;
}

/* A record that is read by itself: because it is large, or because something
   about it is not as it should be. */
static int read_alone(struct cursor *c, uint64_t i, struct place *place)
{
    struct stream *view = c->view;
    uint64_t offset = c->part->base + i;
    uint64_t skip;
    size_t n;
    int r = 0;

    if (!is_checked(view, offset))
        r = lookup_check(view->log, c->part, &c->extent, i, &view->buffer,
                         c->nowait, place);
    if (r < 0)
        return r;
    set_checked(view, offset);
    /* Checking may have mended the index, and the record starts elsewhere. */
    skip = c->at - (place->position - RECORD_PREFIX * i);
    n = clip(c->size, skip, place->length);
    if (c->at < place->position - RECORD_PREFIX * i || n == 0)
        return -EUCLEAN;
    r = read_store(view->log, c->part, c->data, n,
                   place->position + RECORD_PREFIX + skip, c->nowait);
    if (r < 0)
        return r;
    c->data += n;
    c->size -= n;
    c->at += n;
    return 0;
}

/* How many bytes of frames from position on may be of use. */
static size_t frames_size(const struct cursor *c, const struct place *place,
                          uint64_t skip)
{
    uint64_t frame = RECORD_PREFIX + place->length;
    uint64_t wanted = RECORD_PREFIX + skip + c->size + c->size / 4;

    if (wanted < frame)
        wanted = frame;
    if (wanted > FRAMES)
        wanted = FRAMES;
    return clip((size_t)wanted, place->position, c->extent.end);
}

/* Delivers from the frames in buffer, from record i on, as long as they are
   whole and good; returns how many records it was. */
static uint64_t deliver_frames(struct cursor *c, const struct segment *files,
                               uint64_t i, uint64_t start, size_t size)
{
    struct stream *view = c->view;
    uint64_t done = 0;
    struct place place;

    while (c->size > 0 && i < c->extent.count &&
           segment_place(files, &c->extent, i, &place) == 0) {
        uint64_t payload_at = place.position - RECORD_PREFIX * i;
        const uint8_t *frame = view->buffer.data + (place.position - start);

        if (place.position < start ||
            place.position + RECORD_PREFIX + place.length > start + size ||
            c->at < payload_at || c->at - payload_at >= place.length)
            break;
        if (!is_checked(view, files->base + i)) {
            enum verdict verdict = segment_verify(files, i, &place, frame);

            if (verdict != VERDICT_GOOD && verdict != VERDICT_UNVERIFIED)
                break;
            set_checked(view, files->base + i);
        }
        deliver(c, frame + RECORD_PREFIX, place.length, c->at - payload_at);
        i++;
        done++;
    }
    return done;
}

/* Reads a run of frames at once. *ret_done: records that were delivered. */
static int read_frames(struct cursor *c, uint64_t i, const struct place *place,
                       uint64_t *ret_done)
{
    struct stream *view = c->view;
    uint64_t payload_at = place->position - RECORD_PREFIX * i;
    struct segment *files = NULL;
    size_t size;
    int r;

    *ret_done = 0;
    if (c->at < payload_at || RECORD_PREFIX + place->length > FRAMES)
        return 0;
    size = frames_size(c, place, c->at - payload_at);
    r = buffer_reserve(&view->buffer, FRAMES);
    if (r == 0)
        r = read_store(view->log, c->part, view->buffer.data, size,
                       place->position, c->nowait);
    if (r == 0)
        r = cache_pin(&view->log->segments.cache, c->part, c->nowait, &files);
    if (r < 0)
        return r;
    *ret_done = deliver_frames(c, files, i, place->position, size);
    cache_unpin(&view->log->segments.cache, files);
    return 0;
}

/* Reads on in one part; EUCLEAN: its index has to be mended first. */
static int read_part(struct cursor *c)
{
    struct place place;
    uint64_t done = 0;
    uint64_t i = 0;
    int r = find_record(c, &i, &place);

    if (r == 0)
        r = read_frames(c, i, &place, &done);
    if (r < 0 || done > 0)
        return r;
    r = lookup_place(c->view->log, c->part, &c->extent, i, c->nowait, &place);
    return r < 0 ? r : read_alone(c, i, &place);
}

/* The same, with the index mended where it must be. */
static int read_mended(struct cursor *c)
{
    int r = read_part(c);

    if (r == -EUCLEAN && c->nowait)
        return -EAGAIN;
    if (r == -EUCLEAN) {
        /* Also where nothing new is learnt: the first try may have mended it,
           after it had found its way by what was wrong. */
        r = reindex(c->view->log, c->part, &c->extent, 0, true);
        if (r == 0 || r == -EIO)
            r = read_part(c);
    }
    return r == -EUCLEAN ? -EIO : r;
}

/* Reads on from the stream's position at, in one part; returns how much. */
static ssize_t read_next(struct stream *view, uint8_t *data, size_t size,
                         uint64_t at, bool nowait)
{
    struct cursor c = {
        .view = view, .nowait = nowait, .data = data, .size = size};
    int r = segments_find_byte(&view->log->segments, at, &c.part, &c.extent);

    if (r < 0)
        return r;
    c.at = at - c.part->stream_start;
    r = read_mended(&c);
    segments_put(&view->log->segments, c.part);
    return r < 0 ? r : (ssize_t)(size - c.size);
}

ssize_t read_stream(struct stream *view, void *data, size_t size,
                    uint64_t position, bool nowait)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read_next(view, (uint8_t *)data + done, size - done,
                              view->origin + position + done, nowait);

        if (n < 0 && done == 0)
            return n;
        if (n < 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* The record that holds byte at of the part's payloads; its span counts from
   the part's first byte. EUCLEAN: the index is wrong. */
static int span_once(struct clog *log, struct part *part,
                     const struct extent *extent, uint64_t at, bool nowait,
                     struct clog_span *ret_span)
{
    struct segment *files = NULL;
    struct place place;
    uint64_t i = 0;
    int r = cache_pin(&log->segments.cache, part, nowait, &files);

    if (r < 0)
        return r;
    r = search_record(files, extent, at, &i);
    if (r == 0 && segment_place(files, extent, i, &place) < 0)
        r = -EUCLEAN;
    cache_unpin(&log->segments.cache, files);
    if (r < 0)
        return r;
    if (place.position < RECORD_PREFIX * i ||
        at < place.position - RECORD_PREFIX * i ||
        at - (place.position - RECORD_PREFIX * i) >= place.length)
        return -EUCLEAN;
    ret_span->offset = part->base + i;
    ret_span->start = place.position - RECORD_PREFIX * i;
    ret_span->end = ret_span->start + place.length;
    return 0;
}

int clog_stream_find(struct clog *log, uint64_t position, unsigned flags,
                     struct clog_span *ret_span)
{
    bool nowait = (flags & CLOG_NOWAIT) != 0;
    struct clog_span span = {0};
    struct part *part = NULL;
    struct extent extent;
    uint64_t at;
    int r = segments_find_byte(&log->segments, position, &part, &extent);

    if (r < 0)
        return r;
    at = position - part->stream_start;
    r = span_once(log, part, &extent, at, nowait, &span);
    if (r == -EUCLEAN && !nowait) {
        (void)reindex(log, part, &extent, 0, true);
        r = span_once(log, part, &extent, at, false, &span);
    }
    if (r == -EUCLEAN)
        r = nowait ? -EAGAIN : -EIO;
    if (r == 0) {
        span.start += part->stream_start;
        span.end += part->stream_start;
        *ret_span = span;
    }
    segments_put(&log->segments, part);
    return r;
}

int clog_stream_position(struct clog *log, uint64_t offset, unsigned flags,
                         uint64_t *ret_position)
{
    bool nowait = (flags & CLOG_NOWAIT) != 0;
    uint64_t start, end;
    struct part *part = NULL;
    struct extent extent;
    struct place place;
    int r;

    /* What is dropped between the two looks is looked for again. */
    do {
        uint64_t next = clog_seek(log, offset);

        segments_stream(&log->segments, &start, &end);
        r = segments_find(&log->segments, next, &part, &extent);
        if (r == -ENOENT && next == segments_next(&log->segments)) {
            *ret_position = end;
            return 0;
        }
        if (r == 0) {
            r = lookup_place(log, part, &extent, next - part->base, nowait,
                             &place);
            if (r == 0)
                *ret_position = part->stream_start + place.position -
                                RECORD_PREFIX * (next - part->base);
            segments_put(&log->segments, part);
            return r;
        }
    } while (r == -ENOENT);
    return r;
}
