/* SPDX-License-Identifier: MIT */
/*
 * sectors - every sector of a log's files that cannot be read.
 *
 * A log with sealed segments and an active one is closed, killed, or has its
 * power cut. Then each sector of each file of each segment is one that the
 * device cannot read, to pread(2) an error and in a map a SIGBUS, and the log
 * is opened, to be written and to be read. It must open; the records that lie
 * in that sector may be EIO, and each other one must be right, alone and
 * through the joined view, which a read follows up to the bad one and goes on
 * with behind it; and no offset that was given away may be given again. What
 * cannot be read at the end of a segment may be a gap.
 *
 * What is written in part is read first: so a log that was closed may refuse
 * appends to a bad sector at the end of its last segment; and where the index
 * of that cannot be written, its records may be EIO until it is sealed.
 *
 * With the argument --control a bad sector spoils its neighbours, which the log
 * cannot know of, and the program succeeds if that is noticed.
 */
#include "files.h"
#include "history.h"
#include "log/log.h"
#include "memio.h"
#include "segment/record.h"
#include "suite.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORE    ((uint64_t)6000)
#define RECORDS  40
#define SECTOR   ((uint64_t)512)
#define PATHS    128
#define FAILURES 5 /* are enough */

enum state { STATE_CLOSED, STATE_KILLED, STATE_CUT, STATES };

static const char *const state_names[STATES] = {"closed", "killed", "cut"};
static const char *const file_names[3] = {"store", "index", "stamps"};

/* A segment of the log that is spoiled. */
struct part_of_log {
    uint64_t base, next;
    uint64_t position[RECORDS + 1]; /* of frames, by offset - base */
};

/* How a record is found to be. */
enum found { FOUND_GOOD, FOUND_HURT, FOUND_GAP };

/* A log that is whole, and what is in it. */
struct sample {
    enum state state;
    struct memio *disk;
    struct history history;
    struct part_of_log parts[RECORDS];
    size_t count;
    uint64_t floor; /* records below are there */
};

/* What cannot be read. */
struct spoiled {
    const struct sample *sample;
    const struct part_of_log *part;
    enum clog_file file;
    uint64_t sector;
    bool read_only;
};

static struct {
    uint64_t sectors, unreadable, unfinished, refused;
    unsigned failures;
    bool control;
} suite;

static uint8_t buffer[256 << 10];

static bool problem(const struct spoiled *spoiled, const char *what,
                    int64_t value)
{
    suite.failures++;
    if (!suite.control)
        (void)printf(
            "FAILED: %s, %s of %" PRIu64 ", sector %" PRIu64 "%s: %s (%" PRId64
            ")\n",
            state_names[spoiled->sample->state], file_names[spoiled->file],
            spoiled->part->base, spoiled->sector,
            spoiled->read_only ? ", opened to be read" : "", what, value);
    return false;
}

static void must(int r, const char *what)
{
    if (r >= 0)
        return;
    (void)fprintf(stderr, "sectors: %s: error %d\n", what, r);
    exit(2);
}

/* --- Samples -----------------------------------------------------------------
 */

static void fill(struct sample *sample, struct clog *log)
{
    static const size_t sizes[] = {700, 90, 1400, 12, 300};

    for (size_t i = 0; i < RECORDS; i++)
        must(history_append(&sample->history, log,
                            &sizes[i % (sizeof(sizes) / sizeof(*sizes))], 1),
             "append");
    /* What a power cut leaves is what was written: some of it is in doubt. */
    if (sample->state == STATE_CUT)
        sample->floor = sample->history.durable;
    else
        sample->floor = sample->history.next;
}

static void measure(struct sample *sample, struct clog *log)
{
    struct clog_segment segment = {0};
    uint64_t base = 0;

    while (clog_segment(log, base, 0, &segment) == 0) {
        struct part_of_log *part = &sample->parts[sample->count++];
        uint64_t position = 0;

        *part =
            (struct part_of_log){.base = segment.base, .next = segment.next};
        for (uint64_t i = segment.base; i <= segment.next; i++) {
            part->position[i - segment.base] = position;
            position += RECORD_PREFIX + sample->history.records[i].size;
        }
        base = segment.base + 1;
    }
}

static int open_log(struct memio *disk, unsigned flags, struct clog **ret_log)
{
    struct clog_options options = {.size = sizeof(options),
                                   .flags = flags,
                                   .max_store = STORE,
                                   .max_index = 4096};

    return log_open(memio_io(disk), "log", &options, NULL, ret_log);
}

