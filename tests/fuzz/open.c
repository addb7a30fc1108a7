/* SPDX-License-Identifier: MIT */
/*
 * open - arbitrary directories, opened as logs.
 *
 * An input is a list of steps: append, sync, close, kill, cut the power,
 * damage a file, replace it by the input's own bytes. So files come about that
 * were logs once, as well as ones that never were. After each end of a run the
 * log is opened read-only, and then to be written: neither may crash, hang or
 * ask for much memory, and both must see the same records. As long as nothing
 * has been damaged, they must see what was promised.
 */
#include "fuzz.h"

#include "log/log.h"
#include "memio.h"
#include "random.h"
#include "spoil.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS      48
#define RECORD_MAX 600
#define FILE_MAX   (256 << 10) /* bytes that damage lets a file have */
#define SEEN_MAX   4096        /* records that are compared */
#define NAMES      8           /* segments that damage finds */
#define LOG        "log"

struct run {
    struct memio *disk;
    struct clog *log; /* NULL: not open */
    struct source source;
    bool damaged;      /* nothing is promised any more */
    bool cut;          /* power, since it was open */
    bool refused;      /* it cannot be opened any more */
    uint64_t appended; /* records, as long as it is not damaged */
    uint64_t durable;  /* of them */
};

static const struct clog_options writing = {.size = sizeof(writing),
                                            .flags = CLOG_CREATE,
                                            .max_store = 700,
                                            .max_index = 256};
static const struct clog_options reading = {.size = sizeof(reading),
                                            .flags = CLOG_READ_ONLY};

static int (*memory_stat)(struct io *io, int fd, struct io_stat *ret);

static _Noreturn void wrong(const char *what, uint64_t value)
{
    (void)fprintf(stderr, "open: %s: %llu\n", what, (unsigned long long)value);
    abort();
}

/* As the system answers where there is no file. */
static int stat_of_nothing(struct io *io, int fd, struct io_stat *ret)
{
    return fd < 0 ? -EBADF : memory_stat(io, fd, ret);
}

static struct io *io_of(struct memio *disk)
{
    static struct io_ops ops;
    struct io *io = memio_io(disk);

    if (!memory_stat) {
        ops = *io->ops;
        memory_stat = ops.stat;
        ops.stat = stat_of_nothing;
    }
    io->ops = &ops;
    return io;
}

static size_t make_record(uint64_t number, char *data)
{
    size_t size = 1 + random_mix(number, 7) % 97;

    random_fill(number, data, size);
    return size;
}

/* --- What is seen
 * -------------------------------------------------------------- */

/* A number that stands for all that a log shows. */
struct sight {
    uint64_t oldest, next, records, stream_end;
    uint64_t sum; /* of results and bytes of the first SEEN_MAX records */
};

/* n bytes, or an error. */
static uint64_t mix_result(uint64_t sum, const char *data, ssize_t n)
{
    for (ssize_t i = 0; i < n; i++)
        sum = (sum ^ (uint8_t)data[i]) * 0x100000001b3u;
    return (sum ^ (uint64_t)n) * 0x100000001b3u;
}

static void read_stream(struct clog *log, const struct clog_status *status)
{
    static char data[65536];
    struct clog_view *view = NULL;
    uint64_t at = 0;
    ssize_t n = 1;

    if (clog_view_stream(log, status->stream_start, &view) < 0)
        return;
    for (int i = 0; n > 0 && i < 64; i++) {
        n = clog_view_read(view, data, sizeof(data), at, 0);
        if (n > 0)
            at += (uint64_t)n;
    }
    if (at > clog_view_size(view))
        wrong("a stream longer than its size", at);
    clog_view_close(view);
}

static void read_segments(struct clog *log)
{
    static char data[4096];
    struct clog_segment segment = {0};
    uint64_t base = 0;

    for (int i = 0; i < 64 && clog_segment(log, base, 0, &segment) == 0; i++) {
        struct clog_view *view = NULL;
        enum clog_file file = (enum clog_file)(i % 3);

        if (clog_view_segment(log, segment.base, file, &view) == 0)
            (void)clog_view_read(view, data, sizeof(data), 0, 0);
        clog_view_close(view);
        if (segment.base == UINT64_MAX)
            break;
        base = segment.base + 1;
    }
}

/* The input's records may be as long as the library allows any. */
static uint64_t read_record(struct clog *log, uint64_t offset, uint64_t sum)
{
    static char data[65536];
    struct clog_record record = {0};
    ssize_t n = clog_read(log, offset, data, sizeof(data));
    int r = clog_stat(log, offset, 0, &record);

    if (r == 0 && n >= 0 && record.length != (uint64_t)n)
        wrong("two lengths of a record", offset);
    return mix_result(sum, data, n);
}

static struct sight look(struct clog *log)
{
    struct clog_status status = {.size = sizeof(status)};
    struct sight sight = {0};
    uint64_t offset;

