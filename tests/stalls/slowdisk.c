/* SPDX-License-Identifier: MIT */
/*
 * slowdisk - a disk that takes its time: a file to put a filesystem on.
 *
 *     slowdisk IMAGE MOUNTPOINT
 *
 * MOUNTPOINT/disk is the file IMAGE. What is written to MOUNTPOINT/delay, two
 * numbers, is how many ms each read and each write or sync of it takes from
 * then on; as many at a time as are asked for.
 */
#define FUSE_USE_VERSION 35

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int image;
static _Atomic unsigned delays[2]; /* of a read, of a write; in ms */

enum { ON_READ, ON_WRITE };

static void take_time(int on)
{
    unsigned delay = atomic_load(&delays[on]);

    if (delay > 0)
        usleep(delay * 1000);
}

static int is_disk(const char *path)
{
    return strcmp(path, "/disk") == 0;
}

static int do_getattr(const char *path, struct stat *ret_stat,
                      struct fuse_file_info *fi)
{
    struct stat st = {.st_nlink = 1};

    (void)fi;
    if (strcmp(path, "/") == 0) {
        st.st_mode = S_IFDIR | 0700;
    } else if (is_disk(path)) {
        if (fstat(image, &st) < 0)
            return -errno;
    } else if (strcmp(path, "/delay") == 0) {
        st.st_mode = S_IFREG | 0600;
    } else {
        return -ENOENT;
    }
    *ret_stat = st;
    return 0;
}

static int do_readdir(const char *path, void *buffer, fuse_fill_dir_t add,
                      off_t position, struct fuse_file_info *fi,
                      enum fuse_readdir_flags flags)
{
    (void)path;
    (void)position;
    (void)fi;
    (void)flags;
    add(buffer, "disk", NULL, 0, 0);
    add(buffer, "delay", NULL, 0, 0);
    return 0;
}

/* Nothing of it is kept in memory on this side. */
static int do_open(const char *path, struct fuse_file_info *fi)
{
    (void)path;
    fi->direct_io = 1;
    return 0;
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
    (void)size;
    (void)fi;
    return is_disk(path) ? -EOPNOTSUPP : 0;
}

static int do_read(const char *path, char *data, size_t size, off_t position,
                   struct fuse_file_info *fi)
{
    ssize_t n;

    (void)fi;
    if (!is_disk(path))
        return 0;
    take_time(ON_READ);
    n = pread(image, data, size, position);
    return n < 0 ? -errno : (int)n;
}

static int set_delays(const char *data, size_t size)
{
    char text[64] = "";
    char *end = NULL;

    memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
    atomic_store(&delays[ON_READ], (unsigned)strtoul(text, &end, 10));
    atomic_store(&delays[ON_WRITE], (unsigned)strtoul(end, NULL, 10));
    return (int)size;
}

static int do_write(const char *path, const char *data, size_t size,
                    off_t position, struct fuse_file_info *fi)
{
    ssize_t n;

    (void)fi;
    if (!is_disk(path))
        return set_delays(data, size);
    take_time(ON_WRITE);
    n = pwrite(image, data, size, position);
    return n < 0 ? -errno : (int)n;
}

static int do_fsync(const char *path, int data, struct fuse_file_info *fi)
{
    (void)path;
    (void)data;
    (void)fi;
    take_time(ON_WRITE);
    return 0;
}

static const struct fuse_operations operations = {
    .getattr = do_getattr,
    .readdir = do_readdir,
    .open = do_open,
    .truncate = do_truncate,
    .read = do_read,
    .write = do_write,
    .fsync = do_fsync,
};

int main(int argc, char **argv)
{
    char *args[] = {argv[0], argv[argc - 1], NULL};

    if (argc != 3) {
        fprintf(stderr, "usage: slowdisk IMAGE MOUNTPOINT\n");
        return 2;
    }
    image = open(argv[1], O_RDWR | O_CLOEXEC);
    if (image < 0) {
        perror(argv[1]);
        return 2;
    }
    return fuse_main(2, args, &operations, NULL);
}
