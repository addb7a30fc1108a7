/* SPDX-License-Identifier: MIT */
/*
 * pairs - every two calls of clog.h meet, at every point of the first.
 *
 * In each of several scenes one player makes a call and is stopped before its
 * k-th call of the io, taking of a lock or after the k-th release of one; there
 * another player makes a whole call, a third looks at everything, and then the
 * first goes on; for every k. Where one finds a lock taken it waits until the
 * other has gone on. At the moment when the first stands still, and at the
 * end, the log must be what some order of the calls makes of it: as it is
 * open, as a kill leaves it, and as power cuts leave it. Players that wait for
 * each other are a deadlock, which is found too; and under ThreadSanitizer two
 * accesses are a race that the log's own locks do not order.
 *
 *     SCENE=name FIRST=name SECOND=name AT=n FAIL=n
 *                    only this, as a failure prints it; a list of names, too
 *     SPARSE=n       only each n-th meeting (1), for builds that are slow
 *     CRASHES=n      crashes only in each n-th meeting (1), likewise
 *     FAILURES=n     are enough (5)
 *
 * With the argument --control the program succeeds if it finds a fault.
 */
#include "calls.h"
#include "log/log.h"
#include "random.h"
#include "scenes.h"
#include "suite.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_BACKS 4 /* that may be the one to fail */
#define SCRIPT      7

/* What a player makes, one call after the other. */
struct script {
    const char *name;
    const char *calls[SCRIPT];
};

/* Besides each call alone. */
static const struct script scripts[] = {
    {"twice", {"append", "roll"}},
    {0},
};

static const struct script look = {"look",
                                   {"status", "segments", "read", "stat",
                                    "view-stream", "view-segment", "cursors"}};

struct role {
    struct act *acts[SCRIPT];
    unsigned count;
};

/* Where two calls meet. */
struct meeting {
    const struct scene *scene;
    const struct script *first, *second;
    uint64_t at;   /* points that the first has passed */
    uint64_t fail; /* the write-back that fails; 0: none does */
};

static struct {
    uint64_t meetings, waits, looks, crashes, skipped, sparse, crash_every;
    uint64_t failures, enough;
    bool quiet;
    const struct meeting *meeting; /* that is going on */
} suite;

static struct world world;
static struct world prepared;

/* --- One meeting -------------------------------------------------------------
 */

static void play(void *ctx)
{
    const struct role *role = ctx;

    for (unsigned i = 0; i < role->count; i++)
        call_make(role->acts[i]);
}

static struct role cast(const struct script *script)
{
    struct role role = {0};

    while (role.count < SCRIPT && script->calls[role.count]) {
        role.acts[role.count] =
            world_add(&world, call_find(script->calls[role.count]));
        role.count++;
    }
    return role;
}

static void report(const struct meeting *meeting, const char *where)
{
    suite.failures++;
    if (suite.quiet)
        return;
    (void)printf("FAILED: SCENE=%s FIRST=%s SECOND=%s AT=%" PRIu64
                 " FAIL=%" PRIu64 " (%s): %s\n",
                 meeting->scene->name, meeting->first->name,
                 meeting->second->name, meeting->at, meeting->fail, where,
                 world.problem);
}

static bool changes(const struct script *script)
{
    return !(call_find(script->calls[0])->does & CALL_READS_ONLY);
}

/* Whether crashes are of interest. */
static bool is_crashed(const struct meeting *meeting)
{
    return (changes(meeting->first) || changes(meeting->second)) &&
           suite.meetings % suite.crash_every == 0;
}

/* The log as crashes leave it at this moment. What the players know of is read
   here behind their back. */
static bool check_crashes(uint64_t seed)
{
    enum memio_loss loss = (enum memio_loss)(seed % MEMIO_LOSSES);
    bool good;

    turns_hide();
    suite.crashes += 3;
    good = world_check_kill(&world) &&
           world_check_cut(&world, MEMIO_DROP, seed) &&
           world_check_cut(&world, loss, seed);
    turns_show();
    return good;
}

