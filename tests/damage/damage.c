/* SPDX-License-Identifier: MIT */
/*
 * damage - every flipped bit, and many larger damages.
 *
 * A log with a store of 64 KiB is damaged on a disk in memory, in every bit of
 * its files in turn, and opened: after a clean close, when all that is wrong
 * is rot, and after a power cut, when it is rot below the durable offset and a
 * torn tail from there on; and after one of which nothing of the index was
 * left, so that prefixes and checksums alone tell where records are. Every byte
 * that is served must be right, damage must cost one record and no other, what
 * can be known better must be mended, nothing may be cut but a torn tail, and
 * that must be in quarantine/; and a check must say of it what opening it says.
 * Then files are damaged at random: cut, grown, zeroed, flipped, overwritten by
 * parts of each other, removed.
 *
 *     DAMAGES=n   random damages (20000; in a long run 1000000)
 *     SEED=n      of them (1)
 *     REPLAY=n    only the random damage of that seed, as a failure printed it
 *     ONLY=PART   of clean, sealed, cut, lost, synced, real and random
 *     SPARSE=n    flip only every n-th bit (1), for builds that are slow
 *     FEWER=n     of sealed and synced, only every n-th of those (5; in a long
 *                 run 1)
 *     NOTES=n     of the flips, compare what open and clog-verify say of every
 *                 n-th (31; in a long run 1)
 *     STEP=n      on real files, flip in only every n-th byte (97; in a long
 *                 run 17)
 *
 * With the argument --control the program succeeds if it finds a fault: it is
 * linked with a checksum that is always the same, or with a scan of which a
 * rung was taken out.
 */
#include "files.h"
#include "history.h"
#include "log/log.h"
#include "memio.h"
#include "random.h"
#include "segment/slots.h"
#include "spoil.h"
#include "suite.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORE_SIZE ((uint64_t)64 << 10)
#define FAILURES   5 /* are enough */
#define NOBODY     UINT64_MAX
#define PATHS      128
#define SEGMENT    "log/segments/00000000000000000000/"

/* How a log is when it is damaged. */
enum state {
    STATE_CLEAN,  /* closed */
    STATE_SEALED, /* closed, and the damaged segment is sealed */
    STATE_CUT,    /* the power was cut */
    STATE_LOST,   /* likewise, and nothing of the index survived it */
    STATE_SYNCED, /* likewise, after a sync of all records */
    STATES,
};

static const char *const state_names[STATES] = {"clean", "sealed", "cut",
                                                "lost", "synced"};
static const char *const paths[3] = {SEGMENT "store", SEGMENT "index",
                                     SEGMENT "stamps"};

/* A log that is whole, and what is in it. */
struct sample {
    enum state state;
    struct memio *disk;
    struct history history;
    uint64_t count;   /* records in the segment that is damaged */
    uint64_t durable; /* records [0, durable) are never a torn tail */
    uint64_t position[HISTORY_RECORDS + 1]; /* of frames, in the store */
    uint64_t stream[HISTORY_RECORDS + 1];   /* of payloads, in the view */
    uint8_t *joined;                        /* owned: all payloads */
    uint64_t sizes[3];
};

/* What is to come of a damage. */
struct verdict_on {
    uint64_t bad;  /* the record that must be EIO, or NOBODY */
    uint64_t next; /* the log's next offset */
    bool prefix;   /* a wrong length prefix is known better */
};

static struct {
    uint64_t flips, damages, real, rot, torn, prefixes, indexes;
    uint64_t notes; /* see NOTES */
    unsigned failures;
    bool quiet;
    char what[200]; /* is damaged, for a failure's report */
} suite;

static uint8_t buffer[4 * STORE_SIZE];

static const struct clog_options options = {.size = sizeof(options),
                                            .flags = CLOG_CREATE,
                                            .max_store = STORE_SIZE,
                                            .max_index = STORE_SIZE};

static bool problem(const char *what, uint64_t a, uint64_t b)
{
    suite.failures++;
    if (!suite.quiet)
        (void)printf("FAILED: %s: %s (%" PRId64 ", %" PRId64 ")\n", suite.what,
                     what, (int64_t)a, (int64_t)b);
    return false;
}

static void must(int r, const char *what)
{
    if (r >= 0)
        return;
    (void)fprintf(stderr, "damage: %s: error %d\n", what, r);
    exit(2);
}

