/* SPDX-License-Identifier: MIT */
/*
 * powerloss - every crash of every short life of a log.
 *
 * Each sequence of up to three operations is run on a disk in memory and ended
 * in each of its calls that change something. From there the disk goes on in
 * several ways: killed, or with the power cut, and then perhaps crashed again
 * while it recovers, or with nothing copied of it but segments/. Each of those
 * is one state: the log must open, have everything that was acknowledged at the
 * level that survives such a crash, nothing else, whole batches only, and say
 * truly what it cut; it must take appends, and open again with nothing to
 * report. A segment that was being dropped is there whole or gone, the cursor
 * where it was left or being moved to, and what an open has shown of both
 * stays. Some of the kills are made on real files too.
 *
 *     STATES=n       states to see (100000; in a long run 1000000)
 *     SEED=n         of all that is random (1); with a failure's SEQUENCE and
 *                    CALL it comes back, in the same pass
 *     SEQUENCE=a,b   only this one; the names are those of a failure's report
 *     CALL=n         only its crash in this call
 *     SPARSE=n       of the longest sequences only each n-th crash (1), for
 *                    builds that are slow
 *
 * With the argument --control=sync nothing is synced, and the program succeeds
 * if that is noticed.
 */
#include "faultio.h"
#include "files.h"
#include "history.h"
#include "log/log.h"
#include "memio.h"
#include "random.h"
#include "segment/segment.h"
#include "suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH         3
#define MAX_STORE      6000
#define FAILURES       5 /* are enough */
#define PATHS          128
#define RECOVERY_CALLS 48 /* of a recovery that may be crashed in */

enum operation {
    OP_SMALL,
    OP_BATCH,
    OP_LARGE,
    OP_SYNC,
    OP_ROLL,
    OP_CLOSE,
    OP_KILL,
    OP_AT,
    OP_DROP,
    OP_RETAIN,
    OP_MAKE,
    OP_MOVE,
    OP_REMOVE,
    OP_STOCK, /* appends segments and makes a cursor: for the others to end */
    OPERATIONS,
};

/* Those that append and sync. Together with the others, which keep and find,
   they are tried in shorter sequences. */
#define FIRST_OPERATIONS OP_AT
#define ALL_OPERATIONS   OP_STOCK

static const char *const operations[OPERATIONS] = {
    "small", "batch", "large",  "sync", "roll", "close",  "kill",
    "at",    "drop",  "retain", "make", "move", "remove", "stock"};

static const char *const losses[MEMIO_LOSSES] = {
    "drop", "keep", "ordered", "prefix", "some", "sectors", "garbled", "zeros"};

struct sequence {
    enum operation operations[LENGTH];
    int length;
};

/* One life of a log on one disk. */
struct run {
    struct memio *disk; /* owned; NULL: on real files */
    const char *path;   /* of the log */
    struct faultio fault;
    struct clog *log;
    struct clog_report report; /* of the last open */
    struct history history;
};

/* Of the whole program. */
static struct {
    uint64_t states, wanted, seed, recrashed, copied, real;
    uint64_t sparse, skipped;
    unsigned failures;
    bool no_sync, quiet;
    /* What is being done, for a failure's report. */
    const struct sequence *sequence;
    uint64_t call, part, choice;
    const char *crashes[2];
} suite;

/* --- Running ---------------------------------------------------------------
 */

static struct clog_options options = {.size = sizeof(options),
                                      .flags = CLOG_CREATE,
                                      .max_store = MAX_STORE,
                                      .max_index = 4096};

static void start_run(struct run *run, struct memio *disk)
{
    *run = (struct run){.disk = disk, .path = "log"};
    faultio_init(&run->fault, disk ? memio_io(disk) : io_posix());
    run->fault.changes_only = true;
    run->fault.no_sync = suite.no_sync;
}

static int open_log(struct run *run)
{
    int r;

    clog_report_done(&run->report);
    r = log_open(&run->fault.io, run->path, &options, &run->report, &run->log);
    return r;
}

static void leave_log(struct run *run)
{
    if (run->log)
        log_abandon(run->log);
    run->log = NULL;
}

