/* SPDX-License-Identifier: MIT */
/*
 * observe - does everybody who looks at a log see what was appended, and
 * nothing else?
 *
 *     observe MOUNT SECONDS VIEW FILE [drops]
 *
 * On an empty log, one process appends, fast and slow in turns, and others
 * look at one kind of file at the same time, each at a pace of its own and in
 * every way in which a file is read (see ways.h). VIEW is how FILE is to be
 * understood (see `views`). With `drops`, retention may overtake a reader.
 *
 * Prints what was looked at. Exits 1 if anything was wrong, each
 * observer telling the first of each kind, or if next to nothing was seen.
 */
#include "pattern.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Records of one write at most, and at the slow paces. */
#define BATCH 40

static const struct {
    const char *name;
    void (*watch)(struct watcher *w);
} views[] = {
    {"stream", watch_stream},   {"segment", watch_segment},
    {"records", watch_records}, {"listing", watch_listing},
    {"links", watch_links},     {"text", watch_text_file},
    {"number", watch_number},   {"follow", watch_follow},
};

#define VIEWS (sizeof(views) / sizeof(views[0]))

/* The pauses of those who look, in us. */
static const unsigned pauses[] = {0, 1000, 15000};

#define WATCHERS (sizeof(pauses) / sizeof(pauses[0]))

static struct shared *shared;
static const char *mount;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "observe: %s: %s\n", what, strerror(errno));
    _exit(2);
}

static int open_for_writing(const char *name)
{
    char path[4096];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", mount, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        die(path);
    return fd;
}

/* Appends count records in one write. */
static void append(int fd, unsigned count)
{
    static char data[BATCH * PATTERN_RECORD];
    uint64_t next = atomic_load(&shared->acked);
    size_t size = 0;

    for (unsigned i = 0; i < count; i++)
        size += pattern_record(next + i, data + size);
    atomic_store(&shared->begun, next + count);
    if (write(fd, data, size) != (ssize_t)size)
        die("cannot append");
    atomic_store(&shared->acked, next + count);
}

/* At one pace for an eighth of a second, then at the next. */
static void write_at_all_paces(void)
{
    static const unsigned paces[] = {0, 1000, 200, 10000};
    int lines = open_for_writing("append");
    int put = open_for_writing("put");
    unsigned seed = 1;
    struct timespec now;

    while (!atomic_load(&shared->stop)) {
        unsigned pace;

        clock_gettime(CLOCK_MONOTONIC, &now);
        pace = paces[now.tv_nsec / 125000000 % 4];
        if (rand_r(&seed) % 8 == 0)
            append(put, 1);
        else
            append(lines, rand_r(&seed) % 4 == 0
                              ? 1 + (unsigned)rand_r(&seed) % BATCH
                              : 1);
        if (pace > 0)
            usleep(pace);
    }
    atomic_store(&shared->last, atomic_load(&shared->acked));
    append(lines, 1);
    atomic_store(&shared->finished, true);
}

/* Moves the cursor c on, never back. */
static void move_on(void)
{
    unsigned seed = 2;

    while (!atomic_load(&shared->stop)) {
        uint64_t to = atomic_load(&shared->acked);
        unsigned back = (unsigned)rand_r(&seed) % 300;
        char text[32];
        int fd;

        to = to > back ? to - back : 0;
        if (to > atomic_load(&shared->moved)) {
            fd = open_for_writing("cursors/c/offset");
            snprintf(text, sizeof(text), "%llu", (unsigned long long)to);
            atomic_store(&shared->move_begun, to);
            if (write(fd, text, strlen(text)) < 0)
                die("cannot move the cursor");
            atomic_store(&shared->moved, to);
            close(fd);
        }
        usleep(60000);
    }
}

