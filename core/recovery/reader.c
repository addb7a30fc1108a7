/* SPDX-License-Identifier: MIT */
#include "recovery/reader.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST ((size_t)256 << 10) /* bytes of a window */
#define PAGE    4096u               /* a device or a cache reads that much */
#define SECTOR  512u                /* and fails for that much */
#define BLOCK   SECTOR              /* that sums differ by */
#define UNREAD  1000u               /* sectors; with more the device is gone */

void reader_init(struct reader *reader, const struct store *store,
                 uint64_t size)
{
    *reader = (struct reader){.store = store, .size = size};
}

void reader_done(struct reader *reader)
{
    for (int w = 0; w < READER_WINDOWS; w++)
        buffer_done(&reader->windows[w].buffer);
    free(reader->unread);
    free(reader->sums);
    *reader = (struct reader){0};
}

static bool is_unread(const struct reader *reader, uint64_t from, uint64_t to)
{
    for (size_t k = 0; k < reader->unread_count; k++)
        if (reader->unread[k] < to && reader->unread[k] + SECTOR > from)
            return true;
    return false;
}

static int note_unread(struct reader *reader, uint64_t position)
{
    if (reader->unread_count == UNREAD)
        return -EIO;
    if (reader->unread_count == reader->unread_capacity) {
        size_t capacity =
            reader->unread_capacity ? 2 * reader->unread_capacity : 16;
        uint64_t *unread =
            reallocarray(reader->unread, capacity, sizeof(*unread));

        if (!unread)
            return -ENOMEM;
        reader->unread = unread;
        reader->unread_capacity = capacity;
    }
    reader->unread[reader->unread_count++] = position - position % SECTOR;
    return READER_UNREAD;
}

/* How many bytes to read: more each time for as long as it goes on, up to the
   end of a page where reading more has failed. */
static size_t choose_size(const struct reader *reader,
                          const struct window *window, uint64_t position)
{
    size_t size = SECTOR;

    if (window->size > 0 && position >= window->start &&
        position <= window->start + window->held)
        size = window->size < LARGEST ? 2 * window->size : LARGEST;
    if (position < reader->cautious_to && size > PAGE - position % PAGE)
        size = PAGE - position % PAGE;
    return size;
}

static ssize_t read_window(struct reader *reader, struct window *window,
                           uint64_t position, size_t size)
{
    int r = buffer_reserve(&window->buffer, size);

    return r < 0 ? r
                 : store_read(reader->store, window->buffer.data, size,
                              position, false);
}

/* Fills the window from position on. */
static int fill(struct reader *reader, struct window *window, uint64_t position)
{
    size_t size = choose_size(reader, window, position);
    ssize_t n;

    if (is_unread(reader, position, position + 1))
        return READER_UNREAD;
    window->held = 0;
    n = read_window(reader, window, position, size);
    if (n == -EIO && size > PAGE - position % PAGE) {
        reader->cautious_to = position + size;
        size = PAGE - position % PAGE;
        n = read_window(reader, window, position, size);
    }
    if (n == -EIO) {
        size = SECTOR - position % SECTOR;
        n = read_window(reader, window, position, size);
    }
    if (n == -EIO)
        return note_unread(reader, position);
    if (n <= 0)
        return n < 0 ? (int)n : -EIO;
    window->start = position;
    window->held = (size_t)n;
    window->size = size;
    if (window == &reader->windows[READER_AHEAD])
        reader->ahead += (uint64_t)n;
    return 0;
}

int reader_look(struct reader *reader, enum reader_window window,
                uint64_t position, size_t size, struct looked *ret)
{
    struct window *w = &reader->windows[window];

    if (position < w->start || position >= w->start + w->held) {
        int r = fill(reader, w, position);

        if (r < 0)
            return r;
    }
    ret->bytes = w->buffer.data + (position - w->start);
    ret->size = (size_t)(w->start + w->held - position);
    if (ret->size > size)
        ret->size = size;
    return 0;
}