/* --- Samples
 * ------------------------------------------------------------------
 */

static bool was_cut(const struct sample *sample)
{
    return sample->state >= STATE_CUT;
}

/* Until it is synced, which a roll does first, an index may be gone whole. */
static bool has_lost_index(const struct sample *sample)
{
    return sample->state >= STATE_LOST;
}

/* Appends batches of 1 to 4 records until the store has its size. */
static void fill(struct sample *sample, struct clog *log)
{
    struct rng rng = {7};
    struct clog_status status = {.size = sizeof(status)};
    uint64_t end = 0;

    for (;;) {
        size_t sizes[4];
        size_t count = 1 + random_below(&rng, 4);

        for (size_t i = 0; i < count; i++) {
            sizes[i] = 1 + random_below(&rng, random_below(&rng, 8) ? 600 : 9);
            end += 8 + sizes[i];
        }
        if (end > STORE_SIZE - 100)
            break;
        must(history_append(&sample->history, log, sizes, count), "append");
        clog_status(log, &status);
        if (was_cut(sample) && sample->history.durable == 0 &&
            end > STORE_SIZE / 2) {
            must(history_sync(&sample->history, log), "sync");
            sample->durable = sample->history.next;
        }
    }
    end = 0;
    for (uint64_t i = 0; i < sample->history.next; i++)
        end += 8 + sample->history.records[i].size;
    /* One more, so that the store ends where it must. */
    must(history_append(&sample->history, log,
                        (size_t[]){(size_t)(STORE_SIZE - end - 8)}, 1),
         "append");
}

static void measure(struct sample *sample)
{
    const struct history *history = &sample->history;
    uint64_t end = 0;

    for (uint64_t i = 0; i < history->next; i++) {
        sample->position[i] = end + 8 * i;
        sample->stream[i] = end;
        end += history->records[i].size;
    }
    sample->position[history->next] = end + 8 * history->next;
    sample->stream[history->next] = end;
    sample->joined = malloc(end + 1);
    if (!sample->joined)
        abort();
    for (uint64_t i = 0; i < history->next; i++)
        memcpy(sample->joined + sample->stream[i],
               history_payload(history->records[i].serial),
               history->records[i].size);
    for (int file = 0; file < 3; file++)
        (void)memio_bytes(sample->disk, paths[file], &sample->sizes[file]);
}

/* The power is cut, and all but perhaps the index survives. */
static void cut_power(struct sample *sample, struct memio *disk,
                      struct clog *log)
{
    if (sample->state == STATE_SYNCED) {
        must(history_sync(&sample->history, log), "sync");
        sample->durable = sample->history.next;
    }
    log_abandon(log);
    sample->disk = memio_power_cut(disk, MEMIO_KEEP, 1);
    if (has_lost_index(sample))
        memio_resize(sample->disk, paths[CLOG_INDEX], 0);
}

static void make_sample(struct sample *sample, enum state state)
{
    static const size_t more[] = {100};
    struct memio *disk = memio_new();
    struct clog *log = NULL;

    *sample = (struct sample){.state = state};
    must(log_open(memio_io(disk), "log", &options, NULL, &log), "open");
    fill(sample, log);
    sample->count = sample->history.next;
    if (state == STATE_SEALED)
        for (int i = 0; i < 3; i++)
            must(history_append(&sample->history, log, more, 1), "append");
    if (was_cut(sample)) {
        cut_power(sample, disk, log);
    } else {
        sample->durable = sample->history.next;
        must(clog_close(log), "close");
        sample->disk = memio_kill(disk);
    }
    memio_free(disk);
    measure(sample);
}

static void sample_done(struct sample *sample)
{
    memio_free(sample->disk);
    free(sample->joined);
}

/* --- Checks
 * ---------------------------------------------------------------------
 */

/* Reads records [first, last) through the joined view and compares them. */
static bool check_joined(const struct sample *sample, struct clog_view *view,
                         uint64_t first, uint64_t last)
{
    uint64_t from = sample->stream[first];
    size_t size = (size_t)(sample->stream[last] - from);
    ssize_t n;

    if (size == 0)
        return true;
    n = clog_view_read(view, buffer, size, from, 0);
    if (n < 0 || (size_t)n != size)
        return problem("joined view", first, (uint64_t)n);
    return memcmp(buffer, sample->joined + from, size) == 0 ||
           problem("wrong bytes in the joined view", first, last);
}

