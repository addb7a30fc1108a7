/* SPDX-License-Identifier: MIT */
/*
 * load - kills a mounted daemon under load, again and again, and compares what
 * is there afterwards with what it had acknowledged.
 *
 *     load CLOG DIR ROUNDS kill      SIGKILL; a fresh daemon takes over
 *     load CLOG DIR ROUNDS end       SIGTERM or a lazy unmount instead, which
 *                                    must end with status 0
 *     load CLOG DIR ROUNDS control   as kill, and it must find a loss
 *
 * Each record names its writer and its number, and all its bytes follow from
 * them: lost, doubled, torn and misplaced ones all show. With `end`, unfinished
 * lines become records; they are beginnings of lines and known as such.
 */
#include "random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WRITERS    6
#define READERS    2
#define RECORD_MAX 3000
#define BATCH      12 /* lines of a batch, at the most */
#define LOG_ROUNDS 10 /* rounds before a fresh log is begun */

/* How a writer writes. */
enum manner {
    LINES,   /* a line a write */
    BATCHES, /* several lines a write */
    PIECES,  /* lines cut anywhere, one write after the other */
    PUTS,    /* a record a write, any bytes */
    SYNCED,  /* a line a write, and fsync now and then */
    DURABLE, /* O_DSYNC */
};

struct writer {
    pthread_t thread;
    unsigned number;
    enum manner manner;
    uint64_t next;     /* number of the next record to be written */
    uint64_t inflight; /* records of the write that has not returned */
};

struct load {
    const char *clog;
    char log[4096], mount[4096];
    pid_t daemon;
    atomic_bool stop;
    struct rng rng;
    struct writer writers[WRITERS];
    pthread_t readers[READERS];
    _Atomic uint64_t reads;
    uint64_t records;  /* compared, over all rounds */
    uint64_t inflight; /* records found that nobody had been told of */
    uint64_t pieces;   /* unfinished lines found */
    bool end;          /* orderly ends, rather than kills */
    bool expect_loss;
};

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* What the comparison finds. In the control it is what should come. */
static _Noreturn void lost(const struct load *load, const char *format,
                           uint64_t a, uint64_t b)
{
    (void)printf("%s: ", load->expect_loss ? "noticed" : "load");
    (void)printf(format, a, b);
    (void)putchar('\n');
    (void)fflush(stdout);
    (void)kill(load->daemon, SIGKILL);
    (void)waitpid(load->daemon, NULL, 0);
    (void)umount2(load->mount, MNT_DETACH);
    exit(load->expect_loss ? 0 : 1);
}

static void path_in(char ret[static 8192], const char *dir, const char *name)
{
    (void)snprintf(ret, 8192, "%s/%s", dir, name);
}

/* --- Records
 * ------------------------------------------------------------------
 */

static enum manner manner_of(unsigned writer)
{
    return (enum manner)(writer % WRITERS);
}

/* Record `number` of a writer; returns its length, at most RECORD_MAX. */
static size_t make_record(unsigned writer, uint64_t number, char *data)
{
    uint64_t seed = random_mix(writer, number);
    size_t filler = seed % (seed % 16 == 0 ? RECORD_MAX - 64 : 80);
    size_t n = (size_t)sprintf(data, "%u %" PRIu64 " ", writer, number);

    random_fill(seed, data + n, filler);
    if (manner_of(writer) == PUTS)
        return n + filler;
    for (size_t i = n; i < n + filler; i++)
        data[i] = (char)('a' + (unsigned char)data[i] % 26);
    data[n + filler] = '\n';
    return n + filler + 1;
}

/* --- Writing
 * -------------------------------------------------------------------
 */

static bool write_whole(int fd, const char *data, size_t size)
{
    return write(fd, data, size) == (ssize_t)size;
}

static bool write_in_pieces(int fd, const char *data, size_t size,
                            struct rng *rng)
{
    while (size > 0) {
        size_t n = 1 + random_below(rng, size);

        if (!write_whole(fd, data, n))
            return false;
        data += n;
        size -= n;
    }
    return true;
}

static bool write_next(struct writer *writer, int fd, struct rng *rng)
{
    char data[BATCH * RECORD_MAX];
    size_t size = 0;
    bool written;

    writer->inflight =
        writer->manner == BATCHES ? 1 + random_below(rng, BATCH) : 1;
    for (uint64_t i = 0; i < writer->inflight; i++)
        size += make_record(writer->number, writer->next + i, data + size);
    if (writer->manner == PIECES)
        written = write_in_pieces(fd, data, size, rng);
    else
        written = write_whole(fd, data, size);
    if (!written)
        return false;
    writer->next += writer->inflight;
    writer->inflight = 0;
    return writer->manner != SYNCED || random_below(rng, 8) > 0 ||
           fsync(fd) == 0;
}