static void end_run(struct run *run)
{
    leave_log(run);
    clog_report_done(&run->report);
    memio_free(run->disk);
    run->disk = NULL;
}

static int close_log(struct run *run)
{
    int r = clog_close(run->log);

    run->log = NULL;
    if (r == 0)
        run->history.durable = run->history.next;
    return r;
}

static int append(struct run *run, enum operation operation)
{
    static const size_t small[] = {11};
    static const size_t batch[] = {5, 700, 31};
    static const size_t large[] = {2900};
    static const size_t whole[] = {MAX_STORE};

    switch (operation) {
    case OP_BATCH:
        return history_append(&run->history, run->log, batch, 3);
    case OP_LARGE:
        return history_append(&run->history, run->log, large, 1);
    case OP_ROLL:
        return history_append(&run->history, run->log, whole, 1);
    default:
        return history_append(&run->history, run->log, small, 1);
    }
}

/* Three segments, of which two are sealed, and a cursor that has read
   nothing. */
static int stock(struct run *run)
{
    int r = append(run, OP_BATCH);

    if (r == 0)
        r = append(run, OP_ROLL);
    if (r == 0)
        r = append(run, OP_SMALL);
    return r < 0 ? r : history_make(&run->history, run->log);
}

static int operate(struct run *run, enum operation operation)
{
    int r = 0;

    switch (operation) {
    case OP_AT:
        return history_append_at(&run->history, run->log, 19);
    case OP_DROP:
        return history_drop(&run->history, run->log);
    case OP_RETAIN:
        return history_retain(&run->history, run->log);
    case OP_MAKE:
        return history_make(&run->history, run->log);
    case OP_MOVE:
        return history_move(&run->history, run->log);
    case OP_REMOVE:
        return history_remove(&run->history, run->log);
    case OP_STOCK:
        return stock(run);
    case OP_SYNC:
        return history_sync(&run->history, run->log);
    case OP_CLOSE:
        r = close_log(run);
        return r < 0 ? r : open_log(run);
    case OP_KILL:
        leave_log(run);
        r = open_log(run);
        if (r == 0)
            history_claim(&run->history, run->log);
        if (r == 0)
            (void)history_settle(&run->history, run->log);
        return r;
    default:
        return append(run, operation);
    }
}

/* Runs all operations until the process dies. *ret_last: calls that were made
   before the last operation. */
static int live(struct run *run, const struct sequence *sequence,
                uint64_t *ret_last)
{
    int r = 0;

    *ret_last = 0;
    r = open_log(run);
    for (int i = 0; r == 0 && i < sequence->length; i++) {
        *ret_last = run->fault.calls;
        r = operate(run, sequence->operations[i]);
    }
    return r;
}

/* --- Reporting --------------------------------------------------------------
 */

static void print_sequence(const struct sequence *sequence)
{
    for (int i = 0; i < sequence->length; i++)
        (void)printf("%s%s", i ? "," : "", operations[sequence->operations[i]]);
}

static void report_failure(const struct run *run)
{
    suite.failures++;
    if (suite.quiet)
        return;
    (void)printf("FAILED: SEQUENCE=");
    print_sequence(suite.sequence);
    (void)printf(" CALL=%" PRIu64 " (%" PRIu64 " bytes) SEED=%" PRIu64
                 ", then %s, %s, choice %" PRIu64 ": %s\n",
                 suite.call, suite.part, suite.seed, suite.crashes[0],
                 suite.crashes[1] ? suite.crashes[1] : "recovered",
                 suite.choice, run->history.problem);
    for (size_t i = 0; i < run->report.note_count; i++)
        (void)printf("    note: %s: %s (offset %" PRIu64 ", count %" PRIu64
                     ", error %d)\n",
                     run->report.notes[i].file, run->report.notes[i].text,
                     run->report.notes[i].offset, run->report.notes[i].count,
                     run->report.notes[i].error);
}

/* --- What a recovery may do to files ---------------------------------------
 */