/* All but the bad record, which ends a read that runs into it and is EIO to
   one that begins with it. */
static bool check_view(const struct sample *sample, struct clog *log,
                       const struct verdict_on *verdict)
{
    struct clog_view *view = NULL;
    uint64_t bad = verdict->bad;
    uint64_t first = bad == NOBODY ? verdict->next : bad;
    ssize_t wanted = first > 0 ? (ssize_t)sample->stream[first] : -EIO;
    ssize_t n;
    bool good = true;

    must(clog_view_stream(log, 0, &view), "view");
    n = clog_view_read(view, buffer, sizeof(buffer), 0, 0);
    if (n != wanted)
        good = problem("joined view", (uint64_t)n, (uint64_t)wanted);
    else if (n > 0 && memcmp(buffer, sample->joined, (size_t)n) != 0)
        good = problem("wrong bytes in the joined view", 0, first);
    if (good && bad != NOBODY) {
        n = clog_view_read(view, buffer, sizeof(buffer), sample->stream[bad],
                           0);
        if (n != -EIO)
            good = problem("the damaged record was served", bad, (uint64_t)n);
        else
            good = check_joined(sample, view, bad + 1, verdict->next);
    }
    clog_view_close(view);
    return good;
}

/* Record i alone: right, or EIO. */
static bool check_record(const struct sample *sample, struct clog *log,
                         uint64_t i, bool bad)
{
    size_t size = sample->history.records[i].size;
    ssize_t n = clog_read(log, i, buffer, sizeof(buffer));

    if (bad)
        return n == -EIO || problem("not EIO", i, (uint64_t)n);
    if (n < 0 || (size_t)n != size)
        return problem("record", i, (uint64_t)n);
    return memcmp(buffer, sample->joined + sample->stream[i], size) == 0 ||
           problem("wrong bytes", i, size);
}

static bool check_around(const struct sample *sample, struct clog *log,
                         const struct verdict_on *verdict, uint64_t i)
{
    uint64_t first = i > 0 ? i - 1 : 0;

    for (uint64_t k = first; k <= i + 1 && k < verdict->next; k++)
        if (!check_record(sample, log, k, k == verdict->bad))
            return false;
    return true;
}

static bool check_report(const struct sample *sample, struct clog *log,
                         const struct verdict_on *verdict, int file)
{
    const struct clog_report *report = clog_open_report(log);
    uint64_t torn = sample->history.next - verdict->next;
    bool scanned = was_cut(sample);
    bool index = has_lost_index(sample) || file == CLOG_INDEX;
    struct clog_status status = {.size = sizeof(status)};

    clog_status(log, &status);
    if (status.next != verdict->next || status.records != verdict->next)
        return problem("next", status.next, verdict->next);
    if (report->clean == scanned || report->same_boot == scanned)
        return problem("clean, same boot", report->clean, report->same_boot);
    if (report->torn_records != torn ||
        report->torn_bytes != sample->position[sample->history.next] -
                                  sample->position[verdict->next])
        return problem("torn", report->torn_records, report->torn_bytes);
    if (!scanned)
        return true;
    if (report->rotten != (verdict->bad != NOBODY) ||
        report->prefixes != verdict->prefix)
        return problem("rotten, prefixes", report->rotten, report->prefixes);
    return (torn == 0 && report->indexes != index
                ? problem("indexes", report->indexes, 0)
                : true);
}

static int count_name(void *ctx, const char *name)
{
    (void)name;
    ++*(unsigned *)ctx;
    return 0;
}

/* Store and stamps are as they were damaged, but for a tail that is kept. */
static bool check_files(struct memio *disk, const uint8_t *const before[3],
                        const uint64_t sizes[3])
{
    unsigned kept = 0;

    for (int file = CLOG_STORE; file <= CLOG_STAMPS; file += CLOG_STAMPS) {
        uint64_t size = 0;
        const uint8_t *bytes = memio_bytes(disk, paths[file], &size);

        if (sizes[file] == 0 && !bytes)
            continue;
        if (!bytes || size > sizes[file] ||
            memcmp(bytes, before[file], size) != 0)
            return problem("a file was changed", (uint64_t)file, size);
        if (size < sizes[file] &&
            !memio_keeps(disk, (enum clog_file)file, before[file] + size,
                         sizes[file] - size))
            return problem("what was cut is nowhere", size, sizes[file]);
        kept += size < sizes[file];
    }
    if (kept == 0) {
        (void)memio_list(disk, "log/quarantine", count_name, &kept);
        if (kept > 0)
            return problem("something was moved", kept, 0);
    }
    return true;
}

