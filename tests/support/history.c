/* SPDX-License-Identifier: MIT */
#include "history.h"

#include "log/log.h"
#include "random.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define POOL ((size_t)256 << 10)

static uint8_t pool[POOL];
static uint8_t buffer[HISTORY_RECORDS * 1024];

const uint8_t *history_payload(uint64_t serial)
{
    static bool filled;

    if (!filled)
        random_fill(1, pool, sizeof(pool));
    filled = true;
    return pool + serial * 8009 % (POOL - HISTORY_LARGEST);
}

bool history_problem(struct history *history, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(history->problem, sizeof(history->problem), format, args);
    va_end(args);
    return false;
}

/* Notes a record that is about to be appended. */
static struct iovec begin(struct history *history, uint64_t at, size_t size,
                          bool starts)
{
    struct iovec record = {
        .iov_base = (void *)(uintptr_t)history_payload(history->serial),
        .iov_len = size,
    };

    history->records[at].serial = history->serial++;
    history->records[at].size = size;
    history->records[at].starts = starts;
    return record;
}

static void end(struct history *history, struct clog *log)
{
    history->next += history->flight;
    history->flight = 0;
    history_claim(history, log);
}

/* A drop that may reach up to limit has returned r. */
static void end_drop(struct history *history, struct clog *log, uint64_t limit,
                     int r)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(log, &status);
    if (limit > history->dropping)
        history->dropping = limit;
    if (r < 0)
        return;
    if (status.oldest < history->oldest || status.oldest > limit)
        (void)history_problem(history, "a drop made %llu the oldest",
                              (unsigned long long)status.oldest);
    history->oldest = history->dropping = status.oldest;
}

int history_append(struct history *history, struct clog *log,
                   const size_t *sizes, size_t count)
{
    struct iovec records[HISTORY_BATCH];
    uint64_t offset = UINT64_MAX;
    int r;

    for (size_t i = 0; i < count; i++)
        records[i] = begin(history, history->next + i, sizes[i], i == 0);
    history->flight = count;
    r = clog_append_batch(log, records, count, 0, &offset);
    if (history->makes_room)
        end_drop(history, log, history->next, r);
    if (r < 0)
        return r;
    if (offset != history->next)
        (void)history_problem(history, "append got offset %llu, not %llu",
                              (unsigned long long)offset,
                              (unsigned long long)history->next);
    end(history, log);
    return 0;
}

int history_append_at(struct history *history, struct clog *log, size_t size)
{
    uint64_t next = history->next;
    struct iovec record;
    int r;

    if (next > 0) {
        r = clog_append_at(log, next - 1, "no", 2, 0);
        if (r != -EEXIST && r != -EROFS)
            (void)history_problem(history, "an offset was given twice: %d", r);
    }
    r = clog_append_at(log, next + 1, "no", 2, 0);
    if (r != -EPERM && r != -EROFS)
        (void)history_problem(history, "an offset was left out: %d", r);
    record = begin(history, next, size, true);
    history->flight = 1;
    r = clog_append_at(log, next, record.iov_base, record.iov_len, 0);
    if (history->makes_room)
        end_drop(history, log, next, r);
    if (r == 0)
        end(history, log);
    return r;
}

/* --- Drops -----------------------------------------------------------------
 */

int history_drop(struct history *history, struct clog *log)
{
    struct clog_segment second;
    struct clog_status status = {.size = sizeof(status)};
    uint64_t limit;
    int r;

    clog_status(log, &status);
    limit = status.oldest;
    if (status.writable && clog_segment(log, limit + 1, 0, &second) == 0)
        limit = second.base;
    r = clog_drop(log, status.oldest);
    if (r == -EBUSY && status.active == status.oldest)
        return 0;
    if (r == 0 && limit == status.oldest)
        (void)history_problem(history, "the active segment was dropped");
    end_drop(history, log, limit, r);
    return r;
}

int history_retain(struct history *history, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};
    int r;

    clog_status(log, &status);
    /* As if it had been opened so, but for when it rolls. */
    log->options.retain_records = 1;
    /* And what is done for a large segment is done for a small one. */
    log->ahead.least = log->ahead.rest = 0;
    r = clog_retain(log);
    log->options.retain_records = 0;
    end_drop(history, log, status.writable ? status.active : status.oldest, r);
    return r < 0 ? r : 0;
}

/* --- The cursor ------------------------------------------------------------
 */

static int change_cursor(struct history *history, struct clog *log,
                         uint64_t cursor, int r)
{
    struct clog_status status = {.size = sizeof(status)};

    if (r == 0) {
        history->cursor = cursor;
        history->doubt_count = 0;
        clog_status(log, &status);
        if (cursor > 0 && status.durable < cursor - 1)
            (void)history_problem(history, "a cursor above durable");
        history_claim(history, log);
    } else if (r != -EROFS && history->doubt_count < HISTORY_DOUBTS) {
        history->doubts[history->doubt_count++] = cursor;
    }
    return r;
}

int history_make(struct history *history, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};
    int r;

    clog_status(log, &status);
    r = clog_cursor_make(log, HISTORY_CURSOR);
    if (r == -EEXIST && history->cursor > 0)
        return 0;
    return change_cursor(history, log, status.oldest + 1, r);
}

int history_move(struct history *history, struct clog *log)
{
    int r = clog_cursor_move(log, HISTORY_CURSOR, history->next);

    if (r == -ENOENT && history->cursor == 0)
        return 0;
    return change_cursor(history, log, history->next + 1, r);
}

int history_remove(struct history *history, struct clog *log)
{
    int r = clog_cursor_remove(log, HISTORY_CURSOR);

    if (r == -ENOENT && history->cursor == 0)
        return 0;
    return change_cursor(history, log, 0, r);
}

