/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment/record.h"
#include "test.h"

static void join(char path[static PATH_MAX], const char *dir, const char *name)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", dir, name);

    assert_in_range(n, 1, PATH_MAX - 1);
}

char *directory_make(void)
{
    const char *parent = getenv("TMPDIR");
    char path[PATH_MAX];
    char *copy = NULL;

    join(path, parent ? parent : "/tmp", "clog-test-XXXXXX");
    assert_non_null(mkdtemp(path));
    copy = strdup(path);
    assert_non_null(copy);
    return copy;
}

static int open_up(const char *path, const struct stat *st, int type,
                   struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    return type == FTW_D || type == FTW_DNR ? chmod(path, 0700) : 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path)
{
    assert_int_equal(nftw(path, open_up, 16, FTW_PHYS), 0);
    assert_int_equal(nftw(path, remove_one, 16, FTW_PHYS | FTW_DEPTH), 0);
}

void directory_remove(char *path)
{
    remove_tree(path);
    free(path);
}

/* Names of a directory, sorted; free with free_names(). */
static int list_names(const char *path, struct dirent ***ret_names)
{
    int n = scandir(path, ret_names, NULL, alphasort);

    assert_true(n >= 0);
    return n;
}

static void free_names(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void copy_file(const char *from, const char *to, const char *name,
                      mode_t mode)
{
    char path[PATH_MAX];
    size_t size = 0;
    uint8_t *data = file_load(from, name, &size);

    file_save(to, name, data, size);
    join(path, to, name);
    assert_int_equal(chmod(path, mode), 0);
    free(data);
}

void directory_copy(const char *from, const char *to)
{
    struct dirent **names = NULL;
    struct stat st;
    int count = list_names(from, &names);

    assert_int_equal(stat(from, &st), 0);
    assert_int_equal(mkdir(to, 0700), 0);
    for (int i = 0; i < count; i++) {
        char source[PATH_MAX];
        char target[PATH_MAX];
        struct stat inner;

        if (is_dot(names[i]->d_name))
            continue;
        join(source, from, names[i]->d_name);
        join(target, to, names[i]->d_name);
        assert_int_equal(lstat(source, &inner), 0);
        if (S_ISDIR(inner.st_mode))
            directory_copy(source, target);
        else
            copy_file(from, to, names[i]->d_name, inner.st_mode & 07777);
    }
    assert_int_equal(chmod(to, st.st_mode & 07777), 0);
    free_names(names, count);
}

static void draw(FILE *out, const char *dir, const char *below)
{
    struct dirent **names = NULL;
    int count = list_names(dir, &names);

    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        char path[PATH_MAX];
        char inside[PATH_MAX];
        struct stat st;
        uint32_t crc = 0;

        if (strcmp(name, "..") == 0)
            continue;
        join(path, dir, name);
        join(inside, below, name);
        assert_int_equal(lstat(path, &st), 0);
        if (S_ISREG(st.st_mode)) {
            size_t size = 0;
            uint8_t *data = file_load(dir, name, &size);

            crc = crc32c(data, size);
            free(data);
        }
        fprintf(out, "%s %o %jd %jd.%09ld %08" PRIx32 "\n", inside,
                (unsigned)st.st_mode, (intmax_t)st.st_size,
                (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, crc);
        if (S_ISDIR(st.st_mode) && !is_dot(name))
            draw(out, path, inside);
    }
    free_names(names, count);
}

char *directory_picture(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    draw(out, path, ".");
    assert_int_equal(fclose(out), 0);
    return text;
}

size_t directory_count(const char *dir, const char *name)
{
    struct dirent **names = NULL;
    char path[PATH_MAX];
    int count;

    join(path, dir, name);
    count = list_names(path, &names);
    free_names(names, count);
    return (size_t)count - 2;
}

uint8_t *file_load(const char *dir, const char *name, size_t *ret_size)
{
    char path[PATH_MAX];
    size_t size = (size_t)file_size(dir, name);
    uint8_t *data = malloc(size + 1);
    FILE *file = NULL;

    join(path, dir, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, size, file), size);
    (void)fclose(file);
    data[size] = '\0';
    *ret_size = size;
    return data;
}