/* --- What is said of it
 * -----------------------------------------------------------------
 */

#define FINDINGS 1000

struct findings {
    struct clog_note notes[FINDINGS];
    size_t count;
};

static void on_finding(void *ctx, const struct clog_finding *finding)
{
    struct findings *findings = ctx;

    if (findings->count < FINDINGS)
        findings->notes[findings->count] = finding->note;
    findings->count++;
}

static bool same_note(const struct clog_note *a, const struct clog_note *b)
{
    return a->kind == b->kind && a->offset == b->offset &&
           a->count == b->count && a->position == b->position &&
           a->bytes == b->bytes && a->error == b->error &&
           a->repaired == b->repaired && strcmp(a->file, b->file) == 0 &&
           strcmp(a->text, b->text) == 0;
}

static bool is_found(const struct findings *findings,
                     const struct clog_note *note)
{
    for (size_t i = 0; i < findings->count && i < FINDINGS; i++)
        if (same_note(&findings->notes[i], note))
            return true;
    return false;
}

/* What a check finds is what opening it notes, and more only of what opening
   did not read. */
static bool compare_notes(const struct clog_report *report,
                          const struct clog_verify_result *result,
                          const struct findings *findings)
{
    for (size_t i = 0; i < report->note_count; i++)
        if (!is_found(findings, &report->notes[i]))
            return problem("a check does not find what open notes",
                           report->notes[i].kind, report->notes[i].offset);
    if (report->scanned == result->bytes &&
        report->note_count != findings->count)
        return problem("a check finds more than open notes", report->note_count,
                       findings->count);
    return true;
}

/* The damaged disk, opened to be read and checked, shows one log. */
static bool check_notes(struct memio *damaged)
{
    static struct findings findings;
    struct clog_verify_options check = {
        .size = sizeof(check), .finding = on_finding, .ctx = &findings};
    struct clog_verify_result result = {.size = sizeof(result)};
    struct clog_options reading = {.size = sizeof(reading),
                                   .flags = CLOG_READ_ONLY};
    struct memio *copy = memio_kill(damaged);
    struct clog_report report = {0};
    struct clog *log = NULL;
    bool good = true;
    int opened = log_open(memio_io(copy), "log", &reading, &report, &log);
    int checked;

    if (log)
        log_abandon(log);
    memio_free(copy);
    copy = memio_kill(damaged);
    findings.count = 0;
    checked = log_verify(memio_io(copy), "log", &check, &result);
    memio_free(copy);
    if (opened != checked)
        good =
            problem("opened and checked", (uint64_t)opened, (uint64_t)checked);
    else if (opened == 0)
        good = compare_notes(&report, &result, &findings);
    clog_report_done(&report);
    return good;
}

/* --- Flips
 * -----------------------------------------------------------------------
 */

static uint64_t record_at(const struct sample *sample, int file, uint64_t byte)
{
    uint64_t i = 0;

    if (file != CLOG_STORE)
        return byte / SLOT_SIZE;
    while (sample->position[i + 1] <= byte)
        i++;
    return i;
}

static struct verdict_on judge_flip(const struct sample *sample, int file,
                                    uint64_t byte, uint64_t i)
{
    const struct history *history = &sample->history;
    struct verdict_on verdict = {NOBODY, history->next, false};

    if (file == CLOG_INDEX)
        return verdict;
    verdict.prefix = file == CLOG_STORE && byte - sample->position[i] < 8;
    if (verdict.prefix)
        return verdict;
    if (i < sample->durable) {
        verdict.bad = i;
        return verdict;
    }
    while (i > sample->durable && !history->records[i].starts)
        i--;
    verdict.next = i;
    return verdict;
}

/* A log that was damaged takes appends, and opens again as it was closed. */
static bool live_on(const struct sample *sample, struct memio *disk,
                    struct clog **log, const struct verdict_on *verdict)
{
    uint64_t offset = 0;
    int r = clog_append(*log, "more", 4, 0, &offset);

