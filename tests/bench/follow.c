/* SPDX-License-Identifier: MIT */
/*
 * follow - how long after a write a reader that waits has it.
 *
 *     follow MOUNT PLAIN ROUNDS PARKED
 *
 * In turns: a line is written to MOUNT/append, for a process that reads
 * MOUNT/follow; and to the plain file PLAIN, for one that inotify wakes, and
 * that then reads once. Prints the median and the 99th percentile of ROUNDS
 * writes each, in microseconds, from before the write to after the read. Then,
 * how long the write itself takes with no reader parked, and with PARKED.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "follow: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int open_in(const char *dir, const char *name, int flags)
{
    char path[4096];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        die(path);
    return fd;
}

/* One writer, and a process that reads; that tells when it has what was
   written. */
struct lane {
    int write_fd, read_fd;
    int inotify_fd; /* -1: reading waits by itself */
    int done[2];
};

static _Noreturn void read_on(const struct lane *lane)
{
    char data[4096];
    uint64_t moment;

    for (;;) {
        if (lane->inotify_fd >= 0 &&
            read(lane->inotify_fd, data, sizeof(data)) <= 0)
            die("inotify");
        if (read(lane->read_fd, data, sizeof(data)) <= 0)
            continue;
        moment = now_ns();
        if (write(lane->done[1], &moment, sizeof(moment)) < 0)
            die("pipe");
    }
}

static void start_lane(struct lane *lane)
{
    pid_t reader;

    if (pipe2(lane->done, O_CLOEXEC) < 0)
        die("pipe");
    reader = fork();
    if (reader < 0)
        die("fork");
    if (reader == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        read_on(lane);
    }
}

static const char line[] =
    "a line of a hundred bytes, which is written again and again, as long as "
    "the reader takes it in time.\n";

static uint64_t wake_up(struct lane *lane)
{
    uint64_t begun, ended;

    usleep(300);
    begun = now_ns();
    if (write(lane->write_fd, line, sizeof(line) - 1) < 0)
        die("write");
    if (read(lane->done[0], &ended, sizeof(ended)) != sizeof(ended))
        die("pipe");
    return ended - begun;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static double part(uint64_t *times, size_t count, double of)
{
    qsort(times, count, sizeof(times[0]), compare);
    return (double)times[(size_t)((double)(count - 1) * of)] / 1000;
}

static void *read_for_ever(void *arg)
{
    int fd = *(int *)arg;
    char data[4096];

    while (read(fd, data, sizeof(data)) > 0)
        ;
    return NULL;
}

static double write_time(int fd, uint64_t *times, size_t rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        uint64_t begun = now_ns();

        if (write(fd, line, sizeof(line) - 1) < 0)
            die("write");
        times[i] = now_ns() - begun;
        usleep(20000);
    }
    return part(times, rounds, 0.5);
}

static void park(const char *mount, size_t count)
{
    pthread_attr_t small;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (size_t i = 0; i < count; i++) {
        int *fd = malloc(sizeof(*fd));
        pthread_t thread;

        if (fd == NULL)
            die("malloc");
        *fd = open_in(mount, "follow", O_RDONLY);
        if (pthread_create(&thread, &small, read_for_ever, fd) != 0)
            die("thread");
    }
    usleep(200000);
}

/* The times of both lanes, one after the other. */
static void print_lanes(uint64_t *times, size_t rounds)
{
    double log = part(times, rounds, 0.5);
    double plain = part(times + rounds, rounds, 0.5);

    printf("wake-up, us              median      99%%\n");
    printf("  follow               %8.1f %8.1f   %.2f times\n", log,
           part(times, rounds, 0.99), log / plain);
    printf("  inotify and read     %8.1f %8.1f\n", plain,
           part(times + rounds, rounds, 0.99));
}

int main(int argc, char **argv)
{
    struct lane log = {.inotify_fd = -1};
    struct lane plain = {0};
    size_t rounds = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
    size_t parked = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
    uint64_t *times = calloc(2 * rounds + 1, sizeof(times[0]));
    double alone;

    if (rounds == 0 || times == NULL) {
        fprintf(stderr, "usage: follow MOUNT PLAIN ROUNDS PARKED\n");
        free(times);
        return 2;
    }
    log.write_fd = open_in(argv[1], "append", O_WRONLY);
    alone = write_time(log.write_fd, times, 50);
    log.read_fd = open_in(argv[1], "follow", O_RDONLY);
    plain.write_fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0600);
    plain.read_fd = open(argv[2], O_RDONLY);
    plain.inotify_fd = inotify_init1(IN_CLOEXEC);
    if (plain.read_fd < 0 ||
        inotify_add_watch(plain.inotify_fd, argv[2], IN_MODIFY) < 0)
        die(argv[2]);
    start_lane(&log);
    start_lane(&plain);
    for (size_t i = 0; i < rounds; i++) {
        times[i] = wake_up(&log);
        times[rounds + i] = wake_up(&plain);
    }
    print_lanes(times, rounds);
    park(argv[1], parked);
    printf("write, us: %.1f alone, %.1f with %zu readers that wait\n", alone,
           write_time(log.write_fd, times, 50), parked);
    return 0;
}
