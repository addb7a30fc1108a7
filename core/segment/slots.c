/* SPDX-License-Identifier: MIT */
#include "segment/slots.h"

#include "segment/staging.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int map(struct slots *slots, int fd, size_t size)
{
    const void *new = NULL;
    int r = 0;

    if (size > 0)
        r = io_map(slots->io, fd, size, &new);
    if (r < 0)
        return r;
    if (slots->map)
        io_unmap(slots->io, slots->map, slots->map_size);
    slots->map = new;
    slots->map_size = size;
    return 0;
}

/* No more than the file has now: behind its end the rest of the last page
   reads as zeros, which are no slots. */
static int bound(struct io *io, int fd, size_t *map_size)
{
    struct io_stat st;
    int r = io_stat(io, fd, &st);

    if (r == 0 && st.size < *map_size)
        *map_size = (size_t)st.size;
    return r;
}

int slots_open(struct slots *slots, struct io *io, int fd, size_t map_size,
               bool keep)
{
    int r = 0;

    *slots = (struct slots){.io = io, .fd = -1};
    if (!keep && map_size > 0)
        r = bound(io, fd, &map_size);
    if (r == 0)
        r = map(slots, fd, map_size);
    if (r == 0 && keep)
        slots->fd = fd;
    else
        io_close(io, fd);
    return r;
}

void slots_use(struct slots *slots, uint8_t *memory, size_t size)
{
    free(slots->memory);
    slots->memory = memory;
    slots->memory_size = size;
}

void slots_done(struct slots *slots)
{
    if (!slots->io)
        return;
    if (slots->map)
        io_unmap(slots->io, slots->map, slots->map_size);
    io_close(slots->io, slots->fd);
    free(slots->memory);
    *slots = (struct slots){.fd = -1};
}

int slots_reserve(struct slots *slots, size_t size)
{
    return size <= slots->map_size ? 0 : map(slots, slots->fd, size);
}

int slots_write(struct slots *slots, const uint8_t *data, size_t size,
                uint64_t at)
{
    return io_write(slots->io, slots->fd, data, size, at);
}

/* Of the file, or of what stands for it. */
static int read_file(const struct slots *slots, void *data, size_t size,
                     uint64_t at)
{
    const uint8_t *from = slots->memory ? slots->memory : slots->map;
    size_t limit = slots->memory ? slots->memory_size : slots->map_size;

    if (!from || at > limit || size > limit - at)
        return -EIO;
    if (!slots->memory)
        return io_copy_mapped(data, from + at, size);
    memcpy(data, from + at, size);
    return 0;
}

int slots_read(const struct slots *slots, void *data, size_t size, uint64_t at)
{
    uint8_t *to = data;

    while (slots->staging && size > 0) {
        size_t n = staging_read(slots->staging, slots->name, to, size, at);
        int r = 0;

        if (n == 0) {
            n = staging_ahead(slots->staging, slots->name, at, size);
            r = read_file(slots, to, n, at);
        }
        if (r < 0)
            return r;
        to += n;
        at += n;
        size -= n;
    }
    return size > 0 ? read_file(slots, to, size, at) : 0;
}

bool slots_cached(const struct slots *slots, uint64_t i, uint64_t count)
{
    uint64_t all = slots->map_size / SLOT_SIZE;

    if (slots->staging) {
        if (staging_has(slots->staging, slots->name, i * SLOT_SIZE))
            return true;
        count = staging_ahead(slots->staging, slots->name, i * SLOT_SIZE,
                              (size_t)count * SLOT_SIZE) /
                SLOT_SIZE;
    }
    /* What is not there fails at once. */
    if (slots->memory || !slots->map || i >= all)
        return true;
    if (count > all - i)
        count = all - i;
    return io_cached(slots->io, slots->map + i * SLOT_SIZE,
                     (size_t)count * SLOT_SIZE);
}

uint64_t slots_count(const struct slots *slots)
{
    return (slots->memory ? slots->memory_size : slots->map_size) / SLOT_SIZE;
}

int slots_get(const struct slots *slots, uint64_t i, uint8_t ret[SLOT_SIZE])
{
    if (i >= SIZE_MAX / SLOT_SIZE)
        return -EIO;
    return slots_read(slots, ret, SLOT_SIZE, i * SLOT_SIZE);
}
