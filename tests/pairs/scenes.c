/* SPDX-License-Identifier: MIT */
#include "scenes.h"

#include "calls.h"
#include "log/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

#define CHANGES                                                    \
    " append batch roll twice nowait-append append-at flush sync " \
    "retain drop cursor-make cursor-move cursor-remove "
#define KEEPS " append roll twice sync retain drop cursor-move cursor-remove "
#define LOOKS                                                             \
    " read stat find seek segments view-record view-stream view-segment " \
    "nowait "
#define SYNCS " append roll twice sync cursor-make cursor-move drop retain "

const struct scene scenes[] = {
    {.name = "stocked", .max_store = 600, .records = 12, .cursor = 1},
    {.name = "fresh", .max_store = 600, .cursor = WORLD_NOWHERE},
    {.name = "staged",
     .max_store = 600,
     .records = 12,
     .cursor = 1,
     .staged = true,
     .first = CHANGES,
     .second = CHANGES LOOKS},
    {.name = "single",
     .max_store = 600,
     .records = 1,
     .cursor = 0,
     .first = CHANGES,
     .second = CHANGES},
    {.name = "bytes",
     .max_store = 600,
     .retain_bytes = 1200,
     .records = 12,
     .cursor = 1,
     .first = CHANGES},
    {.name = "unread",
     .flags = CLOG_KEEP_UNREAD,
     .max_store = 600,
     .retain_records = 8,
     .records = 12,
     .cursor = 6,
     .first = KEEPS,
     .second = KEEPS},
    {.name = "aged",
     .flags = CLOG_KEEP_UNREAD,
     .max_store = 600,
     .retain_age_ns = SECOND,
     .records = 12,
     .cursor = 6,
     .passes_ns = 2 * SECOND,
     .first = KEEPS,
     .second = KEEPS},
    {.name = "idle",
     .flags = CLOG_KEEP_UNREAD,
     .max_store = 440,
     .retain_age_ns = SECOND,
     .passes_ns = 2 * SECOND,
     .first = " append roll twice sync retain cursor-move cursor-remove ",
     .second = " append roll twice sync retain cursor-move cursor-remove "},
    {.name = "unread-making-room",
     .flags = CLOG_KEEP_UNREAD | CLOG_DROP_OLDEST,
     .max_store = 600,
     .retain_age_ns = SECOND,
     .records = 12,
     .cursor = 6,
     .passes_ns = 2 * SECOND,
     .first = KEEPS,
     .second = " append twice retain cursor-make "},
    {.name = "full-aged",
     .max_store = 600,
     .retain_age_ns = SECOND,
     .records = 12,
     .cursor = 1,
     .passes_ns = 2 * SECOND,
     .is_full = true,
     .first = KEEPS,
     .second = " append retain sync "},
    {.name = "full",
     .flags = CLOG_DROP_OLDEST,
     .max_store = 600,
     .records = 12,
     .cursor = 1,
     .is_full = true,
     .first = CHANGES,
     .second = " append roll sync retain drop cursor-move read "},
    {.name = "full-of-too-little",
     .flags = CLOG_DROP_OLDEST,
     .max_store = 600,
     .records = 12,
     .cursor = 1,
     .is_full = true,
     .first = " huge ",
     .second = " huge sync cursor-move read view-stream "},
    {.name = "cold",
     .max_store = 600,
     .records = 12,
     .cursor = 1,
     .is_cold = true,
     .first = " nowait nowait-append ",
     .second = " roll retain drop read nowait view-stream "},
    {.name = "wrong-index",
     .max_store = 600,
     .records = 12,
     .cursor = 1,
     .wrong_index = true,
     .first = LOOKS,
     .second = LOOKS " append drop "},
    {.name = "wrong-index-read-only",
     .flags = CLOG_READ_ONLY,
     .max_store = 600,
     .records = 12,
     .cursor = 1,
     .wrong_index = true,
     .first = LOOKS,
     .second = LOOKS},
    {.name = "lost-write",
     .max_store = 600,
     .records = 12,
     .cursor = 1,
     .fails = true,
     .error = -EIO,
     .first = SYNCS,
     .second = SYNCS},
    {.name = "lost-write-staged",
     .max_store = 600,
     .records = 12,
     .cursor = 1,
     .staged = true,
     .fails = true,
     .error = -EIO,
     .first = SYNCS,
     .second = SYNCS},
    {.name = "lost-write-making-room",
     .flags = CLOG_DROP_OLDEST,
     .max_store = 600,
     .records = 12,
     .cursor = 1,
     .fails = true,
     .error = -ENOSPC,
     .first = SYNCS,
     .second = SYNCS},
    {.name = "lost-name",
     .max_store = 600,
     .records = 12,
     .cursor = 1,
     .unjournaled = true,
     .fails = true,
     .error = -EIO,
     .first = SYNCS,
     .second = SYNCS},
    {0},
};

