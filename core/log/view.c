/* SPDX-License-Identifier: MIT */
#include "log/reindex.h"
#include "log/segments.h"
#include "segment/index.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Frames of the stream are read this many bytes at a time; a larger one is
   checked piece by piece, and read again. */
#define FRAMES ((size_t)256 << 10)

enum kind { VIEW_RECORD, VIEW_STREAM, VIEW_FILE };

struct clog_view {
    struct clog *log;
    enum kind kind;
    struct part *part;    /* of a record or a file: a reference */
    enum clog_file file;  /* of a file */
    uint64_t i;           /* of a record: its number in the part */
    struct place place;   /* of a record */
    bool checked;         /* of a record */
    uint64_t origin;      /* of the stream: position of its first byte */
    uint64_t first, last; /* of the stream: records [first, last) are checked */
    struct buffer buffer;
};

static int make_view(struct clog *log, enum kind kind,
                     struct clog_view **ret_view)
{
    struct clog_view *view = calloc(1, sizeof(*view));

    if (!view)
        return -ENOMEM;
    view->log = log;
    view->kind = kind;
    *ret_view = view;
    return 0;
}

int clog_view_record(struct clog *log, uint64_t offset, unsigned flags,
                     struct clog_view **ret_view)
{
    struct clog_view *view = NULL;
    struct part *part = NULL;
    struct extent extent;
    struct place place;
    int r = parts_find(log, offset, &part, &extent);

    if (r == 0)
        r = mend_place(log, part, &extent, offset - part->base,
                       (flags & CLOG_NOWAIT) != 0, &place);
    if (r == 0)
        r = make_view(log, VIEW_RECORD, &view);
    if (r < 0) {
        parts_put(log, part);
        return r;
    }
    view->part = part;
    view->i = offset - part->base;
    view->place = place;
    *ret_view = view;
    return 0;
}

int clog_view_stream(struct clog *log, uint64_t origin,
                     struct clog_view **ret_view)
{
    uint64_t start, end;
    struct clog_view *view = NULL;
    int r;

    parts_stream(log, &start, &end);
    if (origin < start || origin > end)
        return -ENOENT;
    r = make_view(log, VIEW_STREAM, &view);
    if (r < 0)
        return r;
    view->origin = origin;
    *ret_view = view;
    return 0;
}

int clog_view_segment(struct clog *log, uint64_t base, enum clog_file file,
                      struct clog_view **ret_view)
{
    struct clog_view *view = NULL;
    struct part *part = NULL;
    int r = parts_find_base(log, base, &part);

    if (r == 0)
        r = make_view(log, VIEW_FILE, &view);
    if (r < 0) {
        parts_put(log, part);
        return r;
    }
    view->part = part;
    view->file = file;
    *ret_view = view;
    return 0;
}

void clog_view_close(struct clog_view *view)
{
    if (!view)
        return;
    parts_put(view->log, view->part);
    buffer_done(&view->buffer);
    free(view);
}

uint64_t clog_view_size(const struct clog_view *view)
{
    uint64_t start, end;
    struct extent extent;

    if (view->kind == VIEW_RECORD)
        return view->place.length;
    if (view->kind == VIEW_STREAM) {
        parts_stream(view->log, &start, &end);
        return end - view->origin;
    }
    extent = parts_extent(view->log, view->part);
    return view->file == CLOG_STORE ? extent.end : extent.count * SLOT_SIZE;
}

/* Reads exactly size bytes of a part's store. */
static int read_store(struct clog *log, struct part *part, void *data,
                      size_t size, uint64_t position, bool nowait)
{
    struct segment *files = NULL;
    ssize_t n;
    int r = parts_pin(log, part, nowait, &files);

    if (r < 0)
        return r;
    n = store_read(&files->store, data, size, position, nowait);
    parts_unpin(log, part);
    if (n < 0)
        return (int)n;
    if ((size_t)n == size)
        return 0;
    return nowait ? -EAGAIN : -EIO;
}

static size_t clip(size_t size, uint64_t position, uint64_t end)
{
    if (position >= end)
        return 0;
    return end - position < size ? (size_t)(end - position) : size;
}

static ssize_t read_file(struct clog_view *view, void *data, size_t size,
                         uint64_t position, bool nowait)
{
    struct segment *files = NULL;
    int r;

    size = clip(size, position, clog_view_size(view));
    if (size == 0)
        return 0;
    if (view->file == CLOG_STORE) {
        r = read_store(view->log, view->part, data, size, position, nowait);
        return r < 0 ? r : (ssize_t)size;
    }
    r = parts_pin(view->log, view->part, nowait, &files);
    if (r < 0)
        return r;
    r = slots_read(view->file == CLOG_INDEX ? &files->index : &files->stamps,
                   data, size, position);
    parts_unpin(view->log, view->part);
    return r < 0 ? r : (ssize_t)size;
}

/* The first read: what was read to check the record is what is wanted, unless
   the record is large. */
static ssize_t read_checked(struct clog_view *view, void *data, size_t size,
                            uint64_t position, bool nowait)
{
    struct extent extent = parts_extent(view->log, view->part);
    int r = mend_check(view->log, view->part, &extent, view->i, &view->buffer,
                       nowait, &view->place);

    if (r < 0)
        return r;
    view->checked = true;
    size = clip(size, position, view->place.length);
    if (size > 0 && RECORD_PREFIX + view->place.length <= view->buffer.size)
        memcpy(data, view->buffer.data + RECORD_PREFIX + position, size);
    else if (size > 0)
        r = read_store(view->log, view->part, data, size,
                       view->place.position + RECORD_PREFIX + position, nowait);
    buffer_done(&view->buffer);
    return r < 0 ? r : (ssize_t)size;
}

