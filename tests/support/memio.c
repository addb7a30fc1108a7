/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PLACES 4096u /* files that all disks together may have */

static _Noreturn void give_up(const char *what)
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
        give_up("no memory");
    memcpy(array, &larger, sizeof(larger));
    *capacity = n;
}

/* --- Places for the bytes of files ----------------------------------------
 *
 * Maps point at them, so they never move; they are reserved once, and all
 * zeros when they are taken.
 */

static uint8_t *places;
static uint32_t free_places[PLACES];
static uint32_t free_count;

static uint8_t *take_place(void)
{
    if (!places) {
        places = mmap(NULL, PLACES * MEMIO_FILE_LIMIT, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (places == MAP_FAILED)
            give_up("no room for files");
        while (free_count < PLACES) {
            free_places[free_count] = PLACES - 1 - free_count;
            free_count++;
        }
    }
    if (free_count == 0)
        give_up("too many files");
    return places + free_places[--free_count] * MEMIO_FILE_LIMIT;
}

static void give_place(struct node *node)
{
    memset(node->data, 0, node->high);
    free_places[free_count++] =
        (uint32_t)((size_t)(node->data - places) / MEMIO_FILE_LIMIT);
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

static void copy_name(char to[static DISK_NAME], const char *name)
{
    if (strlen(name) >= DISK_NAME)
        give_up("a long name");
    memcpy(to, name, strlen(name) + 1);
}

void names_put(struct names *names, const char *name, uint32_t node)
{
    struct entry *entry = find_entry(names, name);

    if (!entry) {
        disk_grow(&names->entries, &names->capacity, names->count + 1,
                  sizeof(*entry));
        entry = &names->entries[names->count++];
        copy_name(entry->name, name);
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

static void node_done(struct node *node)
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

static void grow_to(struct node *node, uint64_t size)
{
    node->size = size;
    if (size > node->high)
        node->high = size;
}

void node_resize(struct node *node, uint64_t size)
{
    if (size < node->size)
        memset(node->data + size, 0, node->size - size);
    grow_to(node, size);
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
}

/* --- The calls ------------------------------------------------------------ */

static struct memio *disk(struct io *io)
{
    return (struct memio *)(void *)io;
}

static struct descriptor *descriptor(struct memio *memio, int fd)
{
    if (fd < 0 || fd >= DISK_FDS || memio->fds[fd].node == DISK_NOTHING)
        give_up("a bad descriptor");
    return &memio->fds[fd];
}

static struct node *open_node(struct memio *memio, int fd)
{
    return &memio->nodes[descriptor(memio, fd)->node];
}

static uint32_t dir_number(struct memio *memio, int dir)
{
    return dir == AT_FDCWD ? DISK_ROOT : descriptor(memio, dir)->node;
}

/* The directory at dir, if its mode allows that: 1 search, 2 change. */
static int open_dir(struct memio *memio, int dir, mode_t mode,
                    struct node **ret_dir)
{
    struct node *node = &memio->nodes[dir_number(memio, dir)];

    if (node->type != IO_DIR)
        return -ENOTDIR;
    if (((node->mode >> 6) & (mode | 1)) != (mode | 1))
        return -EACCES;
    *ret_dir = node;
    return 0;
}

static void note_naming(struct memio *memio, struct node *dir, const char *name,
                        const char *from, uint32_t number)
{
    struct naming *naming;

    disk_grow(&dir->namings, &dir->naming_capacity, dir->naming_count + 1,
              sizeof(*naming));
    naming = &dir->namings[dir->naming_count++];
    naming->moment = ++memio->moment;
    naming->node = number;
    copy_name(naming->name, name);
    copy_name(naming->from, from ? from : "");
    names_apply(&dir->names, naming);
    dir->time_ns = memio->clock;
}

static struct change *note_change(struct memio *memio, struct node *node)
{
    disk_grow(&node->changes, &node->change_capacity, node->change_count + 1,
              sizeof(*node->changes));
    node->time_ns = memio->clock;
    node->changes[node->change_count] =
        (struct change){.moment = ++memio->moment};
    return &node->changes[node->change_count++];
}

static int resize(struct memio *memio, struct node *node, uint64_t size)
{
    struct change *change;

    if (size > MEMIO_FILE_LIMIT)
        return -EFBIG;
    change = note_change(memio, node);
    change->at = size;
    node_resize(node, size);
    return 0;
}

static int take_fd(struct memio *memio, uint32_t number, int flags)
{
    for (int fd = 3; fd < DISK_FDS; fd++) {
        if (memio->fds[fd].node != DISK_NOTHING)
            continue;
        memio->fds[fd] = (struct descriptor){number, flags, 0};
        return fd;
    }
    return -EMFILE;
}

/* Whether the node's mode and type allow to open it with those flags. */
static int may_open(const struct node *node, int flags)
{
    int access = flags & O_ACCMODE;
    mode_t needed = 0;

    if (node->type == IO_DIR && (access != O_RDONLY || (flags & O_CREAT)))
        return -EISDIR;
    if (node->type != IO_DIR && (flags & O_DIRECTORY))
        return -ENOTDIR;
    if (access == O_RDONLY || access == O_RDWR)
        needed |= 4;
    if (access == O_WRONLY || access == O_RDWR)
        needed |= 2;
    return ((node->mode >> 6) & needed) == needed ? 0 : -EACCES;
}

/* The directory that has the node. */
static uint32_t find_parent(const struct memio *memio, uint32_t number)
{
    for (uint32_t i = 0; i < memio->node_count; i++)
        for (size_t k = 0; k < memio->nodes[i].names.count; k++)
            if (memio->nodes[i].names.entries[k].node == number)
                return i;
    return DISK_ROOT;
}

/* The node that is called name below dir; "log/." and ".." are known too. */
static uint32_t look_up(const struct memio *memio, uint32_t dir,
                        const char *name)
{
    char inside[DISK_NAME];
    size_t n = strlen(name);

    if (strcmp(name, "..") == 0)
        return find_parent(memio, dir);
    copy_name(inside, name);
    if (n > 2 && strcmp(name + n - 2, "/.") == 0)
        inside[n - 2] = '\0';
    return names_find(&memio->nodes[dir].names, inside);
}

static int make_file(struct memio *memio, int dir, const char *name,
                     mode_t mode)
{
    struct node *parent = NULL;
    uint32_t number;
    int r = open_dir(memio, dir, 2, &parent);

    if (r < 0)
        return r;
    number = disk_add(memio, IO_FILE, mode);
    note_naming(memio, &memio->nodes[dir_number(memio, dir)], name, NULL,
                number);
    return (int)number;
}

static int mem_open(struct io *io, int dir, const char *name, int flags,
                    mode_t mode)
{
    struct memio *memio = disk(io);
    struct node *parent;
    uint32_t number;
    int r = open_dir(memio, dir, 0, &parent);

    if (r < 0)
        return r;
    number = look_up(memio, dir_number(memio, dir), name);
    if (number == DISK_NOTHING) {
        r = flags & O_CREAT ? make_file(memio, dir, name, mode) : -ENOENT;
        if (r < 0)
            return r;
        return take_fd(memio, (uint32_t)r, flags);
    }
    r = may_open(&memio->nodes[number], flags);
    if (r == 0 && (flags & O_TRUNC))
        r = resize(memio, &memio->nodes[number], 0);
    return r < 0 ? r : take_fd(memio, number, flags);
}

static int mem_close(struct io *io, int fd)
{
    descriptor(disk(io), fd)->node = DISK_NOTHING;
    return 0;
}

static ssize_t mem_readv(struct io *io, int fd, const struct iovec *iov,
                         int count, uint64_t position, int flags)
{
    const struct node *node = open_node(disk(io), fd);
    ssize_t done = 0;

    if (node->type != IO_FILE)
        return -EISDIR;
    if ((descriptor(disk(io), fd)->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    if (disk(io)->cold && (flags & RWF_NOWAIT) != 0)
        return -EAGAIN;
    for (int i = 0; i < count && position < node->size; i++) {
        size_t n = iov[i].iov_len;

        if (n > node->size - position)
            n = (size_t)(node->size - position);
        memcpy(iov[i].iov_base, node->data + position, n);
        position += n;
        done += (ssize_t)n;
    }
    return done;
}

static ssize_t mem_writev(struct io *io, int fd, const struct iovec *iov,
                          int count, uint64_t position)
{
    struct memio *memio = disk(io);
    struct node *node = open_node(memio, fd);
    struct change *change;
    size_t size = 0;

    if ((descriptor(memio, fd)->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    for (int i = 0; i < count; i++)
        size += iov[i].iov_len;
    if (position > MEMIO_FILE_LIMIT || size > MEMIO_FILE_LIMIT - position)
        return -EFBIG;
    change = note_change(memio, node);
    change->write = true;
    change->at = position;
    change->size = size;
    change->bytes = node->written_size;
    disk_grow(&node->written, &node->written_capacity,
              node->written_size + size, 1);
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len > 0)
            memcpy(node->written + node->written_size, iov[i].iov_base,
                   iov[i].iov_len);
        node->written_size += iov[i].iov_len;
    }
    if (size > 0)
        memcpy(node->data + position, node->written + change->bytes, size);
    if (position + size > node->size)
        grow_to(node, position + size);
    return (ssize_t)size;
}

static int mem_truncate(struct io *io, int fd, uint64_t size)
{
    if ((descriptor(disk(io), fd)->flags & O_ACCMODE) == O_RDONLY)
        return -EINVAL;
    return resize(disk(io), open_node(disk(io), fd), size);
}

static int mem_datasync(struct io *io, int fd)
{
    node_settle(open_node(disk(io), fd));
    return 0;
}

static int mem_sync(struct io *io, int fd)
{
    struct node *node = open_node(disk(io), fd);

    node->durable_mode = node->mode;
    return mem_datasync(io, fd);
}

static void fill_stat(const struct node *node, struct io_stat *ret)
{
    *ret = (struct io_stat){.type = node->type,
                            .size = node->size,
                            .mode = node->mode,
                            .time_ns = node->time_ns,
                            .dev = 1,
                            .ino = node->ino};
}

static int mem_stat(struct io *io, int fd, struct io_stat *ret)
{
    fill_stat(open_node(disk(io), fd), ret);
    return 0;
}

/* The node called name in dir. */
static int find(struct memio *memio, int dir, const char *name,
                struct node **ret_node)
{
    struct node *parent;
    uint32_t number;
    int r = open_dir(memio, dir, 0, &parent);

    if (r < 0)
        return r;
    number = names_find(&parent->names, name);
    if (number == DISK_NOTHING)
        return -ENOENT;
    *ret_node = &memio->nodes[number];
    return 0;
}

static int mem_statat(struct io *io, int dir, const char *name,
                      struct io_stat *ret)
{
    struct node *node = NULL;
    int r = find(disk(io), dir, name, &node);

    if (r == 0)
        fill_stat(node, ret);
    return r;
}

static int mem_chmod(struct io *io, int fd, mode_t mode)
{
    open_node(disk(io), fd)->mode = mode;
    return 0;
}

static int mem_chmodat(struct io *io, int dir, const char *name, mode_t mode)
{
    struct node *node = NULL;
    int r = find(disk(io), dir, name, &node);

    if (r == 0)
        node->mode = mode;
    return r;
}

static int mem_mkdir(struct io *io, int dir, const char *name, mode_t mode)
{
    struct memio *memio = disk(io);
    struct node *node = NULL;
    struct node *parent;
    uint32_t number;
    int r = find(memio, dir, name, &node);

    if (r != -ENOENT)
        return r < 0 ? r : -EEXIST;
    r = open_dir(memio, dir, 2, &parent);
    if (r < 0)
        return r;
    number = disk_add(memio, IO_DIR, mode);
    note_naming(memio, &memio->nodes[dir_number(memio, dir)], name, NULL,
                number);
    return 0;
}

static int mem_unlink(struct io *io, int dir, const char *name, bool directory)
{
    struct memio *memio = disk(io);
    struct node *node = NULL;
    struct node *parent;
    int r = find(memio, dir, name, &node);

    if (r == 0)
        r = open_dir(memio, dir, 2, &parent);
    if (r < 0)
        return r;
    if (directory != (node->type == IO_DIR))
        return directory ? -ENOTDIR : -EISDIR;
    if (node->names.count > 0)
        return -ENOTEMPTY;
    note_naming(memio, parent, name, NULL, DISK_NOTHING);
    return 0;
}

static int mem_rename(struct io *io, int dir, const char *from, const char *to)
{
    struct memio *memio = disk(io);
    struct node *node = NULL;
    struct node *parent;
    int r = find(memio, dir, from, &node);

    if (r == 0)
        r = open_dir(memio, dir, 2, &parent);
    if (r == 0)
        note_naming(memio, parent, to, from, names_find(&parent->names, from));
    return r;
}

/* The names are copied first: each may change them. */
static int list_names(const struct names *names, io_list_fn *each, void *ctx)
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

static int mem_list(struct io *io, int dir, io_list_fn *each, void *ctx)
{
    struct node *node = NULL;
    int r = open_dir(disk(io), dir, 4, &node);

    return r < 0 ? r : list_names(&node->names, each, ctx);
}

static int mem_lock(struct io *io, int fd, bool exclusive)
{
    struct memio *memio = disk(io);
    struct descriptor *mine = descriptor(memio, fd);

    for (int other = 0; other < DISK_FDS; other++)
        if (other != fd && memio->fds[other].node == mine->node &&
            memio->fds[other].lock > (exclusive ? 0 : 1))
            return -EWOULDBLOCK;
    mine->lock = exclusive ? 2 : 1;
    return 0;
}

static int mem_space(struct io *io, int fd, struct io_space *ret)
{
    (void)io;
    (void)fd;
    *ret = (struct io_space){4096, 1 << 20, 1 << 19, 1 << 19};
    return 0;
}

static int mem_map(struct io *io, int fd, size_t size, const void **ret)
{
    const struct node *node = open_node(disk(io), fd);

    if (size > MEMIO_FILE_LIMIT)
        return -ENOMEM;
    *ret = node->data;
    return 0;
}

static void mem_unmap(struct io *io, const void *map, size_t size)
{
    (void)io;
    (void)map;
    (void)size;
}

static bool mem_cached(struct io *io, const void *from, size_t size)
{
    (void)from;
    (void)size;
    return !disk(io)->cold;
}

static int64_t mem_now(struct io *io)
{
    return disk(io)->clock += 1000;
}

/* The same clock: it was right when the kernel started, and still is. */
static int64_t mem_uptime(struct io *io)
{
    return mem_now(io);
}

static int mem_boot_id(struct io *io, char ret[static 37])
{
    unsigned long long id = random_mix(disk(io)->boot, 1);

    /* No id may be near another: garbage must not make one of the next. */
    (void)snprintf(ret, 37, "%08llx-%04llx-4000-8000-%012llx", id >> 32,
                   id & 0xffff, (id * id) >> 16);
    return 0;
}

static const struct io_ops mem_ops = {
    .open = mem_open,
    .close = mem_close,
    .readv = mem_readv,
    .writev = mem_writev,
    .truncate = mem_truncate,
    .datasync = mem_datasync,
    .sync = mem_sync,
    .stat = mem_stat,
    .statat = mem_statat,
    .chmod = mem_chmod,
    .chmodat = mem_chmodat,
    .mkdir = mem_mkdir,
    .unlink = mem_unlink,
    .rename = mem_rename,
    .list = mem_list,
    .lock = mem_lock,
    .space = mem_space,
    .map = mem_map,
    .unmap = mem_unmap,
    .cached = mem_cached,
    .now = mem_now,
    .uptime = mem_uptime,
    .boot_id = mem_boot_id,
};

/* --- Disks ------------------------------------------------------------------
 */

struct memio *disk_new(void)
{
    struct memio *memio = calloc(1, sizeof(*memio));

    if (!memio)
        give_up("no memory");
    memio->io.ops = &mem_ops;
    memio->next_ino = 2;
    memio->boot = 1;
    memio->clock = (int64_t)1700000000 * 1000000000;
    for (int fd = 0; fd < DISK_FDS; fd++)
        memio->fds[fd].node = DISK_NOTHING;
    return memio;
}

struct memio *memio_new(void)
{
    struct memio *memio = disk_new();

    (void)disk_add(memio, IO_DIR, 0700);
    return memio;
}

void memio_free(struct memio *memio)
{
    if (!memio)
        return;
    for (size_t i = 0; i < memio->node_count; i++)
        node_done(&memio->nodes[i]);
    free(memio->nodes);
    free(memio);
}

struct io *memio_io(struct memio *memio)
{
    return &memio->io;
}

void memio_set_cold(struct memio *memio, bool cold)
{
    memio->cold = cold;
}

void memio_set_clock(struct memio *memio, int64_t now)
{
    memio->clock = now;
}

void memio_lose(struct io *io, int fd)
{
    struct node *node = open_node(disk(io), fd);

    node->change_count = 0;
    node->written_size = 0;
}

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
            give_up("a long name");
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

void memio_resize(struct memio *memio, const char *path, uint64_t size)
{
    char name[DISK_NAME];
    uint32_t parent;
    uint32_t number = walk(memio, path, &parent, name);

    if (parent == DISK_NOTHING || size > MEMIO_FILE_LIMIT)
        give_up("a bad path or size");
    if (number == DISK_NOTHING) {
        number = disk_add(memio, IO_FILE, 0600);
        note_naming(memio, &memio->nodes[parent], name, NULL, number);
        node_settle(&memio->nodes[parent]);
    }
    (void)resize(memio, &memio->nodes[number], size);
    node_settle(&memio->nodes[number]);
}

void memio_remove(struct memio *memio, const char *path)
{
    char name[DISK_NAME];
    uint32_t parent;

    if (walk(memio, path, &parent, name) == DISK_NOTHING)
        return;
    note_naming(memio, &memio->nodes[parent], name, NULL, DISK_NOTHING);
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
    return list_names(&memio->nodes[number].names, each, ctx);
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