/* Lets the directory that holds path be changed; returns its mode. */
static mode_t open_parent(const char *path, char parent[static PATH_MAX])
{
    struct stat st;

    strcpy(parent, path);
    *strrchr(parent, '/') = '\0';
    assert_int_equal(stat(parent, &st), 0);
    assert_int_equal(chmod(parent, 0700), 0);
    return st.st_mode & 07777;
}

/* Opens the file to change it, whatever its mode, which stays. */
static int open_to_change(const char *dir, const char *name, int flags)
{
    char path[PATH_MAX];
    char parent[PATH_MAX];
    struct stat st;
    int fd;

    join(path, dir, name);
    if (stat(path, &st) < 0) {
        mode_t mode = open_parent(path, parent);

        fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
        assert_true(fd >= 0);
        assert_int_equal(chmod(parent, mode), 0);
        return fd;
    }
    assert_int_equal(chmod(path, 0600), 0);
    fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, st.st_mode & 07777), 0);
    return fd;
}

static void write_at(int fd, const void *data, size_t size, uint64_t position)
{
    assert_int_equal(pwrite(fd, data, size, (off_t)position), size);
    assert_int_equal(close(fd), 0);
}

void file_save(const char *dir, const char *name, const void *data, size_t size)
{
    write_at(open_to_change(dir, name, O_CREAT | O_TRUNC), data, size, 0);
}

bool file_holds(const char *dir, const char *name, const void *data,
                size_t size)
{
    size_t have = 0;
    uint8_t *bytes = file_load(dir, name, &have);
    bool same = have == size && memcmp(bytes, data, size) == 0;

    free(bytes);
    return same;
}

bool file_exists(const char *dir, const char *name)
{
    char path[PATH_MAX];
    struct stat st;

    join(path, dir, name);
    return lstat(path, &st) == 0;
}

static struct stat look(const char *dir, const char *name)
{
    char path[PATH_MAX];
    struct stat st;

    join(path, dir, name);
    assert_int_equal(stat(path, &st), 0);
    return st;
}

uint64_t file_size(const char *dir, const char *name)
{
    return (uint64_t)look(dir, name).st_size;
}

uint64_t file_blocks(const char *dir, const char *name)
{
    return (uint64_t)look(dir, name).st_blocks;
}

unsigned file_mode(const char *dir, const char *name)
{
    return look(dir, name).st_mode & 07777;
}

void file_resize(const char *dir, const char *name, uint64_t size)
{
    int fd = open_to_change(dir, name, 0);

    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(close(fd), 0);
}

void file_flip(const char *dir, const char *name, uint64_t position)
{
    int fd = open_to_change(dir, name, 0);
    uint8_t byte = 0;

    assert_int_equal(pread(fd, &byte, 1, (off_t)position), 1);
    byte = (uint8_t)~byte;
    write_at(fd, &byte, 1, position);
}

void file_patch(const char *dir, const char *name, uint64_t position,
                const void *data, size_t size)
{
    write_at(open_to_change(dir, name, 0), data, size, position);
}

void file_remove(const char *dir, const char *name)
{
    char path[PATH_MAX];
    char parent[PATH_MAX];
    mode_t mode;

    join(path, dir, name);
    mode = open_parent(path, parent);
    remove_tree(path);
    assert_int_equal(chmod(parent, mode), 0);
}

void file_rename(const char *dir, const char *from, const char *to)
{
    char source[PATH_MAX];
    char target[PATH_MAX];
    char parent[PATH_MAX];
    mode_t mode;

    join(source, dir, from);
    join(target, dir, to);
    mode = open_parent(source, parent);
    assert_int_equal(rename(source, target), 0);
    assert_int_equal(chmod(parent, mode), 0);
}
