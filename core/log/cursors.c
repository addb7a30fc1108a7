/* SPDX-License-Identifier: MIT */
#include "log/cursors.h"

#include "recovery/metadata.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct cursor {
    uint64_t id;
    uint64_t offset; /* 0 when damaged */
    bool damaged;
    char name[CLOG_CURSOR_NAME + 1];
};

void cursors_init(struct cursors *cursors, struct io *io,
                  struct durability *durability)
{
    *cursors = (struct cursors){
        .io = io, .durability = durability, .root = -1, .dir = -1};
    mutex_init(&cursors->changing);
    mutex_init(&cursors->lock);
}

void cursors_done(struct cursors *cursors)
{
    io_close(cursors->io, cursors->dir);
    free(cursors->list);
    mutex_done(&cursors->lock);
    mutex_done(&cursors->changing);
}

/* The caller holds changing or lock: a thread that changes the list has both.
 */
static struct cursor *find(const struct cursors *cursors, const char *name)
{
    for (size_t k = 0; k < cursors->count; k++)
        if (strcmp(cursors->list[k].name, name) == 0)
            return &cursors->list[k];
    return NULL;
}

static int make_room(struct cursors *cursors) REQUIRES(cursors->lock)
{
    size_t count = cursors->count;
    struct cursor *list;

    /* Capacities are the powers of two from 8. */
    if (count != 0 && (count < 8 || (count & (count - 1)) != 0))
        return 0;
    list = reallocarray(cursors->list, count ? 2 * count : 8, sizeof(*list));
    if (!list)
        return -ENOMEM;
    cursors->list = list;
    return 0;
}

static int add(struct cursors *cursors, const char *name, uint64_t offset,
               bool damaged) EXCLUDES(cursors->lock)
{
    struct cursor *cursor;
    int r;

    mutex_lock(&cursors->lock);
    r = make_room(cursors);
    if (r == 0) {
        cursor = &cursors->list[cursors->count++];
        cursor->id = ++cursors->ids;
        cursor->offset = offset;
        cursor->damaged = damaged;
        (void)strcpy(cursor->name, name);
    }
    mutex_unlock(&cursors->lock);
    return r;
}

/* A damaged cursor is one all the same: taken for none, it would hold back
   nothing that it has still to read. */
static int load_one(void *ctx, const char *name)
{
    struct cursors *cursors = ctx;
    uint64_t offset = 0;
    int r = cursor_load(cursors->io, cursors->dir, name, &offset);

    if (r == -ENOENT)
        return 0;
    return r < 0 && r != -EUCLEAN ? r : add(cursors, name, offset, r < 0);
}

int cursors_load(struct cursors *cursors, int root)
{
    int r =
        io_open(cursors->io, root, METADATA_CURSORS, O_RDONLY | O_DIRECTORY, 0);

    cursors->root = root;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    cursors->dir = r;
    return io_list(cursors->io, cursors->dir, load_one, cursors);
}

size_t cursors_count(struct cursors *cursors)
{
    size_t count;

    mutex_lock(&cursors->lock);
    count = cursors->count;
    mutex_unlock(&cursors->lock);
    return count;
}

uint64_t cursors_lowest(struct cursors *cursors)
{
    uint64_t lowest = UINT64_MAX;

    mutex_lock(&cursors->lock);
    for (size_t k = 0; k < cursors->count; k++)
        if (cursors->list[k].offset < lowest)
            lowest = cursors->list[k].offset;
    mutex_unlock(&cursors->lock);
    return lowest;
}

/* The directory is made with the first cursor. */
static int open_directory(struct cursors *cursors) REQUIRES(cursors->changing)
{
    struct io *io = cursors->io;
    int r;

    if (cursors->dir >= 0)
        return 0;
    r = io_mkdir(io, cursors->root, METADATA_CURSORS, 0700);
    if (r == 0 || r == -EEXIST)
        r = durability_sync_file(cursors->durability, cursors->root);
    if (r == 0)
        r = io_open(io, cursors->root, METADATA_CURSORS, O_RDONLY | O_DIRECTORY,
                    0);
    if (r < 0)
        return r;
    cursors->dir = r;
    return 0;
}

