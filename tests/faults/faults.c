/* SPDX-License-Identifier: MIT */
/*
 * faults - every call to the system and every allocation of a life of a log
 * fails.
 *
 * One life appends, rolls, syncs, reads in every way, mends an index, closes,
 * is killed, opens again, drops segments and moves a cursor. It is run once for
 * each of its calls and each kind of fault, with that call spoiled and with all
 * from it on; and once for each of its allocations. Whatever the log is asked
 * must then work or fail whole, with an errno; what it has acknowledged must be
 * read back while it is open and after it is opened again without faults, and
 * what it has said is durable must survive a power cut. The same, without the
 * power cuts, on real files.
 *
 * With the argument --control=roll-back files are not cut back after the
 * fault, and the program succeeds if that is noticed.
 */
#include "faultio.h"
#include "files.h"
#include "history.h"
#include "log/log.h"
#include "memio.h"
#include "suite.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FAILURES 5 /* are enough */
#define INDEX    "segments/00000000000000000000/index"

struct run {
    const struct way *way;
    struct memio *disk; /* NULL: on real files */
    struct faultio fault;
    const char *path;
    struct clog *log;
    struct history history;
    unsigned refused; /* requests that failed */
    bool read_only;   /* some log was, since the last check */
};

/* Which allocation fails. */
static struct {
    bool armed;                    /* the log is being run */
    const struct faultio *outside; /* what its calls allocate is not counted */
    uint64_t calls, at;
    bool forever;
    uint64_t failed;
} memory;

static struct {
    uint64_t faults, allocations, refused;
    unsigned failures;
    bool no_roll_back, quiet;
    char what[128];
} suite;

static uint8_t buffer[256 << 10];

/* How a log is opened, and on what filesystem. */
struct way {
    const char *name;
    unsigned flags; /* of clog_open(), besides CLOG_CREATE */
    bool real;      /* on real files */
    bool journal;   /* of a disk in memory */
    bool lower;     /* likewise: its directories cannot be renamed */
};

static const struct way ways[] = {
    {.name = "memory", .journal = true},
    {.name = "memory without a journal, where appends make room",
     .flags = CLOG_DROP_OLDEST},
    {.name = "memory where directories keep their names",
     .journal = true,
     .lower = true},
    {.name = "files", .real = true},
};

/* --- Allocations -----------------------------------------------------------
 *
 * The linker leads the log's calls here.
 */

void *real_malloc(size_t size) __asm__("__real_malloc");
void *real_calloc(size_t count, size_t size) __asm__("__real_calloc");
void *real_realloc(void *old, size_t size) __asm__("__real_realloc");
void *real_reallocarray(void *old, size_t count,
                        size_t size) __asm__("__real_reallocarray");
void *wrap_malloc(size_t size) __asm__("__wrap_malloc");
void *wrap_calloc(size_t count, size_t size) __asm__("__wrap_calloc");
void *wrap_realloc(void *old, size_t size) __asm__("__wrap_realloc");
void *wrap_reallocarray(void *old, size_t count,
                        size_t size) __asm__("__wrap_reallocarray");

static bool is_out_of_memory(void)
{
    if (!memory.armed || memory.outside->depth > 0)
        return false;
    memory.calls++;
    if (memory.at == 0 || memory.calls < memory.at ||
        (memory.calls > memory.at && !memory.forever))
        return false;
    memory.failed++;
    errno = ENOMEM;
    return true;
}

void *wrap_malloc(size_t size)
{
    return is_out_of_memory() ? NULL : real_malloc(size);
}

void *wrap_calloc(size_t count, size_t size)
{
    return is_out_of_memory() ? NULL : real_calloc(count, size);
}

void *wrap_realloc(void *old, size_t size)
{
    return is_out_of_memory() ? NULL : real_realloc(old, size);
}

void *wrap_reallocarray(void *old, size_t count, size_t size)
{
    return is_out_of_memory() ? NULL : real_reallocarray(old, count, size);
}

/* --- One life
 * ------------------------------------------------------------------
 */

static void leave_log(struct run *run)
{
    if (run->log)
        log_abandon(run->log);
    run->log = NULL;
}

static int open_as(struct run *run)
{
    struct clog_options options = {.size = sizeof(options),
                                   .flags = CLOG_CREATE | run->way->flags,
                                   .max_store = 6000,
                                   .max_index = 4096};

    suite_set_staging(&options);
    return log_open(&run->fault.io, run->path, &options, NULL, &run->log);
}

static bool has_problem(const struct run *run)
{
    return run->history.problem[0] != '\0';
}

