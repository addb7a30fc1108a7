/* SPDX-License-Identifier: MIT */
#include "io/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/*
 * A read of a map faults with SIGBUS where the file has been cut short. The
 * one guarded read that a thread is in can be left by a jump; every other
 * SIGBUS goes on to whoever was there first.
 */
static _Thread_local sigjmp_buf *guard;
static struct sigaction old_action;

/* Another handler, put before ours, may have been called with the signal
   blocked, and the jump leaves that one as well. */
static void leave_handler(void)
{
    sigset_t sigbus;

    (void)sigemptyset(&sigbus);
    (void)sigaddset(&sigbus, SIGBUS);
    (void)pthread_sigmask(SIG_UNBLOCK, &sigbus, NULL);
}

static void on_sigbus(int signo, siginfo_t *info, void *context)
{
    if (guard) {
        leave_handler();
        siglongjmp(*guard, 1);
    }
    if (old_action.sa_flags & SA_SIGINFO) {
        old_action.sa_sigaction(signo, info, context);
    } else if (old_action.sa_handler == SIG_DFL ||
               old_action.sa_handler == SIG_IGN) {
        /* The instruction faults again, and then as if we had not been. */
        (void)signal(signo, SIG_DFL);
    } else {
        old_action.sa_handler(signo);
    }
}

static void install_guard(void)
{
    struct sigaction action = {.sa_sigaction = on_sigbus,
                               .sa_flags = SA_SIGINFO | SA_NODEFER};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGBUS, &action, &old_action);
}

int io_copy_mapped(void *to, const void *from, size_t size)
{
    sigjmp_buf here;

    if (sigsetjmp(here, 0)) {
        guard = NULL;
        return -EIO;
    }
    guard = &here;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    memcpy(to, from, size);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    guard = NULL;
    return 0;
}

static int result(int r)
{
    return r < 0 ? -errno : r;
}

static int posix_open(struct io *io, int dir, const char *name, int flags,
                      mode_t mode)
{
    (void)io;
    return result(
        openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode));
}

static int posix_close(struct io *io, int fd)
{
    (void)io;
    return result(close(fd));
}

static ssize_t posix_readv(struct io *io, int fd, const struct iovec *iov,
                           int count, uint64_t position, int flags)
{
    ssize_t n;

    (void)io;
    n = preadv2(fd, iov, count, (off_t)position, flags);
    /* A filesystem in memory, that never waits, need not know the flag. */
    if (n < 0 && errno == EOPNOTSUPP && flags != 0)
        n = preadv(fd, iov, count, (off_t)position);
    return n < 0 ? -errno : n;
}

static ssize_t posix_writev(struct io *io, int fd, const struct iovec *iov,
                            int count, uint64_t position)
{
    ssize_t n;

    (void)io;
    n = pwritev(fd, iov, count, (off_t)position);
    return n < 0 ? -errno : n;
}

static int posix_truncate(struct io *io, int fd, uint64_t size)
{
    (void)io;
    return result(ftruncate(fd, (off_t)size));
}

static int posix_datasync(struct io *io, int fd)
{
    (void)io;
    return result(fdatasync(fd));
}

static int posix_sync(struct io *io, int fd)
{
    (void)io;
    return result(fsync(fd));
}

static void from_stat(const struct stat *st, struct io_stat *ret)
{
    ret->type = S_ISREG(st->st_mode)   ? IO_FILE
                : S_ISDIR(st->st_mode) ? IO_DIR
                                       : IO_OTHER;
    ret->size = (uint64_t)st->st_size;
    ret->mode = st->st_mode & 07777;
    ret->time_ns =
        (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    ret->dev = st->st_dev;
    ret->ino = st->st_ino;
}

static int posix_stat(struct io *io, int fd, struct io_stat *ret)
{
    struct stat st;

    (void)io;
    if (fstat(fd, &st) < 0)
        return -errno;
    from_stat(&st, ret);
    return 0;
}

static int posix_statat(struct io *io, int dir, const char *name,
                        struct io_stat *ret)
{
    struct stat st;

    (void)io;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    from_stat(&st, ret);
    return 0;
}

static int posix_chmod(struct io *io, int fd, mode_t mode)
{
    (void)io;
    return result(fchmod(fd, mode));
}

static int posix_chmodat(struct io *io, int dir, const char *name, mode_t mode)
{
    (void)io;
    return result(fchmodat(dir, name, mode, 0));
}

static int posix_mkdir(struct io *io, int dir, const char *name, mode_t mode)
{
    (void)io;
    return result(mkdirat(dir, name, mode));
}

static int posix_unlink(struct io *io, int dir, const char *name,
                        bool directory)
{
    (void)io;
    return result(unlinkat(dir, name, directory ? AT_REMOVEDIR : 0));
}

static int posix_rename(struct io *io, int dir, const char *from,
                        const char *to)
{
    (void)io;
    return result(renameat(dir, from, dir, to));
}

static int list_names(DIR *stream, io_list_fn *each, void *ctx)
{
    int r = 0;

    while (r == 0) {
        struct dirent *entry;

        errno = 0;
        entry = readdir(stream);
        if (!entry)
            return -errno;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = each(ctx, entry->d_name);
    }
    return r;
}

static int posix_list(struct io *io, int dir, io_list_fn *each, void *ctx)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = NULL;
    int r;

    (void)io;
    if (fd < 0)
        return -errno;
    stream = fdopendir(fd);
    if (!stream) {
        r = -errno;
        (void)close(fd);
        return r;
    }
    r = list_names(stream, each, ctx);
    (void)closedir(stream);
    return r;
}

