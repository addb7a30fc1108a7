/* SPDX-License-Identifier: MIT */
#include "bytes_on_disk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT  16 /* bytes of an index entry, and of a stamp */
#define PATHS 256

typedef unsigned long long number; /* for printing */

/* A segment's files. */
struct files {
    const uint8_t *store, *index, *stamps;
    uint64_t store_size, index_size, stamps_size;
};

/* The CRC32C of the bytes behind those whose CRC32C is crc; 0: none. */
static uint32_t crc_of(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    return ~crc;
}

static uint64_t read_number(const uint8_t *bytes, int size)
{
    uint64_t value = 0;

    for (int i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void write_number(uint8_t *bytes, uint64_t value)
{
    for (int i = 7; i >= 0; i--) {
        bytes[i] = (uint8_t)value;
        value >>= 8;
    }
}

/* What a record's stamp has to say of its bytes. */
static uint32_t stamp_crc(const uint8_t *stamp, uint64_t offset,
                          uint64_t position, const uint8_t *payload,
                          size_t size)
{
    uint8_t number_bytes[8];
    uint32_t crc;

    write_number(number_bytes, offset);
    crc = crc_of(0, number_bytes, 8);
    write_number(number_bytes, position);
    crc = crc_of(crc, number_bytes, 8);
    crc = crc_of(crc, stamp, 12);
    crc = crc_of(crc, payload, size);
    write_number(number_bytes, size);
    return crc_of(crc, number_bytes, 8);
}

static const uint8_t *load(struct world *world, uint64_t base, const char *name,
                           uint64_t *ret_size)
{
    char path[PATHS];

    *ret_size = 0;
    (void)snprintf(path, sizeof(path), "log/segments/%020" PRIu64 "/%s", base,
                   name);
    return memio_bytes(world->disk, path, ret_size);
}

static bool check_stamp(struct world *world, const struct files *files,
                        uint64_t offset, uint64_t i, uint64_t position)
{
    const uint8_t *stamp = files->stamps + i * SLOT;
    size_t size = world->tried[world->records[offset].serial].size;
    uint64_t unsynced = read_number(stamp + 8, 4) & 0x7fffffff;

    if (read_number(stamp, 8) != world->records[offset].time_ns)
        return world_problem(world, "stamp of %llu: another time",
                             (number)offset);
    if (unsynced != 0x7fffffff && unsynced > offset)
        return world_problem(world, "stamp of %llu: unsynced %llu",
                             (number)offset, (number)unsynced);
    if (read_number(stamp + 12, 4) !=
        stamp_crc(stamp, offset, position, files->store + position + 8, size))
        return world_problem(world, "stamp of %llu: another checksum",
                             (number)offset);
    return true;
}

static bool check_record(struct world *world, const struct files *files,
                         uint64_t offset, uint64_t i, uint64_t position)
{
    uint64_t serial = world->records[offset].serial;
    size_t size = world->tried[serial].size;
    const uint8_t *frame = files->store + position;
    const uint8_t *entry = files->index + i * SLOT;

    if (world->records[offset].rotten)
        return true;
    if (position + 8 + size > files->store_size ||
        !world_is(serial, frame + 8, size))
        return world_problem(world, "store: record %llu", (number)offset);
    if (world->damaged)
        return true;
    if (read_number(frame, 8) != size)
        return world_problem(world, "store: prefix of %llu", (number)offset);
    if (read_number(entry, 8) != offset ||
        read_number(entry + 8, 8) != position)
        return world_problem(world, "index: entry of %llu", (number)offset);
    return check_stamp(world, files, offset, i, position);
}

static bool check_segment(struct world *world, uint64_t base, uint64_t next)
{
    struct files files = {0};
    uint64_t position = 0;

    files.store = load(world, base, "store", &files.store_size);
    files.index = load(world, base, "index", &files.index_size);
    files.stamps = load(world, base, "stamps", &files.stamps_size);
    if (!world->damaged && (files.index_size != (next - base) * SLOT ||
                            files.stamps_size != (next - base) * SLOT))
        return world_problem(world, "index %llu stamps %llu bytes of %llu",
                             (number)files.index_size,
                             (number)files.stamps_size, (number)(next - base));
    for (uint64_t i = 0; i < next - base; i++) {
        if (!check_record(world, &files, base + i, i, position))
            return false;
        position += 8 + world->tried[world->records[base + i].serial].size;
    }
    return world->damaged || position == files.store_size ||
           world_problem(world, "store: %llu bytes, not %llu",
                         (number)files.store_size, (number)position);
}

static bool check_cursor(struct world *world, int cursor)
{
    char path[PATHS];
    char text[PATHS];
    uint64_t size = 0;
    const uint8_t *bytes;
    int n;

    (void)snprintf(path, sizeof(path), "log/cursors/%s", world_cursor(cursor));
    bytes = memio_bytes(world->disk, path, &size);
    if (world->cursors[cursor] == WORLD_NOWHERE)
        return !bytes || world_problem(world, "%s is there", path);
    n = snprintf(text, sizeof(text), "offset %" PRIu64 "\n",
                 world->cursors[cursor]);
    (void)snprintf(text + n, sizeof(text) - (size_t)n, "crc32c %08x\n",
                   crc_of(0, text, (size_t)n));
    return (bytes && size == strlen(text) && memcmp(bytes, text, size) == 0) ||
           world_problem(world, "%s is not as it should be", path);
}

bool world_check_files(struct world *world)
{
    uint64_t size = 0;
    const uint8_t *bytes = memio_bytes(world->disk, "log/format", &size);

    if (crc_of(0, "123456789", 9) != 0xe3069283u)
        abort();
    if (!bytes || size != 7 || memcmp(bytes, "clog 1\n", 7) != 0)
        return world_problem(world, "format is not as it should be");
    for (size_t k = 0; k < world->segments; k++) {
        uint64_t next =
            k + 1 < world->segments ? world->bases[k + 1] : world->next;

        if (!check_segment(world, world->bases[k], next))
            return false;
    }
    for (int i = 0; i < WORLD_CURSORS; i++)
        if (!check_cursor(world, i))
            return false;
    return true;
}