static uint64_t seed_of(const struct meeting *meeting)
{
    uint64_t seed = random_mix(meeting->at, meeting->fail);

    for (const char *c = meeting->first->name; *c; c++)
        seed = random_mix(seed, (unsigned char)*c);
    for (const char *c = meeting->second->name; *c; c++)
        seed = random_mix(seed, (unsigned char)*c);
    return seed;
}

/* Nobody can go on any more. */
static _Noreturn void end_in_deadlock(const struct meeting *meeting,
                                      const char *where)
{
    (void)world_problem(&world, "a deadlock");
    report(meeting, where);
    (void)fflush(stdout);
    _Exit(suite.quiet ? 0 : 1);
}

/* The first comes to its point, or waits before it, the second meets it there,
   the third looks. */
static void meet(const struct meeting *meeting, const char **ret_where)
{
    struct turns turns = {0};
    struct role first = cast(meeting->first);
    struct role second = cast(meeting->second);
    struct role third = cast(&look);
    bool crash = is_crashed(meeting);

    (void)turns_add(&turns, play, &first);
    (void)turns_add(&turns, play, &second);
    (void)turns_add(&turns, play, &third);
    (void)turns_turn(&turns, 0, meeting->at);
    *ret_where = turns.players[0].where;
    suite.waits += turns_turn(&turns, 1, UINT64_MAX) == TURNS_WAITS;
    suite.looks += turns_turn(&turns, 2, UINT64_MAX) == TURNS_DONE;
    if (crash)
        (void)check_crashes(seed_of(meeting));
    if (!turns_end(&turns))
        end_in_deadlock(meeting, *ret_where);
}

static void end_world(void)
{
    if (world.log)
        log_abandon(world.log);
    world.log = NULL;
    memio_free(world.disk);
}

/* Closed in order, it opens as it was. */
static bool check_close(void)
{
    int r = clog_close(world.log);

    world.log = NULL;
    if (r < 0 && !world.faulty)
        return world_problem(&world, "close: error %d", r);
    return world.faulty || world_check_kill(&world);
}

static void run(const struct meeting *meeting)
{
    const char *where = "";

    suite.meetings++;
    suite.meeting = meeting;
    scene_set(meeting->scene, &prepared, meeting->fail, &world);
    meet(meeting, &where);
    if (world.problem[0] == '\0' &&
        world_check(&world, world.log, AFTER_NOTHING) && is_crashed(meeting) &&
        check_crashes(seed_of(meeting) + 1))
        (void)check_close();
    if (world.problem[0] != '\0')
        report(meeting, where);
    end_world();
    suite.meeting = NULL;
}

/* --- All meetings ------------------------------------------------------------
 */

/* The variable is a list of names, between blanks. */
static bool is_chosen(const char *variable, const char *name)
{
    const char *list = getenv(variable);
    size_t n = strlen(name);

    if (!list)
        return true;
    for (; list; list = strchr(list, ' ')) {
        list += *list == ' ';
        if (strncmp(list, name, n) == 0 && (list[n] == ' ' || list[n] == '\0'))
            return true;
    }
    return false;
}

/* The points of a script that nobody meets. */
static uint64_t count_points(const struct scene *scene,
                             const struct script *script, uint64_t fail)
{
    struct turns turns = {0};
    struct role role;
    uint64_t points;

    scene_set(scene, &prepared, fail, &world);
    role = cast(script);
    (void)turns_add(&turns, play, &role);
    (void)turns_turn(&turns, 0, UINT64_MAX);
    points = turns.players[0].steps;
    if (!turns_end(&turns))
        abort();
    end_world();
    return points;
}

static void meet_everywhere(const struct scene *scene,
                            const struct script *first,
                            const struct script *second, uint64_t fail)
{
    uint64_t only = suite_number("AT", UINT64_MAX, UINT64_MAX);
    uint64_t points = count_points(scene, first, fail);
    struct meeting meeting = {
        .scene = scene, .first = first, .second = second, .fail = fail};

    for (meeting.at = 0; meeting.at <= points; meeting.at++) {
        bool chosen = only == UINT64_MAX ? suite.skipped++ % suite.sparse == 0
                                         : meeting.at == only;

        if (chosen && suite.failures < suite.enough)
            run(&meeting);
    }
}

