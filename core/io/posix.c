/* SPDX-License-Identifier: MIT */
#include "io/io.h"

#include "io/sigbus.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static int result(int r)
{
    return r < 0 ? -errno : r;
}

/* Becomes, for this thread and its files, the owner of dir, if root is another
   user. What a user cannot make in the directory that is theirs alone, root
   makes as root. */
static bool become_owner(int dir)
{
    struct stat st;

    if (geteuid() != 0 || dir < 0 || fstat(dir, &st) < 0 || st.st_uid == 0)
        return false;
    (void)setfsgid(st.st_gid);
    (void)setfsuid(st.st_uid);
    return true;
}

static void become_root(void)
{
    int saved = errno;

    (void)setfsuid(geteuid());
    (void)setfsgid(getegid());
    errno = saved;
}

static int posix_open(struct io *io, int dir, const char *name, int flags,
                      mode_t mode)
{
    int fd = -1;

    (void)io;
    flags |= O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    if ((flags & O_CREAT) && become_owner(dir)) {
        fd = openat(dir, name, flags, mode);
        become_root();
        if (fd >= 0 || (errno != EACCES && errno != EPERM))
            return result(fd);
    }
    return result(openat(dir, name, flags, mode));
}

static int posix_close_fd(struct io *io, int fd)
{
    (void)io;
    return result(close(fd));
}

static ssize_t posix_readv(struct io *io, struct io_from from,
                           const struct iovec *iov, int count)
{
    off_t at = (off_t)from.position;
    ssize_t n;

    (void)io;
    n = preadv2(from.fd, iov, count, at, from.nowait ? RWF_NOWAIT : 0);
    /* A filesystem in memory, that never waits, need not know the flag. */
    if (n < 0 && errno == EOPNOTSUPP && from.nowait)
        n = preadv(from.fd, iov, count, at);
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

static int posix_next_data(struct io *io, int fd, uint64_t at, uint64_t *ret)
{
    off_t data = lseek(fd, (off_t)at, SEEK_DATA);

    (void)io;
    if (data < 0 && errno != ENXIO && errno != EINVAL && errno != EOPNOTSUPP)
        return -errno;
    if (data >= 0)
        *ret = (uint64_t)data;
    else
        *ret = errno == ENXIO ? UINT64_MAX : at;
    return 0;
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

/* A time beyond what 64 bits of nanoseconds hold, in 2262 or 1677, is the
   nearest that they do. */
static int64_t in_ns(const struct timespec *time)
{
    int64_t ns;

    if (__builtin_mul_overflow((int64_t)time->tv_sec, INT64_C(1000000000),
                               &ns) ||
        __builtin_add_overflow(ns, (int64_t)time->tv_nsec, &ns))
        return time->tv_sec < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

static void from_stat(const struct stat *st, struct io_stat *ret)
{
    ret->type = S_ISREG(st->st_mode)   ? IO_FILE
                : S_ISDIR(st->st_mode) ? IO_DIR
                                       : IO_OTHER;
    ret->size = (uint64_t)st->st_size;
    ret->mode = st->st_mode & 07777;
    ret->links = st->st_nlink;
    ret->time_ns = in_ns(&st->st_mtim);
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

static int posix_mkdir(struct io *io, int dir, const char *name, mode_t mode)
{
    int r;

    (void)io;
    if (become_owner(dir)) {
        r = mkdirat(dir, name, mode);
        become_root();
        if (r == 0 || (errno != EACCES && errno != EPERM))
            return result(r);
    }
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

static int posix_map_shared(struct io *io, int fd, size_t size, void **ret)
{
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_POPULATE, fd, 0);

    (void)io;
    if (map == MAP_FAILED)
        return -errno;
    *ret = map;
    return 0;
}

/* The limit of a file's size is that of writes alone, which come later. */
static int posix_allocate(struct io *io, int fd, uint64_t from, uint64_t size)
{
    struct rlimit limit;

    (void)io;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
        limit.rlim_cur != RLIM_INFINITY &&
        (size > limit.rlim_cur || from > limit.rlim_cur - size))
        return -EFBIG;
    return result(fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)size));
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
    return in_ns(&now);
}

static int64_t posix_uptime(struct io *io)
{
    struct timespec now = {0};

    (void)io;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return in_ns(&now);
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
    .close = posix_close_fd,
    .readv = posix_readv,
    .writev = posix_writev,
    .next_data = posix_next_data,
    .truncate = posix_truncate,
    .datasync = posix_datasync,
    .sync = posix_sync,
    .stat = posix_stat,
    .statat = posix_statat,
    .chmod = posix_chmod,
    .mkdir = posix_mkdir,
    .unlink = posix_unlink,
    .rename = posix_rename,
    .list = posix_list,
    .lock = posix_lock,
    .space = posix_space,
    .map = posix_map,
    .unmap = posix_unmap,
    .map_shared = posix_map_shared,
    .allocate = posix_allocate,
    .cached = posix_cached,
    .now = posix_now,
    .uptime = posix_uptime,
    .boot_id = posix_boot_id,
};

struct io *io_posix(void)
{
    static struct io posix = {&posix_ops};

    sigbus_install();
    return &posix;
}
