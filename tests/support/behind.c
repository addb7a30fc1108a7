/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Behind the log's back ------------------------------------------------ */

/* Walks path; the last component's parent and name are returned too. */
static uint32_t walk(const struct memio *memio, const char *path,
                     uint32_t *ret_parent, char ret_name[static DISK_NAME])
{
    uint32_t number = DISK_ROOT;

    *ret_parent = DISK_ROOT;
    while (*path && number != DISK_NOTHING) {
        size_t n = strcspn(path, "/");

        if (n >= DISK_NAME)
            disk_give_up("a long name");
        memset(ret_name, 0, DISK_NAME);
        memcpy(ret_name, path, n);
        *ret_parent = number;
        number = names_find(&memio->nodes[number].names, ret_name);
        path += n;
        path += *path == '/';
    }
    if (*path)
        *ret_parent = DISK_NOTHING;
    return number;
}

uint8_t *memio_bytes(struct memio *memio, const char *path, uint64_t *ret_size)
{
    char name[DISK_NAME];
    uint32_t parent;
    uint32_t number = walk(memio, path, &parent, name);

    if (number == DISK_NOTHING || memio->nodes[number].type != IO_FILE)
        return NULL;
    *ret_size = memio->nodes[number].size;
    return memio->nodes[number].data;
}

void memio_patch(struct memio *memio, const char *path, uint64_t at,
                 const void *data, size_t size)
{
    char name[DISK_NAME];
    uint32_t parent;
    uint32_t number = walk(memio, path, &parent, name);
    struct node *node;

    if (number == DISK_NOTHING || memio->nodes[number].type != IO_FILE ||
        at + size > memio->nodes[number].size)
        disk_give_up("a bad path or byte");
    node = &memio->nodes[number];
    node_settle(node);
    memcpy(node->data + at, data, size);
    memcpy(node->durable + at, data, size);
}

void memio_resize(struct memio *memio, const char *path, uint64_t size)
{
    char name[DISK_NAME];
    uint32_t parent;
    uint32_t number = walk(memio, path, &parent, name);

    if (parent == DISK_NOTHING || size > MEMIO_FILE_LIMIT)
        disk_give_up("a bad path or size");
    if (number == DISK_NOTHING) {
        number = disk_add(memio, IO_FILE, 0600);
        disk_name(memio, &memio->nodes[parent], name, NULL, number);
        node_settle(&memio->nodes[parent]);
    }
    (void)disk_resize(memio, &memio->nodes[number], size);
    node_settle(&memio->nodes[number]);
}

void memio_spoil(struct memio *memio, const char *path, uint64_t at)
{
    char name[DISK_NAME];
    uint32_t parent;
    uint32_t number = walk(memio, path, &parent, name);

    if (number == DISK_NOTHING || memio->nodes[number].type != IO_FILE ||
        at >= MEMIO_FILE_LIMIT)
        disk_give_up("a bad path or byte");
    node_set_bad(&memio->nodes[number], at / DISK_SECTOR, true);
}

void memio_remove(struct memio *memio, const char *path)
{
    char name[DISK_NAME];
    uint32_t parent;

    if (walk(memio, path, &parent, name) == DISK_NOTHING)
        return;
    disk_name(memio, &memio->nodes[parent], name, NULL, DISK_NOTHING);
    node_settle(&memio->nodes[parent]);
}

int memio_list(struct memio *memio, const char *path, io_list_fn *each,
               void *ctx)
{
    char name[DISK_NAME];
    uint32_t parent;
    uint32_t number = walk(memio, path, &parent, name);

    if (number == DISK_NOTHING || memio->nodes[number].type != IO_DIR)
        return 0;
    return names_each(&memio->nodes[number].names, each, ctx);
}

struct kept {
    struct memio *memio;
    const char *end;
    const uint8_t *bytes;
    uint64_t size;
};

static int is_kept(void *ctx, const char *name)
{
    const struct kept *kept = ctx;
    const char *end = strrchr(name, '.');
    char path[DISK_NAME + 32];
    const uint8_t *bytes;
    uint64_t size = 0;

    if (!end || strcmp(end + 1, kept->end) != 0)
        return 0;
    (void)snprintf(path, sizeof(path), "log/quarantine/%s", name);
    bytes = memio_bytes(kept->memio, path, &size);
    return bytes && size == kept->size && memcmp(bytes, kept->bytes, size) == 0;
}

bool memio_keeps(struct memio *memio, enum clog_file file, const uint8_t *bytes,
                 uint64_t size)
{
    struct kept kept = {memio, segment_files[file], bytes, size};

    return memio_list(memio, "log/quarantine", is_kept, &kept) != 0;
}