/* A request has failed: what the log holds is as it was. */
static void check_refused(struct run *run, int error)
{
    struct clog_status status = {.size = sizeof(status)};

    run->refused++;
    if (error >= 0 || error < -4095)
        (void)history_problem(&run->history, "%d is no error", error);
    if (!run->log)
        return;
    clog_status(run->log, &status);
    if (status.next != run->history.next)
        (void)history_problem(&run->history, "a refused append counts");
    if (!status.writable)
        run->read_only = true;
    else if (!run->read_only)
        run->history.flight = 0;
}

/* What is durable survives a power cut at this moment, and nothing that was
   refused comes back with it. */
static bool check_power_cut(struct run *run, enum memio_loss loss,
                            uint64_t seed)
{
    struct run after = {
        .way = run->way, .path = run->path, .history = run->history};
    bool good;
    int r;

    after.disk = memio_power_cut(run->disk, loss, seed);
    if (!run->read_only)
        after.history.flight = 0;
    faultio_init(&after.fault, memio_io(after.disk));
    r = open_as(&after);
    if (r < 0)
        good = history_problem(&after.history, "open: error %d", r);
    else
        good = history_check(&after.history, after.log, after.history.durable);
    leave_log(&after);
    memio_free(after.disk);
    if (!good)
        (void)history_problem(&run->history, "after a power cut: %.200s",
                              after.history.problem);
    return good;
}

/* Once the log is read-only nothing is taken any more, and the history keeps
   what was refused first: that alone may come back. */
static void end_append(struct run *run, int r)
{
    if (r == 0 && run->read_only)
        (void)history_problem(&run->history, "a read-only log took a record");
    if (r == 0)
        return;
    check_refused(run, r);
    memory.armed = false;
    for (uint64_t seed = 0; run->disk && !run->read_only && seed < 6; seed++)
        if (!has_problem(run))
            (void)check_power_cut(run, MEMIO_PREFIX, seed);
    memory.armed = true;
}

static void append(struct run *run, const size_t *sizes, size_t count)
{
    end_append(run, run->read_only ? clog_append(run->log, "no", 2, 0, NULL)
                                   : history_append(&run->history, run->log,
                                                    sizes, count));
}

static void claim(struct run *run)
{
    end_append(run, run->read_only
                        ? clog_append_at(run->log, 0, "no", 2, 0)
                        : history_append_at(&run->history, run->log, 17));
}

static void sync_all(struct run *run)
{
    struct clog_status status = {.size = sizeof(status)};
    int r = history_sync(&run->history, run->log);

    if (r == 0)
        return;
    check_refused(run, r);
    clog_status(run->log, &status);
    /* What is still staged is in no doubt: nothing of it was to be synced. */
    if (status.writable && r != -ENOMEM && status.staged == 0)
        (void)history_problem(&run->history,
                              "a sync failed, and the log takes appends");
}

/* Opens the log. What it acknowledged before must count. */
static bool open_log(struct run *run)
{
    struct history *history = &run->history;
    struct clog_status status = {.size = sizeof(status)};
    int r = open_as(run);

    if (r < 0) {
        run->log = NULL;
        check_refused(run, r);
        return false;
    }
    clog_status(run->log, &status);
    if (status.next < history->next ||
        status.next > history->next + (run->read_only ? history->flight : 0))
        return history_problem(history, "next is %" PRIu64 ", not %" PRIu64,
                               status.next, history->next);
    history->next = status.next;
    history->flight = 0;
    run->read_only = !status.writable;
    history_claim(history, run->log);
    return history_settle(history, run->log);
}

static void close_log(struct run *run)
{
    int r = clog_close(run->log);

    run->log = NULL;
    if (r < 0)
        check_refused(run, r);
    else if (!run->read_only)
        run->history.durable = run->history.next;
}

/* Reads everything in every way; what is read must be right, and what fails
   must do so with an errno. */
static void read_all(struct run *run)
{
    struct clog_view *view = NULL;
    struct history *history = &run->history;
    struct clog_status status = {.size = sizeof(status)};
    size_t at = 0;
    ssize_t n;

    clog_status(run->log, &status);
    for (uint64_t i = status.oldest; i < history->next; i++) {
        size_t size = history->records[i].size;

        n = clog_read(run->log, i, buffer, sizeof(buffer));
        if (n >= 0 &&
            ((size_t)n != size ||
             memcmp(buffer, history_payload(history->records[i].serial),
                    size) != 0))
            (void)history_problem(history, "wrong bytes in %" PRIu64, i);
        run->refused += n < 0;
    }
    if (clog_view_stream(run->log, status.stream_start, &view) == 0) {
        n = clog_view_read(view, buffer, sizeof(buffer), 0, 0);
        for (uint64_t i = status.oldest; n > 0 && i < history->next; i++) {
            size_t size = history->records[i].size;

            if (at + size <= (size_t)n &&
                memcmp(buffer + at, history_payload(history->records[i].serial),
                       size) != 0)
                (void)history_problem(history, "wrong bytes in the view");
            at += size;
        }
    }
    clog_view_close(view);
}