static int posix_lock(struct io *io, int fd, bool exclusive)
{
    (void)io;
    return result(flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB));
}

static int posix_space(struct io *io, int fd, struct io_space *ret)
{
    struct statvfs st;

    (void)io;
    if (fstatvfs(fd, &st) < 0)
        return -errno;
    ret->block_size = st.f_frsize;
    ret->blocks = st.f_blocks;
    ret->blocks_free = st.f_bfree;
    ret->blocks_available = st.f_bavail;
    return 0;
}

static int posix_map(struct io *io, int fd, size_t size, const void **ret)
{
    void *map;

    (void)io;
    map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return -errno;
    *ret = map;
    return 0;
}

static void posix_unmap(struct io *io, const void *map, size_t size)
{
    (void)io;
    (void)munmap((void *)(uintptr_t)map, size);
}

#define PAGES 64 /* that are asked about at once */

static bool posix_cached(struct io *io, const void *from, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t at = (uintptr_t)from & ~(page - 1);
    uintptr_t end = (uintptr_t)from + size;
    unsigned char in_memory[PAGES];

    (void)io;
    while (at < end) {
        size_t count = (end - at + page - 1) / page;

        if (count > PAGES)
            count = PAGES;
        if (mincore((void *)at, count * page, in_memory) < 0)
            return false;
        for (size_t k = 0; k < count; k++)
            if ((in_memory[k] & 1) == 0)
                return false;
        at += count * page;
    }
    return true;
}

static int64_t posix_now(struct io *io)
{
    struct timespec now = {0};

    (void)io;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t posix_uptime(struct io *io)
{
    struct timespec now = {0};

    (void)io;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int posix_boot_id(struct io *io, char ret[static 37])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    (void)io;
    if (fd < 0)
        return -errno;
    n = read(fd, ret, 36);
    (void)close(fd);
    if (n != 36)
        return -EIO;
    ret[36] = '\0';
    return 0;
}

static const struct io_ops posix_ops = {
    .open = posix_open,
    .close = posix_close,
    .readv = posix_readv,
    .writev = posix_writev,
    .truncate = posix_truncate,
    .datasync = posix_datasync,
    .sync = posix_sync,
    .stat = posix_stat,
    .statat = posix_statat,
    .chmod = posix_chmod,
    .chmodat = posix_chmodat,
    .mkdir = posix_mkdir,
    .unlink = posix_unlink,
    .rename = posix_rename,
    .list = posix_list,
    .lock = posix_lock,
    .space = posix_space,
    .map = posix_map,
    .unmap = posix_unmap,
    .cached = posix_cached,
    .now = posix_now,
    .uptime = posix_uptime,
    .boot_id = posix_boot_id,
};

struct io *io_posix(void)
{
    static struct io posix = {&posix_ops};
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, install_guard);
    return &posix;
}

/* The call's result, made again for as long as a signal interrupts it. */
#define RETRY(call)               \
    __extension__({               \
        int retry_;               \
                                  \
        do                        \
            retry_ = (call);      \
        while (retry_ == -EINTR); \
        retry_;                   \
    })

int io_open(struct io *io, int dir, const char *name, int flags, mode_t mode)
{
    return RETRY(io->ops->open(io, dir, name, flags, mode));
}

int io_open_root(struct io *io, const char *path)
{
    char inside[PATH_MAX];
    int n = snprintf(inside, sizeof(inside), "%s/.", path);

    /* By way of its own ".", so that path itself may be a symbolic link. */
    if (n < 0 || (size_t)n >= sizeof(inside))
        return -ENAMETOOLONG;
    return io_open(io, AT_FDCWD, inside, O_RDONLY | O_DIRECTORY, 0);
}

void io_close(struct io *io, int fd)
{
    if (fd >= 0)
        (void)io->ops->close(io, fd);
}

