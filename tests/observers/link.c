/* SPDX-License-Identifier: MIT */
/* `first`, `last`, `at/TIME`. */
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The record that the link leads to, UINT64_MAX: to none. */
static uint64_t follow(struct watcher *w, const char *name)
{
    const char *up = strncmp(name, "at/", 3) == 0 ? "../records/" : "records/";
    char path[4096];
    char target[128];
    struct stat st;
    ssize_t n;

    snprintf(path, sizeof(path), "%s/%s", w->mount, name);
    n = readlink(path, target, sizeof(target) - 1);
    if (n < 0) {
        watch_fault(w, "%s: %s", name, strerror(errno));
        return UINT64_MAX;
    }
    target[n] = '\0';
    /* Its number may have got a digit more in between. */
    if (lstat(path, &st) < 0 || st.st_size < n || st.st_size > n + 1)
        watch_fault(w, "%s: size %lld, it leads to %s", name,
                    (long long)st.st_size, target);
    if (strncmp(target, up, strlen(up)) != 0) {
        watch_fault(w, "%s leads to %s", name, target);
        return UINT64_MAX;
    }
    return strtoull(target + strlen(up), NULL, 10);
}

static void look_at_last(struct watcher *w)
{
    uint64_t acked = atomic_load(&w->shared->acked);
    uint64_t last = follow(w, "last");

    if (last == UINT64_MAX)
        return;
    if (last + 1 < acked)
        watch_fault(w, "the last is %llu, where %llu was appended",
                    (unsigned long long)last, (unsigned long long)acked - 1);
    if (last >= atomic_load(&w->shared->begun))
        watch_fault(w, "the last is %llu, which is not appended",
                    (unsigned long long)last);
}

static void look_at_first(struct watcher *w, const char *name)
{
    uint64_t oldest = atomic_load(&w->shared->oldest);
    uint64_t first = follow(w, name);

    if (first == UINT64_MAX)
        return;
    if (first < oldest || (!w->drops && first != 0) ||
        first >= atomic_load(&w->shared->begun))
        watch_fault(w, "%s is %llu", name, (unsigned long long)first);
}

/* By the time of a record one comes to it, or to one of the same time. */
static void look_at_time(struct watcher *w)
{
    uint64_t acked = atomic_load(&w->shared->acked);
    uint64_t number = acked - 1 - watch_random(w, 50) % (unsigned)acked;
    char path[4096];
    char name[64];
    struct stat st;
    uint64_t found;

    snprintf(path, sizeof(path), "%s/records/%llu", w->mount,
             (unsigned long long)number);
    if (stat(path, &st) < 0) {
        watch_dropped(w, "stat of a record", -errno);
        return;
    }
    snprintf(name, sizeof(name), "at/@%lld.%09ld", (long long)st.st_mtim.tv_sec,
             st.st_mtim.tv_nsec);
    found = follow(w, name);
    if (found > number && found != UINT64_MAX && !w->drops)
        watch_fault(w, "%s leads to %llu, though %llu is of that time", name,
                    (unsigned long long)found, (unsigned long long)number);
}

void watch_links(struct watcher *w)
{
    while (atomic_load(&w->shared->acked) == 0)
        usleep(1000);
    do {
        look_at_last(w);
        look_at_first(w, "first");
        look_at_first(w, "at/@0");
        look_at_time(w);
    } while (watch_more(w));
}