    if (r < 0 || offset != verdict->next)
        return problem("append after it", (uint64_t)r, offset);
    if (clog_read(*log, offset, buffer, sizeof(buffer)) != 4 ||
        memcmp(buffer, "more", 4) != 0)
        return problem("append after it: reads otherwise", offset, 0);
    r = clog_close(*log);
    *log = NULL;
    if (r == 0)
        r = log_open(memio_io(disk), "log", &options, NULL, log);
    if (r < 0)
        return problem("close and open", (uint64_t)r, 0);
    if (!clog_open_report(*log)->clean || clog_open_report(*log)->torn_bytes)
        return problem("not clean", clog_open_report(*log)->clean, 0);
    return verdict->bad == NOBODY ||
           check_record(sample, *log, verdict->bad, true);
}

static void count_flip(const struct verdict_on *verdict,
                       const struct sample *sample, int file)
{
    suite.flips++;
    suite.rot += verdict->bad != NOBODY;
    suite.torn += verdict->next != sample->history.next;
    suite.prefixes += verdict->prefix;
    suite.indexes += file == CLOG_INDEX;
}

/* The view is read whole for one bit of each byte, in turn; for the others the
   damaged record and those beside it are. */
static void flip(const struct sample *sample, int file, uint64_t bit)
{
    uint64_t i = record_at(sample, file, bit / 8);
    struct verdict_on verdict = judge_flip(sample, file, bit / 8, i);
    struct memio *disk = memio_kill(sample->disk);
    struct file_at at = {paths[file], bit / 8};
    uint8_t turned = (uint8_t)(1 << bit % 8);
    const uint8_t *before[3];
    uint64_t size;
    struct clog *log = NULL;
    int r;

    (void)snprintf(suite.what, sizeof(suite.what),
                   "%s, bit %" PRIu64 " of %s, record %" PRIu64,
                   state_names[sample->state], bit, segment_files[file], i);
    count_flip(&verdict, sample, file);
    for (int k = 0; k < 3; k++)
        before[k] = memio_bytes(sample->disk, paths[k], &size);
    spoil_flip(sample->disk, &at, &turned, 1);
    spoil_flip(disk, &at, &turned, 1);
    if (bit % suite.notes == 0)
        (void)check_notes(disk);
    r = log_open(memio_io(disk), "log", &options, NULL, &log);
    if (r < 0)
        (void)problem("open", (uint64_t)r, 0);
    else if (check_report(sample, log, &verdict, file) &&
             (bit % 8 != bit / 8 % 8 || check_view(sample, log, &verdict)) &&
             check_around(sample, log, &verdict, i) &&
             check_files(disk, before, sample->sizes) && bit % 31 == 0)
        (void)live_on(sample, disk, &log, &verdict);
    if (log)
        log_abandon(log);
    spoil_flip(sample->disk, &at, &turned, 1);
    memio_free(disk);
}

static void flip_all(enum state state, uint64_t sparse)
{
    struct sample sample;

    make_sample(&sample, state);
    for (int file = CLOG_STORE; file <= CLOG_STAMPS; file++)
        for (uint64_t bit = 0; bit < 8 * sample.sizes[file]; bit++) {
            if (suite.failures >= FAILURES)
                break;
            if (bit % sparse == 0)
                flip(&sample, file, bit);
        }
    sample_done(&sample);
}

/* --- Larger damages
 * --------------------------------------------------------------
 */

/* What may be damaged besides the files of the segment. */
static const char *const marks[] = {"log/clean", "log/durable", "log/writer"};

enum kind {
    KIND_CUT,
    KIND_FLIP,
    KIND_ZERO,
    KIND_GARBLE,
    KIND_GROW,
    KIND_REMOVE,
    KIND_MOVE,    /* bytes of the file to elsewhere in it */
    KIND_REPLACE, /* by another file */
    KINDS,
};

static const char *const kinds[KINDS] = {"cut",  "flip",   "zero", "garble",
                                         "grow", "remove", "move", "replace"};

static void flip_some(struct rng *rng, struct memio *disk, const char *path,
                      uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct file_at at = {path, random_next(rng)};
        uint8_t bit = (uint8_t)(1 << random_below(rng, 8));

        spoil_flip(disk, &at, &bit, 1);
    }
}

