/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include "random.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR DISK_SECTOR

/* --- A kill ------------------------------------------------------------------
 */

static void copy_names(struct names *to, const struct names *from)
{
    disk_grow(&to->entries, &to->capacity, from->count, sizeof(*to->entries));
    if (from->count > 0)
        memcpy(to->entries, from->entries, from->count * sizeof(*to->entries));
    to->count = from->count;
}

static void copy_file(struct node *to, const struct node *from)
{
    memcpy(to->data, from->data, from->high);
    to->size = from->size;
    to->high = from->high;
    disk_grow(&to->durable, &to->durable_capacity, from->durable_capacity, 1);
    if (from->durable_capacity > 0)
        memcpy(to->durable, from->durable, from->durable_capacity);
    to->durable_size = from->durable_size;
    disk_grow(&to->changes, &to->change_capacity, from->change_count,
              sizeof(*to->changes));
    if (from->change_count > 0)
        memcpy(to->changes, from->changes,
               from->change_count * sizeof(*to->changes));
    to->change_count = from->change_count;
    disk_grow(&to->written, &to->written_capacity, from->written_size, 1);
    if (from->written_size > 0)
        memcpy(to->written, from->written, from->written_size);
    to->written_size = from->written_size;
}

static void copy_dir(struct node *to, const struct node *from)
{
    copy_names(&to->names, &from->names);
    copy_names(&to->durable_names, &from->durable_names);
    disk_grow(&to->namings, &to->naming_capacity, from->naming_count,
              sizeof(*to->namings));
    if (from->naming_count > 0)
        memcpy(to->namings, from->namings,
               from->naming_count * sizeof(*to->namings));
    to->naming_count = from->naming_count;
    to->names_lost = from->names_lost;
}

/* Adds a node that is as `from` but empty. */
static uint32_t add_like(struct memio *to, const struct node *from)
{
    uint32_t number = disk_add(to, from->type, from->mode);
    struct node *node = &to->nodes[number];

    node->durable_mode = from->durable_mode;
    node->ino = from->ino;
    node->time_ns = from->time_ns;
    for (uint64_t i = 0; from->bad_count > 0 && i < DISK_SECTORS; i++)
        node_set_bad(node, i, node_is_bad(from, i));
    return number;
}

static struct memio *new_like(const struct memio *from)
{
    struct memio *memio = disk_new();

    memio->moment = from->moment;
    memio->next_ino = from->next_ino;
    memio->boot = from->boot;
    memio->clock = from->clock;
    memio->unjournaled = from->unjournaled;
    memio->lower = from->lower;
    memio->capacity = from->capacity;
    return memio;
}

struct memio *memio_kill(const struct memio *memio)
{
    struct memio *after = new_like(memio);

    for (size_t i = 0; i < memio->node_count; i++) {
        const struct node *from = &memio->nodes[i];
        uint32_t number = add_like(after, from);
        struct node *to = &after->nodes[number];

        if (from->type == IO_FILE)
            copy_file(to, from);
        else
            copy_dir(to, from);
        to->error = from->error;
        to->errors = from->errors;
        to->told = from->told;
        to->reserved = from->reserved;
    }
    after->next_ino = memio->next_ino;
    return after;
}

/* --- A power cut: files ----------------------------------------------------
 */

/* A power cut that is going on. */
struct cut {
    const struct memio *before;
    struct memio *after;
    enum memio_loss loss;
    struct rng rng;
    uint64_t moment; /* of MEMIO_ORDERED: when the disk stood still */
};

static bool chance(struct cut *cut)
{
    return random_next(&cut->rng) & 1;
}

static size_t changes(const struct node *node)
{
    if (node->type == IO_FILE)
        return node->change_count;
    return node->names_lost ? 0 : node->naming_count;
}

static uint64_t moment(const struct node *node, size_t i)
{
    return node->type == IO_FILE ? node->changes[i].moment
                                 : node->namings[i].moment;
}

