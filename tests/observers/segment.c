/* SPDX-License-Identifier: MIT */
/* The files of a segment, the active one and others; who has one open keeps
   it, whatever becomes of the segment. */
#include "pattern.h"
#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT 16

struct file {
    int fd;
    uint64_t base;
    uint64_t at;
    uint64_t size;
};

/* The base of a segment that is listed: in half of all cases the last. */
static int choose(struct watcher *w, uint64_t *ret_base)
{
    bool last = watch_random(w, 2) == 0;
    char path[4096];
    unsigned seen = 0;
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/segments", w->mount);
    dir = opendir(path);
    if (!dir)
        return -errno;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        seen++;
        if (last || watch_random(w, seen) == 0)
            *ret_base = strtoull(entry->d_name, NULL, 10);
    }
    closedir(dir);
    if (seen == 0)
        watch_fault(w, "no segment is listed");
    return seen > 0 ? 0 : -ENODATA;
}

static int open_file(struct watcher *w, struct file *file)
{
    char path[64];
    int r = choose(w, &file->base);

    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "segments/%020llu/%s",
             (unsigned long long)file->base, w->file);
    file->fd = watch_open(w, path);
    file->at = 0;
    file->size = 0;
    return file->fd < 0 ? file->fd : 0;
}

/* How many records a file of that size speaks of, and the size of so many. */
static uint64_t records_in(const struct watcher *w, const struct file *file,
                           uint64_t size)
{
    if (strcmp(w->file, "store") == 0)
        return size > 0 ? pattern_stored(file->base, size - 1) + 1 - file->base
                        : 0;
    return (size + SLOT - 1) / SLOT;
}

static int look_at_size(struct watcher *w, struct file *file)
{
    uint64_t size;
    struct stat st;
    uint64_t end;

    if (fstat(file->fd, &st) < 0)
        return -errno;
    size = (uint64_t)st.st_size;
    end = file->base + records_in(w, file, size);
    if (size < file->size)
        watch_fault(w, "it shrinks from %llu bytes to %llu",
                    (unsigned long long)file->size, (unsigned long long)size);
    if (end > atomic_load(&w->shared->begun))
        watch_fault(w, "%llu bytes speak of records that are not appended",
                    (unsigned long long)size);
    if (st.st_blocks < (st.st_size + 511) / 512)
        watch_fault(w, "%llu bytes in %lld blocks: it seems to have holes",
                    (unsigned long long)size, (long long)st.st_blocks);
    file->size = size;
    return 0;
}

/* Stamps hold times, which no number tells: each is checked by its CRC32C. */
static void look_at_stamps(struct watcher *w, const struct file *file,
                           enum way way, size_t n)
{
    uint64_t last = 0;
    size_t skip = (size_t)((SLOT - file->at % SLOT) % SLOT);

    memcpy(w->want, w->data, n);
    for (size_t i = skip; i + SLOT <= n; i += SLOT) {
        uint64_t record = file->base + (file->at + i) / SLOT;
        uint64_t time = 0;

        if (!pattern_stamp(file->base, record, (unsigned char *)w->data + i,
                           &time) ||
            time < last) {
            watch_fault(w, "by %s: the stamp of record %llu is wrong",
                        way_names[way], (unsigned long long)record);
            return;
        }
        last = time;
    }
    watch_same(w, way, file->at, n);
}

static void compare(struct watcher *w, const struct file *file, enum way way,
                    size_t n)
{
    if (strcmp(w->file, "stamps") == 0) {
        look_at_stamps(w, file, way, n);
        return;
    }
    if (strcmp(w->file, "store") == 0)
        pattern_store(file->base, file->at, w->want, n);
    else
        pattern_index(file->base, file->at, w->want, n);
    watch_same(w, way, file->at, n);
}

static int look_at_bytes(struct watcher *w, struct file *file)
{
    enum way way = watch_way(w);
    uint64_t begun;
    ssize_t n;

    if (file->at >= file->size) {
        uint64_t back = 1 + watch_random(w, 10000);

        file->at = file->size > back ? file->size - back : 0;
    }
    n = way_read(way, file->fd, file->at, w->data,
                 watch_random(w, 4) > 0 ? 65536 : 1 + watch_random(w, 9000));
    begun = atomic_load(&w->shared->begun);
    if (n == -ENODEV || file->size == 0)
        return 0;
    if (n < 0)
        return (int)n;
    if (n == 0)
        watch_fault(w, "by %s: the end at %llu of %llu", way_names[way],
                    (unsigned long long)file->at,
                    (unsigned long long)file->size);
    if (file->base + records_in(w, file, file->at + (uint64_t)n) > begun)
        watch_fault(w, "by %s: bytes of records that are not appended",
                    way_names[way]);
    compare(w, file, way, (size_t)n);
    file->at += (uint64_t)n;
    return 0;
}

static void look(struct watcher *w, struct file *file)
{
    unsigned looks = 1 + watch_random(w, 300);

    while (looks-- > 0) {
        int r = look_at_size(w, file);

        if (r == 0)
            r = look_at_bytes(w, file);
        if (r < 0)
            watch_fault(w, "segment %llu, which is open: %s",
                        (unsigned long long)file->base, strerror(-r));
        if (!watch_more(w) || r < 0)
            return;
    }
}

void watch_segment(struct watcher *w)
{
    struct file file;

    do {
        int r = open_file(w, &file);

        if (r < 0) {
            watch_dropped(w, "open", r);
        } else {
            look(w, &file);
            close(file.fd);
        }
    } while (watch_more(w));
}
