/* SPDX-License-Identifier: MIT */
#include "world.h"

#include "calls.h"
#include "log/log.h"
#include "random.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HEAD 8 /* bytes of a record's serial number */
#define POOL ((size_t)128 << 10)

const char *world_cursor(int number)
{
    static const char *const names[WORLD_CURSORS] = {"first", "second",
                                                     "third"};

    return names[number];
}

bool world_problem(struct world *world, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (world->problem[0] == '\0')
        (void)vsnprintf(world->problem, sizeof(world->problem), format, args);
    va_end(args);
    return false;
}

uint64_t world_moment(struct world *world)
{
    return ++world->moment;
}

/* --- Records -----------------------------------------------------------------
 */

static uint8_t pool[POOL];

static const uint8_t *filler(uint64_t serial)
{
    return pool + serial * 8009 % (POOL - WORLD_LARGEST);
}

static void put_head(uint64_t serial, uint8_t head[HEAD])
{
    for (int i = HEAD - 1; i >= 0; i--) {
        head[i] = (uint8_t)serial;
        serial >>= 8;
    }
}

void world_fill(const struct world *world, uint64_t serial, uint8_t *bytes)
{
    put_head(serial, bytes);
    memcpy(bytes + HEAD, filler(serial), world->tried[serial].size - HEAD);
}

bool world_is(uint64_t serial, const uint8_t *bytes, size_t size)
{
    uint8_t head[HEAD];

    put_head(serial, head);
    if (memcmp(head, bytes, size < HEAD ? size : HEAD) != 0)
        return false;
    return size <= HEAD ||
           memcmp(bytes + HEAD, filler(serial), size - HEAD) == 0;
}

uint64_t world_recognize(const struct world *world, const uint8_t *bytes,
                         size_t size)
{
    uint64_t serial = 0;

    if (size < HEAD)
        return WORLD_SERIALS;
    for (int i = 0; i < HEAD; i++)
        serial = serial << 8 | bytes[i];
    if (serial >= world->serials)
        return WORLD_SERIALS;
    if (size > world->tried[serial].size)
        size = world->tried[serial].size;
    return world_is(serial, bytes, size) ? serial : WORLD_SERIALS;
}

uint64_t world_plan(struct world *world, const struct act *act, size_t size,
                    bool starts)
{
    static bool filled;

    if (!filled)
        random_fill(1, pool, sizeof(pool));
    filled = true;
    world->tried[world->serials] =
        (struct tried){.size = size, .act = act->number, .starts = starts};
    return world->serials++;
}

struct act *world_add(struct world *world, const struct call *call)
{
    struct act *act = &world->acts[world->act_count];

    *act = (struct act){.call = call,
                        .world = world,
                        .number = world->act_count++,
                        .serial = world->serials};
    call->plan(act);
    return act;
}

/* --- Opening -----------------------------------------------------------------
 */

int world_open(struct world *world)
{
    struct clog_status status = {.size = sizeof(status)};
    int r;

    turns_io_init(&world->io, memio_io(world->disk));
    r = log_open(&world->io.io, "log", &world->options, NULL, &world->log);
    if (r < 0)
        return r;
    clog_status(world->log, &status);
    world->rebuilt = status.indexes_rebuilt + status.prefixes_mended;
    return 0;
}

/* --- Settling ----------------------------------------------------------------
 */

static void settle_records(struct world *world, struct clog *log)
{
    uint8_t bytes[WORLD_LARGEST];

    for (uint64_t i = world->next; i < world->oldest; i++)
        world->records[i] = (struct world_record){.serial = WORLD_SERIALS};
    for (uint64_t i = world->oldest; i < world->next; i++) {
        struct world_record *known = &world->records[i];
        struct clog_record record = {0};
        ssize_t n;

        if (known->rotten || known->time_ns > 0)
            continue;
        n = clog_read(log, i, bytes, sizeof(bytes));
        if (n < 0 || clog_stat(log, i, 0, &record) < 0)
            (void)world_problem(world, "record %llu is not there any more",
                                (unsigned long long)i);
        known->serial = world_recognize(world, bytes, n > 0 ? (size_t)n : 0);
        known->time_ns = record.time_ns;
        if (known->serial < WORLD_SERIALS)
            world->tried[known->serial].offset = i;
    }
}

static void settle_bases(struct world *world, struct clog *log)
{
    struct clog_segment segment = {0};
    uint64_t base = 0;

    world->segments = 0;
    while (world->segments < WORLD_SEGMENTS &&
           clog_segment(log, base, 0, &segment) == 0) {
        world->bases[world->segments++] = segment.base;
        base = segment.base + 1;
    }
}

void world_settle(struct world *world, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};
    struct clog_cursor cursor;

    clog_status(log, &status);
    for (uint64_t i = world->next; i < status.next; i++)
        world->records[i] = (struct world_record){0};
    world->oldest = status.oldest;
    world->next = status.next;
    if (status.durable > world->durable)
        world->durable = status.durable;
    settle_records(world, log);
    settle_bases(world, log);
    for (int i = 0; i < WORLD_CURSORS; i++)
        world->cursors[i] = clog_cursor_get(log, world_cursor(i), &cursor) == 0
                                ? cursor.offset
                                : WORLD_NOWHERE;
    for (uint64_t i = 0; i < world->serials; i++)
        world->tried[i].act = WORLD_ACTS;
    world->act_count = 0;
}
