/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include "log/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUFFER ((size_t)256 << 10)

static _Thread_local uint8_t buffer[BUFFER];

typedef unsigned long long number; /* for printing */

void call_problem(struct act *act, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (act->problem[0] == '\0')
        (void)vsnprintf(act->problem, sizeof(act->problem), format, args);
    va_end(args);
}

static uint64_t moment(struct act *act)
{
    uint64_t now;

    turns_hide();
    now = world_moment(act->world);
    turns_show();
    return now;
}

/* After what has dropped, or made something durable. */
static void look_after(struct act *act, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(log, &status);
    act->saw_oldest = status.oldest;
    act->saw_durable = status.durable;
}

void call_make(struct act *act)
{
    struct clog *log = act->world->log;

    act->began = moment(act);
    act->result = act->call->make(act, log);
    act->ended = moment(act);
    if (act->result < 0 && act->result > -4096 && act->world->faulty)
        return;
    if (act->call->does & (CALL_DROPS_ONE | CALL_DROPS_DUE | CALL_SYNCS))
        look_after(act, log);
}

/* Notes a result that is none of those that the call may have here. */
static int expect(struct act *act, int r, int error, int other)
{
    bool faulty =
        act->world->faulty && (r == -EIO || r == -ENOSPC || r == -EROFS);

    if (r < 0 && r != error && r != other && !faulty)
        call_problem(act, "error %d", r);
    return r;
}

static void plan_nothing(struct act *act)
{
    (void)act;
}

/* --- Appends -----------------------------------------------------------------
 */

#define SMALL ((size_t)50)
#define LARGE ((size_t)400)
#define HUGE  ((size_t)60000)

static void plan_sizes(struct act *act, const size_t *sizes, size_t count)
{
    act->count = count;
    for (size_t i = 0; i < count; i++)
        (void)world_plan(act->world, act, sizes[i], i == 0);
}

static void plan_small(struct act *act)
{
    plan_sizes(act, (size_t[]){SMALL}, 1);
}

static void plan_large(struct act *act)
{
    plan_sizes(act, (size_t[]){LARGE}, 1);
}

static void plan_huge(struct act *act)
{
    plan_sizes(act, (size_t[]){HUGE}, 1);
}

static void plan_batch(struct act *act)
{
    plan_sizes(act, (size_t[]){20, 60, 30}, 3);
}

/* Appends may find the disk full, or what they would push out unread. */
static int end_append(struct act *act, int r, int error)
{
    const struct world *world = act->world;
    bool may_be_full = world->full || (world->options.flags & CLOG_KEEP_UNREAD);

    return expect(act, r, error, may_be_full ? -ENOSPC : error);
}

static int append(struct act *act, struct clog *log, unsigned flags, int error)
{
    struct iovec records[WORLD_BATCH];
    size_t at = 0;
    int r;

    for (size_t i = 0; i < act->count; i++) {
        size_t size = act->world->tried[act->serial + i].size;

        world_fill(act->world, act->serial + i, buffer + at);
        records[i] = (struct iovec){buffer + at, size};
        at += size;
    }
    if (act->count == 1)
        r = clog_append(log, buffer, at, flags, &act->offset);
    else
        r = clog_append_batch(log, records, act->count, flags, &act->offset);
    return end_append(act, r, error);
}

static int make_append(struct act *act, struct clog *log)
{
    return append(act, log, 0, 0);
}

/* Without waiting for a device. */
static int make_append_nowait(struct act *act, struct clog *log)
{
    const char *call;
    int r;

    turns_forbid_waiting(true);
    r = append(act, log, CLOG_NOWAIT, -EAGAIN);
    turns_forbid_waiting(false);
    call = turns_waited();
    if (call)
        call_problem(act, "it may not wait, and made the call %s", call);
    return r;
}

static void plan_at(struct act *act)
{
    plan_small(act);
    act->argument = act->world->next;
}

static int make_at(struct act *act, struct clog *log)
{
    int r;

    world_fill(act->world, act->serial, buffer);
    r = clog_append_at(log, act->argument, buffer,
                       act->world->tried[act->serial].size, 0);
    act->offset = act->argument;
    return end_append(act, r, -EEXIST);
}

/* --- Keeping -----------------------------------------------------------------
 */

static int make_sync(struct act *act, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(log, &status);
    act->saw_next = status.next;
    return expect(act, clog_sync(log, status.next), 0, 0);
}

static int make_flush(struct act *act, struct clog *log)
{
    return expect(act, clog_flush(log), 0, 0);
}

static int make_retain(struct act *act, struct clog *log)
{
    return expect(act, clog_retain(log), 0, 0);
}

static void plan_drop(struct act *act)
{
    act->argument = act->world->oldest;
}