/* Some bytes of the file, of which it has size. */
static void overwrite(struct rng *rng, struct memio *disk, const char *path,
                      enum kind kind, uint64_t size)
{
    static uint8_t bytes[8192];
    uint64_t most = random_below(rng, 4) ? 64 : sizeof(bytes);
    struct file_at at = {path, random_below(rng, size)};
    uint64_t left = size - at.at;
    uint64_t n = 1 + random_below(rng, left < most ? left : most);

    if (kind == KIND_FLIP) {
        flip_some(rng, disk, path, 1 + n % 16);
    } else if (kind == KIND_MOVE) {
        struct file_at from = {path, random_below(rng, size - n + 1)};

        spoil_copy(disk, &from, &at, n);
    } else {
        memset(bytes, 0, n);
        if (kind == KIND_GARBLE)
            random_fill(random_next(rng), bytes, n);
        spoil_write(disk, &at, bytes, n);
    }
}

static void grow(struct rng *rng, struct memio *disk, const char *path,
                 uint64_t size)
{
    static uint8_t bytes[4096];
    uint64_t more = 1 + random_below(rng, sizeof(bytes));
    struct file_at end = {path, size};

    memio_resize(disk, path, size + more);
    random_fill(more, bytes, more);
    if (more % 2)
        spoil_write(disk, &end, bytes, more);
}

static void replace(struct memio *disk, const char *path, const char *by)
{
    uint64_t size = 0;
    const uint8_t *from = memio_bytes(disk, by, &size);

    if (from && strcmp(path, by) != 0)
        spoil_replace(disk, path, from, size);
}

static void damage(struct rng *rng, struct memio *disk, const char *path,
                   enum kind kind)
{
    uint64_t size = 0;

    if (!memio_bytes(disk, path, &size) || size == 0)
        return;
    switch (kind) {
    case KIND_CUT:
        memio_resize(disk, path, random_below(rng, size));
        break;
    case KIND_GROW:
        grow(rng, disk, path, size);
        break;
    case KIND_REMOVE:
        memio_remove(disk, path);
        break;
    case KIND_REPLACE:
        replace(disk, path, paths[random_below(rng, 3)]);
        break;
    default:
        overwrite(rng, disk, path, kind, size);
    }
}

/* The damaged disk, before it is opened. */
struct damaged {
    struct memio *disk;
    struct memio *before; /* a copy */
    bool single;          /* one file alone was damaged */
};

static bool same(struct memio *a, struct memio *b, const char *path,
                 uint64_t from, uint64_t to)
{
    uint64_t size_a = 0;
    uint64_t size_b = 0;
    const uint8_t *bytes_a = memio_bytes(a, path, &size_a);
    const uint8_t *bytes_b = memio_bytes(b, path, &size_b);

    return bytes_a && bytes_b && size_a >= to && size_b >= to &&
           memcmp(bytes_a + from, bytes_b + from, to - from) == 0;
}

/* Whether nothing of the record has changed that it cannot do without. Behind
   several frames that are lost, and an index, nobody knows where one lies. */
static bool is_innocent(const struct sample *sample,
                        const struct damaged *damaged, uint64_t i)
{
    uint64_t size;
    bool stamped = memio_bytes(damaged->before, paths[CLOG_STAMPS], &size);

    if (!damaged->single || i >= sample->durable || has_lost_index(sample))
        return false;
    if (i >= sample->count)
        return true;
    return same(sample->disk, damaged->before, paths[CLOG_STORE],
                sample->position[i] + 8, sample->position[i + 1]) &&
           (!stamped || same(sample->disk, damaged->before, paths[CLOG_STAMPS],
                             i * SLOT_SIZE, (i + 1) * SLOT_SIZE));
}

/* Every record below limit is right, or an error; an innocent one is right. */
static bool check_all(const struct sample *sample,
                      const struct damaged *damaged, struct clog *log,
                      uint64_t limit)
{
    for (uint64_t i = 0; i < sample->history.next && i < limit; i++) {
        size_t size = sample->history.records[i].size;
        struct clog_record record = {0};
        ssize_t n = clog_read(log, i, buffer, sizeof(buffer));

        if (n < 0 && is_innocent(sample, damaged, i))
            return problem("an innocent record is gone", i, (uint64_t)n);
        if (n < 0)
            continue;
        if ((size_t)n == size &&
            memcmp(buffer, sample->joined + sample->stream[i], size) == 0)
            continue;
        if (clog_stat(log, i, 0, &record) < 0 || record.verifiable)
            return problem("wrong bytes were served", i, (uint64_t)n);
    }
    return true;
}

