/* SPDX-License-Identifier: MIT */
/*
 * together - everybody at once on one mount, while retention drops segments.
 *
 *     together MOUNT SECONDS RATE
 *
 * One writer appends RATE records a second, or, with 0, as many as it can.
 * Record N is a line that N alone determines, so each reader can tell a byte
 * that is wrong from one that is missing. Readers: of `log` by read(2), of
 * `log` by tail -f, of `follow`, of records/ by a cursor, of a cursor's `log`,
 * of records at random, and of a record and a segment that were opened once.
 *
 * At a pace, a reader that misses anything has failed. At full speed it may,
 * provided that it was told: ESTALE, EPIPE, or the cursor's `lost`. Wrong
 * bytes, bytes twice, and gaps that nobody told of are failures always.
 *
 * Prints how far each one came, and exits 1 if one failed. The log must be
 * new, and its writer alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RECORD_MAX 4200
#define NUMBER     20 /* digits that a record begins with */

static const char *mount;
static unsigned rate;
static atomic_bool stopping;
static atomic_bool failed;
static _Atomic uint64_t written;

static void failure(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static void failure(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    fprintf(stderr, "together: ");
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    failed = true;
}

static int open_file(const char *name, int flags)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", mount, name);
    return open(path, flags | O_CLOEXEC);
}

/* Record N: its number, and as many letters as depends on it. */
static size_t make_record(uint64_t n, char data[RECORD_MAX])
{
    size_t letters = (size_t)(n * 2654435761U % 4096);

    snprintf(data, NUMBER + 1, "%0*llu", NUMBER, (unsigned long long)n);
    memset(data + NUMBER, (int)('a' + n % 26), letters);
    data[NUMBER + letters] = '\n';
    return NUMBER + letters + 1;
}

static void *write_on(void *arg)
{
    int fd = open_file("append", O_WRONLY);
    char data[RECORD_MAX];
    uint64_t n = 0;

    (void)arg;
    for (; fd >= 0 && !stopping; n++) {
        size_t size = make_record(n, data);

        if (write(fd, data, size) != (ssize_t)size) {
            failure("writing %llu: %s", (unsigned long long)n, strerror(errno));
            break;
        }
        written = n + 1;
        if (rate > 0)
            usleep(1000000 / rate);
    }
    close(fd);
    return NULL;
}

/* A reader of many records, one after the other. */
struct reader {
    const char *name;
    uint64_t next;  /* the record that comes next */
    bool told;      /* something may be missing, from here on */
    uint64_t reads; /* records that were right */
    uint64_t tolds; /* how often it was told */
    size_t size;
    char data[RECORD_MAX + 65536];
};

static void tell(struct reader *reader)
{
    reader->told = true;
    reader->tolds++;
    reader->size = 0;
    if (rate > 0)
        failure("%s fell behind at %llu", reader->name,
                (unsigned long long)reader->next);
}

static bool check_record(struct reader *reader, const char *data, size_t size)
{
    char want[RECORD_MAX];
    char digits[NUMBER + 1] = "";
    uint64_t n = reader->next;

    if (reader->told && size > NUMBER) {
        memcpy(digits, data, NUMBER);
        n = strtoull(digits, NULL, 10);
    }
    if (n < reader->next || make_record(n, want) != size ||
        memcmp(want, data, size) != 0) {
        failure("%s: not record %llu: '%.*s', %zu bytes", reader->name,
                (unsigned long long)reader->next, (int)(size > 30 ? 30 : size),
                data, size);
        return false;
    }
    reader->told = false;
    reader->next = n + 1;
    reader->reads++;
    return true;
}

/* Takes n more bytes that were read into the reader's buffer. */
static bool take(struct reader *reader, size_t n)
{
    char *data = reader->data;
    size_t size = reader->size + n;
    char *end;

    while ((end = memchr(data, '\n', size)) != NULL) {
        size_t length = (size_t)(end - data) + 1;

        if (!check_record(reader, data, length))
            return false;
        data += length;
        size -= length;
    }
    if (size > RECORD_MAX) {
        failure("%s: no record ends", reader->name);
        return false;
    }
    memmove(reader->data, data, size);
    reader->size = size;
    return true;
}

/* At full speed, long enough now and then that retention gets ahead. */
static void dawdle(const struct reader *reader)
{
    if (rate == 0 && reader->reads % 1000 > 900)
        usleep(300000);
}

