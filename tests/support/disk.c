/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLACES 4096u /* files that all disks together may have */

_Noreturn void disk_give_up(const char *what)
{
    (void)fprintf(stderr, "memio: %s\n", what);
    abort();
}

void disk_grow(void *array, size_t *capacity, size_t count, size_t size)
{
    void *old;
    void *larger;
    size_t n = *capacity ? *capacity : 4;

    if (count <= *capacity)
        return;
    while (n < count)
        n *= 2;
    memcpy(&old, array, sizeof(old));
    larger = reallocarray(old, n, size);
    if (!larger)
        disk_give_up("no memory");
    memcpy(array, &larger, sizeof(larger));
    *capacity = n;
}

/* --- Places for the bytes of files ----------------------------------------
 *
 * Maps point at them, so they never move; they are reserved once, and all
 * zeros when they are taken. They are there twice: as the disk itself sees
 * them, and as maps do, to which a page with a bad sector is a SIGBUS.
 */

static uint8_t *places;
static uint8_t *mapped;
static int places_fd;
static int nothing_fd; /* a file without bytes: its pages are no memory */
static uint32_t free_places[PLACES];
static uint32_t free_count;

static uint8_t *reserve(void)
{
    uint8_t *all = mmap(NULL, PLACES * MEMIO_FILE_LIMIT, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_NORESERVE, places_fd, 0);

    if (all == MAP_FAILED)
        disk_give_up("no room for files");
    return all;
}

static void make_places(void)
{
    places_fd = memfd_create("places", MFD_CLOEXEC);
    nothing_fd = memfd_create("nothing", MFD_CLOEXEC);
    if (places_fd < 0 || nothing_fd < 0 ||
        ftruncate(places_fd, (off_t)(PLACES * MEMIO_FILE_LIMIT)) < 0)
        disk_give_up("no room for files");
    places = reserve();
    mapped = reserve();
    while (free_count < PLACES) {
        free_places[free_count] = PLACES - 1 - free_count;
        free_count++;
    }
}

static uint8_t *take_place(void)
{
    if (!places)
        make_places();
    if (free_count == 0)
        disk_give_up("too many files");
    return places + free_places[--free_count] * MEMIO_FILE_LIMIT;
}

const void *node_map(const struct node *node)
{
    return mapped + (node->data - places);
}

/* Maps see the page, or find that there is none. */
static void show_page(const struct node *node, uint64_t page, bool there)
{
    uint64_t at = (uint64_t)(node->data - places) + page * DISK_PAGE;
    int fd = there ? places_fd : nothing_fd;

    if (mmap(mapped + at, DISK_PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd,
             there ? (off_t)at : 0) == MAP_FAILED)
        disk_give_up("a page cannot be mapped");
}

static void give_place(struct node *node)
{
    for (uint64_t sector = 0; node->bad_count > 0; sector++)
        node_set_bad(node, sector, false);
    memset(node->data, 0, node->high);
    free_places[free_count++] =
        (uint32_t)((size_t)(node->data - places) / MEMIO_FILE_LIMIT);
}

bool node_is_bad(const struct node *node, uint64_t sector)
{
    return node->bad_count > 0 && (node->bad[sector / 64] >> sector % 64 & 1);
}

static bool has_bad_page(const struct node *node, uint64_t page)
{
    for (uint64_t i = 0; i < DISK_PAGE / DISK_SECTOR; i++)
        if (node_is_bad(node, page * (DISK_PAGE / DISK_SECTOR) + i))
            return true;
    return false;
}

void node_set_bad(struct node *node, uint64_t sector, bool bad)
{
    uint64_t page = sector / (DISK_PAGE / DISK_SECTOR);

    if (node_is_bad(node, sector) == bad)
        return;
    node->bad[sector / 64] ^= (uint64_t)1 << sector % 64;
    if (bad)
        node->bad_count++;
    else
        node->bad_count--;
    show_page(node, page, !has_bad_page(node, page));
}

/* --- Names ------------------------------------------------------------------
 */

static struct entry *find_entry(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->entries[i].name, name) == 0)
            return &names->entries[i];
    return NULL;
}

uint32_t names_find(const struct names *names, const char *name)
{
    const struct entry *entry = find_entry(names, name);

    return entry ? entry->node : DISK_NOTHING;
}

