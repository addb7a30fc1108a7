/* SPDX-License-Identifier: MIT */
/*
 * lives - random lives of a log, against what is known of it.
 *
 * A life has rounds: some calls by one player, or by several whose turns are
 * drawn by lot, with limits that come and go and time that passes; and between
 * rounds the log is closed, killed or has its power cut, is damaged behind its
 * back, is read by another, and is opened in another way. What is known is kept
 * apart, in world.h, and what lies on disk after a close is compared by code
 * that has nothing of the log's own.
 *
 *     LIVES=n   lives (150; in a long run 10000)
 *     SEED=n    of the first (1); a failure prints that of its life
 *
 * With the argument --control the program succeeds if it finds a fault.
 */
#include "bytes_on_disk.h"
#include "calls.h"
#include "log/log.h"
#include "random.h"
#include "suite.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES 3 /* are enough */
#define ROUNDS   60
#define TURNS    200
#define PATHS    128
#define SECOND   UINT64_C(1000000000)

static struct {
    uint64_t lives, rounds, acts, opens, kills, cuts, damages;
    uint64_t failures;
    bool quiet;
} suite;

static struct world world;
static struct rng rng;

/* Bases of segments that have been damaged: once is enough. */
static uint64_t hurt[WORLD_SEGMENTS];
static size_t hurt_count;

static uint64_t below(uint64_t limit)
{
    return limit > 0 ? random_below(&rng, limit) : 0;
}

/* One in so many. */
static bool one_in(uint64_t n)
{
    return below(n) == 0;
}

/* --- Rounds ------------------------------------------------------------------
 */

struct role {
    struct act *acts[3];
    unsigned count;
};

static void play(void *ctx)
{
    const struct role *role = ctx;

    for (unsigned i = 0; i < role->count; i++)
        call_make(role->acts[i]);
}

static size_t draw_size(void)
{
    uint64_t kind = below(20);

    if (kind < 15)
        return WORLD_SMALLEST + below(100);
    return WORLD_SMALLEST + below(kind < 19 ? 1000 : 8000);
}

static void vary_append(struct act *act)
{
    act->serial = world.serials;
    if (act->count > 1)
        act->count = 1 + below(WORLD_BATCH);
    for (size_t i = 0; i < act->count; i++)
        (void)world_plan(&world, act, draw_size(), i == 0);
}

/* Other arguments than the call itself has planned. */
static void vary(struct act *act)
{
    unsigned does = act->call->does;

    if (does & CALL_APPENDS)
        vary_append(act);
    if (does & CALL_CURSOR)
        act->cursor = (int)below(WORLD_CURSORS);
    if ((does & CALL_MOVES) && one_in(2))
        act->argument = world.oldest + below(world.next - world.oldest + 1);
    if ((does & CALL_DROPS_ONE) && one_in(4))
        act->argument = world.bases[below(world.segments)];
}

static const struct call *draw_call(void)
{
    uint64_t count = 0;

    while (calls[count].name)
        count++;
    if (one_in(3))
        return call_find("batch");
    return &calls[below(count)];
}

static struct role draw_role(void)
{
    struct role role = {.count = (unsigned)(1 + below(3))};

    for (unsigned i = 0; i < role.count; i++) {
        role.acts[i] = world_add(&world, draw_call());
        vary(role.acts[i]);
    }
    suite.acts += role.count;
    return role;
}

static void check_cut(void)
{
    enum memio_loss loss = (enum memio_loss)below(MEMIO_LOSSES);

    turns_hide();
    (void)world_check_cut(&world, loss, random_next(&rng));
    world.lost = false;
    turns_show();
}

static void play_round(void)
{
    struct turns turns = {0};
    struct role roles[TURNS_PLAYERS];
    unsigned count = one_in(2) ? 1 : (unsigned)(1 + below(TURNS_PLAYERS));

    suite.rounds++;
    for (unsigned i = 0; i < count; i++)
        roles[i] = draw_role();
    for (unsigned i = 0; i < count; i++)
        (void)turns_add(&turns, play, &roles[i]);
    for (int turn = 0; count > 1 && turn < TURNS; turn++) {
        (void)turns_turn(&turns, (unsigned)below(count),
                         one_in(8) ? UINT64_MAX : below(25));
        if (one_in(400))
            check_cut();
    }
    if (!turns_end(&turns)) {
        (void)world_problem(&world, "a deadlock");
        return;
    }
    if (world.problem[0] == '\0' &&
        world_check(&world, world.log, AFTER_NOTHING))
        world_settle(&world, world.log);
}