/* The log's files before it is recovered. */
struct before {
    struct memio *disk; /* borrowed */
    unsigned segments;
    char base[SEGMENT_NAME]; /* of the last segment */
    uint8_t *store;          /* owned: its store's bytes */
    uint64_t store_size;
    uint64_t stamps;
};

static int note_segment(void *ctx, const char *name)
{
    struct before *before = ctx;
    char mark[PATHS];
    uint64_t base;
    uint64_t size;

    if (segment_parse(name, &base) < 0)
        return 0;
    /* Beside one that is dropped, and could not be renamed, lies a file. */
    (void)snprintf(mark, sizeof(mark), "log/segments/%s" SEGMENT_DROPPED, name);
    before->segments += memio_bytes(before->disk, mark, &size) == NULL;
    if (strcmp(name, before->base) > 0)
        memcpy(before->base, name, SEGMENT_NAME);
    return 0;
}

static void look_before(struct memio *disk, struct before *before)
{
    char path[PATHS];
    const uint8_t *bytes;
    uint64_t size = 0;

    *before = (struct before){.disk = disk};
    (void)memio_list(disk, "log/segments", note_segment, before);
    (void)snprintf(path, sizeof(path), "log/segments/%s/stamps", before->base);
    if (memio_bytes(disk, path, &size))
        before->stamps = size / SLOT_SIZE;
    (void)snprintf(path, sizeof(path), "log/segments/%s/store", before->base);
    bytes = memio_bytes(disk, path, &before->store_size);
    before->store = malloc(before->store_size + 1);
    if (!before->store)
        abort();
    if (before->store_size > 0)
        memcpy(before->store, bytes, before->store_size);
}

/* What was cut is what is said, and is kept; all else is as it was. */
static bool check_cut(struct run *run, const struct before *before)
{
    struct history *history = &run->history;
    char path[PATHS];
    const uint8_t *bytes;
    uint64_t size = 0;

    (void)snprintf(path, sizeof(path), "log/segments/%s/store", before->base);
    bytes = memio_bytes(run->disk, path, &size);
    if (size > before->store_size && run->report.replayed == 0)
        return history_problem(history, "recovery made a store larger");
    /* What was staged is written behind what was there, and nothing is cut. */
    if (run->report.replayed > 0 && size > before->store_size)
        size = before->store_size;
    if (size > 0 && memcmp(bytes, before->store, size) != 0)
        return history_problem(history, "recovery changed a store");
    if (run->report.torn_bytes != before->store_size - size)
        return history_problem(
            history, "%" PRIu64 " bytes were cut, and the report says %" PRIu64,
            before->store_size - size, run->report.torn_bytes);
    if (size < before->store_size &&
        !memio_keeps(run->disk, CLOG_STORE, before->store + size,
                     before->store_size - size))
        return history_problem(history, "what was cut is nowhere");
    return true;
}

static bool check_report(struct run *run, const struct before *before)
{
    const struct clog_report *report = &run->report;
    struct clog_status status = {.size = sizeof(status)};
    uint64_t stamps = 0;

    clog_status(run->log, &status);
    if (report->rotten || report->lost || report->unverified ||
        report->prefixes || report->read_only || !status.writable)
        return history_problem(&run->history,
                               "reported: rotten %" PRIu64 " lost %" PRIu64
                               " unverified %" PRIu64 " prefixes %" PRIu64
                               " read-only %d",
                               report->rotten, report->lost, report->unverified,
                               report->prefixes, !status.writable);
    if (report->records != status.records ||
        report->segments != before->segments)
        return history_problem(&run->history,
                               "reported: %" PRIu64 " records in %" PRIu64
                               " segments; there are %" PRIu64 " in %u",
                               report->records, report->segments,
                               status.records, before->segments);
    if (before->segments > 0)
        stamps = strtoull(before->base, NULL, 10) + before->stamps;
    if (stamps > status.next && report->torn_records < stamps - status.next)
        return history_problem(&run->history,
                               "%" PRIu64 " records torn, not %" PRIu64,
                               report->torn_records, stamps - status.next);
    return true;
}

/* --- States ------------------------------------------------------------------
 */