static void make_sample(struct sample *sample, enum state state)
{
    struct memio *disk = memio_new();
    struct clog *log = NULL;

    *sample = (struct sample){.state = state};
    must(open_log(disk, CLOG_CREATE, &log), "open");
    fill(sample, log);
    measure(sample, log);
    if (state == STATE_CLOSED)
        must(clog_close(log), "close");
    else
        log_abandon(log);
    sample->disk = state == STATE_CUT ? memio_power_cut(disk, MEMIO_KEEP, 1)
                                      : memio_kill(disk);
    memio_free(disk);
}

/* --- Checks ------------------------------------------------------------------
 */

/* Whether something of the record lies in what cannot be read. */
static bool is_hurt(const struct spoiled *spoiled, uint64_t offset)
{
    const struct part_of_log *part = spoiled->part;
    uint64_t from = spoiled->sector * SECTOR;
    uint64_t start = (offset - part->base) * 16;
    uint64_t end = start + 16;

    if (offset < part->base || offset >= part->next ||
        spoiled->file == CLOG_INDEX)
        return false;
    if (spoiled->file == CLOG_STORE) {
        start = part->position[offset - part->base];
        end = part->position[offset - part->base + 1];
    }
    return start < from + SECTOR && end > from;
}

static bool is_right(const struct sample *sample, uint64_t offset,
                     const uint8_t *bytes)
{
    return memcmp(bytes,
                  history_payload(sample->history.records[offset].serial),
                  sample->history.records[offset].size) == 0;
}

/* Whether nothing good is behind it in its segment. */
static bool ends_segment(const struct spoiled *spoiled, uint64_t offset)
{
    while (++offset < spoiled->part->next)
        if (!is_hurt(spoiled, offset))
            return false;
    return true;
}

/* The last segment's index, which appends go on with. */
static bool is_growing_index(const struct spoiled *spoiled)
{
    return spoiled->sample->state == STATE_CLOSED && !spoiled->read_only &&
           spoiled->file == CLOG_INDEX && spoiled->part->next == RECORDS;
}

static bool check_record(const struct spoiled *spoiled, struct clog *log,
                         uint64_t offset, enum found *ret_found)
{
    const struct sample *sample = spoiled->sample;
    size_t size = sample->history.records[offset].size;
    struct clog_record record;
    ssize_t n = clog_read(log, offset, buffer, sizeof(buffer));

    *ret_found = FOUND_GOOD;
    if (n == -EIO && is_hurt(spoiled, offset)) {
        suite.unreadable++;
        *ret_found = FOUND_HURT;
        if (ends_segment(spoiled, offset) &&
            clog_stat(log, offset, 0, &record) == -EIO)
            *ret_found = FOUND_GAP;
        return true;
    }
    if (n != (ssize_t)size)
        return problem(spoiled, "record", (int64_t)offset);
    return is_right(sample, offset, buffer) ||
           problem(spoiled, "wrong bytes in record", (int64_t)offset);
}

static bool check_records(const struct spoiled *spoiled, struct clog *log,
                          uint64_t next, enum found *ret_found)
{
    for (uint64_t i = 0; i < next; i++)
        if (!check_record(spoiled, log, i, &ret_found[i]))
            return false;
    return true;
}

/* The records from first on up to one that is hurt, which ends the read; at is
   where the first begins. */
static bool check_run(const struct spoiled *spoiled, struct clog_view *view,
                      const enum found *found, uint64_t first, uint64_t next,
                      uint64_t at)
{
    const struct sample *sample = spoiled->sample;
    ssize_t n = clog_view_read(view, buffer, sizeof(buffer), at, 0);
    uint64_t done = 0;

    if (found[first] == FOUND_HURT)
        return n == -EIO || problem(spoiled, "the view serves", (int64_t)first);
    for (uint64_t i = first; i < next && found[i] != FOUND_HURT; i++) {
        size_t size = sample->history.records[i].size;

        if (found[i] == FOUND_GAP)
            continue;
        if (n < 0 || done + size > (uint64_t)n)
            return problem(spoiled, "the view ends before", (int64_t)i);
        if (!is_right(sample, i, buffer + done))
            return problem(spoiled, "wrong bytes in the view", (int64_t)i);
        done += size;
    }
    return (uint64_t)n == done ||
           problem(spoiled, "the view goes past what is hurt", n);
}

static bool check_view(const struct spoiled *spoiled, struct clog *log,
                       const enum found *found, uint64_t next)
{
    struct clog_view *view = NULL;
    uint64_t at = 0;
    bool good = true;

    must(clog_view_stream(log, 0, &view), "view");
    for (uint64_t i = 0; good && i < next; i++) {
        if (i == 0 || found[i] != FOUND_GOOD || found[i - 1] != FOUND_GOOD)
            good = check_run(spoiled, view, found, i, next, at);
        if (found[i] != FOUND_GAP)
            at += spoiled->sample->history.records[i].size;
    }
    clog_view_close(view);
    return good;
}

