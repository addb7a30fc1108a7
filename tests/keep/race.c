/* SPDX-License-Identifier: MIT */
/*
 * race - processes that want the same offsets.
 *
 *     race RECORDS PROCESSES OFFSETS
 *
 * PROCESSES processes each try to make RECORDS/N, for each N from 0 up to
 * OFFSETS, and write "process N" to it; who fails at it goes on with N + 1.
 * Prints a line "N process" for each write that succeeded. Exits 1 if one
 * failed with anything but EEXIST.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0: it is ours. EEXIST: somebody was first. */
static int claim(const char *records, int process, long offset)
{
    char path[4096];
    char text[64];
    size_t size;
    ssize_t n;
    int fd;
    int r = 0;

    snprintf(path, sizeof(path), "%s/%ld", records, offset);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno;
    size = (size_t)snprintf(text, sizeof(text), "%d %ld", process, offset);
    n = write(fd, text, size);
    if (n < 0)
        r = errno;
    else if ((size_t)n != size)
        r = EIO;
    close(fd);
    return r;
}

static int run(const char *records, int process, long offsets)
{
    char line[64];
    int size;

    for (long offset = 0; offset < offsets; offset++) {
        int r = claim(records, process, offset);

        if (r == EEXIST)
            continue;
        if (r != 0) {
            fprintf(stderr, "race: %ld: %s\n", offset, strerror(r));
            return 1;
        }
        size = snprintf(line, sizeof(line), "%ld %d\n", offset, process);
        if (write(STDOUT_FILENO, line, (size_t)size) != size)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    int processes = argc == 4 ? atoi(argv[2]) : 0;
    long offsets = argc == 4 ? atol(argv[3]) : 0;
    int failed = 0;
    int status;

    if (processes < 1 || offsets < 1) {
        fprintf(stderr, "usage: race RECORDS PROCESSES OFFSETS\n");
        return 2;
    }
    for (int process = 0; process < processes; process++) {
        pid_t pid = fork();

        if (pid < 0)
            return 2;
        if (pid == 0)
            _exit(run(argv[1], process, offsets));
    }
    while (wait(&status) > 0)
        failed |= status != 0;
    return failed;
}
