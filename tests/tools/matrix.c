/* SPDX-License-Identifier: MIT */
/*
 * matrix - what every system call that names or opens a file says to every
 * kind of file.
 *
 *     matrix MOUNT UID NAME...
 *
 * Becomes the user UID, makes each call on each NAME below MOUNT, and prints a
 * line for each call: its name, and for each file the errno's name, or `-` if
 * the call succeeded. Calls that begin with `f` work on a descriptor, opened
 * for what the file offers. None of them would write to a door if it were
 * let; whether one has changed anything is for others to see.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

/* A file beside, on another file system or in the mount. */
#define OTHER_NAME "there-is-no-such-name"

static long opened(int fd)
{
    return fd < 0 ? -1 : close(fd);
}

#define OPEN(name, flags)                                     \
    static long open_##name(const char *path)                 \
    {                                                         \
        return opened(open(path, (flags) | O_CLOEXEC, 0600)); \
    }

OPEN(r, O_RDONLY)
OPEN(w, O_WRONLY)
OPEN(rw, O_RDWR)
OPEN(w_append, O_WRONLY | O_APPEND)
OPEN(w_trunc, O_WRONLY | O_TRUNC)
OPEN(r_trunc, O_RDONLY | O_TRUNC)
OPEN(w_creat, O_WRONLY | O_CREAT)
OPEN(r_creat, O_RDONLY | O_CREAT)
OPEN(creat_excl, O_WRONLY | O_CREAT | O_EXCL)
OPEN(w_sync, O_WRONLY | O_SYNC)
OPEN(w_nonblock, O_WRONLY | O_NONBLOCK)
OPEN(r_direct, O_RDONLY | O_DIRECT)
OPEN(w_direct, O_WRONLY | O_DIRECT)
OPEN(directory, O_RDONLY | O_DIRECTORY)
OPEN(nofollow, O_RDONLY | O_NOFOLLOW)
OPEN(path, O_PATH)
OPEN(tmpfile, O_WRONLY | O_TMPFILE)
OPEN(noatime, O_RDONLY | O_NOATIME)

static long call_creat(const char *path)
{
    return opened(creat(path, 0644));
}

static long call_stat(const char *path)
{
    struct stat st;

    return stat(path, &st);
}

static long call_lstat(const char *path)
{
    struct stat st;

    return lstat(path, &st);
}

static long call_statx(const char *path)
{
    struct statx st;

    return statx(AT_FDCWD, path, 0, STATX_ALL, &st);
}

static long call_statfs(const char *path)
{
    struct statfs st;

    return statfs(path, &st);
}

static long access_f(const char *path)
{
    return access(path, F_OK);
}

static long access_r(const char *path)
{
    return access(path, R_OK);
}

static long access_w(const char *path)
{
    return access(path, W_OK);
}

static long access_x(const char *path)
{
    return access(path, X_OK);
}

static long call_readlink(const char *path)
{
    char target[64];

    return readlink(path, target, sizeof(target)) < 0 ? -1 : 0;
}

static long call_truncate(const char *path)
{
    return truncate(path, 0);
}

static long truncate_longer(const char *path)
{
    return truncate(path, 1 << 20);
}

/* To what it is. */
static long chmod_same(const char *path)
{
    struct stat st;

    return stat(path, &st) < 0 ? -1 : chmod(path, st.st_mode & 07777);
}

static long chmod_less(const char *path)
{
    return chmod(path, 0);
}

static long chmod_more(const char *path)
{
    return chmod(path, 0777);
}

static long chmod_setuid(const char *path)
{
    return chmod(path, 04200);
}

static long chown_same(const char *path)
{
    struct stat st;

    return stat(path, &st) < 0 ? -1 : chown(path, st.st_uid, st.st_gid);
}

static long call_chown(const char *path)
{
    return chown(path, 4711, 4711);
}

static long call_lchown(const char *path)
{
    return lchown(path, 4711, 4711);
}

static long utimes_now(const char *path)
{
    return utimensat(AT_FDCWD, path, NULL, 0);
}

static long utimes_then(const char *path)
{
    static const struct timespec times[2] = {{1, 0}, {1, 0}};

    return utimensat(AT_FDCWD, path, times, 0);
}

/*
 * Whether one may link to what belongs to another is asked before the
 * directory is, or not at all, as the system is set up.
 */
static long link_from(const char *path)
{
    long r = link(path, OTHER_NAME);

    if (r < 0 && errno == EACCES)
        errno = EPERM;
    return r;
}

static long link_to(const char *path)
{
    return link("/proc/self/exe", path);
}

static long call_symlink(const char *path)
{
    return symlink("target", path);
}

static long call_unlink(const char *path)
{
    return unlink(path);
}

static long call_rmdir(const char *path)
{
    return rmdir(path);
}

static long call_mkdir(const char *path)
{
    return mkdir(path, 0777);
}

static long mknod_file(const char *path)
{
    return mknod(path, S_IFREG | 0666, 0);
}

static long mknod_fifo(const char *path)
{
    return mknod(path, S_IFIFO | 0666, 0);
}

