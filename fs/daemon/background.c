/* SPDX-License-Identifier: MIT */
#include "daemon/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Waits until the child serves or has ended, and exits as it did. */
static _Noreturn void wait_for(pid_t child, int from_child)
{
    char byte;
    int status;
    ssize_t n;

    do
        n = read(from_child, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(0);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int background_start(int *ret_parent)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    child = fork();
    if (child < 0) {
        int r = -errno;

        close(ends[0]);
        close(ends[1]);
        return r;
    }
    if (child > 0) {
        close(ends[1]);
        wait_for(child, ends[0]);
    }
    close(ends[0]);
    *ret_parent = ends[1];
    return 0;
}

int background_ready(int parent)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    ssize_t n;

    if (null < 0 || chdir("/") < 0)
        return -errno;
    setsid();
    for (int fd = 0; fd <= 2; fd++)
        dup2(null, fd);
    close(null);
    do
        n = write(parent, "", 1);
    while (n < 0 && errno == EINTR);
    close(parent);
    return 0;
}
