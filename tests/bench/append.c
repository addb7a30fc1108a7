/* SPDX-License-Identifier: MIT */
/*
 * append - how many records a second can be appended?
 *
 *     append DOOR FILE ROUNDS
 *
 * Writes lines of 100 bytes to DOOR, a log's append, and to FILE, a plain file
 * opened with O_APPEND, in two ways: a write(2) for each line, and one for as
 * many as fit into 128 KiB. A round measures each of the four for a while; as
 * they take turns, whatever else the machine does meets them alike. Prints
 * the medians over all rounds, and DOOR's share of FILE's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE   100
#define BATCH_LINES (131072 / LINE_SIZE)
#define ROUNDS_MAX  1000
#define SECONDS     0.3
#define RECORDS_MAX 320000 /* in one measurement */

struct way {
    const char *name;
    int path;     /* the argument that says where to */
    size_t lines; /* in one write */
    double rates[ROUNDS_MAX];
};

static struct way ways[] = {
    {"one write each, log", 1, 1, {0}},
    {"one write each, plain file", 2, 1, {0}},
    {"one write a batch, log", 1, BATCH_LINES, {0}},
    {"one write a batch, plain file", 2, BATCH_LINES, {0}},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Records a second. A plain file starts empty each time. */
static double measure(const struct way *way, const char *path, const char *data)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC, 0600);
    size_t size = way->lines * LINE_SIZE;
    double start = now();
    double elapsed = 0;
    double records = 0;

    if (fd < 0)
        die(path);
    while (elapsed < SECONDS && records < RECORDS_MAX) {
        for (size_t i = 0; i < 1 + 256 / way->lines; i++) {
            if (write(fd, data, size) != (ssize_t)size)
                die(path);
            records += (double)way->lines;
        }
        elapsed = now() - start;
    }
    close(fd);
    return records / elapsed;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print(size_t rounds)
{
    printf("%-32s %12s %8s\n", "", "records/s", "share");
    for (size_t i = 0; i < WAYS; i++)
        qsort(ways[i].rates, rounds, sizeof(double), compare);
    for (size_t i = 0; i < WAYS; i++) {
        double median = ways[i].rates[rounds / 2];
        double plain = ways[i | 1].rates[rounds / 2];
        printf("%-32s %12.0f %7.1f%%\n", ways[i].name, median,
               100 * median / plain);
    }
}

int main(int argc, char **argv)
{
    static char data[BATCH_LINES * LINE_SIZE];
    size_t rounds = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;

    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: append DOOR FILE ROUNDS\n");
        return 2;
    }
    memset(data, 'x', sizeof(data));
    for (size_t i = LINE_SIZE - 1; i < sizeof(data); i += LINE_SIZE)
        data[i] = '\n';
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < WAYS; i++)
            ways[i].rates[round] = measure(&ways[i], argv[ways[i].path], data);
    print(rounds);
    return 0;
}
