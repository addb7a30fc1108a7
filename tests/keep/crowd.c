/* SPDX-License-Identifier: MIT */
/*
 * crowd - many readers that wait in the same file.
 *
 *     crowd FILE READERS SIGNAL
 *
 * Starts READERS processes that read FILE, and waits until all of them sleep
 * in it; then prints "waiting" and reads a line from the standard input. With
 * SIGNAL 0, each must by then get the same bytes, which are printed. Else each
 * is sent SIGNAL and must end by it; how long that took for all of them is
 * printed in milliseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READERS_MAX 1000

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
    exit(2);
}

static _Noreturn void read_one(const char *path, int to_parent)
{
    char data[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0 || write(to_parent, "r", 1) != 1)
        _exit(3);
    n = read(fd, data, sizeof(data));
    if (n < 0)
        _exit(4);
    if (write(to_parent, data, (size_t)n) != n)
        _exit(5);
    _exit(0);
}

/* Whether the process sleeps in a system call; 'S' in its stat. */
static int sleeps(pid_t pid)
{
    char path[64];
    char text[512] = "";
    FILE *file;
    const char *end;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fgets(text, sizeof(text), file) == NULL)
        text[0] = '\0';
    fclose(file);
    end = strrchr(text, ')');
    return end != NULL && end[2] == 'S';
}

struct reader {
    pid_t pid;
    int from;
};

static void start(struct reader *reader, const char *path)
{
    int ends[2];
    char ready;

    if (pipe2(ends, O_CLOEXEC) < 0)
        die("pipe");
    reader->pid = fork();
    if (reader->pid < 0)
        die("fork");
    if (reader->pid == 0)
        read_one(path, ends[1]);
    close(ends[1]);
    reader->from = ends[0];
    if (read(reader->from, &ready, 1) != 1)
        die("a reader could not open the file");
    while (!sleeps(reader->pid))
        usleep(1000);
}

static int compare(struct reader *readers, size_t count)
{
    char first[4096];
    char data[4096];
    ssize_t size = 0;
    int status;

    for (size_t i = 0; i < count; i++) {
        ssize_t n = read(readers[i].from, data, sizeof(data));

        if (i == 0) {
            size = n;
            memcpy(first, data, n > 0 ? (size_t)n : 0);
        }
        if (n <= 0 || n != size || memcmp(first, data, (size_t)n) != 0)
            return 1;
        if (waitpid(readers[i].pid, &status, 0) < 0 || status != 0)
            return 1;
    }
    return fwrite(first, 1, (size_t)size, stdout) != (size_t)size;
}

static int interrupt(struct reader *readers, size_t count, int number)
{
    struct timespec begun, ended;
    int status;

    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (size_t i = 0; i < count; i++)
        kill(readers[i].pid, number);
    for (size_t i = 0; i < count; i++) {
        if (waitpid(readers[i].pid, &status, 0) < 0 || !WIFSIGNALED(status) ||
            WTERMSIG(status) != number)
            return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%ld\n", (long)(ended.tv_sec - begun.tv_sec) * 1000 +
                        (ended.tv_nsec - begun.tv_nsec) / 1000000);
    return 0;
}

int main(int argc, char **argv)
{
    static struct reader readers[READERS_MAX];
    size_t count = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    int number = argc == 4 ? atoi(argv[3]) : -1;
    char line[16];

    if (count < 1 || count > READERS_MAX || number < 0) {
        fprintf(stderr, "usage: crowd FILE READERS SIGNAL\n");
        return 2;
    }
    signal(SIGINT, SIG_DFL);
    for (size_t i = 0; i < count; i++)
        start(&readers[i], argv[1]);
    puts("waiting");
    fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL)
        die("no line");
    return number == 0 ? compare(readers, count)
                       : interrupt(readers, count, number);
}