/* Nothing is gone from a file but a tail, which is kept. What is durable is
   only known where not all that says so was damaged. */
static bool check_kept(const struct sample *sample,
                       const struct damaged *damaged)
{
    uint64_t durable =
        sample->durable < sample->count ? sample->durable : sample->count;
    uint64_t least[3] = {sample->position[durable], 0, durable * SLOT_SIZE};

    for (int file = CLOG_STORE; file <= CLOG_STAMPS; file += CLOG_STAMPS) {
        uint64_t before = 0;
        uint64_t after = 0;
        const uint8_t *bytes =
            memio_bytes(damaged->before, paths[file], &before);

        if (!bytes)
            continue;
        if (!memio_bytes(damaged->disk, paths[file], &after) ||
            after > before ||
            !same(damaged->disk, damaged->before, paths[file], 0, after))
            return problem("a file was changed", (uint64_t)file, after);
        if (damaged->single && after < before && after < least[file])
            return problem("what was durable was cut", (uint64_t)file, after);
        if (after < before && !memio_keeps(damaged->disk, (enum clog_file)file,
                                           bytes + after, before - after))
            return problem("what was cut is nowhere", after, before);
    }
    return true;
}

static bool check_damaged(const struct sample *sample,
                          const struct damaged *damaged, struct clog **log)
{
    struct clog_status status = {.size = sizeof(status)};
    uint64_t offset = 0;
    int r;

    clog_status(*log, &status);
    if (damaged->single && status.next < sample->durable)
        return problem("offsets would be used again", status.next,
                       sample->durable);
    if (!check_all(sample, damaged, *log, status.next) ||
        !check_kept(sample, damaged))
        return false;
    r = clog_append(*log, "more", 4, 0, &offset);
    if (r < 0 || offset != status.next)
        return problem("append after it", (uint64_t)r, offset);
    r = clog_close(*log);
    *log = NULL;
    if (r == 0)
        r = log_open(memio_io(damaged->disk), "log", &options, NULL, log);
    if (r < 0)
        return problem("close and open", (uint64_t)r, 0);
    if (!clog_open_report(*log)->clean ||
        clog_read(*log, offset, buffer, sizeof(buffer)) != 4)
        return problem("not clean", offset, 0);
    return check_all(sample, damaged, *log, status.next);
}

/* Damages a copy of the disk, in one to three ways. */
static void damage_disk(const struct sample *sample, uint64_t seed,
                        struct damaged *damaged)
{
    struct rng rng = {seed};
    uint64_t count = random_below(&rng, 4) ? 1 : 2 + random_below(&rng, 2);
    const char *last = NULL;
    size_t n = (size_t)snprintf(suite.what, sizeof(suite.what),
                                "%s, seed %" PRIu64 ":",
                                state_names[sample->state], seed);

    damaged->disk = memio_kill(sample->disk);
    damaged->single = true;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t target = random_below(&rng, 10);
        const char *path =
            target < 9 ? paths[target % 3] : marks[random_below(&rng, 3)];
        enum kind kind = (enum kind)random_below(&rng, KINDS);

        damage(&rng, damaged->disk, path, kind);
        n += (size_t)snprintf(suite.what + n, sizeof(suite.what) - n, " %s %s",
                              kinds[kind], strrchr(path, '/') + 1);
        damaged->single = damaged->single && (!last || last == path);
        last = path;
    }
    damaged->before = memio_kill(damaged->disk);
}

static void damage_once(const struct sample *sample, uint64_t seed)
{
    struct damaged damaged;
    struct clog *log = NULL;
    int r;

    suite.damages++;
    damage_disk(sample, seed, &damaged);
    (void)check_notes(damaged.disk);
    r = log_open(memio_io(damaged.disk), "log", &options, NULL, &log);
    if (r < 0)
        (void)problem("open", (uint64_t)r, 0);
    else
        (void)check_damaged(sample, &damaged, &log);
    if (log)
        log_abandon(log);
    memio_free(damaged.disk);
    memio_free(damaged.before);
}