/* EBUSY: it is the active one, or holds what is unread. */
static int make_drop(struct act *act, struct clog *log)
{
    return expect(act, clog_drop(log, act->argument), -ENOENT, -EBUSY);
}

static void plan_wait(struct act *act)
{
    act->argument = act->world->next;
}

static int make_wait(struct act *act, struct clog *log)
{
    return expect(act, clog_wait(log, act->argument, 10), -ETIMEDOUT, 0);
}

/* --- Cursors -----------------------------------------------------------------
 *
 * There is one that is moved and removed, and one that is made.
 */

static void plan_first(struct act *act)
{
    act->cursor = 0;
    act->argument = act->world->next;
}

static void plan_second(struct act *act)
{
    act->cursor = 1;
}

/* A full disk has no room for what would replace a cursor. */
static int end_change(struct act *act, int r, int error)
{
    return expect(act, r, error, act->world->full ? -ENOSPC : error);
}

static int make_cursor_make(struct act *act, struct clog *log)
{
    return end_change(act, clog_cursor_make(log, world_cursor(act->cursor)),
                      -EEXIST);
}

static int make_cursor_move(struct act *act, struct clog *log)
{
    return end_change(
        act, clog_cursor_move(log, world_cursor(act->cursor), act->argument),
        -ENOENT);
}

static int make_cursor_remove(struct act *act, struct clog *log)
{
    return end_change(act, clog_cursor_remove(log, world_cursor(act->cursor)),
                      -ENOENT);
}

static int make_cursors(struct act *act, struct clog *log)
{
    struct clog_cursor cursor = {.id = 0};
    int r;

    while ((r = clog_cursor_after(log, cursor.id, &cursor)) == 0) {
        struct clog_cursor again;

        r = clog_cursor_get(log, cursor.name, &again);
        if (r == 0 && again.id == cursor.id && again.offset < cursor.offset)
            call_problem(act, "cursor %s went back", cursor.name);
        cursor.id++;
    }
    return r == -ENOENT ? 0 : expect(act, r, 0, 0);
}

/* --- Looks -------------------------------------------------------------------
 */

static int make_status(struct act *act, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(log, &status);
    act->saw_next = status.next;
    act->saw_oldest = status.oldest;
    act->saw_durable = status.durable;
    if (status.oldest > status.next || status.durable > status.next ||
        status.active > status.next || status.active < status.oldest ||
        status.records != status.next - status.oldest ||
        status.stream_end - status.stream_start != status.payload_bytes ||
        status.stored_bytes != status.payload_bytes + 40 * status.records)
        call_problem(act, "oldest %llu next %llu durable %llu active %llu",
                     (number)status.oldest, (number)status.next,
                     (number)status.durable, (number)status.active);
    return 0;
}

static int make_space(struct act *act, struct clog *log)
{
    struct clog_space space;

    return expect(act, clog_space(log, &space), 0, 0);
}

/* What was known before the act began is there, or has been dropped. */
static int check_known(struct act *act, uint64_t offset, ssize_t n)
{
    const struct world *world = act->world;
    const struct world_record *known = &world->records[offset];

    if (n == -ENOENT || (known->rotten && n == -EIO))
        return 0;
    if (n < 0)
        return expect(act, (int)n, 0, 0);
    if ((size_t)n != world->tried[known->serial].size ||
        !world_is(known->serial, buffer, (size_t)n))
        call_problem(act, "record %llu: wrong bytes", (number)offset);
    return 0;
}

static int make_read(struct act *act, struct clog *log)
{
    const struct world *world = act->world;
    uint64_t last = world->next - 1;
    int r = 0;

    if (world->oldest == world->next)
        return 0;
    r = check_known(act, world->oldest,
                    clog_read(log, world->oldest, buffer, sizeof(buffer)));
    if (r == 0)
        r = check_known(act, last, clog_read(log, last, buffer, BUFFER));
    return r;
}

static int stat_one(struct act *act, struct clog *log, uint64_t offset,
                    unsigned flags)
{
    const struct world *world = act->world;
    struct clog_record record;
    int r = clog_stat(log, offset, flags, &record);

    if (r == 0 &&
        record.length != world->tried[world->records[offset].serial].size)
        call_problem(act, "record %llu has %llu bytes", (number)offset,
                     (number)record.length);
    return r == -ENOENT ? 0 : expect(act, r, flags ? -EAGAIN : 0, 0);
}

static int make_stat(struct act *act, struct clog *log)
{
    const struct world *world = act->world;
    int r = 0;

    if (world->oldest < world->next)
        r = stat_one(act, log, world->oldest, 0);
    if (r == 0 && world->oldest < world->next)
        r = stat_one(act, log, world->next - 1, 0);
    return r;
}