/* --- Damage ------------------------------------------------------------------
 */

static bool is_hurt(uint64_t base)
{
    for (size_t i = 0; i < hurt_count; i++)
        if (hurt[i] == base)
            return true;
    return false;
}

/* Where the record's frame is in the store of the segment. */
static uint64_t position_of(uint64_t base, uint64_t offset)
{
    uint64_t position = 0;

    for (uint64_t i = base; i < offset; i++)
        position += 8 + world.tried[world.records[i].serial].size;
    return position;
}

/* Whether there is such a byte: what was staged may not be in the file. */
static bool flip(const char *path, uint64_t at)
{
    uint64_t size = 0;
    const uint8_t *bytes = memio_bytes(world.disk, path, &size);
    uint8_t byte;

    if (!bytes || at >= size)
        return false;
    byte = bytes[at] ^ (uint8_t)(1 + below(255));
    memio_patch(world.disk, path, at, &byte, 1);
    return true;
}

static const char *path_of(uint64_t base, const char *name)
{
    static char path[PATHS];

    (void)snprintf(path, sizeof(path), "log/segments/%020" PRIu64 "/%s", base,
                   name);
    return path;
}

static void hurt_payload(uint64_t base, uint64_t offset)
{
    size_t size = world.tried[world.records[offset].serial].size;

    if (flip(path_of(base, "store"),
             position_of(base, offset) + 8 + below(size)))
        world.records[offset].rotten = true;
}

static void hurt_prefix(uint64_t base, uint64_t offset)
{
    world.records[offset].misled =
        flip(path_of(base, "store"), position_of(base, offset) + below(8));
}

static void hurt_index(uint64_t base, uint64_t count)
{
    switch (below(4)) {
    case 0:
        memio_remove(world.disk, path_of(base, "index"));
        break;
    case 1:
        memio_resize(world.disk, path_of(base, "index"), below(count * 16));
        break;
    case 2:
        memio_resize(world.disk, path_of(base, "index"),
                     count * 16 + 1 + below(100));
        break;
    default:
        (void)flip(path_of(base, "index"), below(count * 16));
    }
}

/* Of a sealed segment: its last stamps are gone, or all, or the file. */
static void hurt_stamps(uint64_t base, uint64_t count)
{
    uint64_t left = one_in(3) ? 0 : below(count);

    if (left == 0)
        memio_remove(world.disk, path_of(base, "stamps"));
    else
        memio_resize(world.disk, path_of(base, "stamps"), left * 16);
    for (uint64_t i = base + left; i < base + count; i++)
        world.records[i].unverified = true;
}

/* Damages one segment, or not. */
static void damage(void)
{
    size_t k = below(world.segments);
    bool is_last = k + 1 == world.segments;
    uint64_t base = world.bases[k];
    uint64_t next = is_last ? world.next : world.bases[k + 1];
    uint64_t offset = base + below(next - base);

    if (next == base || is_hurt(base) || hurt_count == WORLD_SEGMENTS)
        return;
    suite.damages++;
    world.damaged = true;
    hurt[hurt_count++] = base;
    switch (below(is_last ? 3 : 4)) {
    case 0:
        hurt_payload(base, offset);
        break;
    case 1:
        hurt_prefix(base, offset);
        break;
    case 2:
        hurt_index(base, next - base);
        break;
    default:
        hurt_stamps(base, next - base);
    }
}

/* --- Opening and closing -----------------------------------------------------
 */

static void draw_options(void)
{
    struct clog_options *options = &world.options;

    *options =
        (struct clog_options){.size = sizeof(*options), .flags = CLOG_CREATE};
    options->max_store = one_in(3) ? 60000 : 200 + below(3000);
    options->max_index = 16 * (4 + below(200));
    options->staging = one_in(3) ? 64 << 10 : 0;
    options->retain_bytes = one_in(4) ? 1 + below(20000) : 0;
    options->retain_records = one_in(4) ? 4 + below(100) : 0;
    options->retain_age_ns = one_in(4) ? SECOND * (1 + below(4)) : 0;
    if (one_in(3))
        options->flags |= CLOG_KEEP_UNREAD;
    if (one_in(8))
        options->flags |= CLOG_DROP_OLDEST;
}

static void replace_disk(struct memio *disk)
{
    memio_free(world.disk);
    world.disk = disk;
}

static void check_verified(void)
{
    struct clog_verify_options options = {.size = sizeof(options)};
    struct clog_verify_result result = {.size = sizeof(result)};
    int r = log_verify(memio_io(world.disk), "log", &options, &result);

    if (r < 0 || result.next != world.next ||
        (!world.damaged && result.findings > 0))
        (void)world_problem(&world, "verify: %d, %llu findings", r,
                            (unsigned long long)result.findings);
}