/* Opens the log after a crash, from which records below floor must be back. */
static bool recover_and_check(struct run *run, uint64_t floor, bool cut)
{
    struct before before;
    bool good = false;
    int r;

    look_before(run->disk, &before);
    r = open_log(run);
    if (r < 0)
        good = history_problem(&run->history, "open: error %d", r);
    else if (cut && run->report.same_boot)
        good = history_problem(&run->history, "taken for the same boot");
    else
        good = check_report(run, &before) && check_cut(run, &before) &&
               history_check(&run->history, run->log, floor) &&
               history_settle(&run->history, run->log);
    free(before.store);
    return good;
}

/* Goes on with the disk as one crash of it leaves it. */
static void crash(struct run *run, int loss, uint64_t seed)
{
    struct memio *old = run->disk;
    struct memio *disk =
        loss < 0 ? memio_kill(old)
                 : memio_power_cut(old, (enum memio_loss)loss, seed);
    struct history history = run->history;

    end_run(run);
    start_run(run, disk);
    run->history = history;
}

/* A log with nothing wrong with it opens so. */
static bool close_and_check(struct run *run)
{
    int r = close_log(run);

    if (r == 0)
        r = open_log(run);
    if (r < 0)
        return history_problem(&run->history, "close and open: error %d", r);
    if (!run->report.clean || run->report.note_count > 0 ||
        run->report.torn_records || run->report.torn_bytes)
        return history_problem(&run->history, "a clean close was not clean");
    return history_check(&run->history, run->log, run->history.next);
}

/* Appends, and crashes again before or after a sync, or not at all. */
static bool live_on(struct run *run, uint64_t choice)
{
    struct history *history = &run->history;
    int r = append(run, choice & 1 ? OP_BATCH : OP_SMALL);

    if (r == 0 && choice % 3 == 0)
        r = history_sync(history, run->log);
    if (r == 0 && choice % 5 == 0)
        r = history_drop(history, run->log);
    if (r == 0 && choice % 7 == 0)
        r = history_move(history, run->log);
    if (r < 0)
        return history_problem(history, "an append after it: error %d", r);
    if (!history_check_record(history, run->log, history->next - 1))
        return false;
    if (choice % 3 != 1) {
        crash(run, choice % 2 ? MEMIO_DROP : MEMIO_SECTORS, choice);
        if (!recover_and_check(run, history->durable, true))
            return false;
    }
    return close_and_check(run);
}

static int remove_mark(void *ctx, const char *name)
{
    char path[PATHS];

    (void)snprintf(path, sizeof(path), "log/%s", name);
    if (strcmp(name, "segments") != 0)
        memio_remove(ctx, path);
    return 0;
}

/* Whether a copy of segments/ shows what of the last of them is good: without a
   stamp all of that is served unverified. */
static bool can_be_copied(struct memio *disk)
{
    struct before before;

    look_before(disk, &before);
    free(before.store);
    return before.stamps > 0;
}

/* The disk is one to which segments/ alone was copied. */
static void copy_segments(struct run *run)
{
    (void)memio_list(run->disk, "log", remove_mark, run->disk);
    run->history.cursor = 0;
    run->history.doubt_count = 0;
}

/* The way from a dead disk on: loss is -1 for a kill. */
static void try_state(const struct run *dead, int loss, uint64_t choice)
{
    struct run run;
    bool cut = loss >= 0;
    bool copied;
    bool good;

    suite.states++;
    suite.choice = choice;
    suite.crashes[0] = cut ? losses[loss] : "kill";
    start_run(&run,
              cut ? memio_power_cut(dead->disk, (enum memio_loss)loss, choice)
                  : memio_kill(dead->disk));
    run.history = dead->history;
    copied = choice % 8 == 5 && can_be_copied(run.disk);
    suite.crashes[1] = copied ? "copied" : NULL;
    suite.copied += copied;
    if (copied)
        copy_segments(&run);
    if (choice % 4 == 0) {
        bool again = choice / 4 % 2;
        int second = again ? (int)(choice / 8 % MEMIO_LOSSES) : -1;

        run.fault.fault = FAULT_STOP;
        run.fault.at = 1 + choice / 64 % RECOVERY_CALLS;
        run.fault.part = choice / 4096;
        suite.crashes[1] = again ? losses[second] : "kill";
        if (open_log(&run) < 0)
            suite.recrashed++;
        crash(&run, second, choice);
        good = recover_and_check(
            &run, cut || again ? dead->history.durable : dead->history.next,
            again);
    } else {
        good = recover_and_check(
            &run, cut || copied ? dead->history.durable : dead->history.next,
            cut);
    }
    if (!good || !live_on(&run, choice))
        report_failure(&run);
    end_run(&run);
}