struct job {
    struct load *load;
    struct writer *writer;
    uint64_t seed;
};

static void *write_on(void *arg)
{
    struct job job = *(struct job *)arg;
    struct rng rng = {job.seed};
    bool put = job.writer->manner == PUTS;
    int flags = O_WRONLY | (job.writer->manner == DURABLE ? O_DSYNC : 0);
    char path[8192];
    int fd;

    free(arg);
    path_in(path, job.load->mount, put ? "put" : "append");
    fd = open(path, flags | O_CLOEXEC);
    while (fd >= 0 && !job.load->stop && write_next(job.writer, fd, &rng)) {
    }
    if (fd >= 0)
        (void)close(fd);
    return NULL;
}

/* Looks around while others write; what it reads is checked afterwards. */
static void *read_on(void *arg)
{
    struct job job = *(struct job *)arg;
    static const char *const names[] = {"log", "last", "status", "first",
                                        "metrics.prom"};
    struct rng rng = {job.seed};
    char path[8192];
    char data[4096];

    free(arg);
    while (!job.load->stop) {
        const char *name = names[random_below(&rng, 5)];
        int fd;

        path_in(path, job.load->mount, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 && errno != ENOENT)
            break;
        if (fd < 0)
            continue;
        while (read(fd, data, sizeof(data)) > 0 && !job.load->stop)
            job.load->reads++;
        (void)close(fd);
    }
    return NULL;
}

static pthread_t start_thread(struct load *load, struct writer *writer)
{
    struct job *job = malloc(sizeof(*job));
    pthread_t thread;

    if (!job)
        die("malloc");
    *job = (struct job){load, writer, random_next(&load->rng)};
    if (pthread_create(&thread, NULL, writer ? write_on : read_on, job) != 0)
        die("pthread_create");
    return thread;
}

static void start_load(struct load *load)
{
    load->stop = false;
    for (unsigned i = 0; i < WRITERS; i++)
        load->writers[i].thread = start_thread(load, &load->writers[i]);
    for (unsigned i = 0; i < READERS; i++)
        load->readers[i] = start_thread(load, NULL);
}

static void stop_load(struct load *load)
{
    load->stop = true;
    for (unsigned i = 0; i < WRITERS; i++)
        (void)pthread_join(load->writers[i].thread, NULL);
    for (unsigned i = 0; i < READERS; i++)
        (void)pthread_join(load->readers[i], NULL);
}

/* --- The daemon
 * -----------------------------------------------------------------
 */

static void wait_ms(uint64_t ms)
{
    struct timespec pause = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    (void)nanosleep(&pause, NULL);
}

static void spawn_daemon(struct load *load)
{
    load->daemon = fork();
    if (load->daemon < 0)
        die("fork");
    if (load->daemon == 0) {
        (void)execl(load->clog, "clog", "-f", "-o", "max_store=64K", load->log,
                    load->mount, (char *)NULL);
        _exit(127);
    }
}

static bool is_mounted(const struct load *load)
{
    char path[8192];

    path_in(path, load->mount, "status");
    return access(path, F_OK) == 0;
}

static void start_daemon(struct load *load)
{
    spawn_daemon(load);
    for (unsigned i = 0; !is_mounted(load); i++) {
        int status = 0;

        if (waitpid(load->daemon, &status, WNOHANG) == load->daemon)
            lost(load, "the daemon ended with status %" PRIu64 "%.0" PRIu64,
                 (uint64_t)status, 0);
        if (i > 30000)
            lost(load, "the daemon does not serve%.0" PRIu64 "%.0" PRIu64, 0,
                 0);
        wait_ms(1);
    }
}

static void detach(const struct load *load)
{
    if (umount2(load->mount, MNT_DETACH) < 0 && errno != EINVAL)
        die("umount");
}

static void kill_daemon(struct load *load)
{
    (void)kill(load->daemon, SIGKILL);
    (void)waitpid(load->daemon, NULL, 0);
    detach(load);
}

/* Waits for its end; a minute is a hang. */
static void expect_end(struct load *load)
{
    int status = -1;

    for (unsigned i = 0; waitpid(load->daemon, &status, WNOHANG) == 0; i++) {
        if (i > 60000)
            lost(load, "the daemon hangs%.0" PRIu64 "%.0" PRIu64, 0, 0);
        wait_ms(1);
    }
    if (status != 0)
        lost(load, "the daemon ended with status %" PRIu64 "%.0" PRIu64,
             (uint64_t)status, 0);
}