static long mknod_device(const char *path)
{
    return mknod(path, S_IFCHR | 0666, 0x103);
}

static long rename_from(const char *path)
{
    return rename(path, OTHER_NAME);
}

static long rename_to(const char *path)
{
    return rename("metrics.prom", path);
}

static long rename_noreplace(const char *path)
{
    return renameat2(AT_FDCWD, path, AT_FDCWD, OTHER_NAME, RENAME_NOREPLACE);
}

static long rename_exchange(const char *path)
{
    return renameat2(AT_FDCWD, "metrics.prom", AT_FDCWD, path, RENAME_EXCHANGE);
}

static long rename_away(const char *path)
{
    return rename(path, "/tmp/" OTHER_NAME);
}

static long call_chdir(const char *path)
{
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long r = chdir(path);
    int error = errno;

    if (here < 0 || fchdir(here) < 0)
        abort();
    close(here);
    errno = error;
    return r;
}

/* In a child, for there would be no way back. */
static long in_child(long (*call)(const char *path), const char *path)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        _exit(call(path) < 0 ? errno : 0);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        abort();
    errno = WEXITSTATUS(status);
    return errno == 0 ? 0 : -1;
}

static long enter_root(const char *path)
{
    return chroot(path);
}

static long call_chroot(const char *path)
{
    return in_child(enter_root, path);
}

static long exec(const char *path)
{
    return execl(path, path, NULL);
}

static long call_exec(const char *path)
{
    return in_child(exec, path);
}

static long xattr_get(const char *path)
{
    char value[256];

    return getxattr(path, "user.other", value, sizeof(value)) < 0 ? -1 : 0;
}

static long xattr_get_offset(const char *path)
{
    char value[256];

    return getxattr(path, "user.clog.offset", value, sizeof(value)) < 0 ? -1
                                                                        : 0;
}

static long xattr_set(const char *path)
{
    return setxattr(path, "user.other", "x", 1, 0);
}

static long xattr_set_offset(const char *path)
{
    return setxattr(path, "user.clog.offset", "0", 1, 0);
}

static long xattr_remove(const char *path)
{
    return removexattr(path, "user.clog.offset");
}

static long xattr_list(const char *path)
{
    char names[1024];

    return listxattr(path, names, sizeof(names)) < 0 ? -1 : 0;
}

static long socket_call(const char *path,
                        int (*call)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    long r;
    int error;

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    r = call(fd, (struct sockaddr *)&address, sizeof(address));
    error = errno;
    close(fd);
    errno = error;
    return r;
}

static int do_bind(int fd, const struct sockaddr *address, socklen_t size)
{
    return bind(fd, address, size);
}

static int do_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return connect(fd, address, size);
}

static long call_bind(const char *path)
{
    return socket_call(path, do_bind);
}

static long call_connect(const char *path)
{
    return socket_call(path, do_connect);
}

static long call_inotify(const char *path)
{
    int fd = inotify_init1(IN_CLOEXEC);
    long r = inotify_add_watch(fd, path, IN_ALL_EVENTS) < 0 ? -1 : 0;
    int error = errno;

    close(fd);
    errno = error;
    return r;
}

/* Opens path for what it offers, and closes it after call. */
static long with_fd(const char *path, long (*call)(int fd))
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    long r;
    int error;

    if (fd < 0)
        fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    r = call(fd);
    error = errno;
    close(fd);
    errno = error;
    return r;
}

#define WITH_FD(name, call)                \
    static long with_##name(int fd)        \
    {                                      \
        return (call) < 0 ? -1 : 0;        \
    }                                      \
    static long f_##name(const char *path) \
    {                                      \
        return with_fd(path, with_##name); \
    }

static char byte;

static long map(int fd, int protection)
{
    void *bytes = mmap(NULL, 4096, protection, MAP_SHARED, fd, 0);

    if (bytes == MAP_FAILED)
        return -1;
    return munmap(bytes, 4096);
}

static long lock_it(int fd)
{
    struct flock lock = {.l_type = F_RDLCK};

    return fcntl(fd, F_OFD_SETLK, &lock);
}

static long terminal(int fd)
{
    struct termios termios;

    return ioctl(fd, TCGETS, &termios);
}

static long get_flags(int fd)
{
    int flags;

    return ioctl(fd, FS_IOC_GETFLAGS, &flags);
}

static long set_flags(int fd)
{
    int flags = FS_APPEND_FL;

    return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static long get_entries(int fd)
{
    char buffer[4096];

    return syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
}

WITH_FD(read, read(fd, &byte, 1))
WITH_FD(write_nothing, write(fd, &byte, 0))
WITH_FD(seek, lseek(fd, 0, SEEK_END))
WITH_FD(seek_hole, lseek(fd, 0, SEEK_HOLE))
WITH_FD(truncate, ftruncate(fd, 0))
WITH_FD(allocate, fallocate(fd, 0, 0, 10))
WITH_FD(punch, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 9))
WITH_FD(sync, fsync(fd))
WITH_FD(datasync, fdatasync(fd))
WITH_FD(syncfs, syncfs(fd))
WITH_FD(advise, posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED) > 0 ? -1 : 0)
WITH_FD(map, map(fd, PROT_READ))
WITH_FD(map_write, map(fd, PROT_READ | PROT_WRITE))
WITH_FD(flock, flock(fd, LOCK_EX | LOCK_NB))
WITH_FD(lock, lock_it(fd))
WITH_FD(terminal, terminal(fd))
WITH_FD(get_flags, get_flags(fd))
WITH_FD(set_flags, set_flags(fd))
WITH_FD(getdents, get_entries(fd))
WITH_FD(chmod_less, fchmod(fd, 0))
WITH_FD(chown, fchown(fd, 4711, 4711))
WITH_FD(utimes, futimens(fd, NULL))
WITH_FD(setxattr, fsetxattr(fd, "user.other", "x", 1, 0))

