/* SPDX-License-Identifier: MIT */
#include "segment/store.h"

#include "io/bytes.h"
#include "segment/record.h"
#include "segment/staging.h"

#include <errno.h>
#include <string.h>

/* A payload below this is copied behind its prefix, a larger one is written
   from where it is: a piece costs the kernel about as much as a copy of this
   many bytes. */
#define COPY_BELOW 2048u

void store_open(struct store *store, struct io *io, int fd)
{
    *store = (struct store){.io = io, .fd = fd};
}

void store_done(struct store *store)
{
    if (store->io)
        io_close(store->io, store->fd);
    store->fd = -1;
}

/* Frames as pieces of memory: runs of copied bytes, and large payloads. */
struct frames {
    uint8_t *bytes; /* the next free byte of the copies */
    struct iovec *pieces;
    size_t count;
};

static void add_copy(struct frames *frames, const void *data, size_t size)
{
    struct iovec *last =
        frames->count ? &frames->pieces[frames->count - 1] : NULL;

    memcpy(frames->bytes, data, size);
    if (last && (uint8_t *)last->iov_base + last->iov_len == frames->bytes)
        last->iov_len += size;
    else
        frames->pieces[frames->count++] = (struct iovec){frames->bytes, size};
    frames->bytes += size;
}

static void add_record(struct frames *frames, const struct iovec *record)
{
    uint8_t prefix[RECORD_PREFIX];

    put_be64(prefix, record->iov_len);
    add_copy(frames, prefix, sizeof(prefix));
    if (record->iov_len < COPY_BELOW)
        add_copy(frames, record->iov_base, record->iov_len);
    else
        frames->pieces[frames->count++] = *record;
}

int store_append(struct store *store, const struct iovec *records, size_t count,
                 uint64_t end, struct buffer *scratch)
{
    size_t copied = 0;
    size_t large = 0;
    struct frames frames = {0};
    int r;

    for (size_t i = 0; i < count; i++) {
        bool is_large = records[i].iov_len >= COPY_BELOW;

        large += is_large;
        copied += RECORD_PREFIX + (is_large ? 0 : records[i].iov_len);
    }
    /* A large payload ends one run of copies and begins another. */
    r = buffer_reserve(scratch,
                       (2 * large + 1) * sizeof(struct iovec) + copied);
    if (r < 0)
        return r;
    frames.pieces = (struct iovec *)(void *)scratch->data;
    frames.bytes = scratch->data + (2 * large + 1) * sizeof(struct iovec);
    for (size_t i = 0; i < count; i++)
        add_record(&frames, &records[i]);
    return io_writev(store->io, store->fd, frames.pieces, frames.count, end);
}

static struct io_from from(const struct store *store, uint64_t position,
                           bool nowait)
{
    return (struct io_from){store->fd, nowait, position};
}

/* What one of the two places has: the buffer, or the file in front of it. */
static ssize_t read_some(const struct store *store, void *data, size_t size,
                         uint64_t position, bool nowait)
{
    size_t n = 0;

    if (store->staging) {
        n = staging_read(store->staging, store->name, data, size, position);
        size = staging_ahead(store->staging, store->name, position, size);
    }
    return n > 0
               ? (ssize_t)n
               : io_read(store->io, from(store, position, nowait), data, size);
}

ssize_t store_read(const struct store *store, void *data, size_t size,
                   uint64_t position, bool nowait)
{
    size_t done = 0;
    ssize_t n;

    do {
        n = read_some(store, (uint8_t *)data + done, size - done,
                      position + done, nowait);
        if (n < 0 && (n != -EAGAIN || done == 0))
            return n;
        done += n > 0 ? (size_t)n : 0;
    } while (store->staging && n > 0 && done < size);
    return (ssize_t)done;
}

/* What is staged lies behind what is in the file. */
ssize_t store_read_some(const struct store *store, void *data, size_t size,
                        uint64_t position, bool nowait)
{
    const struct staging *staging = store->staging;
    size_t ahead = size;
    ssize_t n;

    if (staging) {
        size_t staged =
            staging_read(staging, store->name, data, size, position);

        if (staged > 0)
            return (ssize_t)staged;
        ahead = staging_ahead(staging, store->name, position, size);
    }
    n = io_read_some(store->io, from(store, position, nowait), data, ahead);
    if (n == (ssize_t)ahead && ahead < size)
        n +=
            (ssize_t)staging_read(staging, store->name, (uint8_t *)data + ahead,
                                  size - ahead, position + ahead);
    return n;
}

/* Whether all of it is in the file. */
static bool is_in_file(const struct store *store, uint64_t position,
                       size_t size)
{
    const struct staging *staging = store->staging;

    return !staging ||
           (!staging_has(staging, store->name, position) &&
            staging_ahead(staging, store->name, position, size) == size);
}

ssize_t store_readv(const struct store *store, struct iovec *iov, int count,
                    uint64_t position, bool nowait)
{
    size_t size = 0;
    size_t done = 0;

    for (int k = 0; k < count; k++)
        size += iov[k].iov_len;
    if (is_in_file(store, position, size))
        return io_readv(store->io, from(store, position, nowait), iov, count);
    for (int k = 0; k < count; k++) {
        ssize_t n = store_read(store, iov[k].iov_base, iov[k].iov_len,
                               position + done, nowait);

        if (n < 0 && (n != -EAGAIN || done == 0))
            return n;
        done += n > 0 ? (size_t)n : 0;
        if (n < (ssize_t)iov[k].iov_len)
            break;
    }
    return (ssize_t)done;
}