    clog_status(log, &status);
    sight.oldest = status.oldest;
    sight.next = status.next;
    sight.records = status.records;
    sight.stream_end = status.stream_end - status.stream_start;
    offset = clog_seek(log, status.oldest);
    for (int i = 0; i < SEEN_MAX && offset < status.next; i++) {
        sight.sum = read_record(log, offset, sight.sum ^ offset);
        offset = clog_seek(log, offset + 1);
    }
    read_stream(log, &status);
    read_segments(log);
    return sight;
}

static void check_promises(struct run *run)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(run->log, &status);
    if (run->damaged)
        return;
    if (status.next < (run->cut ? run->durable : run->appended) ||
        status.next > run->appended)
        wrong("records are lost, or come from nowhere", status.next);
    for (uint64_t i = 0; i < status.next; i++) {
        char want[RECORD_MAX];
        char got[RECORD_MAX];
        size_t size = make_record(i, want);

        if (clog_read(run->log, i, got, sizeof(got)) != (ssize_t)size ||
            memcmp(want, got, size) != 0)
            wrong("a wrong record", i);
    }
    run->appended = run->durable = status.next;
    run->cut = false;
}

/* --- Opening
 * ------------------------------------------------------------------- */

static void check_report(const struct clog_report *report)
{
    for (size_t i = 0; i < report->note_count; i++) {
        const struct clog_note *note = &report->notes[i];

        if (!memchr(note->text, '\0', sizeof(note->text)) ||
            !memchr(note->file, '\0', sizeof(note->file)))
            wrong("a note without an end", i);
    }
#ifdef PLANTED
    /* The control: a write behind what was allocated, where there was something
       to cut. */
    volatile char *places = calloc(1, 1);

    if (places && report->torn_bytes > 0)
        places[report->note_count] = 1;
    free((void *)places);
#endif
}

static int try_open(struct memio *disk, const struct clog_options *options,
                    struct clog **ret_log)
{
    struct clog_report report = {0};
    int r = log_open(io_of(disk), LOG, options, &report, ret_log);

    check_report(&report);
    clog_report_done(&report);
    return r;
}

/* Opens the disk read-only, to see what a writer will see; it must not
   matter that somebody looked. */
static int look_read_only(const struct run *run, struct sight *ret_sight)
{
    struct memio *copy = memio_kill(run->disk);
    struct clog *log = NULL;
    int r = try_open(copy, &reading, &log);

    if (r == 0) {
        *ret_sight = look(log);
        (void)clog_close(log);
    }
    memio_free(copy);
    return r;
}

static void open_log(struct run *run)
{
    struct sight before = {0};
    struct sight after;
    int seen = look_read_only(run, &before);
    int r = try_open(run->disk, &writing, &run->log);

    run->refused = r < 0;
    if (r < 0 && !run->damaged)
        wrong("it cannot be opened", (uint64_t)-r);
    if (r < 0)
        return;
    after = look(run->log);
    if (seen == 0 && memcmp(&before, &after, sizeof(after)) != 0)
        wrong("readers see another log than writers, up to", after.next);
    check_promises(run);
}

static void replace_disk(struct run *run, struct memio *disk)
{
    memio_free(run->disk);
    run->disk = disk;
}

/* Loses nothing. */
static void kill_log(struct run *run)
{
    if (run->log)
        log_abandon(run->log);
    run->log = NULL;
    replace_disk(run, memio_kill(run->disk));
}

static void cut_power(struct run *run)
{
    enum memio_loss loss =
        (enum memio_loss)(take8(&run->source) % MEMIO_LOSSES);
    uint64_t seed = take16(&run->source);

    if (run->log)
        log_abandon(run->log);
    run->log = NULL;
    run->cut = true;
    replace_disk(run, memio_power_cut(run->disk, loss, seed));
}

static void close_log(struct run *run)
{
    if (run->log && clog_close(run->log) == 0 && !run->damaged)
        run->durable = run->appended;
    run->log = NULL;
}

/* --- Damage
 * -------------------------------------------------------------------- */

struct names {
    char names[NAMES][32];
    size_t count;
};

static int note_segment(void *ctx, const char *name)
{
    struct names *segments = ctx;

    if (segments->count < NAMES && strlen(name) < 32)
        strcpy(segments->names[segments->count++], name);
    return 0;
}

/* Any file of the log, by two bytes of the input. */
static void any_file(struct run *run, char ret[static 128])
{
    static const char *const marks[] = {"format", "writer", "clean", "durable"};
    static const char *const files[] = {"store", "index", "stamps"};
    struct names segments = {0};
    uint8_t which = take8(&run->source);
    uint8_t segment = take8(&run->source);

    (void)memio_list(run->disk, LOG "/segments", note_segment, &segments);
    if (which % 8 >= 6 || segments.count == 0)
        (void)snprintf(ret, 128, LOG "/%s", marks[which / 8 % 4]);
    else
        (void)snprintf(ret, 128, LOG "/segments/%s/%s",
                       segments.names[segment % segments.count],
                       files[which % 3]);
}

static void patch(struct run *run, const char *path)
{
    struct file_at at = {path, take16(&run->source)};
    uint8_t bits[16];
    size_t n = 1 + take8(&run->source) % sizeof(bits);

    take(&run->source, bits, n);
    spoil_flip(run->disk, &at, bits, n);
}