/* Reads the files of the first segment. */
static void read_raw(struct run *run)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(run->log, &status);
    for (int file = CLOG_STORE; file <= CLOG_STAMPS; file++) {
        struct clog_view *view = NULL;
        int r = clog_view_segment(run->log, status.oldest, (enum clog_file)file,
                                  &view);
        ssize_t n = 0;

        if (r == 0)
            n = clog_view_read(view, buffer, sizeof(buffer), 0, 0);
        if (r < 0 || n < 0)
            check_refused(run, r < 0 ? r : (int)n);
        clog_view_close(view);
    }
}

/* The first segment's second entry leads into the middle of a record. */
static void spoil_index(struct run *run)
{
    uint64_t size = 0;
    uint8_t *bytes = NULL;

    memory.armed = false;
    if (run->disk)
        bytes = memio_bytes(run->disk, "log/" INDEX, &size);
    if (bytes && size >= 32)
        bytes[31] ^= 1;
    if (!run->disk && file_exists(run->path, INDEX) &&
        file_size(run->path, INDEX) >= 32)
        file_flip(run->path, INDEX, 31);
    memory.armed = true;
}

static void write_much(struct run *run)
{
    static const size_t small[] = {11};
    static const size_t batch[] = {5, 2700, 31};
    static const size_t large[] = {4000};

    append(run, small, 1);
    append(run, batch, 3);
    sync_all(run);
    append(run, small, 1);
    append(run, large, 1);
    append(run, small, 1);
    append(run, batch, 3);
    read_all(run);
    read_raw(run);
}

/* A change of what is kept or of the cursor, as one of history.h. */
static void change(struct run *run,
                   int (*make)(struct history *history, struct clog *log))
{
    int r = make(&run->history, run->log);

    if (r < 0)
        check_refused(run, r);
}

/* Drops, and moves the cursor. A reader of what is dropped reads on. */
static void keep_some(struct run *run)
{
    /* A third of a segment: what is made ahead of a roll is made. */
    static const size_t large[] = {2900};
    struct clog_view *view = NULL;
    struct clog_status status = {.size = sizeof(status)};

    change(run, history_make);
    change(run, history_move);
    clog_status(run->log, &status);
    if (clog_view_record(run->log, status.oldest, 0, &view) < 0)
        run->refused++;
    change(run, history_drop);
    if (view && clog_view_read(view, buffer, sizeof(buffer), 0, 0) < 0)
        run->refused++;
    clog_view_close(view);
    claim(run);
    change(run, history_move);
    append(run, large, 1);
    change(run, history_retain);
    append(run, large, 1);
    append(run, large, 1);
    read_all(run);
}

static void live_on(struct run *run)
{
    keep_some(run);
    leave_log(run);
    if (has_problem(run) || !open_log(run))
        return;
    change(run, history_remove);
    change(run, history_make);
}

static void live(struct run *run)
{
    static const size_t small[] = {12};

    if (!open_log(run))
        return;
    write_much(run);
    close_log(run);
    spoil_index(run);
    if (has_problem(run) || !open_log(run))
        return;
    read_all(run);
    append(run, small, 1);
    leave_log(run);
    if (has_problem(run) || !open_log(run))
        return;
    write_much(run);
    sync_all(run);
    if (!has_problem(run))
        live_on(run);
}

/* --- What must hold after it -------------------------------------------------
 */

static bool check_open(struct run *run)
{
    uint64_t next = run->history.next;

    if (has_problem(run))
        return false;
    if (!run->log && !open_log(run))
        return history_problem(&run->history, "it does not open any more");
    run->history.flight = 0;
    return history_check(&run->history, run->log,
                         run->history.next > next ? run->history.next : next);
}

/* The fault is over. The log still serves what it has; then it is killed and
   opened again, as it is and after power cuts. */
static bool check_after(struct run *run, bool forever)
{
    memory.armed = false;
    faultio_reset(&run->fault);
    if (has_problem(run))
        return false;
    if (run->log && !forever &&
        !history_check(&run->history, run->log, run->history.next))
        return false;
    leave_log(run);
    if (run->disk && (!check_power_cut(run, MEMIO_DROP, 0) ||
                      !check_power_cut(run, MEMIO_SECTORS, suite.faults) ||
                      !check_power_cut(run, MEMIO_KEEP, 0)))
        return false;
    if (!check_open(run))
        return false;
    leave_log(run);
    return !run->disk || check_power_cut(run, MEMIO_DROP, 0);
}