/* The bytes at position if the window has all of them; else NULL. */
static const uint8_t *held(const struct window *window, uint64_t position,
                           size_t size)
{
    uint64_t skipped = position - window->start;

    return position >= window->start && skipped + size <= window->held
               ? window->buffer.data + skipped
               : NULL;
}

int reader_copy(struct reader *reader, enum reader_window window,
                uint64_t position, void *data, size_t size)
{
    const uint8_t *all = held(&reader->windows[window], position, size);
    uint8_t *to = data;

    if (all) {
        memcpy(data, all, size);
        return 0;
    }

    while (size > 0) {
        struct looked found = {0};
        int r = reader_look(reader, window, position, size, &found);

        if (r < 0 || !found.bytes)
            return r < 0 ? r : -EIO;
        memcpy(to, found.bytes, found.size);
        to += found.size;
        position += found.size;
        size -= found.size;
    }
    return 0;
}

int reader_add(struct reader *reader, enum reader_window window, uint64_t from,
               uint64_t to, crc_t *crc)
{
    const uint8_t *all =
        held(&reader->windows[window], from, (size_t)(to - from));

    if (all) {
        *crc = crc_add(*crc, all, (size_t)(to - from));
        return 0;
    }
    while (from < to) {
        struct looked found = {0};
        size_t n = to - from < LARGEST ? (size_t)(to - from) : LARGEST;
        int r = reader_look(reader, window, from, n, &found);

        if (r < 0)
            return r;
        *crc = crc_add(*crc, found.bytes, found.size);
        from += found.size;
    }
    return 0;
}

static int add_sum(struct reader *reader, crc_t sum)
{
    if (reader->sums_count == reader->sums_capacity) {
        uint64_t capacity =
            reader->sums_capacity ? 2 * reader->sums_capacity : 1024;
        crc_t *sums = reallocarray(reader->sums, capacity, sizeof(*sums));

        if (!sums)
            return -ENOMEM;
        reader->sums = sums;
        reader->sums_capacity = capacity;
    }
    reader->sums[reader->sums_count++] = sum;
    return 0;
}

/* Adds the next block. What cannot be read is left out: no range that it lies
   in has a checksum. */
static int extend_sums(struct reader *reader)
{
    uint64_t from = reader->sums_from + (reader->sums_count - 1) * BLOCK;
    crc_t sum = reader->sums[reader->sums_count - 1];
    int r = reader_add(reader, READER_SUMS, from, from + BLOCK, &sum);

    return r < 0 && r != READER_UNREAD ? r : add_sum(reader, sum);
}

/* The sum up to byte at, the beginning of a block. */
static int get_sum(struct reader *reader, uint64_t at, crc_t *ret)
{
    int r = 0;

    if (reader->sums_count == 0) {
        reader->sums_from = reader->here / BLOCK * BLOCK;
        r = add_sum(reader, 0);
    }
    while (r == 0 && reader->sums_from + (reader->sums_count - 1) * BLOCK < at)
        r = extend_sums(reader);
    if (r == 0)
        *ret = reader->sums[(at - reader->sums_from) / BLOCK];
    return r;
}

int reader_add_far(struct reader *reader, enum reader_window window,
                   uint64_t from, uint64_t to, crc_t *crc)
{
    uint64_t first = (from + BLOCK - 1) / BLOCK * BLOCK;
    uint64_t last = to / BLOCK * BLOCK;
    crc_t before = 0;
    crc_t behind = 0;
    int r;

    if (first >= last)
        return reader_add(reader, window, from, to, crc);
    r = reader_add(reader, window, from, first, crc);
    if (r == 0)
        r = get_sum(reader, first, &before);
    if (r == 0)
        r = get_sum(reader, last, &behind);
    if (r < 0)
        return r;
    if (is_unread(reader, first, last))
        return READER_UNREAD;
    *crc = crc_join(*crc ^ before, behind, last - first);
    return reader_add(reader, READER_AHEAD, last, to, crc);
}
