/* SPDX-License-Identifier: MIT */
#include "ways.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const way_names[WAYS] = {
    "read", "pread", "sendfile", "splice", "shared", "private", "uring",
};

static ssize_t by_read(int fd, uint64_t position, void *data, size_t size)
{
    if (lseek(fd, (off_t)position, SEEK_SET) < 0)
        return -errno;
    ssize_t n = read(fd, data, size);
    return n < 0 ? -errno : n;
}

static ssize_t by_pread(int fd, uint64_t position, void *data, size_t size)
{
    ssize_t n = pread(fd, data, size, (off_t)position);

    return n < 0 ? -errno : n;
}

static ssize_t by_sendfile(int fd, uint64_t position, void *data, size_t size)
{
    static int memory = -1;
    off_t from = (off_t)position;
    ssize_t n;

    if (memory < 0)
        memory = memfd_create("observers", MFD_CLOEXEC);
    if (memory < 0 || ftruncate(memory, 0) < 0 ||
        lseek(memory, 0, SEEK_SET) < 0)
        return -errno;
    n = sendfile(memory, fd, &from, size);
    if (n < 0)
        return -errno;
    return pread(memory, data, size, 0) == n ? n : -EIO;
}

/* The pipe holds a whole piece, so that nothing waits. */
static ssize_t by_splice(int fd, uint64_t position, void *data, size_t size)
{
    static int pipe_fds[2] = {-1, -1};
    off_t from = (off_t)position;
    size_t got = 0;
    ssize_t n;

    if (pipe_fds[0] < 0 && (pipe2(pipe_fds, O_CLOEXEC) < 0 ||
                            fcntl(pipe_fds[1], F_SETPIPE_SZ, WAY_MAX) < 0))
        return -errno;
    n = splice(fd, &from, pipe_fds[1], NULL, size < 65536 ? size : 65536, 0);
    if (n < 0)
        return -errno;
    while (got < (size_t)n) {
        ssize_t part = read(pipe_fds[0], (char *)data + got, (size_t)n - got);

        if (part <= 0)
            return -EIO;
        got += (size_t)part;
    }
    return n;
}

static sigjmp_buf fault;

static void on_sigbus(int signal)
{
    (void)signal;
    siglongjmp(fault, 1);
}

static ssize_t copy_guarded(void *data, const char *from, size_t size)
{
    struct sigaction action = {.sa_handler = on_sigbus};
    struct sigaction before;
    volatile ssize_t r = (ssize_t)size;

    sigaction(SIGBUS, &action, &before);
    if (sigsetjmp(fault, 1) == 0)
        memcpy(data, from, size);
    else
        r = -EFAULT;
    sigaction(SIGBUS, &before, NULL);
    return r;
}

static ssize_t by_mapping(int fd, uint64_t position, void *data, size_t size,
                          int flags)
{
    size_t skip = (size_t)(position % 4096);
    struct stat st;
    ssize_t n;
    char *map;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (position >= (uint64_t)st.st_size)
        return 0;
    if (size > (uint64_t)st.st_size - position)
        size = (size_t)((uint64_t)st.st_size - position);
    map =
        mmap(NULL, skip + size, PROT_READ, flags, fd, (off_t)(position - skip));
    if (map == MAP_FAILED)
        return -errno;
    n = copy_guarded(data, map + skip, size);
    munmap(map, skip + size);
    return n;
}

static ssize_t by_uring(int fd, uint64_t position, void *data, size_t size)
{
    static struct io_uring ring;
    static int state; /* 1: ready, -1: not to be had */
    struct io_uring_cqe *done = NULL;
    struct io_uring_sqe *entry;
    ssize_t n;

    if (state == 0)
        state = io_uring_queue_init(4, &ring, 0) == 0 ? 1 : -1;
    if (state < 0)
        return -ENODEV;
    entry = io_uring_get_sqe(&ring);
    io_uring_prep_read(entry, fd, data, (unsigned)size, position);
    n = io_uring_submit_and_wait(&ring, 1);
    if (n >= 0)
        n = io_uring_wait_cqe(&ring, &done);
    if (n < 0)
        return n;
    n = done->res;
    io_uring_cqe_seen(&ring, done);
    return n;
}

ssize_t way_read(enum way way, int fd, uint64_t position, void *data,
                 size_t size)
{
    if (size > WAY_MAX)
        size = WAY_MAX;
    switch (way) {
    case WAY_READ:
        return by_read(fd, position, data, size);
    case WAY_PREAD:
        return by_pread(fd, position, data, size);
    case WAY_SENDFILE:
        return by_sendfile(fd, position, data, size);
    case WAY_SPLICE:
        return by_splice(fd, position, data, size);
    case WAY_SHARED:
        return by_mapping(fd, position, data, size, MAP_SHARED);
    case WAY_PRIVATE:
        return by_mapping(fd, position, data, size, MAP_PRIVATE);
    case WAY_URING:
        return by_uring(fd, position, data, size);
    case WAYS:
        break;
    }
    return -EINVAL;
}
