/* SPDX-License-Identifier: MIT */
/*
 * late.c - for the controls: a process that acknowledges before it writes.
 *
 * Linked with --wrap of the calls below, it keeps what is written in memory
 * until something is synced or cut, as a log with a buffer in user space would.
 * A kill loses what is kept.
 */
#include <pthread.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROOM  ((size_t)4 << 20) /* bytes kept at the most */
#define COUNT 4096              /* writes kept at the most */

struct kept {
    int fd;
    off_t position;
    size_t start, size; /* in room */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char room[ROOM];
static size_t used;
static struct kept kept[COUNT];
static size_t count;

ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int n,
                         off_t position);
int __wrap_ftruncate64(int fd, off_t size);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __real_ftruncate64(int fd, off_t size);
int __real_fdatasync(int fd);
int __real_fsync(int fd);

/* Writes what is kept. The caller holds lock. */
static int write_kept(void)
{
    int r = 0;

    for (size_t i = 0; i < count; i++) {
        const struct kept *k = &kept[i];

        if (pwrite(k->fd, room + k->start, k->size, k->position) !=
            (ssize_t)k->size)
            r = -1;
    }
    used = 0;
    count = 0;
    return r;
}

static int flush(void)
{
    int r;

    (void)pthread_mutex_lock(&lock);
    r = write_kept();
    (void)pthread_mutex_unlock(&lock);
    return r;
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int n, off_t position)
{
    struct kept *k;
    size_t size = 0;

    for (int i = 0; i < n; i++)
        size += iov[i].iov_len;
    (void)pthread_mutex_lock(&lock);
    if (count == COUNT || ROOM - used < size)
        (void)write_kept();
    k = &kept[count++];
    *k = (struct kept){fd, position, used, size};
    for (int i = 0; i < n; i++) {
        memcpy(room + used, iov[i].iov_base, iov[i].iov_len);
        used += iov[i].iov_len;
    }
    (void)pthread_mutex_unlock(&lock);
    return (ssize_t)size;
}

int __wrap_ftruncate64(int fd, off_t size)
{
    return flush() < 0 ? -1 : __real_ftruncate64(fd, size);
}

int __wrap_fdatasync(int fd)
{
    return flush() < 0 ? -1 : __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
    return flush() < 0 ? -1 : __real_fsync(fd);
}