/* Reads the stream; at its end it waits, and when it is dropped, reopens. */
static void *read_stream(void *arg)
{
    struct reader *reader = arg;
    const char *path =
        strcmp(reader->name, "cursor log") == 0 ? "cursors/mark/log" : "log";
    int fd = open_file(path, O_RDONLY);

    while (!stopping) {
        ssize_t n = read(fd, reader->data + reader->size, 65536);

        if (n > 0 && !take(reader, (size_t)n))
            break;
        dawdle(reader);
        if (n == 0)
            usleep(2000);
        if (n < 0 && errno != ESTALE) {
            failure("%s: %s", reader->name, strerror(errno));
            break;
        }
        if (n < 0) {
            tell(reader);
            close(fd);
            fd = open_file(path, O_RDONLY);
        }
    }
    close(fd);
    return NULL;
}

static void *read_follow(void *arg)
{
    struct reader *reader = arg;
    int fd = open_file("follow", O_RDONLY);

    while (!stopping) {
        ssize_t n = read(fd, reader->data + reader->size, 65536);

        if (n > 0 && !take(reader, (size_t)n))
            break;
        dawdle(reader);
        if (n > 0 && reader->size > 0) {
            failure("follow: half a record");
            break;
        }
        if (n < 0 && errno != EPIPE) {
            failure("follow: %s", strerror(errno));
            break;
        }
        if (n < 0)
            tell(reader);
    }
    close(fd);
    return NULL;
}

/* coreutils' tail, which ends when what it reads has been dropped. */
static void *read_tail(void *arg)
{
    struct reader *reader = arg;
    char path[4096];
    int ends[2];
    ssize_t n;
    pid_t pid;

    snprintf(path, sizeof(path), "%s/log", mount);
    if (pipe(ends) < 0 || (pid = fork()) < 0)
        return NULL;
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execlp("tail", "tail", "-f", "-s", "0.05", "-n", "+1", path, NULL);
        _exit(127);
    }
    close(ends[1]);
    while (!stopping &&
           (n = read(ends[0], reader->data + reader->size, 65536)) > 0) {
        if (!take(reader, (size_t)n))
            break;
    }
    if (!stopping && !failed)
        tell(reader);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ends[0]);
    return NULL;
}