/* Makes it durable too. */
static int store(struct cursors *cursors, const char *name, uint64_t offset)
    REQUIRES(cursors->changing)
{
    int r = cursor_store(cursors->io, cursors->dir, name, offset);

    return r < 0 ? r : durability_sync_file(cursors->durability, cursors->dir);
}

static int make(struct cursors *cursors, const char *name, uint64_t offset)
    REQUIRES(cursors->changing)
{
    struct io_stat st;
    int r;

    if (find(cursors, name))
        return -EEXIST;
    r = open_directory(cursors);
    /* A file of that name that is no cursor is somebody's. */
    if (r == 0 && io_statat(cursors->io, cursors->dir, name, &st) != -ENOENT)
        r = -EEXIST;
    if (r < 0)
        return r;
    r = store(cursors, name, offset);
    if (r == 0)
        r = add(cursors, name, offset, false);
    /* A crash leaves it there, whole; an error must not. */
    if (r < 0)
        (void)io_unlink(cursors->io, cursors->dir, name, false);
    return r;
}

int cursors_make(struct cursors *cursors, const char *name, uint64_t offset)
{
    int r = cursor_check_name(name);

    if (r < 0)
        return r;
    mutex_lock(&cursors->changing);
    r = make(cursors, name, offset);
    mutex_unlock(&cursors->changing);
    return r;
}

static void forget(struct cursors *cursors, struct cursor *cursor)
    REQUIRES(cursors->changing)
{
    mutex_lock(&cursors->lock);
    cursors->count--;
    memmove(cursor, cursor + 1,
            (size_t)(cursors->list + cursors->count - cursor) *
                sizeof(*cursor));
    mutex_unlock(&cursors->lock);
}

int cursors_remove(struct cursors *cursors, const char *name)
{
    struct cursor *cursor;
    int r = -ENOENT;

    mutex_lock(&cursors->changing);
    cursor = find(cursors, name);
    if (cursor) {
        r = io_unlink(cursors->io, cursors->dir, name, false);
        if (r == 0 || r == -ENOENT)
            r = durability_sync_file(cursors->durability, cursors->dir);
        if (r == 0)
            forget(cursors, cursor);
    }
    mutex_unlock(&cursors->changing);
    return r;
}

int cursors_move(struct cursors *cursors, const char *name, uint64_t offset,
                 bool back)
{
    struct cursor *cursor;
    int r = -ENOENT;

    mutex_lock(&cursors->changing);
    cursor = find(cursors, name);
    if (cursor)
        r = offset < cursor->offset && !back ? -EAGAIN
                                             : store(cursors, name, offset);
    if (r == 0) {
        mutex_lock(&cursors->lock);
        cursor->offset = offset;
        cursor->damaged = false;
        mutex_unlock(&cursors->lock);
    }
    mutex_unlock(&cursors->changing);
    return r;
}

static void copy(const struct cursor *from, struct clog_cursor *to)
{
    to->id = from->id;
    to->offset = from->offset;
    to->damaged = from->damaged;
    (void)strcpy(to->name, from->name);
}

int cursors_get(struct cursors *cursors, const char *name,
                struct clog_cursor *ret_cursor)
{
    const struct cursor *cursor;

    mutex_lock(&cursors->lock);
    cursor = find(cursors, name);
    if (cursor)
        copy(cursor, ret_cursor);
    mutex_unlock(&cursors->lock);
    return cursor ? 0 : -ENOENT;
}

int cursors_after(struct cursors *cursors, uint64_t id,
                  struct clog_cursor *ret_cursor)
{
    size_t low = 0;
    size_t high;
    bool there;

    mutex_lock(&cursors->lock);
    high = cursors->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cursors->list[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    there = low < cursors->count;
    if (there)
        copy(&cursors->list[low], ret_cursor);
    mutex_unlock(&cursors->lock);
    return there ? 0 : -ENOENT;
}
