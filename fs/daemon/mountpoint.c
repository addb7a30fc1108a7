/* SPDX-License-Identifier: MIT */
#include "daemon/mountpoint.h"

#include "daemon/message.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <mntent.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

int mountpoint_resolve(const char *path, char **ret_path)
{
    char *resolved = realpath(path, NULL);
    char *copy = NULL;
    char *base = NULL;
    char *parent = NULL;
    int r = 0;

    if (resolved) {
        *ret_path = resolved;
        return 0;
    }
    if (errno != ENOENT && errno != ENOTCONN)
        return -errno;
    copy = strdup(path);
    base = strdup(path);
    if (!copy || !base) {
        r = -ENOMEM;
        goto out;
    }
    parent = realpath(dirname(copy), NULL);
    if (!parent)
        r = -errno;
    else if (asprintf(&resolved, "%s/%s",
                      strcmp(parent, "/") == 0 ? "" : parent,
                      basename(base)) < 0)
        r = -ENOMEM;
    else
        *ret_path = resolved;
out:
    free(copy);
    free(base);
    free(parent);
    return r;
}

bool mountpoint_covers(const char *dir, const char *path)
{
    size_t length = strlen(dir);

    if (strncmp(dir, path, length) != 0)
        return false;
    return path[length] == '\0' || path[length] == '/' ||
           dir[length - 1] == '/';
}

/* Whether what is mounted on path, uppermost, is a log. */
static bool is_log(const char *path)
{
    FILE *table = setmntent("/proc/self/mounts", "r");
    char buffer[PATH_MAX + 4096];
    struct mntent entry;
    bool found = false;

    if (!table)
        return false;
    while (getmntent_r(table, &entry, buffer, (int)sizeof(buffer)) != NULL) {
        if (strcmp(entry.mnt_dir, path) == 0)
            found = strcmp(entry.mnt_type, "fuse.clog") == 0;
    }
    endmntent(table);
    return found;
}

/* Only root may unmount by itself; fusermount3 does it for others. */
static int detach(const char *path)
{
    char *argv[] = {(char[]){"fusermount3"}, (char[]){"-uzq"}, (char[]){"--"},
                    NULL, NULL};
    extern char **environ;
    pid_t pid;
    int status;
    int r;

    if (umount2(path, MNT_DETACH) == 0)
        return 0;
    if (errno != EPERM)
        return -errno;
    argv[3] = strdup(path);
    if (!argv[3])
        return -ENOMEM;
    r = -posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
    free(argv[3]);
    if (r < 0)
        return r;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return status == 0 ? 0 : -EPERM;
}

/* A daemon was killed here: its mount answers ENOTCONN for ever. */
static int clean(const char *path)
{
    int r = detach(path);

    if (r < 0)
        message(LOG_ERR, "%s: cannot unmount what a dead clog has left: %s",
                path, strerror(-r));
    else
        message(LOG_NOTICE, "%s: unmounted what a dead clog has left", path);
    return r;
}

/* What stat(2) says may come from the kernel's cache, statvfs(3) does not. */
static int check_directory(const char *path)
{
    struct statvfs space;
    struct stat inode;

    if (stat(path, &inode) < 0 || statvfs(path, &space) < 0)
        return -errno;
    return S_ISDIR(inode.st_mode) ? 0 : -ENOTDIR;
}

int mountpoint_prepare(const char *path)
{
    int r = check_directory(path);

    if (r == -ENOTCONN && is_log(path)) {
        r = clean(path);
        if (r < 0)
            return r;
        r = check_directory(path);
    }
    if (r < 0) {
        message(LOG_ERR, "mountpoint %s: %s", path, strerror(-r));
        return r;
    }
    if (is_log(path)) {
        message(LOG_ERR, "%s: a log is mounted here already", path);
        return -EBUSY;
    }
    return 0;
}