static bool is_drop(const struct sequence *sequence)
{
    enum operation last = sequence->length > 0
                              ? sequence->operations[sequence->length - 1]
                              : OP_SMALL;

    return last == OP_DROP || last == OP_RETAIN;
}

/* The choice by which try_state() cuts the power in that call, from 0, of the
   recovery. */
static uint64_t crash_again(uint64_t seed, uint64_t call)
{
    uint64_t second = seed % MEMIO_LOSSES;
    uint64_t part = seed / MEMIO_LOSSES % 4096;

    return 4 + 8 * second + 64 * (call + RECOVERY_CALLS * part);
}

/* All ways on from a crash in that call. */
static void crash_in(const struct sequence *sequence, uint64_t call,
                     uint64_t pass)
{
    struct run run;
    uint64_t last;
    uint64_t seed = random_mix(suite.seed, pass);

    for (int i = 0; i < sequence->length; i++)
        seed = random_mix(seed, sequence->operations[i]);
    seed = random_mix(seed, call);
    suite.sequence = sequence;
    suite.call = call;
    suite.part = seed % 3 == 0 ? 0 : random_mix(seed, call) % 4096;
    start_run(&run, memio_new());
    memio_set_journal(run.disk, seed % 2 == 0);
    memio_set_lower(run.disk, seed % 5 == 0);
    run.fault.fault = FAULT_STOP;
    run.fault.at = call;
    run.fault.part = suite.part;
    (void)live(&run, sequence, &last);
    leave_log(&run);
    for (int loss = -1; loss < MEMIO_LOSSES; loss++)
        if (suite.failures < FAILURES)
            try_state(&run, loss, random_mix(seed, (unsigned)(loss + 1)) >> 1);
    /* What was killed while it dropped is dropped by the next open: that, too,
       ends in each of its calls. */
    for (uint64_t at = 0; is_drop(sequence) && at < RECOVERY_CALLS; at++)
        if (suite.failures < FAILURES)
            try_state(&run, -1, crash_again(random_mix(seed, ~at), at));
    end_run(&run);
}

/* The same on real files, which can only be killed. */
static void kill_in(const struct sequence *sequence, uint64_t call)
{
    char *path = directory_make();
    struct run run;
    struct run after;
    uint64_t last;
    int r;

    suite.real++;
    suite.sequence = sequence;
    suite.call = call;
    suite.part = suite.choice = call * 37;
    suite.crashes[0] = "kill of real files";
    start_run(&run, NULL);
    run.path = path;
    run.fault.fault = FAULT_STOP;
    run.fault.at = call;
    run.fault.part = suite.part;
    (void)live(&run, sequence, &last);
    leave_log(&run);
    start_run(&after, NULL);
    after.path = path;
    after.history = run.history;
    r = open_log(&after);
    if (r < 0)
        (void)history_problem(&after.history, "open: error %d", r);
    if (r < 0 || after.report.rotten || after.report.lost ||
        !history_check(&after.history, after.log, run.history.next) ||
        !history_settle(&after.history, after.log) ||
        append(&after, OP_BATCH) < 0 || !close_and_check(&after))
        report_failure(&after);
    end_run(&after);
    end_run(&run);
    directory_remove(path);
}