/* --- All faults
 * ---------------------------------------------------------------
 */

static void start_run(struct run *run, const struct way *way)
{
    *run = (struct run){.way = way, .path = "log"};
    run->history.makes_room = (way->flags & CLOG_DROP_OLDEST) != 0;
    if (way->real)
        run->path = directory_make();
    else
        run->disk = memio_new();
    if (run->disk)
        memio_set_journal(run->disk, way->journal);
    if (run->disk)
        memio_set_lower(run->disk, way->lower);
    faultio_init(&run->fault, way->real ? io_posix() : memio_io(run->disk));
    run->fault.lose = way->real ? NULL : memio_lose;
    run->fault.no_truncate = suite.no_roll_back;
    memory.outside = &run->fault;
    memory.calls = memory.at = memory.failed = 0;
}

static void end_run(struct run *run)
{
    memory.armed = false;
    leave_log(run);
    suite.refused += run->refused;
    if (!run->disk)
        directory_remove((char *)(uintptr_t)run->path);
    memio_free(run->disk);
}

static void report_failure(const struct run *run)
{
    suite.failures++;
    if (!suite.quiet)
        (void)printf("FAILED: %s: %s\n", suite.what, run->history.problem);
}

/* Calls and allocations of a life without faults. */
static void count_calls(const struct way *way, uint64_t *ret_calls,
                        uint64_t *ret_memory)
{
    struct run run;

    start_run(&run, way);
    (void)snprintf(suite.what, sizeof(suite.what), "without a fault");
    memory.armed = true;
    live(&run);
    memory.armed = false;
    *ret_calls = run.fault.calls;
    *ret_memory = memory.calls;
    if (run.refused > 0)
        (void)history_problem(&run.history, "%u requests failed", run.refused);
    if (!check_after(&run, false))
        report_failure(&run);
    end_run(&run);
}

static void fail_call(const struct way *way, enum fault fault, uint64_t at,
                      bool forever)
{
    struct run run;
    bool good;

    suite.faults++;
    (void)snprintf(
        suite.what, sizeof(suite.what), "call %" PRIu64 " %s: %s on %s", at,
        forever ? "and all later ones" : "alone", fault_name(fault), way->name);
    start_run(&run, way);
    run.fault.at = at;
    run.fault.fault = fault;
    run.fault.forever = forever;
    live(&run);
    good = check_after(&run, forever);
    if (good && fault == FAULT_SHORT && run.refused > 0)
        good = history_problem(&run.history, "a short count is no failure");
    if (!good)
        report_failure(&run);
    end_run(&run);
}

static void fail_memory(const struct way *way, uint64_t at, bool forever)
{
    struct run run;

    suite.allocations++;
    (void)snprintf(suite.what, sizeof(suite.what), "allocation %" PRIu64 " %s",
                   at, forever ? "and all later ones" : "alone");
    start_run(&run, way);
    memory.at = at;
    memory.forever = forever;
    memory.armed = true;
    live(&run);
    memory.armed = false;
    if (!check_after(&run, forever))
        report_failure(&run);
    end_run(&run);
}

/* On real files only every so many calls. */
static void fail_everything(const struct way *way, uint64_t step)
{
    uint64_t calls = 0;
    uint64_t allocations = 0;

    count_calls(way, &calls, &allocations);
    for (enum fault fault = FAULT_EIO; fault < FAULT_STOP; fault++)
        for (uint64_t at = 1; at <= 2 * calls; at += step) {
            if (suite.failures >= FAILURES)
                return;
            if (at <= calls)
                fail_call(way, fault, at, false);
            else
                fail_call(way, fault, at - calls, true);
        }
    for (uint64_t at = 1; !way->real && at <= allocations; at++) {
        if (suite.failures >= FAILURES)
            return;
        fail_memory(way, at, false);
        fail_memory(way, at, true);
    }
}

int main(int argc, char **argv)
{
    bool control = argc > 1 && strcmp(argv[1], "--control=roll-back") == 0;
    double start = suite_clock();

    /* Large scratch memory is kept, not given back to the system each time. */
    (void)mallopt(M_MMAP_THRESHOLD, 64 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
    suite.no_roll_back = suite.quiet = control;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        fail_everything(&ways[i],
                        ways[i].real ? suite_number("STEP", 7, 1) : 1);
    (void)printf("faults: %" PRIu64 " failed calls, %" PRIu64
                 " failed allocations, %" PRIu64
                 " requests refused; %u failures, %.1f s\n",
                 suite.faults, suite.allocations, suite.refused, suite.failures,
                 suite_clock() - start);
    if (control)
        return suite.failures > 0 ? 0 : 1;
    return suite.failures > 0 ? 1 : 0;
}
