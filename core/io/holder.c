/* SPDX-License-Identifier: MIT */
#include "io/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* A file as /proc/locks names it. */
struct file {
    unsigned dev_major, dev_minor;
    uint64_t ino;
};

/* The device of the mount with that id, from /proc/self/mountinfo. */
static int find_device(uint64_t mount, struct file *file)
{
    FILE *table = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t size = 0;
    unsigned long long id;
    int r = -ENOENT;

    if (!table)
        return -errno;
    while (r < 0 && getline(&line, &size, table) > 0) {
        if (sscanf(line, "%llu %*u %u:%u ", &id, &file->dev_major,
                   &file->dev_minor) == 3 &&
            id == mount)
            r = 0;
    }
    free(line);
    (void)fclose(table);
    return r;
}

/* On btrfs and overlayfs stat(2) names another device than /proc/locks. */
static int identify(const char *path, struct file *ret_file)
{
    struct file file;
    struct statx found;

    if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_MNT_ID, &found) < 0)
        return -errno;
    file =
        (struct file){found.stx_dev_major, found.stx_dev_minor, found.stx_ino};
    if ((found.stx_mask & STATX_MNT_ID) != 0 &&
        find_device(found.stx_mnt_id, &file) < 0) {
        file.dev_major = found.stx_dev_major;
        file.dev_minor = found.stx_dev_minor;
    }
    *ret_file = file;
    return 0;
}

/* 1: FLOCK  ADVISORY  WRITE 7041 07:01:12 0 EOF, the device in hexadecimal. */
static bool is_held_by(const char *line, const struct file *file,
                       pid_t *ret_pid)
{
    unsigned dev_major, dev_minor;
    unsigned long long ino;
    long pid;

    if (sscanf(line, "%*u: FLOCK %*s %*s %ld %x:%x:%llu ", &pid, &dev_major,
               &dev_minor, &ino) != 4 ||
        dev_major != file->dev_major || dev_minor != file->dev_minor ||
        ino != file->ino || pid <= 0)
        return false;
    *ret_pid = (pid_t)pid;
    return true;
}

int holder_find(const char *path, pid_t *ret_pid)
{
    struct file file = {0};
    FILE *table = NULL;
    char *line = NULL;
    size_t size = 0;
    int r = identify(path, &file);

    if (r < 0)
        return r;
    table = fopen("/proc/locks", "re");
    if (!table)
        return -ENOENT;
    r = -ENOENT;
    while (r < 0 && getline(&line, &size, table) > 0) {
        if (is_held_by(line, &file, ret_pid))
            r = 0;
    }
    free(line);
    (void)fclose(table);
    return r;
}
