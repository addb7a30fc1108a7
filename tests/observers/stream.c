/* SPDX-License-Identifier: MIT */
/* `log`, and a cursor's. */
#include "pattern.h"
#include "watch.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* An open stream: where it begins in that of all records, and how far it has
   been read. */
struct stream {
    int fd;
    uint64_t origin;
    uint64_t at;
    uint64_t size; /* the greatest that was shown */
};

/* 1: opened; 0: it is empty; or an errno. */
static int open_stream(struct watcher *w, struct stream *stream)
{
    char digits[PATTERN_DIGITS];
    uint64_t number;
    ssize_t n;
    int fd = watch_open(w, w->file);

    if (fd < 0)
        return fd;
    *stream = (struct stream){.fd = fd};
    n = pread(fd, digits, sizeof(digits), 0);
    if (n < 0)
        n = -errno;
    number = n > 0 ? pattern_number(digits, (size_t)n) : 0;
    if (number == UINT64_MAX) {
        watch_fault(w, "the first %zd bytes are no record's", n);
        n = 0;
    }
    if (n <= 0) {
        close(fd);
        return (int)n;
    }
    stream->origin = pattern_start(number);
    return 1;
}

/* The size that is shown: of all that was appended, and of no more. */
static int look_at_size(struct watcher *w, struct stream *stream)
{
    uint64_t least = pattern_start(atomic_load(&w->shared->acked));
    uint64_t most;
    struct stat st;

    if (fstat(stream->fd, &st) < 0)
        return -errno;
    most = pattern_start(atomic_load(&w->shared->begun));
    stream->size = (uint64_t)st.st_size;
    if (stream->origin + stream->size < least)
        watch_fault(w, "%llu bytes, where %llu were appended",
                    (unsigned long long)stream->size,
                    (unsigned long long)(least - stream->origin));
    if (stream->origin + stream->size > most)
        watch_fault(w, "%llu bytes, where %llu can be",
                    (unsigned long long)stream->size,
                    (unsigned long long)(most - stream->origin));
    if (st.st_blocks < (st.st_size + 511) / 512)
        watch_fault(w, "%lld bytes in %lld blocks: it seems to have holes",
                    (long long)st.st_size, (long long)st.st_blocks);
    return 0;
}

/* What is new since the last look, or else a piece near the end. */
static int look_at_bytes(struct watcher *w, struct stream *stream)
{
    enum way way = watch_way(w);
    uint64_t most;
    size_t size;
    ssize_t n;

    if (stream->at >= stream->size || stream->size - stream->at > WAY_MAX) {
        uint64_t back = 1 + watch_random(w, 10000);

        stream->at = stream->size > back ? stream->size - back : 0;
    }
    size = watch_random(w, 4) > 0 ? WAY_MAX : 1 + watch_random(w, 9000);
    n = way_read(way, stream->fd, stream->at, w->data, size);
    if (n == -ENODEV || stream->size == 0)
        return 0;
    if (n < 0)
        return (int)n;
    if (n == 0) {
        watch_fault(w, "by %s: the end at %llu of %llu", way_names[way],
                    (unsigned long long)stream->at,
                    (unsigned long long)stream->size);
        return 0;
    }
    most = pattern_start(atomic_load(&w->shared->begun)) - stream->origin;
    if (stream->at + (uint64_t)n > most)
        watch_fault(w, "by %s: %llu bytes are more than were appended",
                    way_names[way], (unsigned long long)n);
    pattern_stream(stream->origin + stream->at, w->want, (size_t)n);
    if (!watch_same(w, way, stream->at, (size_t)n))
        stream->at = stream->size;
    else
        stream->at += (uint64_t)n;
    return 0;
}

static void look(struct watcher *w, struct stream *stream)
{
    unsigned looks = 1 + watch_random(w, 200);
    int r = 0;

    while (looks-- > 0 && r == 0) {
        r = look_at_size(w, stream);
        if (r == 0)
            r = look_at_bytes(w, stream);
        if (r < 0)
            watch_dropped(w, "reading on", r);
        if (!watch_more(w))
            return;
    }
}

void watch_stream(struct watcher *w)
{
    struct stream stream;

    do {
        int r = open_stream(w, &stream);

        if (r < 0 && r != -ESTALE)
            watch_fault(w, "open: errno %d", -r);
        if (r > 0) {
            look(w, &stream);
            close(stream.fd);
        }
    } while (watch_more(w));
}