/* Keeps in mind what was the oldest a second and a half ago. */
static void keep_oldest(const char *self)
{
    uint64_t past[30] = {0};
    struct watcher w = {.mount = mount, .file = self};

    for (unsigned i = 0; !atomic_load(&shared->stop); i = (i + 1) % 30) {
        char text[128] = "";

        atomic_store(&shared->oldest, past[i]);
        if (watch_text(&w, "status", text, sizeof(text)) > 0 &&
            strncmp(text, "oldest ", 7) == 0)
            past[i] = strtoull(text + 7, NULL, 10);
        usleep(50000);
    }
}

static void watch(size_t i, char **argv)
{
    struct watcher w = {
        .shared = shared,
        .mount = mount,
        .file = argv[4],
        .seed = (unsigned)i + 10,
        .pause_us = pauses[i],
        .drops = argv[5] != NULL,
        .data = malloc(WAY_MAX + 1),
        .want = malloc(WAY_MAX + PATTERN_RECORD),
    };
    size_t view = 0;

    while (view < VIEWS && strcmp(views[view].name, argv[3]) != 0)
        view++;
    if (view == VIEWS || !w.data || !w.want)
        die("no such view");
    views[view].watch(&w);
    free(w.data);
    free(w.want);
}

/* Child i: the watchers, then those who make them something to see. */
static pid_t start(size_t i, char **argv)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    if (i < WATCHERS)
        watch(i, argv);
    else if (i == WATCHERS)
        write_at_all_paces();
    else if (i == WATCHERS + 1)
        move_on();
    else
        keep_oldest(argv[4]);
    _exit(0);
}

/* One that does not end by itself, or not well, is a fault. */
static void reap(pid_t *pids, size_t count)
{
    for (int tenths = 0; tenths < 300; tenths++) {
        size_t left = 0;

        for (size_t i = 0; i < count; i++) {
            int status = 0;

            if (pids[i] > 0 && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
                pids[i] = 0;
                if (status != 0) {
                    fprintf(stderr, "observe: one ended with 0x%x\n", status);
                    atomic_fetch_add(&shared->faults, 1);
                }
            }
            left += pids[i] > 0;
        }
        if (left == 0)
            return;
        usleep(100000);
    }
    for (size_t i = 0; i < count; i++) {
        if (pids[i] > 0) {
            fprintf(stderr, "observe: process %zu hangs\n", i);
            atomic_fetch_add(&shared->faults, 1);
            kill(pids[i], SIGKILL);
        }
    }
}

static void report(const char *view, const char *file)
{
    printf("%s %s: %llu records, %llu looks", view, file,
           (unsigned long long)atomic_load(&shared->acked),
           (unsigned long long)atomic_load(&shared->looks));
    for (size_t way = 0; way < WAYS; way++)
        printf(", %llu by %s",
               (unsigned long long)atomic_load(&shared->by_way[way]),
               way_names[way]);
    printf("; %llu overtaken, %llu wrong\n",
           (unsigned long long)atomic_load(&shared->overtaken),
           (unsigned long long)atomic_load(&shared->faults));
}

int main(int argc, char **argv)
{
    pid_t pids[WATCHERS + 3] = {0};
    const size_t count = sizeof(pids) / sizeof(pids[0]);
    char path[4096];

    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: observe MOUNT SECONDS VIEW FILE [drops]\n");
        return 2;
    }
    pattern_init();
    mount = argv[1];
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("mmap");
    atomic_store(&shared->last, UINT64_MAX);
    snprintf(path, sizeof(path), "%s/cursors/c", mount);
    if (mkdir(path, 0755) < 0)
        die(path);
    for (size_t i = 0; i < count; i++)
        pids[i] = start(i, argv);
    usleep((useconds_t)(strtod(argv[2], NULL) * 1e6));
    atomic_store(&shared->stop, true);
    reap(pids, count);
    report(argv[3], argv[4]);
    if (atomic_load(&shared->looks) < 20) {
        fprintf(stderr, "observe: next to nothing was seen\n");
        return 1;
    }
    return atomic_load(&shared->faults) > 0;
}