/* Ends the sequence in each call of its last operation, and after it. */
static void crash_everywhere(const struct sequence *sequence, uint64_t pass)
{
    const char *only = getenv("CALL");
    struct run run;
    uint64_t last = 0;
    uint64_t end;
    int r;

    start_run(&run, memio_new());
    r = live(&run, sequence, &last);
    end = run.fault.calls;
    end_run(&run);
    if (r < 0) {
        (void)printf("FAILED: SEQUENCE=");
        print_sequence(sequence);
        (void)printf(" without any fault: error %d\n", r);
        suite.failures++;
        return;
    }
    for (uint64_t call = last + 1; call <= end + 1; call++) {
        if (only ? strtoull(only, NULL, 10) == call
                 : sequence->length < LENGTH ||
                       suite.skipped++ % suite.sparse == 0)
            crash_in(sequence, call, pass);
        if (pass == 0 && sequence->length < LENGTH && !suite.quiet &&
            call % 7 == 0 && suite.failures < FAILURES)
            kill_in(sequence, call);
    }
}

static bool is_chosen(const struct sequence *sequence)
{
    const char *only = getenv("SEQUENCE");
    char name[64] = "";

    for (int i = 0; i < sequence->length; i++) {
        if (i > 0)
            (void)strcat(name, ",");
        (void)strcat(name, operations[sequence->operations[i]]);
    }
    return !only || strcmp(only, name) == 0;
}

static bool keeps(const struct sequence *sequence)
{
    for (int i = 0; i < sequence->length; i++)
        if (sequence->operations[i] >= FIRST_OPERATIONS &&
            sequence->operations[i] != OP_STOCK)
            return true;
    return false;
}

/* All sequences of that many operations out of the first `kinds`, behind those
   of start. With all kinds, only those that were not tried without. */
static void try_sequences(const struct sequence *start, int length,
                          unsigned kinds, uint64_t pass)
{
    unsigned count = 1;

    for (int i = 0; i < length; i++)
        count *= kinds;
    for (unsigned n = 0; n < count && suite.failures < FAILURES; n++) {
        struct sequence sequence = *start;
        unsigned digits = n;

        for (int i = 0; i < length; i++) {
            sequence.operations[sequence.length++] =
                (enum operation)(digits % kinds);
            digits /= kinds;
        }
        if (is_chosen(&sequence) &&
            (kinds == FIRST_OPERATIONS || keeps(&sequence)))
            crash_everywhere(&sequence, pass);
    }
}

static void try_all(uint64_t pass)
{
    static const struct sequence empty;
    static const struct sequence stocked = {{OP_STOCK}, 1};
    /* A roll that finds what was made ahead of it. */
    static const struct sequence ahead = {{OP_LARGE, OP_RETAIN, OP_ROLL}, 3};

    if (is_chosen(&ahead))
        crash_everywhere(&ahead, pass);
    for (int length = 0; length <= LENGTH; length++)
        try_sequences(&empty, length, FIRST_OPERATIONS, pass);
    for (int length = 1; length < LENGTH; length++) {
        try_sequences(&empty, length, ALL_OPERATIONS, pass);
        try_sequences(&stocked, length, ALL_OPERATIONS, pass);
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    bool no_sync = strcmp(mode, "--control=sync") == 0;
    bool control = no_sync || strcmp(mode, "--control=replay") == 0;
    double start = suite_clock();

    suite_set_staging(&options);
    suite.wanted = suite_number("STATES", 100000, 1000000);
    suite.seed = suite_number("SEED", 1, 1);
    suite.sparse = suite_number("SPARSE", 1, 1);
    suite.no_sync = no_sync;
    suite.quiet = control;
    for (uint64_t pass = 0;
         pass == 0 || (suite.states > 0 && suite.states < suite.wanted &&
                       suite.failures < FAILURES);
         pass++)
        try_all(pass);
    (void)printf(
        "powerloss: %" PRIu64 " crash states, %" PRIu64
        " of them crashed again in recovery, %" PRIu64 " of a copy, %" PRIu64
        " kills on real files, %u failures, %.1f s, seed %" PRIu64 "\n",
        suite.states, suite.recrashed, suite.copied, suite.real, suite.failures,
        suite_clock() - start, suite.seed);
    if (control)
        return suite.failures > 0 ? 0 : 1;
    return suite.failures > 0 ? 1 : 0;
}
