/* SPDX-License-Identifier: MIT */
/*
 * sys - makes one system call and prints how it ended.
 *
 *     sys CALL ARGUMENT...
 *
 * Prints the result, 0 or a count, and exits 0; or prints the errno's name,
 * as "EACCES", and exits 1. A shell's own tools say an error in words and
 * split or join writes as they like; a test that means one certain call uses
 * this. FLAGS is a list such as w,append,dsync.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#define INPUT_LIMIT ((size_t)80 << 20)

static const struct {
    const char *name;
    int flag;
} open_flags[] = {
    {"r", O_RDONLY},          {"w", O_WRONLY},      {"rw", O_RDWR},
    {"append", O_APPEND},     {"trunc", O_TRUNC},   {"creat", O_CREAT},
    {"excl", O_EXCL},         {"dsync", O_DSYNC},   {"sync", O_SYNC},
    {"nonblock", O_NONBLOCK}, {"direct", O_DIRECT},
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "sys: %s\n", what);
    exit(2);
}

static int parse_flags(char *list)
{
    const size_t count = sizeof(open_flags) / sizeof(open_flags[0]);
    int flags = 0;

    for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
        size_t i = 0;
        while (i < count && strcmp(word, open_flags[i].name) != 0)
            i++;
        if (i == count)
            die("unknown open flag");
        flags |= open_flags[i].flag;
    }
    return flags;
}

static long long parse_number(const char *text)
{
    char *end = NULL;
    long long value = strtoll(text, &end, 0);

    if (end == text || *end)
        die("not a number");
    return value;
}

static int open_for_writing(const char *path)
{
    return open(path, O_WRONLY | O_CLOEXEC);
}

/* Reads all of the standard input; the caller owns *ret_data. */
static size_t read_input(char **ret_data)
{
    char *data = malloc(INPUT_LIMIT);
    size_t size = 0;
    ssize_t n = 1;

    if (!data)
        die("out of memory");
    while (size < INPUT_LIMIT && n > 0) {
        n = read(STDIN_FILENO, data + size, INPUT_LIMIT - size);
        if (n < 0)
            die("cannot read the input");
        size += (size_t)n;
    }
    *ret_data = data;
    return size;
}

static long call_open(char **argv)
{
    int fd = open(argv[0], parse_flags(argv[1]) | O_CLOEXEC, 0600);

    return fd < 0 ? -1 : close(fd);
}

/* One write(2) of the whole input. */
static long call_write(char **argv)
{
    char *data = NULL;
    size_t size = read_input(&data);
    int fd = open(argv[0], parse_flags(argv[1]) | O_CLOEXEC, 0600);
    long r = fd < 0 ? -1 : write(fd, data, size);

    free(data);
    return r;
}

/* One writev(2) of the whole input in pieces of argv[1] bytes. */
static long call_writev(char **argv)
{
    static struct iovec pieces[IOV_MAX];
    char *data = NULL;
    size_t size = read_input(&data);
    size_t piece = (size_t)parse_number(argv[1]);
    int fd = open_for_writing(argv[0]);
    int count = 0;
    long r;

    for (size_t at = 0; at < size && count < IOV_MAX; at += piece) {
        size_t left = size - at;
        pieces[count].iov_base = data + at;
        pieces[count++].iov_len = left < piece ? left : piece;
    }
    r = fd < 0 ? -1 : writev(fd, pieces, count);
    free(data);
    return r;
}

static long call_fsync(char **argv)
{
    int fd = open(argv[0], parse_flags(argv[1]) | O_CLOEXEC);

    return fd < 0 ? -1 : fsync(fd);
}

static long call_fallocate(char **argv)
{
    int fd = open_for_writing(argv[0]);

    return fd < 0 ? -1 : fallocate(fd, 0, 0, parse_number(argv[1]));
}

static long call_ftruncate(char **argv)
{
    int fd = open_for_writing(argv[0]);

    return fd < 0 ? -1 : ftruncate(fd, parse_number(argv[1]));
}

static long call_truncate(char **argv)
{
    return truncate(argv[0], parse_number(argv[1]));
}

static long call_unlink(char **argv)
{
    return unlink(argv[0]);
}

static long call_rmdir(char **argv)
{
    return rmdir(argv[0]);
}

static long call_mkdir(char **argv)
{
    return mkdir(argv[0], 0777);
}

static long call_mknod(char **argv)
{
    return mknod(argv[0], S_IFIFO | 0600, 0);
}

static long call_rename(char **argv)
{
    return rename(argv[0], argv[1]);
}

static long call_link(char **argv)
{
    return link(argv[0], argv[1]);
}

static long call_symlink(char **argv)
{
    return symlink(argv[0], argv[1]);
}

static long call_chmod(char **argv)
{
    return chmod(argv[0], (mode_t)parse_number(argv[1]));
}

static long call_chown(char **argv)
{
    return chown(argv[0], (uid_t)parse_number(argv[1]),
                 (gid_t)parse_number(argv[2]));
}

static long call_setxattr(char **argv)
{
    return setxattr(argv[0], argv[1], "value", 5, 0);
}

static long call_getxattr(char **argv)
{
    char value[256];

    return getxattr(argv[0], argv[1], value, sizeof(value));
}

/* Reads the whole file, as cat does. */
static long call_read(char **argv)
{
    static char data[65536];
    int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
    long total = 0;
    ssize_t n = fd < 0 ? -1 : 1;

    while (n > 0) {
        n = read(fd, data, sizeof(data));
        total += n;
    }
    return n < 0 ? -1 : total;
}

static long call_access(char **argv)
{
    return access(argv[0], F_OK);
}

static const struct {
    const char *name;
    int argc;
    long (*call)(char **argv);
} calls[] = {
    {"open", 2, call_open},           {"write", 2, call_write},
    {"writev", 2, call_writev},       {"fsync", 2, call_fsync},
    {"fallocate", 2, call_fallocate}, {"ftruncate", 2, call_ftruncate},
    {"truncate", 2, call_truncate},   {"unlink", 1, call_unlink},
    {"rmdir", 1, call_rmdir},         {"mkdir", 1, call_mkdir},
    {"mknod", 1, call_mknod},         {"rename", 2, call_rename},
    {"link", 2, call_link},           {"symlink", 2, call_symlink},
    {"chmod", 2, call_chmod},         {"chown", 3, call_chown},
    {"setxattr", 2, call_setxattr},   {"getxattr", 2, call_getxattr},
    {"access", 1, call_access},       {"read", 1, call_read},
};

int main(int argc, char **argv)
{
    const size_t count = sizeof(calls) / sizeof(calls[0]);
    size_t i = 0;
    long r;

    while (i < count && (argc < 2 || strcmp(argv[1], calls[i].name) != 0))
        i++;
    if (i == count || argc - 2 != calls[i].argc)
        die("usage: sys CALL ARGUMENT...");
    r = calls[i].call(argv + 2);
    if (r < 0) {
        puts(strerrorname_np(errno));
        return 1;
    }
    printf("%ld\n", r);
    return 0;
}
