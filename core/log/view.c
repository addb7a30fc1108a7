/* SPDX-License-Identifier: MIT */
#include "log/lookup.h"
#include "log/stream.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum kind { VIEW_RECORD, VIEW_STREAM, VIEW_FILE };

struct clog_view {
    struct clog *log;
    enum kind kind;
    struct part *part;    /* of a record or a file: a reference */
    enum clog_file file;  /* of a file */
    uint64_t i;           /* of a record: its number in the part */
    struct place place;   /* of a record */
    bool checked;         /* of a record */
    struct stream stream; /* of the stream */
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
    struct lookup lookup;
    struct place place;
    int r = lookup_begin(&lookup, log, offset, flags);

    if (r < 0)
        return r;
    r = lookup_confirm(&lookup, &place);
    if (r == 0)
        r = make_view(log, VIEW_RECORD, &view);
    if (r == 0) {
        view->part = segments_get(lookup.held.part);
        atomic_fetch_add(&view->part->views, 1);
        view->i = lookup.i;
        view->place = place;
        *ret_view = view;
    }
    lookup_end(&lookup);
    return r;
}

int clog_view_stream(struct clog *log, uint64_t origin,
                     struct clog_view **ret_view)
{
    uint64_t start, end;
    struct clog_view *view = NULL;
    int r;

    segments_stream(&log->segments, &start, &end);
    if (origin < start || origin > end)
        return -ENOENT;
    r = make_view(log, VIEW_STREAM, &view);
    if (r < 0)
        return r;
    view->stream = (struct stream){.log = log, .origin = origin};
    *ret_view = view;
    return 0;
}

int clog_view_segment(struct clog *log, uint64_t base, enum clog_file file,
                      struct clog_view **ret_view)
{
    struct clog_view *view = NULL;
    struct part *part = NULL;
    int r = segments_find_base(&log->segments, base, &part);

    if (r == 0)
        r = make_view(log, VIEW_FILE, &view);
    if (r < 0) {
        segments_put(&log->segments, part);
        return r;
    }
    view->part = part;
    atomic_fetch_add(&part->views, 1);
    view->file = file;
    *ret_view = view;
    return 0;
}

void clog_view_close(struct clog_view *view)
{
    if (!view)
        return;
    if (view->part)
        atomic_fetch_sub(&view->part->views, 1);
    segments_put(&view->log->segments, view->part);
    free(view);
}

int clog_view_try_close(struct clog_view *view)
{
    if (view->part && segments_is_last(view->part))
        return -EAGAIN;
    if (view->part)
        atomic_fetch_sub(&view->part->views, 1);
    segments_put_later(&view->log->segments, view->part);
    free(view);
    return 0;
}

uint64_t clog_view_size(const struct clog_view *view)
{
    uint64_t start, end;
    struct extent extent;

    if (view->kind == VIEW_RECORD)
        return view->place.length;
    if (view->kind == VIEW_STREAM) {
        segments_stream(&view->log->segments, &start, &end);
        return end - view->stream.origin;
    }
    extent = segments_extent(&view->log->segments, view->part);
    return view->file == CLOG_STORE ? extent.end : extent.count * SLOT_SIZE;
}

/* A file that is shorter than it should be is read up to where it ends. */
static ssize_t read_slots(const struct slots *slots, void *data, size_t size,
                          uint64_t position)
{
    uint64_t end = slots_count(slots) * SLOT_SIZE;

    size = lookup_clip(size, position, end);
    if (size == 0)
        return -EIO;
    return slots_read(slots, data, size, position) < 0 ? -EIO : (ssize_t)size;
}

static ssize_t read_file(struct lookup *lookup, struct clog_view *view,
                         void *data, size_t size, uint64_t position)
{
    const struct segment *files = lookup->held.files;
    const struct slots *slots =
        view->file == CLOG_INDEX ? &files->index : &files->stamps;
    uint64_t first = position / SLOT_SIZE;
    int r;

    size = lookup_clip(size, position, clog_view_size(view));
    if (size == 0)
        return 0;
    if (view->file == CLOG_STORE) {
        r = lookup_read(lookup, data, size, position);
        return r < 0 ? r : (ssize_t)size;
    }
    if (lookup->nowait &&
        !slots_cached(slots, first,
                      (position + size - 1) / SLOT_SIZE - first + 1))
        return -EAGAIN;
    return read_slots(slots, data, size, position);
}

/* Reads of the record, which has been checked: by this very look-up, and then
   its frame may be at hand, or by an earlier one. */
static ssize_t read_payload(struct lookup *lookup, const struct place *place,
                            void *data, size_t size, uint64_t position)
{
    int r = 0;

    size = lookup_clip(size, position, place->length);
    if (size > 0 && lookup_has_frame(lookup, place))
        memcpy(data, lookup->buffer.data + RECORD_PREFIX + position, size);
    else if (size > 0)
        r = lookup_read(lookup, data, size,
                        place->position + RECORD_PREFIX + position);
    return r < 0 ? r : (ssize_t)size;
}

/* The first read checks the record, and reads it into data at once where all
   of it is wanted. */
static ssize_t read_record(struct lookup *lookup, struct clog_view *view,
                           void *data, size_t size, uint64_t position)
{
    struct place *place = &view->place;
    int r = 0;

    lookup->i = view->i;
    if (!view->checked && position == 0 && size >= place->length) {
        r = lookup_take(lookup, place, data, size);
        if (r == 0) {
            view->checked = true;
            return (ssize_t)place->length;
        }
    } else if (!view->checked) {
        r = lookup_check(lookup, place);
    }
    if (r < 0 && r != -EMSGSIZE)
        return r;
    view->checked = true;
    return read_payload(lookup, place, data, size, position);
}

/* Reads of one segment's file, or of a record in it. */
static ssize_t read_part(struct clog_view *view, void *data, size_t size,
                         uint64_t position, unsigned flags)
{
    struct lookup lookup;
    ssize_t n = lookup_begin_part(&lookup, view->log, view->part, flags);

    if (n < 0)
        return n;
    if (view->kind == VIEW_RECORD)
        n = read_record(&lookup, view, data, size, position);
    else
        n = read_file(&lookup, view, data, size, position);
    lookup_end(&lookup);
    return n;
}

ssize_t clog_view_read(struct clog_view *view, void *data, size_t size,
                       uint64_t position, unsigned flags)
{
    if (size > SSIZE_MAX)
        size = SSIZE_MAX;
    if (view->kind != VIEW_STREAM)
        return read_part(view, data, size, position, flags);
    size = lookup_clip(size, position, clog_view_size(view));
    return stream_read(&view->stream, data, size, position, flags);
}

ssize_t clog_read(struct clog *log, uint64_t offset, void *data, size_t size)
{
    struct lookup lookup;
    struct place place;
    int r = lookup_begin(&lookup, log, offset, 0);

    if (r < 0)
        return r;
    r = lookup_place(&lookup, &place);
    if (r == 0)
        r = lookup_take(&lookup, &place, data, size);
    lookup_end(&lookup);
    return r < 0 ? r : (ssize_t)place.length;
}