static int make_find(struct act *act, struct clog *log)
{
    const struct world *world = act->world;
    struct clog_status status = {.size = sizeof(status)};
    uint64_t last = world->next - 1;
    uint64_t offset = 0;
    int r;

    if (world->oldest == world->next)
        return 0;
    r = clog_find(log, world->records[last].time_ns, 0, &offset);
    clog_status(log, &status);
    /* What it was looked for by may have been dropped. */
    if (r == 0 && offset > last && offset > status.oldest && !world->damaged)
        call_problem(act, "found %llu, behind %llu", (number)offset,
                     (number)last);
    return expect(act, r, -ENOENT, 0);
}

static int make_seek(struct act *act, struct clog *log)
{
    const struct world *world = act->world;
    uint64_t offset = clog_seek(log, world->oldest);

    if (offset < world->oldest || clog_seek(log, offset) < offset)
        call_problem(act, "led back to %llu", (number)offset);
    return 0;
}

static int make_segments(struct act *act, struct clog *log)
{
    struct clog_segment segment = {0};
    uint64_t next = 0;
    int r;

    while ((r = clog_segment(log, next, 0, &segment)) == 0) {
        if (segment.base < next || segment.next < segment.base)
            call_problem(act, "segment %llu to %llu behind %llu",
                         (number)segment.base, (number)segment.next,
                         (number)next);
        next = segment.next > segment.base ? segment.next : segment.base + 1;
    }
    return expect(act, r, -ENOENT, 0) == -ENOENT ? 0 : r;
}

/* --- Views -------------------------------------------------------------------
 */

/* A record stays as long as somebody has it open, whatever is dropped. */
static int make_view_record(struct act *act, struct clog *log)
{
    const struct world *world = act->world;
    struct clog_view *view = NULL;
    ssize_t n = 0;
    int r;

    if (world->oldest == world->next)
        return 0;
    r = clog_view_record(log, world->oldest, 0, &view);
    for (int i = 0; r == 0 && i < 2; i++) {
        n = clog_view_read(view, buffer, sizeof(buffer), 0, 0);
        if (n == -ENOENT)
            call_problem(act, "a record that is open has gone");
        r = check_known(act, world->oldest, n);
    }
    clog_view_close(view);
    return expect(act, r, -ENOENT, 0) == -ENOENT ? 0 : r;
}

/* Whole records, those that are known in order. */
static void check_stream(struct act *act, size_t size)
{
    const struct world *world = act->world;
    const struct tried *last = NULL;
    size_t at = 0;

    while (at < size) {
        uint64_t serial = world_recognize(world, buffer + at, size - at);
        const struct tried *tried = &world->tried[serial];

        if (serial == WORLD_SERIALS || tried->size > size - at) {
            call_problem(act, "byte %zu of %zu begins no record", at, size);
            return;
        }
        if (last && tried->act == WORLD_ACTS &&
            (last->act != WORLD_ACTS || tried->offset != last->offset + 1))
            call_problem(act, "record %llu is out of order",
                         (number)tried->offset);
        last = tried;
        at += tried->size;
    }
}

static int make_stream(struct act *act, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};
    struct clog_view *view = NULL;
    ssize_t n = 0;
    int r;

    clog_status(log, &status);
    r = clog_view_stream(log, status.stream_start, &view);
    if (r == 0)
        n = clog_view_read(view, buffer, sizeof(buffer), 0, 0);
    clog_view_close(view);
    if (n > 0 && !act->world->damaged)
        check_stream(act, (size_t)n);
    if (r == 0 && n < 0 && !(n == -EIO && act->world->damaged))
        r = (int)n;
    /* It was dropped before it was opened, or before it was read. */
    r = expect(act, r, -ENOENT, -ESTALE);
    return r == -ENOENT || r == -ESTALE ? 0 : r;
}

/* The files of the oldest segment, raw. */
static int make_raw(struct act *act, struct clog *log)
{
    uint64_t base = act->world->oldest;
    int r = 0;

    for (int file = CLOG_STORE; r == 0 && file <= CLOG_STAMPS; file++) {
        struct clog_view *view = NULL;
        ssize_t n = 0;

        r = clog_view_segment(log, base, (enum clog_file)file, &view);
        if (r == 0)
            n = clog_view_read(view, buffer, sizeof(buffer), 0, 0);
        if (n > 0 && (uint64_t)n > clog_view_size(view))
            call_problem(act, "a file of %zd bytes", n);
        clog_view_close(view);
        if (r == 0 && n < 0)
            r = (int)n;
    }
    return expect(act, r, -ENOENT, act->world->damaged ? -EIO : 0) == -ENOENT
               ? 0
               : r;
}