static const struct {
    const char *name;
    long (*call)(const char *path);
} calls[] = {
    {"open-r", open_r},
    {"open-w", open_w},
    {"open-rw", open_rw},
    {"open-w-append", open_w_append},
    {"open-w-trunc", open_w_trunc},
    {"open-r-trunc", open_r_trunc},
    {"open-w-creat", open_w_creat},
    {"open-r-creat", open_r_creat},
    {"open-creat-excl", open_creat_excl},
    {"open-w-sync", open_w_sync},
    {"open-w-nonblock", open_w_nonblock},
    {"open-r-direct", open_r_direct},
    {"open-w-direct", open_w_direct},
    {"open-directory", open_directory},
    {"open-nofollow", open_nofollow},
    {"open-path", open_path},
    {"open-tmpfile", open_tmpfile},
    {"open-noatime", open_noatime},
    {"creat", call_creat},
    {"stat", call_stat},
    {"lstat", call_lstat},
    {"statx", call_statx},
    {"statfs", call_statfs},
    {"access-f", access_f},
    {"access-r", access_r},
    {"access-w", access_w},
    {"access-x", access_x},
    {"readlink", call_readlink},
    {"truncate", call_truncate},
    {"truncate-longer", truncate_longer},
    {"chmod-same", chmod_same},
    {"chmod-less", chmod_less},
    {"chmod-more", chmod_more},
    {"chmod-setuid", chmod_setuid},
    {"chown-same", chown_same},
    {"chown", call_chown},
    {"lchown", call_lchown},
    {"utimes-now", utimes_now},
    {"utimes-then", utimes_then},
    {"link-from", link_from},
    {"link-to", link_to},
    {"symlink", call_symlink},
    {"unlink", call_unlink},
    {"rmdir", call_rmdir},
    {"mkdir", call_mkdir},
    {"mknod-file", mknod_file},
    {"mknod-fifo", mknod_fifo},
    {"mknod-device", mknod_device},
    {"rename-from", rename_from},
    {"rename-to", rename_to},
    {"rename-noreplace", rename_noreplace},
    {"rename-exchange", rename_exchange},
    {"rename-away", rename_away},
    {"chdir", call_chdir},
    {"chroot", call_chroot},
    {"exec", call_exec},
    {"getxattr", xattr_get},
    {"getxattr-offset", xattr_get_offset},
    {"setxattr", xattr_set},
    {"setxattr-offset", xattr_set_offset},
    {"removexattr", xattr_remove},
    {"listxattr", xattr_list},
    {"bind", call_bind},
    {"connect", call_connect},
    {"inotify", call_inotify},
    {"f-read", f_read},
    {"f-write-nothing", f_write_nothing},
    {"f-seek", f_seek},
    {"f-seek-hole", f_seek_hole},
    {"f-truncate", f_truncate},
    {"f-allocate", f_allocate},
    {"f-punch", f_punch},
    {"f-sync", f_sync},
    {"f-datasync", f_datasync},
    {"f-syncfs", f_syncfs},
    {"f-advise", f_advise},
    {"f-map", f_map},
    {"f-map-write", f_map_write},
    {"f-flock", f_flock},
    {"f-lock", f_lock},
    {"f-terminal", f_terminal},
    {"f-get-flags", f_get_flags},
    {"f-set-flags", f_set_flags},
    {"f-getdents", f_getdents},
    {"f-chmod-less", f_chmod_less},
    {"f-chown", f_chown},
    {"f-utimes", f_utimes},
    {"f-setxattr", f_setxattr},
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "matrix: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void enter(const char *mount, uid_t uid)
{
    int fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        die(mount);
    if (uid != geteuid() &&
        (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
         setresuid(uid, uid, uid) < 0))
        die("setuid");
    if (fchdir(fd) < 0)
        die(mount);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        die("usage: matrix MOUNT UID NAME...");
    enter(argv[1], (uid_t)strtoul(argv[2], NULL, 10));
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        printf("%-16s", calls[i].name);
        fflush(stdout);
        for (int k = 3; k < argc; k++) {
            long r = calls[i].call(argv[k]);

            printf(" %s", r < 0 ? strerrorname_np(errno) : "-");
            fflush(stdout);
        }
        putchar('\n');
    }
    return 0;
}
