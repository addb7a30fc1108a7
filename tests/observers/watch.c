/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many faults of a kind are told; the others are counted. */
#define TELL 2

unsigned watch_random(struct watcher *w, unsigned bound)
{
    return (unsigned)rand_r(&w->seed) % bound;
}

enum way watch_way(struct watcher *w)
{
    return (enum way)watch_random(w, WAYS);
}

int watch_open(const struct watcher *w, const char *path)
{
    char whole[4096];
    int fd;

    snprintf(whole, sizeof(whole), "%s/%s", w->mount, path);
    fd = open(whole, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

bool watch_more(struct watcher *w)
{
    atomic_fetch_add(&w->shared->looks, 1);
    if (w->pause_us > 0)
        usleep(w->pause_us);
    return !atomic_load(&w->shared->stop);
}

/* May one more fault of this kind be told? */
static bool tells(struct watcher *w, const char *format)
{
    const size_t kinds = sizeof(w->told) / sizeof(w->told[0]);
    size_t i = 0;

    while (i < kinds && w->told[i].format && w->told[i].format != format)
        i++;
    if (i == kinds)
        return false;
    w->told[i].format = format;
    return w->told[i].times++ < TELL;
}

void watch_fault(struct watcher *w, const char *format, ...)
{
    char text[512];
    va_list args;

    atomic_fetch_add(&w->shared->faults, 1);
    if (!tells(w, format))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "observe: %s: %s\n", w->file, text);
}

bool watch_dropped(struct watcher *w, const char *what, int r)
{
    /* EFAULT: a mapping's page, whose reading is ESTALE. */
    if (w->drops && (r == -ESTALE || r == -ENOENT || r == -EFAULT)) {
        atomic_fetch_add(&w->shared->overtaken, 1);
        return true;
    }
    watch_fault(w, "%s: %s", what, strerror(-r));
    return false;
}

bool watch_same(struct watcher *w, enum way way, uint64_t position, size_t n)
{
    size_t i = 0;
    size_t zeros = 0;
    unsigned long long at = position;

    atomic_fetch_add(&w->shared->by_way[way], 1);
    if (memcmp(w->data, w->want, n) == 0)
        return true;
    while (w->data[i] == w->want[i])
        i++;
    while (i + zeros < n && w->data[i + zeros] == '\0')
        zeros++;
    watch_fault(w,
                "by %s: byte %llu is 0x%02x, not 0x%02x: %zu NUL bytes, "
                "in %zu from %llu on",
                way_names[way], at + i, (unsigned char)w->data[i],
                (unsigned char)w->want[i], zeros, n, at);
    return false;
}

int watch_text(const struct watcher *w, const char *path, char *text,
               size_t size)
{
    int fd = watch_open(w, path);
    size_t got = 0;
    ssize_t n = 1;

    if (fd < 0)
        return fd;
    while (n > 0 && got < size - 1) {
        n = read(fd, text + got, size - 1 - got);
        got += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        n = -errno;
    close(fd);
    text[got] = '\0';
    return n < 0 ? (int)n : (int)got;
}