static void overwrite(struct run *run, const char *path)
{
    uint8_t bytes[2048];
    size_t n = take16(&run->source) % sizeof(bytes);

    take(&run->source, bytes, n);
    spoil_replace(run->disk, path, bytes, n);
}

/* A block of one file over another one's. */
static void copy_block(struct run *run, const char *path)
{
    char other[128];
    struct file_at from = {other, 0};
    struct file_at to = {path, 0};
    size_t n = 1 + take8(&run->source);

    any_file(run, other);
    from.at = to.at = take16(&run->source);
    spoil_copy(run->disk, &from, &to, n);
}

static void damage(struct run *run)
{
    struct io *io;
    char path[128];
    uint64_t size = 0;
    bool there;

    kill_log(run);
    run->damaged = true;
    io = io_of(run->disk);
    (void)io->ops->mkdir(io, AT_FDCWD, LOG, 0700); /* it may be there */
    any_file(run, path);
    there = memio_bytes(run->disk, path, &size) != NULL;
    switch (take8(&run->source) % 6) {
    case 0:
        patch(run, path);
        break;
    case 1:
        if (there)
            memio_resize(run->disk, path, take16(&run->source));
        break;
    case 2:
        if (there)
            memio_remove(run->disk, path);
        break;
    case 3:
        overwrite(run, path);
        break;
    case 4:
        copy_block(run, path);
        break;
    default:
        spoil_repeat(run->disk, path,
                     (uint64_t)take8(&run->source) * (FILE_MAX / 256));
    }
}

/* --- Steps
 * --------------------------------------------------------------------- */

static void append(struct run *run)
{
    char data[3][RECORD_MAX];
    struct iovec records[3];
    size_t count = 1 + take8(&run->source) % 3U;
    uint64_t offset = 0;
    int r;

    for (size_t i = 0; i < count; i++)
        records[i] =
            (struct iovec){data[i], make_record(run->appended + i, data[i])};
    r = clog_append_batch(run->log, records, count, 0, &offset);
    if (r < 0 && r != -EROFS && r != -EFBIG)
        wrong("append", (uint64_t)-r);
    if (r < 0 && !run->damaged)
        wrong("a sound log takes no appends", (uint64_t)-r);
    if (r == 0 && !run->damaged && offset != run->appended)
        wrong("another offset", offset);
    run->appended += r == 0 ? count : 0;
}

static void verify(struct run *run, bool repair)
{
    struct clog_verify_options options = {.size = sizeof(options),
                                          .repair = repair};
    struct clog_verify_result result = {.size = sizeof(result)};
    int r;

    kill_log(run);
    r = log_verify(io_of(run->disk), LOG, &options, &result);
    /* There may be no log yet; and a repair that cuts needs larger maps than
       this disk has. */
    if (!run->damaged && r != -ENOENT && r != -ENOMEM &&
        (r < 0 || result.good != result.records))
        wrong("verify finds damage",
              r < 0 ? (uint64_t)-r : result.records - result.good);
}

static void step(struct run *run)
{
    uint8_t what = take8(&run->source) % 16;

    if (!run->log && what < 7)
        open_log(run);
    if (what < 6 && run->log)
        append(run);
    else if (what == 6 && run->log && clog_sync(run->log, UINT64_MAX) == 0)
        run->durable = run->appended;
    else if (what == 7)
        close_log(run);
    else if (what == 8)
        kill_log(run);
    else if (what == 9)
        cut_power(run);
    else if (what == 10)
        verify(run, (take8(&run->source) & 1) != 0);
    else if (what > 10)
        damage(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.source = {data, size}};

    run.disk = memio_new();
    for (int i = 0; i < STEPS && run.source.size > 0 && !run.refused; i++)
        step(&run);
    kill_log(&run);
    if (!run.refused)
        open_log(&run);
    close_log(&run);
    verify(&run, false);
    verify(&run, true);
    memio_free(run.disk);
    return 0;
}

/* A life without accidents; a kill; a power cut; one damage of each kind. */
size_t fuzz_seed(unsigned i, uint8_t *data)
{
    static const uint8_t begin[] = {0, 2, 1, 0, 2, 2, 6, 0, 1, 1, 2, 2, 1};
    static const uint8_t ends[][12] = {
        {7, 0, 1},
        {8, 0, 1},
        {9, 0, 1, 2},
        {9, 6, 1, 2},
        {11, 0, 0, 0, 30, 0, 1, 8},
        {11, 1, 0, 1, 30},
        {11, 2, 0, 2},
        {11, 0, 0, 3, 40},
        {11, 6, 0, 4, 9, 0, 0},
        {7, 11, 22, 0, 0, 8, 0, 0, 1},
        {10, 1, 0, 1},
        {11, 0, 0, 5, 200, 11, 2, 0, 5, 200},
    };

    if (i >= sizeof(ends) / sizeof(ends[0]))
        return 0;
    memcpy(data, begin, sizeof(begin));
    memcpy(data + sizeof(begin), ends[i], sizeof(ends[i]));
    return sizeof(begin) + sizeof(ends[i]);
}
