/* SPDX-License-Identifier: MIT */
#include "spoil.h"

#include "segment/index.h"

#include <string.h>

void spoil_flip(struct memio *disk, const struct file_at *spot,
                const uint8_t *bits, size_t n)
{
    uint64_t size = 0;
    uint8_t *bytes = memio_bytes(disk, spot->path, &size);

    for (size_t i = 0; bytes && size > 0 && i < n; i++)
        bytes[(spot->at + i) % size] ^= bits[i];
}

void spoil_write(struct memio *disk, const struct file_at *spot,
                 const void *data, size_t n)
{
    uint64_t size = 0;
    uint8_t *bytes = memio_bytes(disk, spot->path, &size);
    uint64_t at = size > 0 ? spot->at % size : 0;

    if (bytes && n > 0)
        memcpy(bytes + at, data, n < size - at ? n : size - at);
}

void spoil_copy(struct memio *disk, const struct file_at *from,
                const struct file_at *to, size_t n)
{
    uint64_t there = 0;
    uint64_t size = 0;
    const uint8_t *source = memio_bytes(disk, from->path, &there);
    uint8_t *bytes = memio_bytes(disk, to->path, &size);

    if (source && bytes && n <= there && n <= size)
        memmove(bytes + to->at % (size - n + 1),
                source + from->at % (there - n + 1), n);
}

void spoil_replace(struct memio *disk, const char *path, const void *data,
                   size_t n)
{
    uint64_t size = 0;
    uint8_t *bytes;

    memio_resize(disk, path, n);
    bytes = memio_bytes(disk, path, &size);
    if (bytes && n > 0)
        memcpy(bytes, data, n);
}

void spoil_repeat(struct memio *disk, const char *path, uint64_t size)
{
    uint64_t had = 0;
    uint64_t now = 0;
    uint8_t *bytes = memio_bytes(disk, path, &had);

    if (!bytes || had == 0)
        return;
    memio_resize(disk, path, size);
    bytes = memio_bytes(disk, path, &now);
    for (uint64_t i = had; bytes && i < now; i++)
        bytes[i] = bytes[i - had];
}

void spoil_entries(struct memio *disk, const char *path,
                   const struct entries *entries, uint64_t count)
{
    uint64_t size = 0;
    uint8_t *bytes;

    memio_resize(disk, path, count * SLOT_SIZE);
    bytes = memio_bytes(disk, path, &size);
    for (uint64_t i = 0; bytes && i < count; i++)
        index_put(bytes + i * SLOT_SIZE, entries->base + i,
                  entries->first + i * entries->step);
}
