/* SPDX-License-Identifier: MIT */
#include "files/held.h"

#include "clog.h"
#include "daemon/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* The smallest buffer, of a file that holds something. */
#define SMALL_BUFFER 4096

/* More take milliseconds, which is as long as to wait. */
#define MANY_LINES 8192

/* What a line counts for, of max_held: its buffer is at most twice as large. */
static uint64_t charge(size_t size)
{
    return size == 0 || size > SMALL_BUFFER ? size : SMALL_BUFFER;
}

void held_init(struct held *held, struct clog *log, const char *logdir,
               uint64_t max_held)
{
    *held = (struct held){
        .log = log,
        .logdir = logdir,
        .max_held = max_held,
        .max_record = clog_max_record(log),
    };
}

void held_done(struct held *held)
{
    lines_done(&held->lines);
}

static void set_size(struct held *held, struct line *line, size_t size)
{
    held->charged += charge(size) - charge(line->size);
    held->held_bytes += size - line->size;
    held->held_lines += (uint64_t)(size > 0) - (uint64_t)(line->size > 0);
    line->size = size;
}

void held_drop(struct held *held, struct line *line)
{
    set_size(held, line, 0);
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
    size_t capacity = charge(line->size);
    char *bytes = NULL;

    if (line->capacity / 2 <= capacity && capacity > 0)
        return;
    if (capacity == 0) {
        free(line->bytes);
        *line = (struct line){0};
        return;
    }
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
static int reserve(struct held *held, struct line *line, size_t tail)
{
    const struct lines *lines = &held->lines;
    size_t hold = lines->count > 0 ? tail : line->size + tail;
    size_t join = 0;
    struct clog_status status = {.size = sizeof(status)};

    if (held->charged - charge(line->size) + charge(hold) > held->max_held)
        return -ENOBUFS;
    if (lines->count == 0 && tail > 0) {
        clog_status(held->log, &status);
        if (!status.writable)
            return -EROFS;
    }
    if (lines->count > 0 && line->size > 0)
        join = line->size + lines->iov[0].iov_len;
    return grow(line, hold > join ? hold : join);
}

static int append_lines(struct held *held, struct line *line, unsigned flags)
{
    struct lines *lines = &held->lines;
    struct iovec *first = &lines->iov[0];
    int r;

    if ((flags & CLOG_NOWAIT) != 0 && lines->count > MANY_LINES)
        return -EAGAIN;
    if (line->size > 0) {
        if (first->iov_len > 0)
            memcpy(line->bytes + line->size, first->iov_base, first->iov_len);
        first->iov_base = line->bytes;
        first->iov_len += line->size;
    }
    r = clog_append_batch(held->log, lines->iov, lines->count, flags, NULL);
    if (r < 0)
        return r;
    set_size(held, line, 0);
    return 0;
}

/* A line passed max_record: what was held is a record, the write is not. */
static int refuse(struct held *held, struct line *line, unsigned flags)
{
    if (line->size > 0) {
        int r = clog_append(held->log, line->bytes, line->size, flags, NULL);

        if (r < 0)
            return r;
        set_size(held, line, 0);
        shrink(line);
    }
    return -EMSGSIZE;
}

int held_write(struct held *held, struct line *line, const char *data,
               size_t size, bool end, unsigned flags)
{
    size_t tail = 0;
    int r = lines_cut(data, size, line->size, held->max_record, end,
                      &held->lines, &tail);

    if (r == -EMSGSIZE)
        return refuse(held, line, flags);
    if (r == 0)
        r = reserve(held, line, tail);
    if (r == 0 && held->lines.count > 0)
        r = append_lines(held, line, flags);
    if (r < 0)
        return r;
    if (tail > 0)
        memcpy(line->bytes + line->size, data + size - tail, tail);
    set_size(held, line, line->size + tail);
    shrink(line);
    return 0;
}

int held_finish(struct held *held, struct line *line, unsigned flags)
{
    int r = held_write(held, line, "", 0, true, flags);

    if (r == 0 || (r == -EAGAIN && (flags & CLOG_NOWAIT) != 0))
        return r;
    held->lines_lost++;
    message(LOG_ERR, "%s: an unfinished line of %zu bytes is lost: %s",
            held->logdir, line->size, strerror(-r));
    set_size(held, line, 0);
    return r;
}
