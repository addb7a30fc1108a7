/* SPDX-License-Identifier: MIT */
/*
 * fill - appends to a log until its filesystem has no room, frees some, and
 * goes on.
 *
 *     fill DIR KIND      the log becomes DIR/log
 *
 * An append that fails leaves nothing; reads go on; appends work again once
 * there is room; the log opens again, on the full filesystem at least
 * read-only, and has lost nothing. A kind of `limit` limits files' sizes
 * instead. btrfs may refuse even to cut a file, when it is full; then the log
 * is read-only until it is opened with room.
 *
 * Linked with keeps.c it is the control: a log whose cuts do nothing.
 */
#include "clog.h"
#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define RECORD_MAX 9000
#define PART       4 /* of a batch's pieces */
#define FILE_LIMIT ((rlim_t)1 << 20)

struct fill {
    char dir[4096], ballast[8192];
    struct clog *log;
    uint64_t count;   /* records appended */
    uint64_t refused; /* appends that failed */
    int error;        /* what the filesystem says when it is full */
    bool limit;
    bool copies;    /* on writing, so that a cut may need room, too */
    bool read_only; /* a cut was refused */
};

static _Noreturn void fail(const char *what, int64_t value)
{
    (void)printf("fill: %s: %" PRId64 "\n", what, value);
    exit(1);
}

static void expect(bool holds, const char *what, int64_t value)
{
    if (!holds)
        fail(what, value);
}

static size_t make_record(uint64_t number, char *data)
{
    size_t size = 1 + random_mix(number, 3) % (RECORD_MAX - 1);

    random_fill(number, data, size);
    return size;
}

/* A batch of one or some records. */
static int append(struct fill *fill, size_t count)
{
    static char data[PART][RECORD_MAX];
    struct iovec records[PART];
    uint64_t offset = 0;
    int r;

    for (size_t i = 0; i < count; i++)
        records[i] =
            (struct iovec){data[i], make_record(fill->count + i, data[i])};
    r = clog_append_batch(fill->log, records, count, 0, &offset);
    if (r < 0)
        return r;
    expect(offset == fill->count, "offset", (int64_t)offset);
    fill->count += count;
    return 0;
}

static void check_all(struct fill *fill)
{
    static char want[RECORD_MAX], got[RECORD_MAX];
    struct clog_status status = {.size = sizeof(status)};

    clog_status(fill->log, &status);
    expect(status.next == fill->count, "next", (int64_t)status.next);
    for (uint64_t i = 0; i < fill->count; i++) {
        size_t size = make_record(i, want);
        ssize_t n = clog_read(fill->log, i, got, sizeof(got));

        expect(n == (ssize_t)size && memcmp(want, got, size) == 0, "record",
               (int64_t)i);
    }
}

static void open_log(struct fill *fill, unsigned flags)
{
    struct clog_options options = {
        .size = sizeof(options), .flags = flags, .max_store = 2 << 20};
    struct clog_report report = {0};
    int r = clog_open(fill->dir, &options, &report, &fill->log);

    expect(r == 0, "open", r);
    expect(report.rotten == 0, "rot", (int64_t)report.rotten);
    expect(fill->read_only ||
               (report.torn_records == 0 && report.torn_bytes == 0),
           "the log was left untidy; bytes", (int64_t)report.torn_bytes);
    for (size_t i = 0; i < report.note_count; i++)
        (void)printf("%s: %s\n", report.notes[i].file, report.notes[i].text);
    clog_report_done(&report);
}

/* Appends until it fails, and then what may still fit, down to nothing. */
static void fill_up(struct fill *fill)
{
    int r = 0;

    while (r == 0)
        r = append(fill, 1 + fill->count % PART);
    expect(r == fill->error, "the first refusal", r);
    for (int i = 0; i < 20; i++) {
        r = append(fill, PART);
        fill->refused += r < 0;
        if (r == -EROFS && fill->copies)
            fill->read_only = true;
        else
            expect(r == 0 || r == fill->error, "a later refusal", r);
        check_all(fill);
    }
    expect(fill->refused > 0, "nothing was refused", 0);
}

/* What keeps room away, to be freed later. */
static void put_ballast(struct fill *fill, off_t size)
{
    int fd = open(fill->ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    expect(fd >= 0, "ballast", errno);
    expect(posix_fallocate(fd, 0, size) == 0, "room for ballast", size);
    (void)close(fd);
}

static void set_limit(rlim_t size)
{
    struct rlimit limit = {size, RLIM_INFINITY};

    expect(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit", errno);
}

static void make_room(struct fill *fill)
{
    if (fill->limit)
        set_limit(RLIM_INFINITY);
    else
        expect(unlink(fill->ballast) == 0, "unlink", errno);
    sync(); /* btrfs gives room back with its next commit */
}

static void take_room(struct fill *fill, off_t size)
{
    if (fill->limit)
        set_limit(FILE_LIMIT);
    else
        put_ballast(fill, size);
}

/* The log of the full filesystem, as a reader and as the next writer. */
static void open_full(struct fill *fill)
{
    (void)clog_close(fill->log); /* there may be no room for its marker */
    open_log(fill, CLOG_READ_ONLY);
    check_all(fill);
    expect(clog_close(fill->log) == 0, "close", 0);
}

/* With room again. A log that could not cut back is opened anew. */
static void go_on(struct fill *fill)
{
    int r;

    if (fill->read_only) {
        (void)clog_close(fill->log);
        open_log(fill, CLOG_CREATE);
        fill->read_only = false;
    }
    r = append(fill, 1);
    expect(r == 0, "no append although room was made", r);
    check_all(fill);
}

static void append_again(struct fill *fill)
{
    int r;

    open_log(fill, CLOG_CREATE);
    fill->read_only = false;
    check_all(fill);
    r = append(fill, 1);
    expect(r == 0, "no append although there is room", r);
    r = clog_sync(fill->log, UINT64_MAX);
    expect(r == 0, "sync", r);
    check_all(fill);
    expect(clog_close(fill->log) == 0, "close", 0);
}

int main(int argc, char **argv)
{
    struct fill fill = {.error = -ENOSPC};

    if (argc != 3) {
        (void)fprintf(stderr, "usage: fill DIR KIND\n");
        return 2;
    }
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)snprintf(fill.dir, sizeof(fill.dir), "%s/log", argv[1]);
    fill.limit = strcmp(argv[2], "limit") == 0;
    fill.copies =
        strcmp(argv[2], "btrfs") == 0 || strcmp(argv[2], "quota") == 0;
    if (fill.limit)
        fill.error = -EFBIG;
    if (strcmp(argv[2], "quota") == 0)
        fill.error = -EDQUOT;
    (void)snprintf(fill.ballast, sizeof(fill.ballast), "%s/ballast", argv[1]);
    take_room(&fill, 1 << 20);
    open_log(&fill, CLOG_CREATE);
    fill_up(&fill);
    make_room(&fill);
    go_on(&fill);
    take_room(&fill, 1 << 19);
    fill_up(&fill);
    open_full(&fill);
    make_room(&fill);
    append_again(&fill);
    (void)printf("%" PRIu64 " records, %" PRIu64 " refusals\n", fill.count,
                 fill.refused);
    return 0;
}
