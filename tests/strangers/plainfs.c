/* SPDX-License-Identifier: MIT */
/*
 * plainfs - a filesystem that knows no owners, no modes and no links, as FAT
 * does: a directory's files under these rules.
 *
 *     plainfs DIRECTORY MOUNTPOINT
 *
 * All is mode 0755, or 0555 when it was made read-only; chmod(2) to anything
 * else is EPERM, as fat_allow_set_mode() and fat_sanitize_mode() of Linux say
 * it, and so are chown(2), link(2), symlink(2) and mknod(2).
 */
#define FUSE_USE_VERSION 35

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int root;

/* A path below root. */
static const char *below(const char *path)
{
    return path[1] != '\0' ? path + 1 : ".";
}

static int result(long r)
{
    return r < 0 ? -errno : 0;
}

static int fd_of(const struct fuse_file_info *fi)
{
    return (int)fi->fh;
}

static int do_getattr(const char *path, struct stat *ret_stat,
                      struct fuse_file_info *fi)
{
    int r = fi != NULL
                ? fstat(fd_of(fi), ret_stat)
                : fstatat(root, below(path), ret_stat, AT_SYMLINK_NOFOLLOW);

    if (r < 0)
        return -errno;
    ret_stat->st_mode &= S_IFMT | 0200;
    ret_stat->st_mode |= (ret_stat->st_mode & 0200) != 0 ? 0755 : 0555;
    ret_stat->st_uid = getuid();
    ret_stat->st_gid = getgid();
    return 0;
}

static int do_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
    (void)fi;
    mode &= 0777;
    if (mode != 0755 && mode != 0555)
        return -EPERM;
    return result(fchmodat(root, below(path), mode & 0200 ? 0700 : 0500, 0));
}

static int do_chown(const char *path, uid_t uid, gid_t gid,
                    struct fuse_file_info *fi)
{
    (void)path;
    (void)fi;
    return (uid == (uid_t)-1 || uid == getuid()) &&
                   (gid == (gid_t)-1 || gid == getgid())
               ? 0
               : -EPERM;
}

static int do_mkdir(const char *path, mode_t mode)
{
    (void)mode;
    return result(mkdirat(root, below(path), 0700));
}

static int do_unlink(const char *path)
{
    return result(unlinkat(root, below(path), 0));
}

static int do_rmdir(const char *path)
{
    return result(unlinkat(root, below(path), AT_REMOVEDIR));
}

static int do_rename(const char *from, const char *to, unsigned flags)
{
    return result(renameat2(root, below(from), root, below(to), flags));
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
    int fd = fi != NULL ? fd_of(fi) : openat(root, below(path), O_WRONLY);
    int r = result(ftruncate(fd, size));

    if (fi == NULL && fd >= 0)
        close(fd);
    return r;
}

static int do_utimens(const char *path, const struct timespec times[2],
                      struct fuse_file_info *fi)
{
    (void)fi;
    return result(utimensat(root, below(path), times, AT_SYMLINK_NOFOLLOW));
}

static int open_as(const char *path, int flags, struct fuse_file_info *fi)
{
    int fd = openat(root, below(path), flags | O_NOFOLLOW | O_CLOEXEC, 0700);

    if (fd < 0)
        return -errno;
    fi->fh = (uint64_t)fd;
    return 0;
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
    return open_as(path, fi->flags & ~(O_APPEND | O_CREAT | O_EXCL), fi);
}

static int do_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
    (void)mode;
    return open_as(path, (fi->flags & ~O_APPEND) | O_CREAT, fi);
}

static int do_read(const char *path, char *data, size_t size, off_t position,
                   struct fuse_file_info *fi)
{
    ssize_t n = pread(fd_of(fi), data, size, position);

    (void)path;
    return n < 0 ? -errno : (int)n;
}

static int do_write(const char *path, const char *data, size_t size,
                    off_t position, struct fuse_file_info *fi)
{
    ssize_t n = pwrite(fd_of(fi), data, size, position);

    (void)path;
    return n < 0 ? -errno : (int)n;
}

static int do_fsync(const char *path, int data, struct fuse_file_info *fi)
{
    (void)path;
    return result(data ? fdatasync(fd_of(fi)) : fsync(fd_of(fi)));
}

static int do_release(const char *path, struct fuse_file_info *fi)
{
    (void)path;
    return result(close(fd_of(fi)));
}

static int do_readdir(const char *path, void *buffer, fuse_fill_dir_t add,
                      off_t position, struct fuse_file_info *fi,
                      enum fuse_readdir_flags flags)
{
    int fd = openat(root, below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    (void)position;
    (void)fi;
    (void)flags;
    if (dir == NULL)
        return -errno;
    while ((entry = readdir(dir)) != NULL)
        add(buffer, entry->d_name, NULL, 0, 0);
    closedir(dir);
    return 0;
}

static int do_statfs(const char *path, struct statvfs *ret_stat)
{
    (void)path;
    return result(fstatvfs(root, ret_stat));
}

static int refuse_link(const char *from, const char *to)
{
    (void)from;
    (void)to;
    return -EPERM;
}

static int refuse_node(const char *path, mode_t mode, dev_t device)
{
    (void)path;
    (void)mode;
    (void)device;
    return -EPERM;
}

/* What is removed while it is open is simply gone by name. */
static void *do_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
    (void)conn;
    config->hard_remove = 1;
    config->nullpath_ok = 0;
    return NULL;
}

static const struct fuse_operations operations = {
    .init = do_init,
    .getattr = do_getattr,
    .chmod = do_chmod,
    .chown = do_chown,
    .mkdir = do_mkdir,
    .unlink = do_unlink,
    .rmdir = do_rmdir,
    .rename = do_rename,
    .truncate = do_truncate,
    .utimens = do_utimens,
    .open = do_open,
    .create = do_create,
    .read = do_read,
    .write = do_write,
    .fsync = do_fsync,
    .release = do_release,
    .readdir = do_readdir,
    .statfs = do_statfs,
    .link = refuse_link,
    .symlink = refuse_link,
    .mknod = refuse_node,
};

int main(int argc, char **argv)
{
    char *args[] = {argv[0], "-o", "default_permissions", argv[argc - 1], NULL};

    if (argc != 3) {
        fprintf(stderr, "usage: plainfs DIRECTORY MOUNTPOINT\n");
        return 2;
    }
    root = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        perror(argv[1]);
        return 2;
    }
    return fuse_main(4, args, &operations, NULL);
}