/* 1 + where it stands; 0: there is none. */
static uint64_t look_at_cursor(struct clog *log, struct clog_cursor *cursor)
{
    *cursor = (struct clog_cursor){0};
    return clog_cursor_get(log, HISTORY_CURSOR, cursor) == 0
               ? cursor->offset + 1
               : 0;
}

static bool check_cursor(struct history *history, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};
    struct clog_cursor cursor;
    uint64_t there = look_at_cursor(log, &cursor);
    bool known = there == history->cursor;

    clog_status(log, &status);
    for (size_t i = 0; i < history->doubt_count; i++)
        known = known || history->doubts[i] == there;
    if (!known)
        return history_problem(history, "the cursor is %lld, not %lld",
                               (long long)there - 1,
                               (long long)history->cursor - 1);
    if (there == 0)
        return true;
    if (cursor.offset > status.next)
        return history_problem(history, "the cursor is above next");
    if (cursor.lag != status.next - cursor.offset ||
        cursor.lost !=
            (status.oldest > cursor.offset ? status.oldest - cursor.offset : 0))
        return history_problem(history, "the cursor's lag and lost are wrong");
    return true;
}

static bool check_oldest(struct history *history,
                         const struct clog_status *status)
{
    if (status->oldest < history->oldest || status->oldest > history->dropping)
        return history_problem(history, "oldest is %llu, not in [%llu, %llu]",
                               (unsigned long long)status->oldest,
                               (unsigned long long)history->oldest,
                               (unsigned long long)history->dropping);
    return true;
}

bool history_settle(struct history *history, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};
    struct clog_cursor cursor;

    clog_status(log, &status);
    if (!check_oldest(history, &status) || !check_cursor(history, log))
        return false;
    history->oldest = history->dropping = status.oldest;
    history->cursor = look_at_cursor(log, &cursor);
    history->doubt_count = 0;
    return true;
}

/* --- Records ---------------------------------------------------------------
 */

void history_claim(struct history *history, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(log, &status);
    if (status.durable > history->durable)
        history->durable = status.durable;
}

int history_sync(struct history *history, struct clog *log)
{
    int r = clog_sync(log, UINT64_MAX);

    if (r == 0)
        history->durable = history->next;
    return r;
}

bool history_check_record(struct history *history, struct clog *log,
                          uint64_t offset)
{
    size_t size = history->records[offset].size;
    ssize_t n = clog_read(log, offset, buffer, sizeof(buffer));

    if (n < 0)
        return history_problem(history, "record %llu: error %zd",
                               (unsigned long long)offset, n);
    if ((size_t)n != size ||
        memcmp(buffer, history_payload(history->records[offset].serial),
               size) != 0)
        return history_problem(history, "record %llu: wrong bytes",
                               (unsigned long long)offset);
    return true;
}

static bool check_stream(struct history *history, struct clog *log)
{
    struct clog_view *view = NULL;
    struct clog_status status = {.size = sizeof(status)};
    size_t at = 0;
    ssize_t n;
    int r;

    clog_status(log, &status);
    r = clog_view_stream(log, status.stream_start, &view);

    if (r < 0)
        return history_problem(history, "the joined view: error %d", r);
    n = clog_view_read(view, buffer, sizeof(buffer), 0, 0);
    clog_view_close(view);
    if (n < 0)
        return history_problem(history, "the joined view: error %zd", n);
    for (uint64_t i = status.oldest; i < history->next; i++) {
        size_t size = history->records[i].size;

        if (at + size > (size_t)n ||
            memcmp(buffer + at, history_payload(history->records[i].serial),
                   size) != 0)
            return history_problem(history, "the joined view: wrong in %llu",
                                   (unsigned long long)i);
        at += size;
    }
    return at == (size_t)n ||
           history_problem(history, "the joined view is too long");
}

static bool check_records(struct history *history, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};
    struct clog_record record;
    uint64_t time_ns = 0;

    clog_status(log, &status);
    for (uint64_t i = 0; i < status.oldest; i++)
        if (clog_stat(log, i, 0, &record) != -ENOENT)
            return history_problem(history, "record %llu was dropped",
                                   (unsigned long long)i);
    for (uint64_t i = status.oldest; i < history->next; i++) {
        if (!history_check_record(history, log, i))
            return false;
        if (clog_stat(log, i, 0, &record) < 0 || !record.verifiable ||
            record.time_ns < time_ns)
            return history_problem(history, "record %llu: no time in order",
                                   (unsigned long long)i);
        time_ns = record.time_ns;
    }
    return true;
}

bool history_check(struct history *history, struct clog *log, uint64_t floor)
{
    uint64_t limit = history->next + history->flight;
    struct clog_status status = {.size = sizeof(status)};

    clog_status(log, &status);
    if (!check_oldest(history, &status))
        return false;
    if (status.records != status.next - status.oldest)
        return history_problem(history, "oldest %llu next %llu records %llu",
                               (unsigned long long)status.oldest,
                               (unsigned long long)status.next,
                               (unsigned long long)status.records);
    if (status.next < floor || status.next > limit)
        return history_problem(history, "next is %llu, not in [%llu, %llu]",
                               (unsigned long long)status.next,
                               (unsigned long long)floor,
                               (unsigned long long)limit);
    if (status.next < limit && !history->records[status.next].starts)
        return history_problem(history, "a batch ends at %llu",
                               (unsigned long long)status.next);
    history->next = status.next;
    history->flight = 0;
    history->durable = status.durable;
    return check_cursor(history, log) && check_records(history, log) &&
           check_stream(history, log);
}