static void damage_all(uint64_t count, uint64_t seed)
{
    uint64_t replay = suite_number("REPLAY", 0, 0);
    struct sample samples[STATES];

    for (enum state state = STATE_CLEAN; state < STATES; state++) {
        make_sample(&samples[state], state);
        if (replay)
            damage_once(&samples[state], replay);
    }
    if (replay)
        count = 0;
    for (uint64_t i = 0; i < count && suite.failures < FAILURES; i++)
        damage_once(&samples[i % STATES], random_mix(seed, i));
    for (enum state state = STATE_CLEAN; state < STATES; state++)
        sample_done(&samples[state]);
}

/* --- Real files
 * -------------------------------------------------------------------
 */

/* Turns the bits of one byte around, in a copy of a log in a directory. */
static void flip_real(const struct sample *sample, const char *whole, int file,
                      uint64_t byte)
{
    uint64_t i = record_at(sample, file, byte);
    struct verdict_on verdict = judge_flip(sample, file, byte, i);
    char *dir = directory_make();
    char log_path[PATHS];
    struct clog *log = NULL;
    int r;

    suite.real++;
    (void)snprintf(suite.what, sizeof(suite.what),
                   "real files, byte %" PRIu64 " of %s", byte,
                   segment_files[file]);
    (void)snprintf(log_path, sizeof(log_path), "%s/log", dir);
    directory_copy(whole, log_path);
    file_flip(dir, paths[file], byte);
    r = clog_open(log_path, &options, NULL, &log);
    if (r < 0)
        (void)problem("open", (uint64_t)r, 0);
    else if (check_view(sample, log, &verdict))
        (void)check_around(sample, log, &verdict, i);
    r = log ? clog_close(log) : 0;
    if (r < 0)
        (void)problem("close", (uint64_t)r, 0);
    directory_remove(dir);
}

static void flip_real_all(uint64_t step)
{
    struct sample sample;
    struct clog *log = NULL;
    char *dir = directory_make();
    char whole[PATHS];

    (void)snprintf(whole, sizeof(whole), "%s/log", dir);
    make_sample(&sample, STATE_CLEAN);
    must(clog_open(whole, &options, NULL, &log), "open");
    sample.history.next = sample.history.serial = 0;
    fill(&sample, log);
    must(clog_close(log), "close");
    for (int file = CLOG_STORE; file <= CLOG_STAMPS; file++)
        for (uint64_t byte = (uint64_t)file; byte < sample.sizes[file];
             byte += step)
            if (suite.failures < FAILURES)
                flip_real(&sample, whole, file, byte);
    sample_done(&sample);
    directory_remove(dir);
}

/* Whether that part of the suite is asked for. */
static bool is_chosen(const char *part)
{
    const char *only = getenv("ONLY");

    return !only || strcmp(only, part) == 0;
}

int main(int argc, char **argv)
{
    bool control = argc > 1 && strcmp(argv[1], "--control") == 0;
    uint64_t sparse = suite_number("SPARSE", 1, 1);
    double start = suite_clock();

    /* Large scratch memory is kept, not given back to the system each time. */
    (void)mallopt(M_MMAP_THRESHOLD, 64 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
    suite.quiet = control;
    suite.notes = suite_number("NOTES", 31, 1);
    for (enum state state = STATE_CLEAN; state < STATES; state++)
        if (is_chosen(state_names[state]))
            flip_all(state, state == STATE_SEALED || state == STATE_SYNCED
                                ? suite_number("FEWER", 5, 1) * sparse
                                : sparse);
    if (is_chosen("real"))
        flip_real_all(suite_number("STEP", 97, 17));
    if (is_chosen("random"))
        damage_all(suite_number("DAMAGES", 20000, 1000000),
                   suite_number("SEED", 1, 1));
    (void)printf(
        "damage: %" PRIu64 " flips: %" PRIu64 " rot, %" PRIu64 " torn, %" PRIu64
        " prefixes mended, %" PRIu64 " in indexes; %" PRIu64
        " random damages; %" PRIu64 " on real files; %u failures, %.1f s\n",
        suite.flips, suite.rot, suite.torn, suite.prefixes, suite.indexes,
        suite.damages, suite.real, suite.failures, suite_clock() - start);
    if (control)
        return suite.failures > 0 ? 0 : 1;
    return suite.failures > 0 ? 1 : 0;
}