void disk_copy_name(char to[static DISK_NAME], const char *name)
{
    if (strlen(name) >= DISK_NAME)
        disk_give_up("a long name");
    memcpy(to, name, strlen(name) + 1);
}

void names_put(struct names *names, const char *name, uint32_t node)
{
    struct entry *entry = find_entry(names, name);

    if (!entry) {
        disk_grow(&names->entries, &names->capacity, names->count + 1,
                  sizeof(*entry));
        entry = &names->entries[names->count++];
        disk_copy_name(entry->name, name);
    }
    entry->node = node;
}

void names_drop(struct names *names, const char *name)
{
    struct entry *entry = find_entry(names, name);

    if (entry)
        *entry = names->entries[--names->count];
}

void names_apply(struct names *names, const struct naming *naming)
{
    if (naming->from[0])
        names_drop(names, naming->from);
    if (naming->node == DISK_NOTHING)
        names_drop(names, naming->name);
    else
        names_put(names, naming->name, naming->node);
}

/* They are copied first: each may change them. */
int names_each(const struct names *names, io_list_fn *each, void *ctx)
{
    struct names copy = {0};
    int r = 0;

    for (size_t i = 0; i < names->count; i++)
        names_put(&copy, names->entries[i].name, 0);
    for (size_t i = 0; r == 0 && i < copy.count; i++)
        r = each(ctx, copy.entries[i].name);
    free(copy.entries);
    return r;
}

/* --- Nodes ------------------------------------------------------------------
 */

uint32_t disk_add(struct memio *memio, enum io_type type, mode_t mode)
{
    struct node *node;

    disk_grow(&memio->nodes, &memio->node_capacity, memio->node_count + 1,
              sizeof(*node));
    node = &memio->nodes[memio->node_count];
    *node = (struct node){.type = type,
                          .mode = mode,
                          .durable_mode = mode,
                          .ino = memio->next_ino++,
                          .time_ns = memio->clock};
    if (type == IO_FILE)
        node->data = take_place();
    return (uint32_t)memio->node_count++;
}

void node_done(struct node *node)
{
    if (node->data)
        give_place(node);
    free(node->durable);
    free(node->changes);
    free(node->written);
    free(node->names.entries);
    free(node->durable_names.entries);
    free(node->namings);
}

static void set_size(struct node *node, uint64_t size)
{
    node->size = size;
    if (size > node->high)
        node->high = size;
}

void node_grow(struct node *node, uint64_t size)
{
    if (size > node->size)
        set_size(node, size);
}

void node_resize(struct node *node, uint64_t size)
{
    if (size < node->size)
        memset(node->data + size, 0, node->size - size);
    set_size(node, size);
}

void change_apply(const struct node *node, const struct change *change,
                  uint8_t *bytes, uint64_t *size)
{
    uint64_t end = change->at + change->size;

    if (!change->write) {
        if (change->at < *size)
            memset(bytes + change->at, 0, *size - change->at);
        *size = change->at;
        return;
    }
    if (change->size > 0)
        memcpy(bytes + change->at, node->written + change->bytes, change->size);
    if (end > *size)
        *size = end;
}

static void settle_file(struct node *node)
{
    uint64_t most = node->durable_size;

    for (size_t i = 0; i < node->change_count; i++)
        if (node->changes[i].at + node->changes[i].size > most)
            most = node->changes[i].at + node->changes[i].size;
    if (most > node->durable_capacity) {
        size_t old = node->durable_capacity;

        disk_grow(&node->durable, &node->durable_capacity, most, 1);
        memset(node->durable + old, 0, node->durable_capacity - old);
    }
    for (size_t i = 0; i < node->change_count; i++)
        change_apply(node, &node->changes[i], node->durable,
                     &node->durable_size);
    node->change_count = 0;
    node->written_size = 0;
}

void node_settle(struct node *node)
{
    if (node->type == IO_FILE)
        settle_file(node);
    for (size_t i = 0; i < node->naming_count; i++)
        names_apply(&node->durable_names, &node->namings[i]);
    node->naming_count = 0;
    node->names_lost = false;
}

/* --- Changes ----------------------------------------------------------------
 */

