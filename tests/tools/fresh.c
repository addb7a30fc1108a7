/* SPDX-License-Identifier: MIT */
/*
 * fresh - is everything right at the moment an append has returned?
 *
 *     fresh MOUNT COUNT
 *
 * On an empty log, appends COUNT lines of lengths that cross the pages of a
 * file in every way, and after each looks at `log`, the first segment's store,
 * and the new record: at the size by fstat(2) on a descriptor that was opened
 * before and by stat(2), and at the bytes by pread(2) on that descriptor, by
 * pread(2) on one opened now, and in a fresh mapping of the last page. The
 * store is followed until it is sealed. Says what was wrong, and exits 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 9000

struct file {
    char path[4096];
    int held;
    char *bytes; /* as they should be */
    size_t size;
};

static long tries;

static _Noreturn void die(const char *what, const char *path)
{
    fprintf(stderr, "fresh: try %ld: %s: %s (%s)\n", tries, path, what,
            strerror(errno));
    exit(1);
}

static void join(char *path, const char *mount, const char *name)
{
    snprintf(path, 4096, "%s/%s", mount, name);
}

static struct file file_open(const char *mount, const char *name, size_t room)
{
    struct file file = {.bytes = malloc(room)};

    join(file.path, mount, name);
    file.held = open(file.path, O_RDONLY | O_CLOEXEC);
    if (file.held < 0 || !file.bytes)
        die("cannot be opened", file.path);
    return file;
}

static void file_add(struct file *file, const void *bytes, size_t size)
{
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
}

static void check_size(const struct file *file, const struct stat *st,
                       const char *how)
{
    if ((size_t)st->st_size != file->size)
        die(how, file->path);
}

/* The bytes from position from to the end, and that there are no more. */
static void check_bytes(const struct file *file, int fd, size_t from,
                        const char *how)
{
    static char buffer[4 * LINE_MAX_BYTES];
    ssize_t n = pread(fd, buffer, sizeof(buffer), (off_t)from);

    if (n < 0 || (size_t)n != file->size - from ||
        memcmp(buffer, file->bytes + from, (size_t)n) != 0)
        die(how, file->path);
}

static void check_mapping(const struct file *file, int fd)
{
    size_t start = (file->size - 1) / 4096 * 4096;
    char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, (off_t)start);

    if (page == MAP_FAILED)
        die("cannot be mapped", file->path);
    if (memcmp(page, file->bytes + start, file->size - start) != 0)
        die("its mapping is wrong", file->path);
    munmap(page, 4096);
}

/* last: how many bytes have just been added. */
static void check_file(const struct file *file, size_t last)
{
    struct stat st;
    size_t from = file->size - last;
    int fd;

    if (fstat(file->held, &st) < 0)
        die("fstat", file->path);
    check_size(file, &st, "fstat shows another size");
    check_bytes(file, file->held, from, "held, it reads otherwise");
    if (stat(file->path, &st) < 0)
        die("stat", file->path);
    check_size(file, &st, "stat shows another size");
    fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die("cannot be opened afresh", file->path);
    check_bytes(file, fd, from > 5000 ? from - 5000 : 0,
                "opened afresh, it reads otherwise");
    check_mapping(file, fd);
    close(fd);
}

static void check_record(const char *mount, long offset, const char *line,
                         size_t size)
{
    struct file record = {.held = -1};
    char name[64];
    char target[64] = "";

    snprintf(name, sizeof(name), "records/%ld", offset);
    record = file_open(mount, name, size);
    file_add(&record, line, size);
    check_file(&record, size);
    close(record.held);
    free(record.bytes);
    join(record.path, mount, "last");
    if (readlink(record.path, target, sizeof(target) - 1) < 0 ||
        strcmp(target, name) != 0)
        die("leads elsewhere", record.path);
}

static size_t make_line(char *line, long i)
{
    size_t size = 1 + (size_t)(i * 7919 % 211);

    if (i % 17 == 0)
        size = (size_t)(i * 104729 % (LINE_MAX_BYTES - 1)) + 1;
    for (size_t k = 0; k + 1 < size; k++)
        line[k] = (char)('a' + (i + (long)k) % 26);
    line[size - 1] = '\n';
    return size;
}

static void add_frame(struct file *store, const char *line, size_t size)
{
    unsigned char prefix[8];

    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)(size >> (56 - 8 * i));
    file_add(store, prefix, sizeof(prefix));
    file_add(store, line, size);
}

/* Sealed: there is a segment whose name is the offset of this record. */
static bool rolled(const char *mount, long offset)
{
    char path[4096];
    char name[64];

    snprintf(name, sizeof(name), "segments/%020ld", offset);
    join(path, mount, name);
    return offset > 0 && access(path, F_OK) == 0;
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX_BYTES];
    const char *mount = argc == 3 ? argv[1] : ".";
    long count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    size_t room = (size_t)(count + 1) * (LINE_MAX_BYTES + 8);
    struct file log = file_open(mount, "log", room);
    struct file store =
        file_open(mount, "segments/00000000000000000000/store", room);
    bool sealed = false;
    char door[4096];
    int fd;

    join(door, mount, "append");
    fd = open(door, O_WRONLY | O_APPEND | O_CLOEXEC);
    for (tries = 0; tries < count; tries++) {
        size_t size = make_line(line, tries);

        if (write(fd, line, size) != (ssize_t)size)
            die("cannot append", door);
        file_add(&log, line, size);
        check_file(&log, size);
        check_record(mount, tries, line, size);
        sealed = sealed || rolled(mount, tries);
        if (!sealed)
            add_frame(&store, line, size);
        check_file(&store, sealed ? 0 : size + 8);
    }
    free(log.bytes);
    free(store.bytes);
    return count == 0 || close(fd) < 0;
}
