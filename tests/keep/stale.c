/* SPDX-License-Identifier: MIT */
/*
 * stale - names that are looked up while they are dropped.
 *
 *     stale MOUNT COUNT ROUNDS
 *
 * Threads look up the names of the oldest segment, of COUNT records, while it
 * is dropped; the mount rolls after so many. A name that the kernel learns just
 * then is there a few milliseconds later, but must not be a second later.
 * Ends after two such rounds, or so many. Prints how many there were, and how
 * many names stayed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 8
#define PAUSE   3000 /* us, for the threads to be at it */
#define MEET    2

static const char *mount;
static unsigned long count;
static _Atomic unsigned long first; /* of the names that are looked up */
static atomic_bool ended;

static int is_there(unsigned long offset)
{
    char path[4096];
    struct stat st;

    snprintf(path, sizeof(path), "%s/records/%lu", mount, offset);
    return stat(path, &st) == 0;
}

static unsigned long names_from(unsigned long base)
{
    unsigned long there = 0;

    for (unsigned long i = 0; i < count; i++)
        there += (unsigned long)is_there(base + i);
    return there;
}

static void *look(void *seed)
{
    unsigned state = (unsigned)(size_t)seed;

    while (!atomic_load(&ended))
        (void)is_there(atomic_load(&first) + (unsigned)rand_r(&state) % count);
    return NULL;
}

static int append(int fd)
{
    for (unsigned long i = 0; i < count; i++)
        if (write(fd, "x\n", 2) != 2)
            return -1;
    return 0;
}

static int drop(unsigned long base)
{
    char path[4096];

    atomic_store(&first, base);
    usleep(PAUSE);
    snprintf(path, sizeof(path), "%s/segments/%020lu", mount, base);
    if (rmdir(path) < 0)
        return -1;
    atomic_store(&first, base + count);
    usleep(PAUSE);
    return 0;
}

static int run(int fd, unsigned long rounds)
{
    unsigned long met = 0, stayed = 0;

    for (unsigned long k = 0; k < rounds && met < MEET; k++) {
        if (append(fd) < 0 || drop(k * count) < 0)
            return 2;
        if (names_from(k * count) > 0) {
            met++;
            usleep(1000000);
            stayed += names_from(k * count);
        }
    }
    printf("%lu met, %lu stayed\n", met, stayed);
    return 0;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    char path[4096];
    int status = 2;
    int fd;

    if (argc != 4)
        return 2;
    mount = argv[1];
    count = strtoul(argv[2], NULL, 10);
    snprintf(path, sizeof(path), "%s/append", mount);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || count == 0 || append(fd) < 0)
        return 2;
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, look, (void *)(i + 1)) != 0)
            return 2;
    status = run(fd, strtoul(argv[3], NULL, 10));
    atomic_store(&ended, true);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return status;
}