static ssize_t read_record(struct clog_view *view, void *data, size_t size,
                           uint64_t position, bool nowait)
{
    int r = 0;

    if (!view->checked)
        return read_checked(view, data, size, position, nowait);
    size = clip(size, position, view->place.length);
    if (size > 0)
        r = read_store(view->log, view->part, data, size,
                       view->place.position + RECORD_PREFIX + position, nowait);
    return r < 0 ? r : (ssize_t)size;
}

/* Where a read of the stream is. */
struct cursor {
    struct clog_view *view;
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
    int r = parts_pin(c->view->log, c->part, c->nowait, &files);

    if (r < 0)
        return r;
    r = search_record(files, &c->extent, c->at, ret_i);
    if (r == 0 && segment_place(files, &c->extent, *ret_i, ret_place) < 0)
        r = -EUCLEAN;
    parts_unpin(c->view->log, c->part);
    return r;
}

static bool is_checked(const struct clog_view *view, uint64_t offset)
{
    return offset >= view->first && offset < view->last;
}

/* One range of checked records is remembered: enough for who reads on. */
static void set_checked(struct clog_view *view, uint64_t offset)
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
    struct clog_view *view = c->view;
    uint64_t offset = c->part->base + i;
    uint64_t skip;
    size_t n;
    int r = 0;

    if (!is_checked(view, offset))
        r = mend_check(view->log, c->part, &c->extent, i, &view->buffer,
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
    struct clog_view *view = c->view;
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
    struct clog_view *view = c->view;
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
        r = parts_pin(view->log, c->part, c->nowait, &files);
    if (r < 0)
        return r;
    *ret_done = deliver_frames(c, files, i, place->position, size);
    parts_unpin(view->log, c->part);
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
    r = mend_place(c->view->log, c->part, &c->extent, i, c->nowait, &place);
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
        r = mend_index(c->view->log, c->part, &c->extent, 0, true);
        if (r == 0 || r == -EIO)
            r = read_part(c);
    }
    return r == -EUCLEAN ? -EIO : r;
}

/* Reads on from the stream's position at, in one part; returns how much. */
static ssize_t read_next(struct clog_view *view, uint8_t *data, size_t size,
                         uint64_t at, bool nowait)
{
    struct cursor c = {
        .view = view, .nowait = nowait, .data = data, .size = size};
    int r = parts_find_byte(view->log, at, &c.part, &c.extent);

    if (r < 0)
        return r;
    c.at = at - c.part->stream_start;
    r = read_mended(&c);
    parts_put(view->log, c.part);
    return r < 0 ? r : (ssize_t)(size - c.size);
}

static ssize_t read_stream(struct clog_view *view, void *data, size_t size,
                           uint64_t position, bool nowait)
{
    size_t done = 0;

    size = clip(size, position, clog_view_size(view));
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
    int r = parts_pin(log, part, nowait, &files);

    if (r < 0)
        return r;
    r = search_record(files, extent, at, &i);
    if (r == 0 && segment_place(files, extent, i, &place) < 0)
        r = -EUCLEAN;
    parts_unpin(log, part);
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
    int r = parts_find_byte(log, position, &part, &extent);

    if (r < 0)
        return r;
    at = position - part->stream_start;
    r = span_once(log, part, &extent, at, nowait, &span);
    if (r == -EUCLEAN && !nowait) {
        (void)mend_index(log, part, &extent, 0, true);
        r = span_once(log, part, &extent, at, false, &span);
    }
    if (r == -EUCLEAN)
        r = nowait ? -EAGAIN : -EIO;
    if (r == 0) {
        span.start += part->stream_start;
        span.end += part->stream_start;
        *ret_span = span;
    }
    parts_put(log, part);
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

        parts_stream(log, &start, &end);
        r = parts_find(log, next, &part, &extent);
        if (r == -ENOENT && next == parts_next(log)) {
            *ret_position = end;
            return 0;
        }
        if (r == 0) {
            r = mend_place(log, part, &extent, next - part->base, nowait,
                           &place);
            if (r == 0)
                *ret_position = part->stream_start + place.position -
                                RECORD_PREFIX * (next - part->base);
            parts_put(log, part);
            return r;
        }
    } while (r == -ENOENT);
    return r;
}

ssize_t clog_view_read(struct clog_view *view, void *data, size_t size,
                       uint64_t position, unsigned flags)
{
    bool nowait = (flags & CLOG_NOWAIT) != 0;

    if (size > SSIZE_MAX)
        size = SSIZE_MAX;
    if (view->kind == VIEW_RECORD)
        return read_record(view, data, size, position, nowait);
    if (view->kind == VIEW_STREAM)
        return read_stream(view, data, size, position, nowait);
    return read_file(view, data, size, position, nowait);
}

ssize_t clog_read(struct clog *log, uint64_t offset, void *data, size_t size)
{
    struct clog_view *view = NULL;
    ssize_t n = clog_view_record(log, offset, 0, &view);

    if (n < 0)
        return n;
    n = clog_view_read(view, data, size, 0, 0);
    if (n >= 0 && clog_view_size(view) > size)
        n = -EMSGSIZE;
    clog_view_close(view);
    return n;
}