/* The record that an append would begin with is to be written to the sector. */
static bool is_written_to(const struct spoiled *spoiled)
{
    const struct part_of_log *part = spoiled->part;
    uint64_t count = part->next - part->base;
    uint64_t end =
        spoiled->file == CLOG_STORE ? part->position[count] : count * 16;

    return spoiled->sample->state == STATE_CLOSED && part->next == RECORDS &&
           end / SECTOR == spoiled->sector;
}

/* What was given away is not given again. */
static bool check_append(const struct spoiled *spoiled, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};
    uint64_t offset = 0;
    int r;

    clog_status(log, &status);
    if (!status.writable) {
        suite.unfinished++;
        return true;
    }
    r = clog_append(log, "more", 4, 0, &offset);
    if (r == -EIO && is_written_to(spoiled)) {
        suite.refused++;
        return true;
    }
    if (r < 0 || offset != status.next || offset < spoiled->sample->floor)
        return problem(spoiled, "append", r < 0 ? r : (int64_t)offset);
    return true;
}

/* Once the last segment is sealed, its index is what is held in memory. */
static bool seal(const struct spoiled *spoiled, struct clog *log)
{
    static const uint8_t large[STORE];
    int r = clog_append(log, large, sizeof(large), 0, NULL);

    return r == 0 || problem(spoiled, "roll", r);
}

static void check_log(const struct spoiled *spoiled, struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};
    enum found found[RECORDS];

    clog_status(log, &status);
    if (status.next < spoiled->sample->floor || status.next > RECORDS)
        (void)problem(spoiled, "next", (int64_t)status.next);
    else if ((!is_growing_index(spoiled) || seal(spoiled, log)) &&
             check_records(spoiled, log, status.next, found) &&
             (is_growing_index(spoiled) ||
              check_view(spoiled, log, found, status.next)))
        (void)check_append(spoiled, log);
}

static void check(const struct spoiled *spoiled)
{
    struct memio *disk = memio_kill(spoiled->sample->disk);
    struct clog *log = NULL;
    char path[PATHS];
    int r;

    suite.sectors++;
    (void)snprintf(path, sizeof(path), "log/segments/%020" PRIu64 "/%s",
                   spoiled->part->base, file_names[spoiled->file]);
    memio_spoil(disk, path, spoiled->sector * SECTOR);
    if (suite.control)
        memio_spoil(disk, path, (spoiled->sector + 3) * SECTOR);
    r = open_log(disk, spoiled->read_only ? CLOG_READ_ONLY : 0, &log);
    if (r < 0)
        (void)problem(spoiled, "open", r);
    else
        check_log(spoiled, log);
    if (r == 0)
        log_abandon(log);
    memio_free(disk);
}

static void check_file(struct spoiled *spoiled)
{
    const struct part_of_log *part = spoiled->part;
    uint64_t count = part->next - part->base;
    uint64_t size =
        spoiled->file == CLOG_STORE ? part->position[count] : count * 16;

    for (spoiled->sector = 0; spoiled->sector * SECTOR < size;
         spoiled->sector++)
        for (int mode = 0; mode < 2; mode++) {
            spoiled->read_only = mode == 1;
            if (suite.failures < FAILURES)
                check(spoiled);
        }
}

int main(int argc, char **argv)
{
    double start = suite_clock();

    (void)io_posix(); /* it takes SIGBUS */
    suite.control = argc > 1 && strcmp(argv[1], "--control") == 0;
    for (enum state state = STATE_CLOSED; state < STATES; state++) {
        static struct sample sample;

        make_sample(&sample, state);
        for (size_t k = 0; k < sample.count; k++)
            for (int file = CLOG_STORE; file <= CLOG_STAMPS; file++) {
                struct spoiled spoiled = {.sample = &sample,
                                          .part = &sample.parts[k],
                                          .file = (enum clog_file)file};

                check_file(&spoiled);
            }
        memio_free(sample.disk);
    }
    (void)printf("sectors: %" PRIu64 " that could not be read, %" PRIu64
                 " records that could not either, %" PRIu64
                 " logs that take no appends, %" PRIu64
                 " that refuse one; %u failures, %.1f s\n",
                 suite.sectors, suite.unreadable, suite.unfinished,
                 suite.refused, suite.failures, suite_clock() - start);
    if (suite.control)
        return suite.failures > 0 ? 0 : 1;
    return suite.failures > 0 ? 1 : 0;
}
