/* SPDX-License-Identifier: MIT */
/* `status`, `metrics.prom`, and a cursor's numbers. */
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads the file to its end, or to the first NUL byte less than size. */
static ssize_t read_whole(enum way way, int fd, char *text, size_t size)
{
    size_t got = 0;
    ssize_t n = 1;

    while (n > 0 && got < size) {
        n = way_read(way, fd, got, text + got, size - got);
        got += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? n : (ssize_t)got;
}

/*
 * Reads path as some program would, to w->data. True if it was offered, and
 * is whole: as long as fstat(2) said, with a newline at the end, and no byte
 * zero.
 */
static bool read_as(struct watcher *w, const char *path, enum way way)
{
    int fd = watch_open(w, path);
    struct stat st = {0};
    ssize_t n = fd;

    if (fd >= 0 && fstat(fd, &st) < 0)
        n = -errno;
    if (n >= 0)
        n = read_whole(way, fd, w->data, 65536);
    if (fd >= 0)
        close(fd);
    if (n == -ENODEV)
        return false;
    if (n < 0) {
        watch_fault(w, "by %s: %s", way_names[way], strerror((int)-n));
        return false;
    }
    atomic_fetch_add(&w->shared->by_way[way], 1);
    w->data[n] = '\0';
    if (n == 0 || w->data[n - 1] != '\n' || strlen(w->data) != (size_t)n) {
        watch_fault(w, "by %s: %zd bytes, and not a whole text: '%.40s'",
                    way_names[way], n, n > 40 ? w->data + n - 40 : w->data);
        return false;
    }
    if (st.st_size != n)
        watch_fault(w, "by %s: %zd bytes, where fstat said %lld",
                    way_names[way], n, (long long)st.st_size);
    return true;
}

/* How many lines the text has. */
static unsigned lines_of(const char *text)
{
    unsigned lines = 0;

    while ((text = strchr(text, '\n'))) {
        text++;
        lines++;
    }
    return lines;
}

/* What the line of key in w->data says, UINT64_MAX: there is none. */
static uint64_t value_of(const struct watcher *w, const char *key)
{
    size_t size = strlen(key);
    const char *line = w->data;

    while (line) {
        const char *end = strchr(line, '\n');
        bool it = strncmp(line, key, size) == 0 &&
                  (line[size] == ' ' || line[size] == '{');

        while (it && end > line && *end != ' ')
            end--;
        if (it)
            return strtoull(end + 1, NULL, 10);
        line = end ? end + 1 : NULL;
    }
    return UINT64_MAX;
}

void watch_text_file(struct watcher *w)
{
    const char *key = strcmp(w->file, "status") == 0 ? "next" : "clog_next";
    unsigned lines = 0;

    do {
        uint64_t acked = atomic_load(&w->shared->acked);
        uint64_t next;

        if (!read_as(w, w->file, watch_way(w)))
            continue;
        next = value_of(w, key);
        if (next < acked || next > atomic_load(&w->shared->begun))
            watch_fault(w, "%s is %llu, where %llu were appended", key,
                        (unsigned long long)next, (unsigned long long)acked);
        if (lines > 0 && lines != lines_of(w->data))
            watch_fault(w, "%u lines, and %u before", lines_of(w->data), lines);
        lines = lines_of(w->data);
    } while (watch_more(w));
}

/* In what range the number must be, that was read between two moments. */
static bool fits(const struct watcher *w, uint64_t value, uint64_t moved,
                 uint64_t acked)
{
    uint64_t move_begun = atomic_load(&w->shared->move_begun);
    uint64_t begun = atomic_load(&w->shared->begun);

    if (strcmp(w->file, "offset") == 0)
        return value >= moved && value <= move_begun;
    if (strcmp(w->file, "lag") == 0)
        return value + move_begun >= acked && value + moved <= begun;
    return w->drops ? value <= begun : value == 0;
}

void watch_number(struct watcher *w)
{
    char path[64];

    snprintf(path, sizeof(path), "cursors/c/%s", w->file);
    do {
        uint64_t moved = atomic_load(&w->shared->moved);
        uint64_t acked = atomic_load(&w->shared->acked);
        char *end = NULL;
        uint64_t value;

        if (!read_as(w, path, watch_way(w)))
            continue;
        value = strtoull(w->data, &end, 10);
        if (end == w->data || strcmp(end, "\n") != 0)
            watch_fault(w, "'%s'", w->data);
        else if (!fits(w, value, moved, acked))
            watch_fault(w,
                        "%llu, where the cursor was moved to %llu and %llu "
                        "were appended",
                        (unsigned long long)value, (unsigned long long)moved,
                        (unsigned long long)acked);
    } while (watch_more(w));
}
