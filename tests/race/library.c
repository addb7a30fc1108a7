/* SPDX-License-Identifier: MIT */
/*
 * library - eight threads append to a log while eight read it, for
 * ThreadSanitizer.
 *
 *     library DIR SECONDS
 *
 * A log is rolled all the time, synced, closed and opened again, and compared
 * at the end; then the next one is begun. What is read is checked: a record
 * names its writer, its number among that writer's, and its length.
 */
#include "clog.h"
#include "random.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WRITERS    8
#define READERS    8
#define RECORD_MAX 300
#define BATCH      10

struct race {
    struct clog *log;
    atomic_bool stop;
    _Atomic uint64_t next[WRITERS]; /* the writer's next number */
    _Atomic uint64_t appended, read, synced;
};

struct racer {
    struct race *race;
    unsigned number;
    pthread_t thread;
};

static _Noreturn void fail(const char *what, int64_t value)
{
    (void)fprintf(stderr, "library: %s: %" PRId64 "\n", what, value);
    exit(1);
}

static void expect(bool holds, const char *what, int64_t value)
{
    if (!holds)
        fail(what, value);
}

/* --- Records -----------------------------------------------------------------
 */

static size_t make_record(unsigned writer, uint64_t number, char *data)
{
    uint64_t seed = random_mix(writer, number);
    size_t filler = seed % (RECORD_MAX - 40);
    size_t n = (size_t)sprintf(data, "%u %" PRIu64 " ", writer, number);

    random_fill(seed, data + n, filler);
    return n + filler;
}

static void check_record(const char *data, size_t size)
{
    char head[48] = {0};
    char want[RECORD_MAX];
    uint64_t number = 0;
    unsigned writer = 0;

    memcpy(head, data, size < 47 ? size : 47);
    expect(sscanf(head, "%u %" SCNu64 " ", &writer, &number) == 2,
           "a record without a head", (int64_t)size);
    expect(make_record(writer, number, want) == size &&
               memcmp(want, data, size) == 0,
           "a wrong record", (int64_t)number);
}

/* --- Writers -----------------------------------------------------------------
 */

static void append_some(struct racer *racer, struct rng *rng)
{
    char data[BATCH][RECORD_MAX];
    struct iovec records[BATCH];
    struct race *race = racer->race;
    uint64_t number = race->next[racer->number];
    uint64_t offset = 0;
    size_t count = 1 + random_below(rng, BATCH);
    unsigned flags = random_below(rng, 4) == 0 ? CLOG_NOWAIT : 0;
    int r;

    for (size_t i = 0; i < count; i++)
        records[i] = (struct iovec){
            data[i], make_record(racer->number, number + i, data[i])};
    r = clog_append_batch(race->log, records, count, flags, &offset);
    expect(r == 0 || (r == -EAGAIN && flags != 0), "append", r);
    if (r < 0)
        return;
    race->next[racer->number] += count;
    race->appended += count;
    if (random_below(rng, 16) == 0) {
        r = clog_sync(race->log, offset + count);
        expect(r == 0, "sync", r);
        race->synced++;
    }
}

static void *write_on(void *arg)
{
    struct racer *racer = arg;
    struct rng rng = {racer->number};

    while (!racer->race->stop)
        append_some(racer, &rng);
    return NULL;
}

/* --- Readers -----------------------------------------------------------------
 */

static uint64_t any_offset(struct race *race, struct rng *rng)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(race->log, &status);
    expect(status.durable <= status.next && status.oldest == 0 &&
               status.records == status.next,
           "status", (int64_t)status.next);
    if (random_below(rng, 2) == 0 && status.next > 0)
        return status.next - 1;
    return status.next > 0 ? random_below(rng, status.next) : 0;
}

static void read_record(struct race *race, struct rng *rng)
{
    char data[RECORD_MAX];
    uint64_t offset = any_offset(race, rng);
    struct clog_record record;
    ssize_t n = clog_read(race->log, offset, data, sizeof(data));

    if (n == -ENOENT && offset == 0)
        return; /* nothing has been appended yet */
    expect(n > 0, "read", n);
    check_record(data, (size_t)n);
    expect(clog_stat(race->log, offset, 0, &record) == 0 &&
               record.length == (uint64_t)n,
           "stat", (int64_t)offset);
}

/* Any piece of the joined view: it is there whole. */
static void read_stream(struct race *race, struct rng *rng)
{
    char data[4096];
    struct clog_view *view = NULL;
    struct clog_status status = {.size = sizeof(status)};
    uint64_t position = 0;
    ssize_t n;
    int r;

    clog_status(race->log, &status);
    r = clog_view_stream(race->log, status.stream_start, &view);
    expect(r == 0, "stream", r);
    if (status.stream_end > 0)
        position = random_below(rng, status.stream_end);
    n = clog_view_read(view, data, sizeof(data), position,
                       random_below(rng, 2) == 0 ? CLOG_NOWAIT : 0);
    expect(n >= 0 || n == -EAGAIN, "stream read", n);
    clog_view_close(view);
}

