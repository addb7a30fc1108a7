/* SPDX-License-Identifier: MIT */
/*
 * visit - opens a log that somebody has left in some state, and uses it.
 *
 *     visit make LOGDIR COUNT        makes one of COUNT records
 *     visit use LOGDIR COUNT         opens that one, and does with it all
 *                                    that changes a log's files
 *     visit look LOGDIR COUNT        opens it read-only, and reads
 *
 * Record n is a line with n in it; four fill a segment, and the cursor c
 * stands at 2. To use it is to append, sync, roll, move and make cursors, drop
 * a segment, close and open again; each of the COUNT records is either right,
 * or EIO, or was dropped here, and what was appended is there.
 *
 * Exit status 0: it works, and how many records cannot be read is printed; 1:
 * it is refused, and why is printed, as the daemon says it; 2: something is
 * wrong that nobody said.
 */
#include "clog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Records of a segment, and how many are appended when it is used. */
#define SEGMENT 4
#define MORE    6

#define LINE 64

static _Noreturn void wrong(const char *what, uint64_t number, int r)
{
    printf("wrong: %s %" PRIu64 ": %s\n", what, number, strerror(-r));
    exit(2);
}

static size_t line_of(uint64_t n, char line[LINE])
{
    return (size_t)snprintf(line, LINE, "record %" PRIu64 " of the log\n", n);
}

static void print_notes(const struct clog_report *report)
{
    for (size_t i = 0; i < report->note_count; i++) {
        const struct clog_note *note = &report->notes[i];

        printf("%s: %s%s%s\n", note->file, note->text,
               note->error != 0 ? ": " : "",
               note->error != 0 ? strerror(-note->error) : "");
    }
}

/* Refused, here or later, in so many words. */
static _Noreturn void refused(const char *what, int r)
{
    printf("refused: %s: %s\n", what, strerror(-r));
    exit(1);
}

static struct clog *open_log(const char *dir, unsigned flags)
{
    struct clog_options options = {
        .size = sizeof(options),
        .flags = flags,
        .max_index = (uint64_t)SEGMENT * 16,
    };
    struct clog_report report = {0};
    struct clog *log = NULL;
    int r = clog_open(dir, &options, &report, &log);

    print_notes(&report);
    clog_report_done(&report);
    if (r < 0)
        refused("open", r);
    return log;
}

static int append(struct clog *log, uint64_t *next)
{
    char line[LINE];
    size_t size = line_of(*next, line);
    uint64_t offset = UINT64_MAX;
    int r = clog_append(log, line, size, 0, &offset);

    if (r == 0 && offset != *next)
        wrong("another offset than", *next, 0);
    if (r == 0)
        (*next)++;
    return r;
}

/* Records [from, to) are right; how many of them cannot be read. */
static uint64_t check(struct clog *log, uint64_t from, uint64_t to)
{
    uint64_t bad = 0;

    for (uint64_t n = from; n < to; n++) {
        char want[LINE];
        char got[LINE];
        size_t size = line_of(n, want);
        ssize_t r = clog_read(log, n, got, sizeof(got));

        if (r == -EIO)
            bad++;
        else if (r < 0)
            wrong("cannot read record", n, (int)r);
        else if ((size_t)r != size || memcmp(got, want, size) != 0)
            wrong("other bytes than those of record", n, 0);
    }
    return bad;
}

static struct clog_status status_of(struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)clog_status(log, &status);
    return status;
}

static int make(const char *dir, uint64_t count)
{
    struct clog *log = open_log(dir, CLOG_CREATE);
    uint64_t next = 0;
    int r = 0;

    while (r == 0 && next < count)
        r = append(log, &next);
    if (r == 0)
        r = clog_cursor_make(log, "c");
    if (r == 0)
        r = clog_cursor_move(log, "c", 2);
    if (r < 0)
        wrong("cannot make it at", next, r);
    r = clog_close(log);
    return r < 0 ? 2 : 0;
}

/* A step that may be refused for what lies there. */
static void step(const char *what, int r)
{
    if (r < 0)
        refused(what, r);
}

/* Everything that makes, changes or removes a file. The offset of the oldest
   record after that. */
static uint64_t use(struct clog *log, uint64_t *next)
{
    struct clog_cursor cursor = {0};
    uint64_t end = *next + MORE;
    uint64_t oldest;
    int r;

    while (*next < end)
        step("append", append(log, next));
    step("sync", clog_sync(log, *next));
    step("roll", append(log, next));
    r = clog_cursor_get(log, "c", &cursor);
    if (r == 0)
        step("moving a cursor", clog_cursor_move(log, "c", *next));
    r = clog_cursor_make(log, "new");
    if (r != -EEXIST)
        step("making a cursor", r);
    oldest = status_of(log).oldest;
    step("drop", clog_drop(log, oldest));
    return status_of(log).oldest;
}

static int use_log(const char *dir, uint64_t count)
{
    struct clog *log = open_log(dir, 0);
    uint64_t next = status_of(log).next;
    uint64_t first = next;
    uint64_t oldest = status_of(log).oldest;
    uint64_t bad;

    if (next < count)
        wrong("offsets would be given again from", next, 0);
    bad = check(log, oldest, count);
    if (status_of(log).writable) {
        oldest = use(log, &next);
        if (first < oldest)
            first = oldest;
        check(log, oldest, count);
        if (check(log, first, next) > 0)
            wrong("cannot read what was appended from", first, -EIO);
    }
    step("close", clog_close(log));
    log = open_log(dir, 0);
    if (status_of(log).next != next || status_of(log).oldest != oldest)
        wrong("opened again, it is another log: next", status_of(log).next, 0);
    if (check(log, first, next) > 0)
        wrong("lost what was appended from", first, -EIO);
    printf("works: oldest %" PRIu64 ", cannot read %" PRIu64 "\n", oldest, bad);
    step("close", clog_close(log));
    return 0;
}

static int look(const char *dir, uint64_t count)
{
    struct clog *log = open_log(dir, CLOG_READ_ONLY);
    struct clog_status status = status_of(log);
    uint64_t end = status.next < count ? status.next : count;

    printf("works: oldest %" PRIu64 ", cannot read %" PRIu64 "\n",
           status.oldest, check(log, status.oldest, end));
    return clog_close(log) < 0 ? 2 : 0;
}

int main(int argc, char **argv)
{
    uint64_t count = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;

    if (argc != 4) {
        fprintf(stderr, "usage: visit make|use|look LOGDIR COUNT\n");
        return 3;
    }
    alarm(30);
    if (strcmp(argv[1], "make") == 0)
        return make(argv[2], count);
    if (strcmp(argv[1], "use") == 0)
        return use_log(argv[2], count);
    return look(argv[2], count);
}