ssize_t io_read(struct io *io, int fd, void *data, size_t size,
                uint64_t position, bool nowait)
{
    size_t done = 0;

    while (done < size) {
        struct iovec piece = {(char *)data + done, size - done};
        ssize_t n = io->ops->readv(io, fd, &piece, 1, position + done,
                                   nowait ? RWF_NOWAIT : 0);

        if (n == -EINTR)
            continue;
        if (n < 0 && (n != -EAGAIN || done == 0))
            return n;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* Steps over n bytes of the pieces from first on; returns the piece it ends
   in. */
static size_t advance(struct iovec *iov, size_t first, size_t count, size_t n)
{
    while (first < count && n >= iov[first].iov_len)
        n -= iov[first++].iov_len;
    if (n > 0) {
        iov[first].iov_base = (char *)iov[first].iov_base + n;
        iov[first].iov_len -= n;
    }
    return first;
}

int io_writev(struct io *io, int fd, struct iovec *iov, size_t count,
              uint64_t position)
{
    size_t first = 0;

    while (first < count) {
        size_t pieces = count - first < IOV_MAX ? count - first : IOV_MAX;
        ssize_t n = io->ops->writev(io, fd, iov + first, (int)pieces, position);

        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        position += (uint64_t)n;
        first = advance(iov, first, count, (size_t)n);
    }
    return 0;
}

int io_write(struct io *io, int fd, const void *data, size_t size,
             uint64_t position)
{
    struct iovec piece = {(void *)(uintptr_t)data, size};

    return size ? io_writev(io, fd, &piece, 1, position) : 0;
}

int io_truncate(struct io *io, int fd, uint64_t size)
{
    return RETRY(io->ops->truncate(io, fd, size));
}

int io_datasync(struct io *io, int fd)
{
    return RETRY(io->ops->datasync(io, fd));
}

int io_sync(struct io *io, int fd)
{
    return RETRY(io->ops->sync(io, fd));
}

int io_stat(struct io *io, int fd, struct io_stat *ret)
{
    return RETRY(io->ops->stat(io, fd, ret));
}

int io_statat(struct io *io, int dir, const char *name, struct io_stat *ret)
{
    return RETRY(io->ops->statat(io, dir, name, ret));
}

int io_chmod(struct io *io, int fd, mode_t mode)
{
    return RETRY(io->ops->chmod(io, fd, mode));
}

int io_chmodat(struct io *io, int dir, const char *name, mode_t mode)
{
    return RETRY(io->ops->chmodat(io, dir, name, mode));
}

int io_mkdir(struct io *io, int dir, const char *name, mode_t mode)
{
    return RETRY(io->ops->mkdir(io, dir, name, mode));
}

int io_unlink(struct io *io, int dir, const char *name, bool directory)
{
    return RETRY(io->ops->unlink(io, dir, name, directory));
}

int io_rename(struct io *io, int dir, const char *from, const char *to)
{
    return RETRY(io->ops->rename(io, dir, from, to));
}

int io_list(struct io *io, int dir, io_list_fn *each, void *ctx)
{
    return io->ops->list(io, dir, each, ctx);
}

int io_lock(struct io *io, int fd, bool exclusive)
{
    return RETRY(io->ops->lock(io, fd, exclusive));
}

int io_space(struct io *io, int fd, struct io_space *ret)
{
    return RETRY(io->ops->space(io, fd, ret));
}

int io_map(struct io *io, int fd, size_t size, const void **ret)
{
    return RETRY(io->ops->map(io, fd, size, ret));
}

void io_unmap(struct io *io, const void *map, size_t size)
{
    io->ops->unmap(io, map, size);
}

bool io_cached(struct io *io, const void *from, size_t size)
{
    return io->ops->cached(io, from, size);
}

int64_t io_now(struct io *io)
{
    return io->ops->now(io);
}

int64_t io_uptime(struct io *io)
{
    return io->ops->uptime(io);
}

int io_boot_id(struct io *io, char ret[static 37])
{
    return RETRY(io->ops->boot_id(io, ret));
}

ssize_t io_load(struct io *io, int dir, const char *name, void *data,
                size_t size)
{
    int fd = io_open(io, dir, name, O_RDONLY, 0);
    char more;
    ssize_t n;

    if (fd < 0)
        return fd;
    n = io_read(io, fd, data, size, 0, false);
    if (n == (ssize_t)size) {
        ssize_t rest = io_read(io, fd, &more, 1, size, false);

        if (rest != 0)
            n = rest < 0 ? rest : -EFBIG;
    }
    io_close(io, fd);
    return n;
}

int io_put(struct io *io, int dir, const char *name, const void *data,
           size_t size)
{
    char temporary[NAME_MAX + 1];
    int fd;
    int r;

    (void)snprintf(temporary, sizeof(temporary), "%s.new", name);
    fd = io_open(io, dir, temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return fd;
    r = io_write(io, fd, data, size, 0);
    if (r == 0)
        r = io_sync(io, fd);
    io_close(io, fd);
    if (r == 0)
        r = io_rename(io, dir, temporary, name);
    return r;
}

int io_replace(struct io *io, int dir, const char *name, const void *data,
               size_t size)
{
    int r = io_put(io, dir, name, data, size);

    return r < 0 ? r : io_sync(io, dir);
}