struct change *disk_change(struct memio *memio, struct node *node)
{
    disk_grow(&node->changes, &node->change_capacity, node->change_count + 1,
              sizeof(*node->changes));
    node->time_ns = memio->clock;
    node->changes[node->change_count] =
        (struct change){.moment = ++memio->moment};
    return &node->changes[node->change_count++];
}

void disk_name(struct memio *memio, struct node *dir, const char *name,
               const char *from, uint32_t number)
{
    struct naming *naming;

    disk_grow(&dir->namings, &dir->naming_capacity, dir->naming_count + 1,
              sizeof(*naming));
    naming = &dir->namings[dir->naming_count++];
    naming->moment = ++memio->moment;
    naming->node = number;
    dir->names_lost = false;
    disk_copy_name(naming->name, name);
    disk_copy_name(naming->from, from ? from : "");
    names_apply(&dir->names, naming);
    dir->time_ns = memio->clock;
}

int disk_resize(struct memio *memio, struct node *node, uint64_t size)
{
    struct change *change;

    if (size > MEMIO_FILE_LIMIT)
        return -EFBIG;
    change = disk_change(memio, node);
    change->at = size;
    node->reserved = 0;
    node_resize(node, size);
    return 0;
}

/* --- Write-back --------------------------------------------------------------
 */

static bool is_dirty(const struct node *node)
{
    return node->change_count > 0 ||
           (node->naming_count > 0 && !node->names_lost);
}

void disk_lose(const struct memio *memio, struct node *node)
{
    node->change_count = 0;
    node->written_size = 0;
    node->names_lost = memio->unjournaled && node->naming_count > 0;
}

int disk_write_back(struct memio *memio, struct node *node)
{
    struct failing *failing = &memio->failing[node->type == IO_DIR];

    if (!is_dirty(node))
        return 0;
    failing->done++;
    if (failing->done != failing->at) {
        node_settle(node);
        return 0;
    }
    disk_lose(memio, node);
    node->error = failing->error;
    node->errors++;
    return failing->error;
}

/* --- Room
 * ---------------------------------------------------------------------
 */

static uint64_t round_up(uint64_t size)
{
    return (size + DISK_PAGE - 1) / DISK_PAGE * DISK_PAGE;
}

/* Bytes of the disk that a file has. */
static uint64_t taken(const struct node *node)
{
    return round_up(node->size > node->reserved ? node->size : node->reserved);
}

/* The bytes of a node and of what is below it; each is counted once. */
static uint64_t count_node(const struct memio *memio, uint32_t number,
                           bool *counted)
{
    const struct node *node = &memio->nodes[number];
    uint64_t bytes = node->type == IO_DIR ? DISK_PAGE : taken(node);

    if (counted[number])
        return 0;
    counted[number] = true;
    for (size_t i = 0; i < node->names.count; i++)
        bytes += count_node(memio, node->names.entries[i].node, counted);
    return bytes;
}

/* What has no name any more takes room as long as it is open. */
uint64_t memio_used(const struct memio *memio)
{
    bool *counted = calloc(memio->node_count, sizeof(*counted));
    uint64_t bytes;

    if (!counted)
        disk_give_up("no memory");
    bytes = count_node(memio, DISK_ROOT, counted);
    for (int fd = 0; fd < DISK_FDS; fd++)
        if (memio->fds[fd].node != DISK_NOTHING)
            bytes += count_node(memio, memio->fds[fd].node, counted);
    free(counted);
    return bytes;
}

uint64_t disk_room(const struct memio *memio)
{
    uint64_t bytes;

    if (memio->capacity == 0)
        return UINT64_MAX / 2;
    bytes = memio_used(memio);
    return bytes < memio->capacity ? memio->capacity - bytes : 0;
}

uint64_t disk_fit(const struct memio *memio, const struct node *node,
                  uint64_t position, uint64_t size)
{
    uint64_t room = disk_room(memio);
    uint64_t end = taken(node) + room - room % DISK_PAGE;

    if (position + size <= end)
        return size;
    return end > position ? end - position : 0;
}

int disk_reserve(const struct memio *memio, struct node *node, uint64_t size)
{
    if (size > MEMIO_FILE_LIMIT || disk_fit(memio, node, 0, size) < size)
        return -ENOSPC;
    if (size > node->reserved)
        node->reserved = size;
    return 0;
}