static void must(int r, const char *what)
{
    if (r >= 0)
        return;
    (void)fprintf(stderr, "pairs: %s: error %d\n", what, r);
    exit(2);
}

static void append(struct world *world)
{
    uint8_t bytes[WORLD_LARGEST];
    struct act nobody = {.number = WORLD_ACTS};
    uint64_t serial = world_plan(world, &nobody, 100, true);

    world_fill(world, serial, bytes);
    must(clog_append(world->log, bytes, 100, 0, NULL), "append");
}

void scene_prepare(const struct scene *scene, struct world *ret_world)
{
    struct world *world = ret_world;

    *world = (struct world){.disk = memio_new()};
    world->options = (struct clog_options){.size = sizeof(struct clog_options),
                                           .flags = CLOG_CREATE,
                                           .max_store = scene->max_store,
                                           .max_index = 4096};
    memio_set_journal(world->disk, !scene->unjournaled);
    must(world_open(world), "open");
    for (unsigned i = 0; i < scene->records; i++)
        append(world);
    if (scene->cursor != WORLD_NOWHERE) {
        must(clog_cursor_make(world->log, world_cursor(0)), "cursor");
        must(clog_cursor_move(world->log, world_cursor(0), scene->cursor),
             "cursor");
    }
    must(clog_close(world->log), "close");
    world->log = NULL;
}

/* So full that no segment can be made, and the next pages of the active one
   cannot be had. */
static void fill_disk(struct world *world)
{
    struct io_space space = {0};
    uint64_t used;

    must(io_space(memio_io(world->disk), -1, &space), "space");
    used = memio_used(world->disk);
    memio_set_capacity(world->disk, used);
}

/* The entry leads into the middle of a record. */
static void spoil_index(struct world *world)
{
    uint64_t size = 0;
    uint8_t *bytes = memio_bytes(
        world->disk, "log/segments/00000000000000000000/index", &size);

    bytes[16 + 15] ^= 1;
}

void scene_set(const struct scene *scene, const struct world *prepared,
               uint64_t n, struct world *ret_world)
{
    struct world *world = ret_world;
    int64_t now;

    *world = *prepared;
    world->disk = memio_kill(prepared->disk);
    world->faulty = scene->fails;
    world->full = scene->is_full;
    world->damaged = scene->wrong_index;
    world->options.flags = CLOG_CREATE | scene->flags;
    if (scene->staged)
        world->options.staging = 64 << 10;
    world->options.retain_bytes = scene->retain_bytes;
    world->options.retain_records = scene->retain_records;
    world->options.retain_age_ns = scene->retain_age_ns;
    if (scene->wrong_index)
        spoil_index(world);
    must(world_open(world), "open");
    if (scene->records > 0 && !(scene->flags & CLOG_READ_ONLY))
        append(world);
    now = io_now(memio_io(world->disk));
    memio_set_clock(world->disk, now + (int64_t)scene->passes_ns);
    world_settle(world, world->log);
    memio_set_cold(world->disk, scene->is_cold);
    if (scene->is_full)
        fill_disk(world);
    if (scene->fails)
        memio_fail_write_back(world->disk,
                              scene->unjournaled ? IO_DIR : IO_FILE, n,
                              scene->error);
}

static bool is_in(const char *list, const char *name)
{
    char word[64];

    (void)snprintf(word, sizeof(word), " %s ", name);
    return !list || strstr(list, word) != NULL;
}

bool scene_wants(const struct scene *scene, const char *first,
                 const char *second)
{
    return is_in(scene->first, first) && is_in(scene->second, second);
}