/* Looks that may not wait. */
static int make_nowait(struct act *act, struct clog *log)
{
    const struct world *world = act->world;
    struct clog_view *view = NULL;
    struct clog_segment segment;
    const char *call;
    ssize_t n = 0;
    int r = 0;

    if (world->oldest == world->next)
        return 0;
    turns_forbid_waiting(true);
    r = stat_one(act, log, world->oldest, CLOG_NOWAIT);
    if (r == 0)
        r = clog_segment(log, world->oldest, CLOG_NOWAIT, &segment);
    if (r == 0)
        r = clog_view_record(log, world->oldest, CLOG_NOWAIT, &view);
    if (r == 0)
        n = clog_view_read(view, buffer, sizeof(buffer), 0, CLOG_NOWAIT);
    if (view && n != -EAGAIN)
        r = check_known(act, world->oldest, n);
    clog_view_close(view);
    turns_forbid_waiting(false);
    call = turns_waited();
    if (call)
        call_problem(act, "it may not wait, and made the call %s", call);
    r = expect(act, r, -EAGAIN, -ENOENT);
    return r == -EAGAIN || r == -ENOENT ? 0 : r;
}

/* --- Others ------------------------------------------------------------------
 */

/* Nobody else may open it, and nobody who tries changes anything. */
static int make_open(struct act *act, struct clog *log)
{
    struct clog_options options = {.size = sizeof(options),
                                   .flags = CLOG_READ_ONLY};
    struct clog *other = NULL;
    int r;

    (void)log;
    r = log_open(&act->world->io.io, "log", &act->world->options, NULL, &other);
    if (r != -EWOULDBLOCK)
        call_problem(act, "a second open: %d", r);
    r = log_open(&act->world->io.io, "log", &options, NULL, &other);
    if (r != -EWOULDBLOCK)
        call_problem(act, "a second open to read: %d", r);
    return 0;
}

static int make_verify(struct act *act, struct clog *log)
{
    struct clog_verify_options options = {.size = sizeof(options),
                                          .repair = true};
    struct clog_verify_result result = {.size = sizeof(result)};
    int r = log_verify(&act->world->io.io, "log", &options, &result);

    (void)log;
    if (r != -EWOULDBLOCK)
        call_problem(act, "verified while it is open: %d", r);
    return 0;
}

const struct call calls[] = {
    {"append", CALL_APPENDS, plan_small, make_append},
    {"batch", CALL_APPENDS, plan_batch, make_append},
    {"roll", CALL_APPENDS, plan_large, make_append},
    {"huge", CALL_APPENDS | CALL_TOO_LARGE, plan_huge, make_append},
    {"nowait-append", CALL_APPENDS, plan_small, make_append_nowait},
    {"append-at", CALL_APPENDS, plan_at, make_at},
    {"flush", 0, plan_nothing, make_flush},
    {"sync", CALL_SYNCS, plan_nothing, make_sync},
    {"retain", CALL_DROPS_DUE, plan_nothing, make_retain},
    {"drop", CALL_DROPS_ONE, plan_drop, make_drop},
    {"wait", CALL_WAITS_FOR, plan_wait, make_wait},
    {"cursor-make", CALL_MAKES, plan_second, make_cursor_make},
    {"cursor-move", CALL_MOVES, plan_first, make_cursor_move},
    {"cursor-remove", CALL_REMOVES, plan_first, make_cursor_remove},
    {"cursors", CALL_READS_ONLY, plan_nothing, make_cursors},
    {"status", CALL_READS_ONLY, plan_nothing, make_status},
    {"space", CALL_READS_ONLY, plan_nothing, make_space},
    {"read", CALL_READS_ONLY, plan_nothing, make_read},
    {"stat", CALL_READS_ONLY, plan_nothing, make_stat},
    {"find", CALL_READS_ONLY, plan_nothing, make_find},
    {"seek", CALL_READS_ONLY, plan_nothing, make_seek},
    {"segments", CALL_READS_ONLY, plan_nothing, make_segments},
    {"view-record", CALL_READS_ONLY, plan_nothing, make_view_record},
    {"view-stream", CALL_READS_ONLY, plan_nothing, make_stream},
    {"view-segment", CALL_READS_ONLY, plan_nothing, make_raw},
    {"nowait", CALL_READS_ONLY, plan_nothing, make_nowait},
    {"open", 0, plan_nothing, make_open},
    {"verify", 0, plan_nothing, make_verify},
    {0},
};

const struct call *call_find(const char *name)
{
    const struct call *call = calls;

    while (call->name && strcmp(call->name, name) != 0)
        call++;
    return call;
}
