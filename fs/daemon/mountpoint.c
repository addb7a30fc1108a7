/* SPDX-License-Identifier: MIT */
#include "daemon/mountpoint.h"

#include "daemon/message.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

/* The most names in a warning. */
#define NAMES 3

int mountpoint_resolve(const char *path, char **ret_path)
{
    char *resolved = realpath(path, NULL); /* "" is ENOENT */
    char *copy = NULL;
    char *base = NULL;
    char *parent = NULL;
    int r = 0;

    if (resolved) {
        *ret_path = resolved;
        return 0;
    }
    if ((errno != ENOENT && errno != ENOTCONN) || path[0] == '\0')
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

/* Whether the uppermost mount on path is a log. */
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

/* Only root may call umount2(); fusermount3 does it for other users. */
int mountpoint_detach(const char *path)
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

/* Unmounts the mount of a killed daemon, which answers ENOTCONN for ever. */
static int clean(const char *path)
{
    int r = mountpoint_detach(path);

    if (r < 0)
        message(LOG_ERR, "%s: cannot unmount the mount of a dead clog: %s",
                path, strerror(-r));
    else
        message(LOG_NOTICE, "%s: unmounted the mount of a dead clog", path);
    return r;
}

/* stat(2) may answer from the kernel's cache, statvfs(3) asks the daemon. */
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

static int is_a_base(const struct dirent *entry)
{
    return strspn(entry->d_name, "0123456789") == 20 &&
           entry->d_name[20] == '\0';
}

static int is_a_name(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Frees the result of scandir(3). */
static void free_entries(struct dirent **entries, int count)
{
    while (count > 0)
        free(entries[--count]);
    free(entries);
}

/* Whether dir has segments; a copy of a log has nothing else. */
static bool has_segments(const char *dir)
{
    struct dirent **entries = NULL;
    char *path = NULL;
    int count;

    if (asprintf(&path, "%s/segments", dir) < 0)
        return false;
    count = scandir(path, &entries, is_a_base, NULL);
    free(path);
    free_entries(entries, count);
    return count > 0;
}

static bool has_format(const char *dir)
{
    char text[5] = "";
    char *path = NULL;
    ssize_t n = -1;
    int fd;

    if (asprintf(&path, "%s/format", dir) < 0)
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    free(path);
    if (fd >= 0) {
        n = read(fd, text, sizeof(text));
        close(fd);
    }
    return n == sizeof(text) && memcmp(text, "clog ", sizeof(text)) == 0;
}

/* Warns with the first names in dir, in alphabetical order. */
static void warn_of_files(const char *dir)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, is_a_name, alphasort);
    char names[1024] = "";
    char more[32] = "";
    int i = 0;

    for (; i < count && i < NAMES; i++) {
        strcat(names, i > 0 ? ", " : "");
        strcat(names, entries[i]->d_name);
    }
    if (i < count)
        snprintf(more, sizeof(more), " and %d more", count - i);
    if (count > 0)
        message(LOG_WARNING, "%s: is not empty: the mount hides %s%s", dir,
                names, more);
    free_entries(entries, count);
}

int mountpoint_look(const char *path)
{
    if (has_format(path) || has_segments(path)) {
        message(LOG_ERR,
                "%s: is itself a log; are the arguments the wrong way round?",
                path);
        return -EINVAL;
    }
    warn_of_files(path);
    return 0;
}

/* musl 1.2.5 does not name this field of the kernel's, but has its room. */
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000u
#define stx_mnt_id   __pad1[0]
#endif

/* Linux 6.8 has these, and the headers of many a system do not. */
#define MNT_ID_UNIQUE 0x4000u
#ifdef __NR_statmount
#define STATMOUNT __NR_statmount
#else
#define STATMOUNT 457
#endif

int mountpoint_identify(const char *path, struct mountpoint_id *ret_id)
{
    struct statx found;

    /* DONT_SYNC sends no request, which nobody might answer. */
    if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_MNT_ID | MNT_ID_UNIQUE,
              &found) < 0)
        return -errno;
    if ((found.stx_mask & (STATX_MNT_ID | MNT_ID_UNIQUE)) == 0)
        return -ENOSYS;
    *ret_id = (struct mountpoint_id){
        .mount = found.stx_mnt_id,
        .device = makedev(found.stx_dev_major, found.stx_dev_minor),
        .unique = (found.stx_mask & MNT_ID_UNIQUE) != 0,
    };
    return 0;
}

/* As statmount(2) tells, by an id that is never given again. */
static bool is_known(uint64_t mount)
{
    struct {
        uint32_t size;
        uint32_t spare;
        uint64_t mount;
        uint64_t wanted;
    } request = {.size = sizeof(request), .mount = mount};
    char found[512];

    return syscall(STATMOUNT, &request, found, sizeof(found), 0) == 0;
}

/* As mountinfo tells, by an id that may be another mount's by now. */
static bool is_listed(const struct mountpoint_id *id)
{
    FILE *table = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t size = 0;
    unsigned long long number;
    unsigned dev_major, dev_minor;
    bool found = false;

    if (!table)
        return false;
    while (!found && getline(&line, &size, table) > 0) {
        found = sscanf(line, "%llu %*u %u:%u ", &number, &dev_major,
                       &dev_minor) == 3 &&
                number == id->mount &&
                makedev(dev_major, dev_minor) == id->device;
    }
    free(line);
    fclose(table);
    return found;
}

bool mountpoint_exists(const struct mountpoint_id *id)
{
    return id->unique ? is_known(id->mount) : is_listed(id);
}

bool mountpoint_is_dead(const char *path)
{
    return check_directory(path) == -ENOTCONN;
}