/* How many of the node's changes survive, from the first on. */
static size_t survivors(struct cut *cut, const struct node *node)
{
    size_t count = changes(node);
    size_t n = 0;

    switch (cut->loss) {
    case MEMIO_DROP:
        return 0;
    case MEMIO_KEEP:
        return count;
    case MEMIO_ORDERED:
        while (n < count && moment(node, n) <= cut->moment)
            n++;
        return n;
    default:
        return (size_t)random_below(&cut->rng, count + 1);
    }
}

/* Applies a change as a disk does that was stopped in it: whole sectors. */
static void apply_torn(struct cut *cut, const struct node *node,
                       const struct change *change, uint8_t *bytes,
                       uint64_t *size)
{
    uint64_t end = change->at + change->size;
    uint64_t at = change->at;

    if (!change->write || chance(cut)) {
        change_apply(node, change, bytes, size);
        return;
    }
    while (at < end) {
        uint64_t next = at - at % SECTOR + SECTOR;

        if (next > end)
            next = end;
        if (chance(cut))
            memcpy(bytes + at, node->written + change->bytes + at - change->at,
                   next - at);
        at = next;
    }
    if (end > *size)
        *size = end;
}

/* The first changes, or some of all; the last of them may be torn. */
static void replay(struct cut *cut, const struct node *node, uint8_t *bytes,
                   uint64_t *size)
{
    bool some = cut->loss == MEMIO_SOME;
    size_t n = some ? node->change_count : survivors(cut, node);

    for (size_t i = 0; i < n; i++) {
        if (some && chance(cut))
            continue;
        if (cut->loss == MEMIO_PREFIX && i + 1 == n)
            apply_torn(cut, node, &node->changes[i], bytes, size);
        else
            change_apply(node, &node->changes[i], bytes, size);
    }
}

/* Garbage where the last contents differ from the durable ones, and behind
   these. */
static void garble(struct cut *cut, const struct node *node, uint64_t sector,
                   uint8_t *bytes)
{
    for (uint64_t at = sector * SECTOR; at < (sector + 1) * SECTOR; at++)
        if (at >= node->durable_size || node->data[at] != node->durable[at])
            bytes[at] = (uint8_t)random_next(&cut->rng);
}

/* Every sector as it was at some moment; the size likewise. */
static void mix_sectors(struct cut *cut, const struct node *node,
                        uint8_t *bytes, uint64_t *size)
{
    size_t count = node->change_count;
    uint64_t sectors = (node->high + SECTOR - 1) / SECTOR;
    uint64_t sized_at = random_below(&cut->rng, count + 1);
    uint64_t sized = 0;
    uint8_t *mixed = calloc(sectors + 1, SECTOR);
    uint32_t *when = calloc(sectors + 1, sizeof(*when));

    if (!mixed || !when)
        abort();
    for (uint64_t i = 0; i < sectors; i++) {
        uint64_t choice = random_below(&cut->rng, 4);

        when[i] = choice == 0   ? 0
                  : choice == 1 ? (uint32_t)count
                                : (uint32_t)random_below(&cut->rng, count + 1);
    }
    for (size_t t = 0; t <= count; t++) {
        if (t > 0)
            change_apply(node, &node->changes[t - 1], bytes, size);
        if (t == sized_at)
            sized = *size;
        for (uint64_t i = 0; i < sectors; i++)
            if (when[i] == t)
                memcpy(mixed + i * SECTOR, bytes + i * SECTOR, SECTOR);
    }
    for (uint64_t i = 0; cut->loss == MEMIO_GARBLED && i < sectors; i++)
        if (random_below(&cut->rng, 3) == 0)
            garble(cut, node, i, mixed);
    memcpy(bytes, mixed, sectors * SECTOR);
    *size = sized;
    free(mixed);
    free(when);
}

static void grow_with_zeros(const struct node *node, uint64_t *size)
{
    if (node->size > *size)
        *size = node->size;
}

