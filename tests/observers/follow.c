/* SPDX-License-Identifier: MIT */
/* `follow`, and a cursor's: whole records, one after the other. */
#include "pattern.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The number of the next record that the reader expects, UINT64_MAX: any. */
struct reader {
    int fd;
    uint64_t next;
};

/* Checks n bytes that one read has brought. */
static void check(struct watcher *w, struct reader *reader, size_t n)
{
    size_t at = 0;

    while (at < n) {
        uint64_t number = pattern_number(w->data + at, n - at);
        size_t length;

        if (number == UINT64_MAX ||
            (reader->next != UINT64_MAX && number != reader->next)) {
            watch_fault(w, "%.12s comes, %llu should", w->data + at,
                        (unsigned long long)reader->next);
            reader->next = UINT64_MAX;
            return;
        }
        length = pattern_record(number, w->want);
        if (length > n - at || memcmp(w->data + at, w->want, length) != 0) {
            watch_fault(w, "record %llu is not whole, or not right",
                        (unsigned long long)number);
            reader->next = UINT64_MAX;
            return;
        }
        at += length;
        reader->next = number + 1;
    }
    if (reader->next != UINT64_MAX &&
        reader->next > atomic_load(&w->shared->begun))
        watch_fault(w, "record %llu comes before it is appended",
                    (unsigned long long)reader->next - 1);
}

/* True when all has been read. */
static bool look(struct watcher *w, struct reader *reader)
{
    bool finished = atomic_load(&w->shared->finished);
    ssize_t n =
        read(reader->fd, w->data, PATTERN_RECORD + watch_random(w, 100000));

    if (n > 0) {
        atomic_fetch_add(&w->shared->by_way[WAY_READ], 1);
        check(w, reader, (size_t)n);
    } else if (n == 0) {
        watch_fault(w, "it ends");
        return true;
    } else if (errno == EPIPE && w->drops) {
        atomic_fetch_add(&w->shared->overtaken, 1);
        reader->next = UINT64_MAX;
    } else if (errno != EAGAIN) {
        watch_fault(w, "read: %s", strerror(errno));
        return true;
    }
    return finished && n < 0;
}

/* Who is not in a hurry does not wait either; both come to the very end. */
void watch_follow(struct watcher *w)
{
    bool waits = w->pause_us == 0;
    struct reader reader = {.next = UINT64_MAX};

    reader.fd = watch_open(w, w->file);
    if (reader.fd < 0) {
        watch_fault(w, "open: %s", strerror(-reader.fd));
        return;
    }
    if (!waits && fcntl(reader.fd, F_SETFL, O_NONBLOCK) < 0)
        watch_fault(w, "fcntl: %s", strerror(errno));
    while (!look(w, &reader)) {
        watch_more(w);
        if (waits && reader.next != UINT64_MAX &&
            reader.next > atomic_load(&w->shared->last))
            break;
    }
    if (reader.next != UINT64_MAX &&
        reader.next <= atomic_load(&w->shared->last))
        watch_fault(w, "it ends before record %llu",
                    (unsigned long long)reader.next);
    close(reader.fd);
}