static void close_log(void)
{
    int r = clog_close(world.log);

    world.log = NULL;
    if (r < 0)
        (void)world_problem(&world, "close: error %d", r);
    if (world.next > world.durable)
        world.durable = world.next;
    if (world.problem[0] == '\0' && world_check_files(&world))
        check_verified();
}

/* Another looks at it meanwhile. */
static void read_only(enum world_after after)
{
    unsigned flags = world.options.flags;

    world.options.flags = CLOG_READ_ONLY;
    if (world_open(&world) < 0) {
        (void)world_problem(&world, "it cannot be opened to be read");
    } else {
        (void)world_check(&world, world.log, after);
        log_abandon(world.log);
    }
    world.log = NULL;
    world.options.flags = flags;
}

static void open_log(enum world_after after)
{
    int r;

    suite.opens++;
    draw_options();
    r = world_open(&world);
    if (r < 0) {
        world.log = NULL;
        (void)world_problem(&world, "open: error %d", r);
    } else if (world_check(&world, world.log, after) && !world.lost) {
        world_settle(&world, world.log);
    }
}

/* The log is closed or ended in some way, and opened again. */
static void end_and_open(void)
{
    enum world_after after = AFTER_NOTHING;

    if (one_in(2)) {
        close_log();
    } else if (one_in(2)) {
        suite.kills++;
        after = AFTER_KILL;
        log_abandon(world.log);
        replace_disk(memio_kill(world.disk));
    } else {
        suite.cuts++;
        after = AFTER_CUT;
        log_abandon(world.log);
        replace_disk(memio_power_cut(world.disk,
                                     (enum memio_loss)below(MEMIO_LOSSES),
                                     random_next(&rng)));
    }
    world.log = NULL;
    if (world.problem[0] == '\0' && after != AFTER_CUT && one_in(4))
        damage();
    if (world.problem[0] == '\0' && one_in(4))
        read_only(after);
    if (world.problem[0] == '\0')
        open_log(after);
}

/* --- Lives -------------------------------------------------------------------
 */

static void live(uint64_t seed)
{
    uint64_t rounds;

    rng.state = seed;
    hurt_count = 0;
    world = (struct world){.disk = memio_new()};
    for (int i = 0; i < WORLD_CURSORS; i++)
        world.cursors[i] = WORLD_NOWHERE;
    open_log(AFTER_NOTHING);
    rounds = below(ROUNDS);
    for (uint64_t i = 0; i < rounds && world.problem[0] == '\0' && !world.lost;
         i++) {
        int64_t now = io_now(memio_io(world.disk));

        if (world.serials > WORLD_SERIALS / 2 || world.next > WORLD_OFFSETS / 2)
            break;
        if (one_in(6))
            memio_set_clock(world.disk, now + (int64_t)below(3 * SECOND));
        if (one_in(6))
            end_and_open();
        else
            play_round();
    }
    if (world.problem[0] == '\0' && !world.lost)
        close_log();
    else if (world.log)
        log_abandon(world.log);
    world.log = NULL;
    memio_free(world.disk);
}

int main(int argc, char **argv)
{
    bool control = argc > 1 && strcmp(argv[1], "--control") == 0;
    double start = suite_clock();
    uint64_t lives = suite_number("LIVES", 150, 10000);
    uint64_t seed = suite_number("SEED", 1, 1);

    (void)io_posix(); /* it takes SIGBUS */
    suite.quiet = control;
    while (suite.lives < lives && suite.failures < FAILURES) {
        live(seed + suite.lives);
        if (world.problem[0] != '\0' && suite.failures++ < FAILURES &&
            !suite.quiet)
            (void)printf("FAILED: LIVES=1 SEED=%" PRIu64 ": %s\n",
                         seed + suite.lives, world.problem);
        suite.lives++;
    }
    (void)printf(
        "lives: %" PRIu64 " lives, %" PRIu64 " rounds, %" PRIu64
        " calls, %" PRIu64 " opens after %" PRIu64 " kills, %" PRIu64
        " power cuts and %" PRIu64 " damages; %" PRIu64 " failures, %.1f s\n",
        suite.lives, suite.rounds, suite.acts, suite.opens, suite.kills,
        suite.cuts, suite.damages, suite.failures, suite_clock() - start);
    if (control)
        return suite.failures > 0 ? 0 : 1;
    return suite.failures > 0 ? 1 : 0;
}