/* Ends the daemon under its load, and the load. */
static void end_daemon(struct load *load)
{
    if (!load->end) {
        kill_daemon(load);
        stop_load(load);
    } else if (random_below(&load->rng, 2) == 0) {
        (void)kill(load->daemon, SIGTERM);
        expect_end(load);
        stop_load(load);
    } else {
        detach(load);
        stop_load(load);
        expect_end(load);
    }
}

/* --- Comparing
 * --------------------------------------------------------------------
 */

struct bytes {
    char *data;
    size_t size;
};

/* The joined records, as the mount's stores have them; with frames. */
static struct bytes load_file(const char *dir, const char *name)
{
    struct bytes bytes = {0};
    size_t room = 0;
    char path[8192];
    ssize_t n = 1;
    int fd;

    path_in(path, dir, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die(path);
    while (n > 0) {
        if (room - bytes.size < 65536) {
            room = 2 * room + 131072;
            bytes.data = realloc(bytes.data, room);
            if (!bytes.data)
                die("realloc");
        }
        n = read(fd, bytes.data + bytes.size, room - bytes.size);
        if (n > 0)
            bytes.size += (size_t)n;
    }
    if (n < 0)
        die(path);
    (void)close(fd);
    return bytes;
}

/* What has been found of each writer's records, and where in `log` we are. */
struct found {
    uint64_t next[WRITERS];
    uint64_t records;
    struct bytes stream;
    size_t at;
};

/* Whether data is the beginning of writer PIECES' record `next`, or what of it
   was written behind such a beginning. */
static bool is_piece(const struct load *load, const struct found *found,
                     const char *data, size_t size)
{
    char want[RECORD_MAX];
    size_t whole;

    if (!load->end)
        return false;
    whole = make_record(PIECES, found->next[PIECES], want);
    return size < whole && memcmp(data, want, size) == 0;
}

static void check_record(struct load *load, struct found *found,
                         const char *data, size_t size)
{
    char want[RECORD_MAX];
    char head[48] = {0};
    uint64_t number = 0;
    unsigned writer = 0;
    size_t whole;

    memcpy(head, data, size < 47 ? size : 47);
    if (sscanf(head, "%u %" SCNu64 " ", &writer, &number) < 2 ||
        writer >= WRITERS || number != found->next[writer]) {
        if (is_piece(load, found, data, size)) {
            load->pieces++;
            return;
        }
        lost(load, "record %" PRIu64 " is not what comes next%.0" PRIu64,
             found->records, 0);
    }
    whole = make_record(writer, number, want);
    if (whole == size && memcmp(want, data, size) == 0)
        found->next[writer]++;
    else if (writer == PIECES && is_piece(load, found, data, size))
        load->pieces++;
    else
        lost(load, "record %" PRIu64 " has wrong bytes%.0" PRIu64,
             found->records, 0);
}

static uint64_t get_length(const char *data)
{
    uint64_t length = 0;

    for (int i = 0; i < 8; i++)
        length = length << 8 | (unsigned char)data[i];
    return length;
}

static void check_store(struct load *load, struct found *found,
                        const struct bytes *store)
{
    size_t at = 0;

    while (at < store->size) {
        uint64_t length = 0;

        if (store->size - at >= 8)
            length = get_length(store->data + at);
        at += 8;
        if (length == 0 || length > store->size - at)
            lost(load, "a store breaks off at %" PRIu64 "%.0" PRIu64, at, 0);
        check_record(load, found, store->data + at, length);
        if (length > found->stream.size - found->at ||
            memcmp(found->stream.data + found->at, store->data + at, length) !=
                0)
            lost(load, "`log` is not the records, from %" PRIu64 "%.0" PRIu64,
                 found->at, 0);
        found->at += length;
        found->records++;
        at += length;
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_segment(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void check_stores(struct load *load, struct found *found)
{
    struct dirent **names = NULL;
    char dir[8192];
    int n;

    path_in(dir, load->mount, "segments");
    n = scandir(dir, &names, is_segment, by_name);
    if (n < 0)
        die(dir);
    for (int i = 0; i < n; i++) {
        char name[300];
        struct bytes store;

        (void)snprintf(name, sizeof(name), "%s/store", names[i]->d_name);
        if (strtoull(names[i]->d_name, NULL, 10) != found->records)
            lost(load, "segment %" PRIu64 " begins at %" PRIu64, (uint64_t)i,
                 found->records);
        store = load_file(dir, name);
        check_store(load, found, &store);
        free(store.data);
        free(names[i]);
    }
    free(names);
}

/* What each writer was told is there, and at most what it was not told yet,
   whole. */
static void check_writers(struct load *load, const struct found *found)
{
    for (unsigned i = 0; i < WRITERS; i++) {
        struct writer *writer = &load->writers[i];

        if (found->next[i] < writer->next)
            lost(load,
                 "%" PRIu64 " acknowledged records of writer %" PRIu64
                 " are lost",
                 writer->next - found->next[i], i);
        if (found->next[i] != writer->next &&
            found->next[i] != writer->next + writer->inflight)
            lost(load, "%" PRIu64 " records too many of writer %" PRIu64,
                 found->next[i] - writer->next, i);
        load->inflight += found->next[i] - writer->next;
        writer->next = found->next[i];
        writer->inflight = 0;
    }
}

static uint64_t status_value(const struct load *load, const char *key)
{
    struct bytes status = load_file(load->mount, "status");
    char *line;
    uint64_t value;

    status.data[status.size] = '\0';
    line = strstr(status.data, key);
    if (!line)
        die(key);
    value = strtoull(line + strlen(key), NULL, 10);
    free(status.data);
    return value;
}

static void compare(struct load *load)
{
    struct found found = {.stream = load_file(load->mount, "log")};

    check_stores(load, &found);
    if (found.at != found.stream.size)
        lost(load, "`log` has %" PRIu64 " bytes too many%.0" PRIu64,
             found.stream.size - found.at, 0);
    if (status_value(load, "\nnext ") != found.records)
        lost(load, "there are %" PRIu64 " records, and next is %" PRIu64,
             found.records, status_value(load, "\nnext "));
    check_writers(load, &found);
    load->records += found.records;
    free(found.stream.data);
}

/* --- Rounds
 * -----------------------------------------------------------------------
 */

static void begin_log(struct load *load, const char *dir, unsigned number)
{
    (void)snprintf(load->log, sizeof(load->log), "%s/log%u", dir, number);
    for (unsigned i = 0; i < WRITERS; i++)
        load->writers[i] = (struct writer){.number = i, .manner = manner_of(i)};
    start_daemon(load);
}

/* Now and then the successor is killed too, as it starts. */
static void restart(struct load *load)
{
    if (!load->end && random_below(&load->rng, 4) == 0) {
        spawn_daemon(load);
        wait_ms(random_below(&load->rng, 40));
        kill_daemon(load);
    }
    start_daemon(load);
}

static void end_log(struct load *load)
{
    char command[8300];

    (void)kill(load->daemon, SIGTERM);
    expect_end(load);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", load->log);
    if (system(command) != 0) /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
        die(command);
}

static void run(struct load *load, const char *dir, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        if (i % LOG_ROUNDS == 0)
            begin_log(load, dir, i / LOG_ROUNDS);
        start_load(load);
        wait_ms(5 + random_below(&load->rng, 80));
        end_daemon(load);
        restart(load);
        compare(load);
        if (i % LOG_ROUNDS == LOG_ROUNDS - 1 || i == rounds - 1)
            end_log(load);
    }
}

int main(int argc, char **argv)
{
    struct load *load = calloc(1, sizeof(*load));
    const char *mode = argc == 5 ? argv[4] : "";
    unsigned rounds = argc == 5 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;

    if (!load)
        die("calloc");
    load->end = strcmp(mode, "end") == 0;
    load->expect_loss = strcmp(mode, "control") == 0;
    if (!load->end && !load->expect_loss && strcmp(mode, "kill") != 0) {
        (void)fprintf(stderr, "usage: load CLOG DIR ROUNDS kill|end|control\n");
        free(load);
        return 2;
    }
    load->clog = argv[1];
    load->rng.state = (uint64_t)time(NULL);
    (void)printf("seed %" PRIu64 "\n", load->rng.state);
    (void)snprintf(load->mount, sizeof(load->mount), "%s/mnt", argv[2]);
    if (mkdir(load->mount, 0700) < 0)
        die(load->mount);
    run(load, argv[2], rounds);
    (void)printf("%u rounds, %" PRIu64 " records compared, %" PRIu64
                 " of them beyond what was acknowledged, %" PRIu64
                 " pieces, %" PRIu64 " reads\n",
                 rounds, load->records, load->inflight, load->pieces,
                 (uint64_t)load->reads);
    free(load);
    return strcmp(mode, "control") == 0;
}