/* A segment's file, raw; the active one's grows meanwhile. */
static void read_raw(struct race *race, struct rng *rng)
{
    char data[2048];
    struct clog_view *view = NULL;
    struct clog_segment segment;
    enum clog_file file = (enum clog_file)random_below(rng, 3);
    ssize_t n;
    int r = clog_segment(race->log, any_offset(race, rng), 0, &segment);

    if (r == -ENOENT)
        return; /* that offset was in the last segment */
    expect(r == 0, "segment", r);
    r = clog_view_segment(race->log, segment.base, file, &view);
    expect(r == 0, "raw view", r);
    n = clog_view_read(view, data, sizeof(data), 0, 0);
    expect(n >= 0 && (uint64_t)n <= clog_view_size(view), "raw read", n);
    clog_view_close(view);
}

static void *read_on(void *arg)
{
    static void (*const ways[])(struct race *, struct rng *) = {
        read_record, read_stream, read_raw};
    struct racer *racer = arg;
    struct rng rng = {1000 + racer->number};

    while (!racer->race->stop) {
        ways[random_below(&rng, 3)](racer->race, &rng);
        racer->race->read++;
    }
    return NULL;
}

/* --- The race ----------------------------------------------------------------
 */

static void race_for_a_second(struct race *race)
{
    struct racer racers[WRITERS + READERS];

    race->stop = false;
    for (unsigned i = 0; i < WRITERS + READERS; i++) {
        racers[i] = (struct racer){.race = race, .number = i};
        expect(pthread_create(&racers[i].thread, NULL,
                              i < WRITERS ? write_on : read_on,
                              &racers[i]) == 0,
               "pthread_create", i);
    }
    (void)nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    race->stop = true;
    for (unsigned i = 0; i < WRITERS + READERS; i++)
        (void)pthread_join(racers[i].thread, NULL);
}

/* Every writer's records are there, in order. */
static void check_all(struct race *race)
{
    uint64_t found[WRITERS] = {0};
    struct clog_status status = {.size = sizeof(status)};

    clog_status(race->log, &status);
    for (uint64_t i = 0; i < status.next; i++) {
        char data[RECORD_MAX];
        uint64_t number = 0;
        unsigned writer = 0;
        ssize_t n = clog_read(race->log, i, data, sizeof(data) - 1);

        expect(n > 0, "read at the end", n);
        check_record(data, (size_t)n);
        data[n] = '\0';
        (void)sscanf(data, "%u %" SCNu64 " ", &writer, &number);
        expect(number == found[writer]++, "order", (int64_t)i);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        expect(found[i] == race->next[i], "count", i);
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

/* A log is opened twice, so that it stays small, compared, and removed. */
static void run_lap(struct race *race, const char *dir, uint64_t staging)
{
    struct clog_options options = {.size = sizeof(options),
                                   .flags = CLOG_CREATE,
                                   .max_store = 32768,
                                   .max_index = 4096,
                                   .staging = staging};

    for (unsigned i = 0; i < WRITERS; i++)
        race->next[i] = 0;
    for (unsigned i = 0; i < 3; i++) {
        int r = clog_open(dir, &options, NULL, &race->log);

        expect(r == 0, "open", r);
        if (i < 2)
            race_for_a_second(race);
        else
            check_all(race);
        r = clog_close(race->log);
        expect(r == 0, "close", r);
    }
    expect(nftw(dir, remove_one, 16, FTW_PHYS | FTW_DEPTH) == 0, "remove", 0);
}

static void run(struct race *race, const char *dir, unsigned seconds)
{
    time_t end = time(NULL) + (time_t)seconds;

    for (unsigned lap = 0; lap < 2 || time(NULL) < end; lap++)
        run_lap(race, dir, lap % 2 ? 64 << 10 : 0);
}

int main(int argc, char **argv)
{
    struct race race = {0};

    if (argc != 3) {
        (void)fprintf(stderr, "usage: library DIR SECONDS\n");
        return 2;
    }
    run(&race, argv[1], (unsigned)strtoul(argv[2], NULL, 10));
    (void)printf(
        "%" PRIu64 " records appended, %" PRIu64 " syncs, %" PRIu64 " reads\n",
        (uint64_t)race.appended, (uint64_t)race.synced, (uint64_t)race.read);
    return 0;
}
