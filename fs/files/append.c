/* SPDX-License-Identifier: MIT */
#include "files/append.h"

#include "clog.h"
#include "daemon/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* A file keeps a buffer of this size even when it holds nothing. */
#define SMALL_BUFFER 4096

void append_init(struct append *append, struct clog *log, uint64_t max_held)
{
    *append = (struct append){
        .log = log,
        .max_held = max_held,
        .max_record = clog_max_record(log),
    };
}

void append_done(struct append *append)
{
    lines_done(&append->lines);
}

static void set_size(struct append *append, struct line *line, size_t size)
{
    append->held_bytes += size - line->size;
    append->held_lines += (uint64_t)(size > 0) - (uint64_t)(line->size > 0);
    line->size = size;
}

void append_open(struct append *append, struct line *line)
{
    *line = (struct line){.next = append->files, .link = &append->files};
    if (line->next)
        line->next->link = &line->next;
    append->files = line;
}

void append_close(struct append *append, struct line *line)
{
    set_size(append, line, 0);
    *line->link = line->next;
    if (line->next)
        line->next->link = line->link;
    free(line->bytes);
    *line = (struct line){0};
}

static int grow(struct line *line, size_t need)
{
    size_t capacity = 2 * line->capacity;
    char *bytes = NULL;

    if (need <= line->capacity)
        return 0;
    if (capacity < SMALL_BUFFER)
        capacity = SMALL_BUFFER;
    if (capacity < need)
        capacity = need;
    bytes = realloc(line->bytes, capacity);
    if (!bytes)
        return -ENOMEM;
    line->bytes = bytes;
    line->capacity = capacity;
    return 0;
}

/* One long line must not keep its memory for as long as the file is open. */
static void shrink(struct line *line)
{
    size_t capacity = line->size < SMALL_BUFFER ? SMALL_BUFFER : line->size;
    char *bytes = NULL;

    if (line->capacity / 4 <= capacity)
        return;
    bytes = realloc(line->bytes, capacity);
    if (bytes) {
        line->bytes = bytes;
        line->capacity = capacity;
    }
}

/*
 * Gets everything that may fail out of the way before the batch is appended:
 * room to join its first line, and to hold tail bytes afterwards.
 */
static int reserve(struct append *append, struct line *line, size_t tail)
{
    const struct lines *lines = &append->lines;
    size_t hold = lines->count > 0 ? tail : line->size + tail;
    size_t join = 0;
    struct clog_status status = {.size = sizeof(status)};

    if (append->held_bytes - line->size + hold > append->max_held)
        return -ENOBUFS;
    if (lines->count == 0 && tail > 0) {
        clog_status(append->log, &status);
        if (!status.writable)
            return -EROFS;
    }
    if (lines->count > 0 && line->size > 0)
        join = line->size + lines->iov[0].iov_len;
    return grow(line, hold > join ? hold : join);
}

static int append_lines(struct append *append, struct line *line,
                        unsigned flags)
{
    struct lines *lines = &append->lines;
    struct iovec *first = &lines->iov[0];
    int r;

    if (line->size > 0) {
        if (first->iov_len > 0)
            memcpy(line->bytes + line->size, first->iov_base, first->iov_len);
        first->iov_base = line->bytes;
        first->iov_len += line->size;
    }
    r = clog_append_batch(append->log, lines->iov, lines->count, flags, NULL);
    if (r < 0)
        return r;
    set_size(append, line, 0);
    return 0;
}

/* A line passed max_record: what was held is a record, the write is not. */
static int refuse(struct append *append, struct line *line, unsigned flags)
{
    if (line->size > 0) {
        int r = clog_append(append->log, line->bytes, line->size, flags, NULL);

        if (r < 0)
            return r;
        set_size(append, line, 0);
        shrink(line);
    }
    return -EMSGSIZE;
}

int append_write(struct append *append, struct line *line, const char *data,
                 size_t size, bool end, unsigned flags)
{
    size_t tail = 0;
    int r = lines_cut(data, size, line->size, append->max_record, end,
                      &append->lines, &tail);

    if (r == -EMSGSIZE)
        return refuse(append, line, flags);
    if (r == 0)
        r = reserve(append, line, tail);
    if (r == 0 && append->lines.count > 0)
        r = append_lines(append, line, flags);
    if (r < 0)
        return r;
    if (tail > 0)
        memcpy(line->bytes + line->size, data + size - tail, tail);
    set_size(append, line, line->size + tail);
    shrink(line);
    return 0;
}

void append_finish(struct append *append, struct line *line)
{
    int r = append_write(append, line, "", 0, true, 0);

    if (r == 0)
        return;
    append->lines_lost++;
    message(LOG_ERR, "an unfinished line of %zu bytes is lost: %s", line->size,
            strerror(-r));
    set_size(append, line, 0);
}

void append_finish_all(struct append *append)
{
    for (struct line *line = append->files; line; line = line->next)
        append_finish(append, line);
}
