/* SPDX-License-Identifier: MIT */
#include "log/cache.h"
#include "log/lookup.h"
#include "log/segments.h"
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
    int r = segments_find(&log->segments, offset, &part, &extent);

    if (r == 0)
        r = lookup_place(log, part, &extent, offset - part->base,
                         (flags & CLOG_NOWAIT) != 0, &place);
    if (r == 0)
        r = make_view(log, VIEW_RECORD, &view);
    if (r < 0) {
        segments_put(&log->segments, part);
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
    view->file = file;
    *ret_view = view;
    return 0;
}

void clog_view_close(struct clog_view *view)
{
    if (!view)
        return;
    segments_put(&view->log->segments, view->part);
    buffer_done(&view->stream.buffer);
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
        segments_stream(&view->log->segments, &start, &end);
        return end - view->stream.origin;
    }
    extent = segments_extent(&view->log->segments, view->part);
    return view->file == CLOG_STORE ? extent.end : extent.count * SLOT_SIZE;
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
    r = cache_pin(&view->log->segments.cache, view->part, nowait, &files);
    if (r < 0)
        return r;
    r = slots_read(view->file == CLOG_INDEX ? &files->index : &files->stamps,
                   data, size, position);
    cache_unpin(&view->log->segments.cache, files);
    return r < 0 ? r : (ssize_t)size;
}

/* The first read: what was read to check the record is what is wanted, unless
   the record is large. */
static ssize_t read_checked(struct clog_view *view, void *data, size_t size,
                            uint64_t position, bool nowait)
{
    struct extent extent = segments_extent(&view->log->segments, view->part);
    int r = lookup_check(view->log, view->part, &extent, view->i, &view->buffer,
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

ssize_t clog_view_read(struct clog_view *view, void *data, size_t size,
                       uint64_t position, unsigned flags)
{
    bool nowait = (flags & CLOG_NOWAIT) != 0;

    if (size > SSIZE_MAX)
        size = SSIZE_MAX;
    if (view->kind == VIEW_RECORD)
        return read_record(view, data, size, position, nowait);
    if (view->kind == VIEW_STREAM)
        return read_stream(&view->stream, data,
                           clip(size, position, clog_view_size(view)), position,
                           nowait);
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
