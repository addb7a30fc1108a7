/* SPDX-License-Identifier: MIT */
#include "history.h"

#include "random.h"

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

int history_append(struct history *history, struct clog *log,
                   const size_t *sizes, size_t count)
{
    struct iovec records[HISTORY_BATCH];
    uint64_t offset = UINT64_MAX;
    int r;

    for (size_t i = 0; i < count; i++) {
        uint64_t at = history->next + i;

        history->records[at].serial = history->serial;
        history->records[at].size = sizes[i];
        history->records[at].starts = i == 0;
        records[i].iov_base =
            (void *)(uintptr_t)history_payload(history->serial++);
        records[i].iov_len = sizes[i];
    }
    history->flight = count;
    r = clog_append_batch(log, records, count, 0, &offset);
    if (r < 0)
        return r;
    if (offset != history->next)
        (void)history_problem(history, "append got offset %llu, not %llu",
                              (unsigned long long)offset,
                              (unsigned long long)history->next);
    history->next += count;
    history->flight = 0;
    history_claim(history, log);
    return 0;
}

void history_claim(struct history *history, struct clog *log)
{
    struct clog_status status;

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
    size_t at = 0;
    ssize_t n;
    int r = clog_view_stream(log, 0, &view);

    if (r < 0)
        return history_problem(history, "the joined view: error %d", r);
    n = clog_view_read(view, buffer, sizeof(buffer), 0, 0);
    clog_view_close(view);
    if (n < 0)
        return history_problem(history, "the joined view: error %zd", n);
    for (uint64_t i = 0; i < history->next; i++) {
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
    uint64_t time_ns = 0;

    for (uint64_t i = 0; i < history->next; i++) {
        struct clog_record record;

        if (!history_check_record(history, log, i))
            return false;
        if (clog_stat(log, i, &record) < 0 || !record.verifiable ||
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
    struct clog_status status;

    clog_status(log, &status);
    if (status.oldest != 0 || status.records != status.next)
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
    return check_records(history, log) && check_stream(history, log);
}