static bool read_number(const char *name, uint64_t *ret_number)
{
    char text[64] = "";
    int fd = open_file(name, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    close(fd);
    *ret_number = strtoull(text, NULL, 10);
    return n > 0;
}

static bool move_cursor(uint64_t offset)
{
    char text[32];
    int size =
        snprintf(text, sizeof(text), "%llu\n", (unsigned long long)offset);
    int fd = open_file("cursors/work/offset", O_WRONLY);
    bool moved = fd >= 0 && write(fd, text, (size_t)size) == size;

    if (!moved)
        failure("moving the cursor: %s", strerror(errno));
    close(fd);
    return moved;
}

/* Reads record n whole; its size, or a negative errno. */
static ssize_t read_record(uint64_t n, char *data)
{
    char name[64];
    ssize_t size;
    int fd;

    snprintf(name, sizeof(name), "records/%llu", (unsigned long long)n);
    fd = open_file(name, O_RDONLY);
    if (fd < 0)
        return -errno;
    size = read(fd, data, RECORD_MAX);
    if (size < 0)
        size = -errno;
    close(fd);
    return size;
}

/* What is gone must be counted as lost: exactly what lies below oldest. */
static bool go_on_after_loss(struct reader *reader)
{
    uint64_t lost = 0;

    if (!read_number("cursors/work/lost", &lost) || lost == 0) {
        failure("cursor: record %llu is gone, and none is lost",
                (unsigned long long)reader->next);
        return false;
    }
    tell(reader);
    reader->next += lost;
    return move_cursor(reader->next);
}

static void *read_by_cursor(void *arg)
{
    struct reader *reader = arg;
    uint64_t offset, known;
    ssize_t size;

    while (!stopping) {
        if (!read_number("cursors/work/offset", &offset)) {
            failure("cursor: cannot be read");
            break;
        }
        if (offset != reader->next && reader->next % 16 == 0)
            failure("cursor: it moved by itself, to %llu",
                    (unsigned long long)offset);
        known = written;
        size = read_record(reader->next, reader->data);
        if (size == -ENOENT && reader->next >= known) {
            usleep(2000);
        } else if (size == -ENOENT || size == -ESTALE) {
            if (!move_cursor(reader->next) || !go_on_after_loss(reader))
                break;
        } else if (size < 0 ||
                   !check_record(reader, reader->data, (size_t)size)) {
            failure("cursor: record %llu: %zd",
                    (unsigned long long)reader->next, size);
            break;
        } else if (reader->next % 16 == 0 && !move_cursor(reader->next)) {
            break;
        }
    }
    return NULL;
}

/* Any record: right, or gone because it lies below oldest. */
static void *read_at_random(void *arg)
{
    struct reader *reader = arg;
    uint64_t state = 88172645463325252U;
    char want[RECORD_MAX];

    while (!stopping) {
        uint64_t end = written;
        uint64_t n;
        ssize_t size;

        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if (end == 0)
            continue;
        n = end > 400 ? end - 1 - state % 400 : state % end;
        size = read_record(n, reader->data);
        if (size == -ENOENT || size == -ESTALE) {
            reader->tolds++;
        } else if (size != (ssize_t)make_record(n, want) ||
                   memcmp(want, reader->data, (size_t)size) != 0) {
            failure("records/%llu: %zd", (unsigned long long)n, size);
            break;
        } else {
            reader->reads++;
        }
        usleep(500);
    }
    return NULL;
}

static uint64_t sum(const char *data, ssize_t size)
{
    uint64_t sum = 14695981039346656037U;

    for (ssize_t i = 0; i < size; i++)
        sum = (sum ^ (unsigned char)data[i]) * 1099511628211U;
    return sum;
}

/* Record 0 and its segment's store, opened when they are there: whoever has
   them open keeps them, whatever is dropped. */
static void *read_what_was_open(void *arg)
{
    struct reader *reader = arg;
    char want[RECORD_MAX];
    size_t size = make_record(0, want);
    uint64_t before = 0;
    int record, store;

    while (written < 200 && !stopping)
        usleep(1000);
    record = open_file("records/0", O_RDONLY | O_DIRECT);
    store = open_file("segments/00000000000000000000/store", O_RDONLY);
    while (!stopping) {
        uint64_t now;
        ssize_t n = pread(record, reader->data, RECORD_MAX, 0);

        if (n != (ssize_t)size || memcmp(want, reader->data, size) != 0)
            failure("a record that is open: %zd", n);
        n = pread(store, reader->data, 60000, 0);
        now = sum(reader->data, n);
        if (n < 1000 || (before != 0 && now != before))
            failure("a segment that is open: %zd", n);
        before = n == 60000 ? now : 0;
        if (failed)
            break;
        reader->reads++;
        usleep(20000);
    }
    close(record);
    close(store);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct reader readers[] = {
        {.name = "log"},        {.name = "tail"},   {.name = "follow"},
        {.name = "cursor"},     {.name = "random"}, {.name = "open"},
        {.name = "cursor log"},
    };
    static void *(*const runs[])(void *) = {
        read_stream,    read_tail,          read_follow, read_by_cursor,
        read_at_random, read_what_was_open, read_stream,
    };
    pthread_t threads[sizeof(runs) / sizeof(runs[0])];
    const size_t count = sizeof(runs) / sizeof(runs[0]);
    unsigned seconds = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
    pthread_t writer;
    char path[4096];

    if (seconds == 0) {
        fprintf(stderr, "usage: together MOUNT SECONDS RATE\n");
        return 2;
    }
    mount = argv[1];
    rate = (unsigned)atoi(argv[3]);
    for (const char *const *name = (const char *const[]){"work", "mark", NULL};
         *name != NULL; name++) {
        snprintf(path, sizeof(path), "%s/cursors/%s", mount, *name);
        if (mkdir(path, 0755) < 0)
            failure("%s: %s", path, strerror(errno));
    }
    for (size_t i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, runs[i], &readers[i]);
    usleep(300000);
    pthread_create(&writer, NULL, write_on, NULL);
    for (unsigned i = 0; i < 10 * seconds && !failed; i++)
        usleep(100000);
    stopping = true;
    pthread_join(writer, NULL);
    /* Who waits for more gets it, and looks whether it is to end. */
    for (size_t i = 0; i < count; i++) {
        int fd = open_file("append", O_WRONLY);
        char data[RECORD_MAX];
        size_t size = make_record(written, data);

        if (write(fd, data, size) == (ssize_t)size)
            written++;
        else
            failure("the last write: %s", strerror(errno));
        close(fd);
        pthread_join(threads[i], NULL);
    }
    printf("written %llu\n", (unsigned long long)written);
    for (size_t i = 0; i < count; i++)
        printf("%s: %llu right, %llu times told\n", readers[i].name,
               (unsigned long long)readers[i].reads,
               (unsigned long long)readers[i].tolds);
    return failed;
}