static void meet_with_faults(const struct scene *scene,
                             const struct script *first,
                             const struct script *second)
{
    uint64_t only = suite_number("FAIL", 0, 0);

    if (!scene->fails)
        meet_everywhere(scene, first, second, 0);
    for (uint64_t fail = 1; scene->fails && fail <= WRITE_BACKS; fail++)
        if (only == 0 || fail == only)
            meet_everywhere(scene, first, second, fail);
}

/* All scripts: each call alone, and those that have several. */
static bool script_number(unsigned i, struct script *ret_script)
{
    unsigned count = 0;

    while (calls[count].name)
        count++;
    if (i < count)
        *ret_script = (struct script){calls[i].name, {calls[i].name}};
    else
        *ret_script = scripts[i - count];
    return ret_script->name != NULL;
}

static void play_scene(const struct scene *scene)
{
    struct script first;
    struct script second;
    uint64_t before = suite.meetings;
    double start = suite_clock();

    scene_prepare(scene, &prepared);
    for (unsigned i = 0; script_number(i, &first); i++)
        for (unsigned k = 0; script_number(k, &second); k++)
            if (scene_wants(scene, first.name, second.name) &&
                is_chosen("FIRST", first.name) &&
                is_chosen("SECOND", second.name))
                meet_with_faults(scene, &first, &second);
    memio_free(prepared.disk);
    if (!suite.quiet)
        (void)printf("%s: %" PRIu64 " meetings, %.1f s\n", scene->name,
                     suite.meetings - before, suite_clock() - start);
}

/* A sanitizer ends the program. */
static void say_where(void)
{
    const struct meeting *meeting = suite.meeting;

    if (suite.quiet)
        _Exit(0);
    if (meeting)
        (void)fprintf(stderr,
                      "in SCENE=%s FIRST=%s SECOND=%s AT=%" PRIu64
                      " FAIL=%" PRIu64 "\n",
                      meeting->scene->name, meeting->first->name,
                      meeting->second->name, meeting->at, meeting->fail);
}

/* Of a control: to be ended by a signal is to be noticed. */
static void on_signal(int signo)
{
    (void)signo;
    _Exit(0);
}

/* Of the sanitizers; without them it is not there. */
void set_death_callback(void (*callback)(void)) __asm__(
    "__sanitizer_set_death_callback") __attribute__((weak));

/* In a long run nothing is left out. */
static uint64_t usually(const char *name)
{
    return getenv("CLOG_LONG") ? 1 : suite_number(name, 1, 1);
}

int main(int argc, char **argv)
{
    bool control = argc > 1 && strcmp(argv[1], "--control") == 0;
    double start = suite_clock();

    (void)io_posix(); /* it takes SIGBUS */
    if (set_death_callback)
        set_death_callback(say_where);
    if (control)
        (void)signal(SIGABRT, on_signal); /* a descriptor that is closed */
    if (control && !set_death_callback)
        (void)signal(SIGSEGV, on_signal);
    suite.sparse = usually("SPARSE");
    suite.crash_every = usually("CRASHES");
    suite.enough = suite_number("FAILURES", 5, 5);
    suite.quiet = control;
    for (const struct scene *scene = scenes; scene->name; scene++)
        if (is_chosen("SCENE", scene->name) && suite.failures < suite.enough)
            play_scene(scene);
    (void)printf("pairs: %" PRIu64 " meetings, %" PRIu64
                 " of them had to wait, %" PRIu64 " looked at whole, %" PRIu64
                 " crashes, %" PRIu64 " failures, %.1f s\n",
                 suite.meetings, suite.waits, suite.looks, suite.crashes,
                 suite.failures, suite_clock() - start);
    if (control)
        return suite.failures > 0 ? 0 : 1;
    return suite.failures > 0 ? 1 : 0;
}
