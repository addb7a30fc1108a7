/* SPDX-License-Identifier: MIT */
/* `records`: each of them, and the list. */
#include "pattern.h"
#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the status says of key, UINT64_MAX: nothing. */
static uint64_t ask(const struct watcher *w, const char *key)
{
    char text[16384];
    const char *line = text;
    size_t size = strlen(key);

    if (watch_text(w, "status", text, sizeof(text)) < 0)
        return UINT64_MAX;
    while (line && (strncmp(line, key, size) != 0 || line[size] != ' ')) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return line ? strtoull(line + size, NULL, 10) : UINT64_MAX;
}

/* The newest, the next, one near the oldest, or any. */
static uint64_t choose(struct watcher *w)
{
    uint64_t acked = atomic_load(&w->shared->acked);
    uint64_t oldest = atomic_load(&w->shared->oldest);

    switch (watch_random(w, 4)) {
    case 0:
        return acked > 0 ? acked - 1 : 0;
    case 1:
        return atomic_load(&w->shared->begun) + watch_random(w, 2);
    case 2:
        return oldest + watch_random(w, 400);
    default:
        return acked > oldest
                   ? oldest + watch_random(w, (unsigned)(acked - oldest))
                   : oldest;
    }
}

static void compare(struct watcher *w, int fd, uint64_t number)
{
    enum way way = watch_way(w);
    size_t length = pattern_record(number, w->want);
    ssize_t n = way_read(way, fd, 0, w->data, WAY_MAX);
    char more;

    if (n == -ENODEV)
        return;
    if (n < 0)
        watch_dropped(w, "reading a record", (int)n);
    else if ((size_t)n != length)
        watch_fault(w, "by %s: record %llu is %zd bytes, not %zu",
                    way_names[way], (unsigned long long)number, n, length);
    else
        watch_same(w, way, 0, length);
    if (n > 0 && pread(fd, &more, 1, (off_t)length) != 0)
        watch_fault(w, "record %llu goes on", (unsigned long long)number);
}

static void check_stat(struct watcher *w, int fd, uint64_t number)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        watch_dropped(w, "fstat of a record", -errno);
        return;
    }
    if ((size_t)st.st_size != pattern_length(number))
        watch_fault(w, "record %llu has %lld bytes", (unsigned long long)number,
                    (long long)st.st_size);
    if (st.st_blocks < 1)
        watch_fault(w, "record %llu: no block: it seems to be a hole",
                    (unsigned long long)number);
}

/* It is not there: is that true? */
static void check_absence(struct watcher *w, uint64_t number, uint64_t acked,
                          int r)
{
    uint64_t oldest;

    if (r != -ENOENT && r != -ESTALE) {
        watch_fault(w, "record %llu: %s", (unsigned long long)number,
                    strerror(-r));
        return;
    }
    oldest = ask(w, "oldest");
    if (number >= oldest && number < acked)
        watch_fault(w, "record %llu is not there, the oldest is %llu",
                    (unsigned long long)number, (unsigned long long)oldest);
}

static void look(struct watcher *w)
{
    uint64_t acked = atomic_load(&w->shared->acked);
    uint64_t number = choose(w);
    char path[64];
    struct stat st;
    int fd;

    snprintf(path, sizeof(path), "records/%llu", (unsigned long long)number);
    fd = watch_open(w, path);
    if (fd < 0) {
        check_absence(w, number, acked, fd);
        return;
    }
    if (number >= atomic_load(&w->shared->begun))
        watch_fault(w, "record %llu is there before it is appended",
                    (unsigned long long)number);
    check_stat(w, fd, number);
    compare(w, fd, number);
    if (fstat(fd, &st) == 0 && (size_t)st.st_size != pattern_length(number))
        watch_fault(w, "record %llu has %lld bytes", (unsigned long long)number,
                    (long long)st.st_size);
    close(fd);
}

/* What was dropped a second ago is gone by name. */
static void look_at_dropped(struct watcher *w)
{
    uint64_t oldest = atomic_load(&w->shared->oldest);
    uint64_t number;
    char path[4096];
    struct stat st;

    if (oldest == 0)
        return;
    number =
        oldest - 1 - watch_random(w, (unsigned)(oldest < 600 ? oldest : 600));
    snprintf(path, sizeof(path), "%s/records/%llu", w->mount,
             (unsigned long long)number);
    if (stat(path, &st) == 0)
        watch_fault(w, "record %llu was dropped before %llu was the oldest",
                    (unsigned long long)number, (unsigned long long)oldest);
}

void watch_records(struct watcher *w)
{
    do {
        look(w);
        look_at_dropped(w);
    } while (watch_more(w));
}

/* One by one upwards, from the oldest to the last. */
static void list(struct watcher *w, DIR *dir)
{
    uint64_t acked = atomic_load(&w->shared->acked);
    uint64_t first = UINT64_MAX;
    uint64_t next = 0;
    struct dirent *entry;
    uint64_t oldest;

    while ((entry = readdir(dir))) {
        uint64_t number = strtoull(entry->d_name, NULL, 10);

        if (entry->d_name[0] == '.')
            continue;
        if (first == UINT64_MAX)
            first = next = number;
        if (number != next && !(w->drops && number > next))
            watch_fault(w, "%llu is listed, %llu should be",
                        (unsigned long long)number, (unsigned long long)next);
        next = number + 1;
    }
    oldest = ask(w, "oldest");
    if (next > atomic_load(&w->shared->begun))
        watch_fault(w, "%llu is listed before it is appended",
                    (unsigned long long)next - 1);
    if (next < acked && oldest < acked)
        watch_fault(w, "%llu is not listed", (unsigned long long)acked - 1);
    if (first > oldest && oldest < acked)
        watch_fault(w, "the oldest is %llu, and %llu is listed first",
                    (unsigned long long)oldest, (unsigned long long)first);
}

void watch_listing(struct watcher *w)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/records", w->mount);
    do {
        DIR *dir = opendir(path);

        if (dir) {
            list(w, dir);
            closedir(dir);
        } else {
            watch_fault(w, "opendir: %s", strerror(errno));
        }
    } while (watch_more(w));
}
