/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- The calls ------------------------------------------------------------ */

static struct memio *disk(struct io *io)
{
    return (struct memio *)(void *)io;
}

static struct descriptor *descriptor(struct memio *memio, int fd)
{
    if (fd < 0 || fd >= DISK_FDS || memio->fds[fd].node == DISK_NOTHING)
        disk_give_up("a bad descriptor");
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

static int take_fd(struct memio *memio, uint32_t number, int flags)
{
    for (int fd = 3; fd < DISK_FDS; fd++) {
        if (memio->fds[fd].node != DISK_NOTHING)
            continue;
        memio->fds[fd] = (struct descriptor){
            .node = number, .flags = flags, .told = memio->nodes[number].told};
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
    disk_copy_name(inside, name);
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
    disk_name(memio, &memio->nodes[dir_number(memio, dir)], name, NULL, number);
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
    if ((flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    r = may_open(&memio->nodes[number], flags);
    if (r == 0 && (flags & O_TRUNC))
        r = disk_resize(memio, &memio->nodes[number], 0);
    return r < 0 ? r : take_fd(memio, number, flags);
}

static int mem_close(struct io *io, int fd)
{
    descriptor(disk(io), fd)->node = DISK_NOTHING;
    return 0;
}

static size_t total(const struct iovec *iov, int count)
{
    size_t size = 0;

    for (int i = 0; i < count; i++)
        size += iov[i].iov_len;
    return size;
}

/* How many of size bytes at position can be read. EIO: not even the first. */
static ssize_t readable(const struct node *node, uint64_t position, size_t size)
{
    size_t n = 0;

    if (position >= node->size)
        return 0;
    if (size > node->size - position)
        size = (size_t)(node->size - position);
    while (n < size) {
        uint64_t at = position + n;

        if (node_is_bad(node, at / DISK_SECTOR))
            return n > 0 ? (ssize_t)n : -EIO;
        n += (size_t)(DISK_SECTOR - at % DISK_SECTOR);
    }
    return (ssize_t)size;
}

static ssize_t mem_readv(struct io *io, struct io_from from,
                         const struct iovec *iov, int count)
{
    const struct node *node = open_node(disk(io), from.fd);
    ssize_t left;
    ssize_t done = 0;

    if (node->type != IO_FILE)
        return -EISDIR;
    if ((descriptor(disk(io), from.fd)->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    if (disk(io)->cold && from.nowait)
        return -EAGAIN;
    left = readable(node, from.position, total(iov, count));
    if (left < 0)
        return left;
    for (int i = 0; i < count && left > 0; i++) {
        size_t n = iov[i].iov_len;

        if (n > (size_t)left)
            n = (size_t)left;
        memcpy(iov[i].iov_base, node->data + from.position, n);
        from.position += n;
        done += (ssize_t)n;
        left -= (ssize_t)n;
    }
    return done;
}

/* Sectors that are written whole can be read again. */
static void heal(struct node *node, uint64_t position, uint64_t size)
{
    uint64_t first = (position + DISK_SECTOR - 1) / DISK_SECTOR;

    for (uint64_t i = first; (i + 1) * DISK_SECTOR <= position + size; i++)
        node_set_bad(node, i, false);
}

/* Whether a sector that is written in part, and so is read first, is bad. */
static bool must_read_bad(const struct node *node, uint64_t position,
                          uint64_t size)
{
    uint64_t end = position + size;

    return size > 0 &&
           ((position % DISK_SECTOR != 0 &&
             node_is_bad(node, position / DISK_SECTOR)) ||
            (end % DISK_SECTOR != 0 && node_is_bad(node, end / DISK_SECTOR)));
}

static ssize_t mem_writev(struct io *io, int fd, const struct iovec *iov,
                          int count, uint64_t position)
{
    struct memio *memio = disk(io);
    struct node *node = open_node(memio, fd);
    size_t size = total(iov, count);
    struct change *change;
    uint8_t *to;

    if ((descriptor(memio, fd)->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (position > MEMIO_FILE_LIMIT || size > MEMIO_FILE_LIMIT - position)
        return -EFBIG;
    if (size > 0 && disk_fit(memio, node, position, size) == 0)
        return -ENOSPC;
    size = (size_t)disk_fit(memio, node, position, size);
    if (must_read_bad(node, position, size))
        return -EIO;
    change = disk_change(memio, node);
    change->write = true;
    change->at = position;
    change->size = size;
    change->bytes = node->written_size;
    disk_grow(&node->written, &node->written_capacity,
              node->written_size + size, 1);
    to = node->written + node->written_size;
    node->written_size += size;
    for (int i = 0; i < count && size > 0; i++) {
        size_t n = iov[i].iov_len < size ? iov[i].iov_len : size;

        if (n > 0)
            memcpy(to, iov[i].iov_base, n);
        to += n;
        size -= n;
    }
    if (change->size > 0)
        memcpy(node->data + position, node->written + change->bytes,
               change->size);
    heal(node, position, change->size);
    node_grow(node, position + change->size);
    return (ssize_t)change->size;
}

static int mem_truncate(struct io *io, int fd, uint64_t size)
{
    if ((descriptor(disk(io), fd)->flags & O_ACCMODE) == O_RDONLY)
        return -EINVAL;
    return disk_resize(disk(io), open_node(disk(io), fd), size);
}

/* An error is told once to each descriptor, whoever's write-back met it. */
static int tell(struct descriptor *descriptor, struct node *node)
{
    bool is_news = descriptor->told < node->errors;

    descriptor->told = node->errors;
    if (is_news)
        node->told = node->errors;
    return is_news ? node->error : 0;
}

static int mem_datasync(struct io *io, int fd)
{
    struct memio *memio = disk(io);
    struct node *node = open_node(memio, fd);

    (void)disk_write_back(memio, node);
    return tell(descriptor(memio, fd), node);
}

static int mem_sync(struct io *io, int fd)
{
    struct node *node = open_node(disk(io), fd);
    int r = mem_datasync(io, fd);

    if (r == 0)
        node->durable_mode = node->mode;
    return r;
}

static void fill_stat(const struct node *node, struct io_stat *ret)
{
    *ret = (struct io_stat){.type = node->type,
                            .size = node->size,
                            .mode = node->mode,
                            .links = 1,
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
    if (disk_room(memio) < DISK_PAGE)
        return -ENOSPC;
    number = disk_add(memio, IO_DIR, mode);
    disk_name(memio, &memio->nodes[dir_number(memio, dir)], name, NULL, number);
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
    disk_name(memio, parent, name, NULL, DISK_NOTHING);
    return 0;
}

static int mem_rename(struct io *io, int dir, const char *from, const char *to)
{
    struct memio *memio = disk(io);
    struct node *node = NULL;
    struct node *parent;
    int r = find(memio, dir, from, &node);

    if (r == 0 && memio->lower && node->type == IO_DIR)
        r = -EXDEV;
    if (r == 0)
        r = open_dir(memio, dir, 2, &parent);
    if (r == 0)
        disk_name(memio, parent, to, from, names_find(&parent->names, from));
    return r;
}

static int mem_list(struct io *io, int dir, io_list_fn *each, void *ctx)
{
    struct node *node = NULL;
    int r = open_dir(disk(io), dir, 4, &node);

    return r < 0 ? r : names_each(&node->names, each, ctx);
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
    const struct memio *memio = disk(io);
    uint64_t all = memio->capacity ? memio->capacity : (uint64_t)4 << 30;
    uint64_t room = memio->capacity ? disk_room(memio) : all / 2;

    (void)fd;
    *ret = (struct io_space){DISK_PAGE, all / DISK_PAGE, room / DISK_PAGE,
                             room / DISK_PAGE};
    return 0;
}

static int mem_map(struct io *io, int fd, size_t size, const void **ret)
{
    const struct node *node = open_node(disk(io), fd);

    if (size > MEMIO_FILE_LIMIT)
        return -ENOMEM;
    *ret = node_map(node);
    return 0;
}

static void mem_unmap(struct io *io, const void *map, size_t size)
{
    (void)io;
    (void)map;
    (void)size;
}

static int mem_map_shared(struct io *io, int fd, size_t size, void **ret)
{
    struct node *node = open_node(disk(io), fd);

    if (size > MEMIO_FILE_LIMIT || size > node->size)
        return -ENOMEM;
    node->shared = true;
    *ret = node->data;
    return 0;
}

static int mem_allocate(struct io *io, int fd, uint64_t from, uint64_t size)
{
    return disk_reserve(disk(io), open_node(disk(io), fd), from + size);
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
    .mkdir = mem_mkdir,
    .unlink = mem_unlink,
    .rename = mem_rename,
    .list = mem_list,
    .lock = mem_lock,
    .space = mem_space,
    .map = mem_map,
    .unmap = mem_unmap,
    .map_shared = mem_map_shared,
    .allocate = mem_allocate,
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
        disk_give_up("no memory");
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

void memio_set_journal(struct memio *memio, bool journal)
{
    memio->unjournaled = !journal;
}

void memio_set_lower(struct memio *memio, bool lower)
{
    memio->lower = lower;
}

void memio_set_capacity(struct memio *memio, uint64_t bytes)
{
    memio->capacity = bytes;
}

void memio_fail_write_back(struct memio *memio, enum io_type type, uint64_t n,
                           int error)
{
    struct failing *failing = &memio->failing[type == IO_DIR];

    failing->at = n > 0 ? failing->done + n : 0;
    failing->error = error;
}

uint64_t memio_write_backs(const struct memio *memio, enum io_type type)
{
    return memio->failing[type == IO_DIR].done;
}

void memio_write_back(struct memio *memio)
{
    for (size_t i = 0; i < memio->node_count; i++)
        (void)disk_write_back(memio, &memio->nodes[i]);
}

void memio_lose(struct io *io, int fd)
{
    disk_lose(disk(io), open_node(disk(io), fd));
}
