/* SPDX-License-Identifier: MIT */
/*
 * latency - how long does each thing take at worst, that need not wait?
 *
 *     latency MOUNT SECONDS BOUND [THING...]
 *
 * Does each of the THINGs again and again (see `things`), each in a thread of
 * its own; without any, all that do not write and look at nothing but what is
 * in memory. Prints how often each was done and the longest time in ms, one
 * that has not come back counted in. Exits 1 if one took longer than BOUND ms,
 * or was never done.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_US 5000

static const char *mount;
static atomic_bool stop;

static void path_of(const char *name, char path[4096])
{
    snprintf(path, 4096, "%s/%s", mount, name);
}

static int read_file(const char *name)
{
    static _Thread_local char data[65536];
    char path[4096];
    ssize_t n = -1;
    int fd;

    path_of(name, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, data, sizeof(data));
        close(fd);
    }
    return n > 0 ? 0 : -1;
}

static int do_stat(const char *name)
{
    char path[4096];
    struct stat st;

    path_of(name, path);
    return stat(path, &st);
}

static int do_readlink(const char *name)
{
    char path[4096];
    char target[64];

    path_of(name, path);
    return readlink(path, target, sizeof(target)) > 0 ? 0 : -1;
}

/* The last bytes of the log. */
static int read_tail(const char *name)
{
    char path[4096];
    struct stat st = {0};
    char byte;
    int fd;
    int r = -1;

    path_of(name, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0)
        r = pread(fd, &byte, 1, st.st_size - 1) == 1 ? 0 : -1;
    if (fd >= 0)
        close(fd);
    return r;
}

static int list(const char *name)
{
    char path[4096];
    DIR *dir;

    path_of(name, path);
    dir = opendir(path);
    if (!dir)
        return -1;
    while (readdir(dir))
        ;
    return closedir(dir);
}

/* Nothing is there yet: EAGAIN. */
static int poll_follow(const char *name)
{
    char path[4096];
    char byte;
    ssize_t n = 0;
    int fd;

    path_of(name, path);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, &byte, 1);
        n = n < 0 && errno == EAGAIN ? 0 : n;
        close(fd);
    }
    return fd >= 0 && n >= 0 ? 0 : -1;
}

static int open_door(const char *name)
{
    char path[4096];
    int fd;

    path_of(name, path);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 ? close(fd) : -1;
}

static int do_append(const char *name)
{
    char path[4096];
    int fd;
    int r;

    path_of(name, path);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    r = write(fd, "appended meanwhile\n", 19) == 19 ? 0 : -1;
    close(fd);
    return r;
}

static int do_getxattr(const char *name)
{
    char path[4096];
    char value[64];

    path_of(name, path);
    return getxattr(path, "user.clog.offset", value, sizeof(value)) > 0 ? 0
                                                                        : -1;
}

static int do_statfs(const char *name)
{
    char path[4096];
    struct statvfs st;

    path_of(name, path);
    return statvfs(path, &st);
}

struct thing {
    const char *name;
    int (*call)(const char *file);
    const char *file;
    bool asked; /* only where it is asked for */
};

static const struct thing things[] = {
    {"status", read_file, "status", false},
    {"metrics", read_file, "metrics.prom", false},
    {"stat", do_stat, ".", false},
    {"stat-log", do_stat, "log", false},
    {"stat-last", do_stat, "last", false},
    {"last", do_readlink, "last", false},
    {"read-last", read_file, "last", false},
    {"xattr", do_getxattr, "last", false},
    {"tail", read_tail, "log", false},
    {"segments", list, "segments", false},
    {"root", list, ".", false},
    {"offset", read_file, "cursors/c/offset", false},
    {"lag", read_file, "cursors/c/lag", false},
    {"follow", poll_follow, "follow", false},
    {"door", open_door, "append", false},
    {"statfs", do_statfs, ".", false},
    /* What may have to wait, or writes. */
    {"first", read_file, "first", true},
    {"at", do_readlink, "at/@0", true},
    {"old", read_file, "records/1234", true},
    {"records", list, "records", true},
    {"append", do_append, "append", true},
};

#define THINGS (sizeof(things) / sizeof(things[0]))

/* What is known of a thing: ns. */
static struct {
    _Atomic uint64_t begun; /* 0: it is not being done */
    _Atomic uint64_t worst;
    _Atomic uint64_t times;
    _Atomic int error;
    bool wanted;
} seen[THINGS];

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *repeat(void *arg)
{
    size_t i = (size_t)(uintptr_t)arg;

    while (!atomic_load(&stop)) {
        uint64_t begun = now();
        uint64_t took;

        atomic_store(&seen[i].begun, begun);
        if (things[i].call(things[i].file) < 0)
            atomic_store(&seen[i].error, errno);
        took = now() - begun;
        atomic_store(&seen[i].begun, 0);
        if (took > atomic_load(&seen[i].worst))
            atomic_store(&seen[i].worst, took);
        atomic_fetch_add(&seen[i].times, 1);
        usleep(PAUSE_US);
    }
    return NULL;
}

static void choose(int argc, char **argv)
{
    for (size_t i = 0; i < THINGS; i++) {
        seen[i].wanted = argc == 4 && !things[i].asked;
        for (int k = 4; k < argc; k++)
            seen[i].wanted = seen[i].wanted ||
                             strcmp(argv[k], things[i].name) == 0 ||
                             (strcmp(argv[k], "all") == 0 && !things[i].asked);
    }
}

/* True if it was done in time. */
static bool tell(size_t i, uint64_t bound)
{
    uint64_t begun = atomic_load(&seen[i].begun);
    uint64_t worst = atomic_load(&seen[i].worst);
    uint64_t times = atomic_load(&seen[i].times);
    int error = atomic_load(&seen[i].error);
    bool good;

    if (begun > 0 && now() - begun > worst)
        worst = now() - begun;
    good = worst <= bound * 1000000 && times > 0 && error == 0;
    printf("%s: %llu times, worst %.1f ms%s%s%s\n", things[i].name,
           (unsigned long long)times, (double)worst / 1e6, error ? ", " : "",
           error ? strerror(error) : "", good ? "" : ": too long");
    return good;
}

int main(int argc, char **argv)
{
    uint64_t bound = argc >= 4 ? strtoull(argv[3], NULL, 10) : 0;
    bool good = true;
    pthread_t thread;

    if (argc < 4) {
        fprintf(stderr, "usage: latency MOUNT SECONDS BOUND [THING...]\n");
        return 2;
    }
    mount = argv[1];
    choose(argc, argv);
    for (size_t i = 0; i < THINGS; i++)
        if (seen[i].wanted &&
            pthread_create(&thread, NULL, repeat, (void *)(uintptr_t)i) != 0)
            return 2;
    usleep((useconds_t)(strtod(argv[2], NULL) * 1e6));
    atomic_store(&stop, true);
    usleep(PAUSE_US * 4);
    for (size_t i = 0; i < THINGS; i++)
        if (seen[i].wanted && !tell(i, bound))
            good = false;
    (void)fflush(stdout);
    _exit(good ? 0 : 1); /* whatever has not come back */
}