/* Stores through a map reach the disk a sector at a time, or not. */
static void mix_stores(struct cut *cut, const struct node *from, uint8_t *bytes,
                       uint64_t size)
{
    for (uint64_t at = 0; at < size && at < from->size; at += SECTOR)
        if (cut->loss == MEMIO_KEEP || chance(cut))
            memcpy(bytes + at, from->data + at,
                   size - at < SECTOR ? size - at : SECTOR);
}

static void cut_file(struct cut *cut, const struct node *from, struct node *to)
{
    uint64_t size = from->durable_size;

    if (size > 0)
        memcpy(to->data, from->durable, size);
    to->high = from->high > size ? from->high : size;
    if (from->change_count == 0)
        ;
    else if (cut->loss == MEMIO_SECTORS || cut->loss == MEMIO_GARBLED)
        mix_sectors(cut, from, to->data, &size);
    else if (cut->loss == MEMIO_ZEROS)
        grow_with_zeros(from, &size);
    else
        replay(cut, from, to->data, &size);
    if (from->shared && cut->loss != MEMIO_DROP)
        mix_stores(cut, from, to->data, size);
    to->high = (to->high + SECTOR - 1) / SECTOR * SECTOR;
    to->size = to->high;
    node_resize(to, size);
    disk_grow(&to->durable, &to->durable_capacity, size + 1, 1);
    memcpy(to->durable, to->data, size);
    memset(to->durable + size, 0, to->durable_capacity - size);
    to->durable_size = size;
}

/* --- A power cut: directories ----------------------------------------------
 */

static uint32_t cut_node(struct cut *cut, uint32_t number);

static void cut_names(struct cut *cut, const struct node *from,
                      struct names *names)
{
    bool any = cut->before->unjournaled && cut->loss > MEMIO_ORDERED;
    size_t n = any ? from->naming_count : survivors(cut, from);

    if (from->names_lost)
        n = 0;
    copy_names(names, &from->durable_names);
    for (size_t i = 0; i < n; i++)
        if (!any || chance(cut))
            names_apply(names, &from->namings[i]);
}

static void cut_dir(struct cut *cut, uint32_t number, uint32_t after)
{
    struct names names = {0};
    struct node *node;

    cut_names(cut, &cut->before->nodes[number], &names);
    for (size_t i = 0; i < names.count; i++)
        names.entries[i].node = cut_node(cut, names.entries[i].node);
    node = &cut->after->nodes[after];
    copy_names(&node->names, &names);
    copy_names(&node->durable_names, &names);
    free(names.entries);
}

/* The number, in the disk after it, of what is left of a node. */
static uint32_t cut_node(struct cut *cut, uint32_t number)
{
    const struct node *from = &cut->before->nodes[number];
    uint32_t after = add_like(cut->after, from);
    mode_t mode = chance(cut) ? from->mode : from->durable_mode;

    cut->after->nodes[after].mode = mode;
    cut->after->nodes[after].durable_mode = mode;
    if (from->type == IO_FILE)
        cut_file(cut, from, &cut->after->nodes[after]);
    else
        cut_dir(cut, number, after);
    return after;
}

/* The moment before which nothing is in doubt. */
static uint64_t first_doubt(const struct memio *memio)
{
    uint64_t first = memio->moment;

    for (size_t i = 0; i < memio->node_count; i++) {
        const struct node *node = &memio->nodes[i];

        if (changes(node) > 0 && moment(node, 0) <= first)
            first = moment(node, 0) - 1;
    }
    return first;
}

struct memio *memio_power_cut(const struct memio *memio, enum memio_loss loss,
                              uint64_t seed)
{
    struct cut cut = {
        .before = memio, .after = new_like(memio), .loss = loss, .rng = {seed}};
    uint64_t first = first_doubt(memio);

    cut.after->boot++;
    cut.moment = first + random_below(&cut.rng, memio->moment - first + 1);
    (void)cut_node(&cut, DISK_ROOT);
    cut.after->next_ino = memio->next_ino;
    return cut.after;
}
