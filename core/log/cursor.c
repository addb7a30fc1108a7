/* SPDX-License-Identifier: MIT */
#include "log/cursor.h"

#include "log/segments.h"
#include "recovery/metadata.h"
#include "recovery/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define CURSORS "cursors"

struct cursor {
    uint64_t id;
    uint64_t offset;
    char name[CLOG_CURSOR_NAME + 1];
};

static bool is_temporary(const char *name)
{
    size_t size = strlen(name);

    return size >= 4 && strcmp(name + size - 4, ".new") == 0;
}

static int check_name(const char *name)
{
    if (strlen(name) > CLOG_CURSOR_NAME)
        return -ENAMETOOLONG;
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') ||
        is_temporary(name))
        return -EINVAL;
    return 0;
}

/* The caller holds cursor_lock or cursor_write_lock: who changes the list has
   both. */
static struct cursor *find(const struct clog *log, const char *name)
{
    for (size_t k = 0; k < log->cursor_count; k++)
        if (strcmp(log->cursor_list[k].name, name) == 0)
            return &log->cursor_list[k];
    return NULL;
}

static int make_room(struct clog *log)
{
    size_t count = log->cursor_count;
    struct cursor *list;

    /* Capacities are the powers of two from 8. */
    if (count != 0 && (count < 8 || (count & (count - 1)) != 0))
        return 0;
    list = reallocarray(log->cursor_list, count ? 2 * count : 8, sizeof(*list));
    if (!list)
        return -ENOMEM;
    log->cursor_list = list;
    return 0;
}

static int add(struct clog *log, const char *name, uint64_t offset)
{
    struct cursor *cursor;
    int r;

    (void)pthread_mutex_lock(&log->cursor_lock);
    r = make_room(log);
    if (r == 0) {
        cursor = &log->cursor_list[log->cursor_count++];
        cursor->id = ++log->cursor_ids;
        cursor->offset = offset;
        (void)strcpy(cursor->name, name);
    }
    (void)pthread_mutex_unlock(&log->cursor_lock);
    return r;
}

struct loading {
    struct clog *log;
    struct clog_report *report;
};

static int load_one(void *ctx, const char *name)
{
    struct loading *loading = ctx;
    struct clog *log = loading->log;
    uint64_t offset = 0;
    int r;

    if (is_temporary(name))
        return 0;
    r = check_name(name) < 0 ? -EUCLEAN : 0;
    if (r == 0)
        r = cursor_load(log->io, log->cursors, name, &offset);
    if (r == 0)
        r = add(log, name, offset);
    /* Not a file of ours; any other error says nothing about it. */
    if (r != -EUCLEAN && r != -EISDIR && r != -ELOOP && r != -ENXIO)
        return r;
    report_note(loading->report, CLOG_NOTE_ROT, NULL, CURSORS,
                "%.80s: not a cursor; left as it is", name)
        ->error = r;
    return 0;
}

int cursor_load_all(struct clog *log, bool read_only,
                    struct clog_report *report)
{
    struct loading loading = {log, report};
    int r = io_open(log->io, log->root, CURSORS, O_RDONLY | O_DIRECTORY, 0);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    log->cursors = r;
    r = 0;
    /* A change that was under way when the last run ended is there now, and
       must not be gone again after it has been seen. */
    if (!read_only)
        r = io_sync(log->io, log->cursors);
    if (r == 0 && !read_only)
        r = io_sync(log->io, log->root);
    return r < 0 ? r : io_list(log->io, log->cursors, load_one, &loading);
}

uint64_t cursor_lowest(struct clog *log)
{
    uint64_t lowest = UINT64_MAX;

    (void)pthread_mutex_lock(&log->cursor_lock);
    for (size_t k = 0; k < log->cursor_count; k++)
        if (log->cursor_list[k].offset < lowest)
            lowest = log->cursor_list[k].offset;
    (void)pthread_mutex_unlock(&log->cursor_lock);
    return lowest;
}

void cursor_done(struct clog *log)
{
    io_close(log->io, log->cursors);
    free(log->cursor_list);
}

/* The directory is made with the first cursor. */
static int open_directory(struct clog *log)
{
    struct io *io = log->io;
    int r;

    if (log->cursors >= 0)
        return 0;
    r = io_mkdir(io, log->root, CURSORS, 0700);
    if (r == 0 || r == -EEXIST)
        r = io_sync(io, log->root);
    if (r == 0)
        r = io_open(io, log->root, CURSORS, O_RDONLY | O_DIRECTORY, 0);
    if (r < 0)
        return r;
    log->cursors = r;
    return 0;
}

static int make_locked(struct clog *log, const char *name)
{
    uint64_t offset = segments_oldest(log);
    struct io_stat st;
    int r;

    if (find(log, name))
        return -EEXIST;
    r = open_directory(log);
    /* A file of that name that is no cursor is somebody's. */
    if (r == 0 && io_statat(log->io, log->cursors, name, &st) != -ENOENT)
        r = -EEXIST;
    if (r < 0)
        return r;
    r = cursor_store(log->io, log->cursors, name, offset);
    if (r == 0)
        r = add(log, name, offset);
    /* A crash leaves it there, whole; an error must not. */
    if (r < 0)
        (void)io_unlink(log->io, log->cursors, name, false);
    return r;
}

int clog_cursor_make(struct clog *log, const char *name)
{
    int r = check_name(name);

    if (r == 0 && !atomic_load(&log->writable))
        r = -EROFS;
    if (r < 0)
        return r;
    (void)pthread_mutex_lock(&log->cursor_write_lock);
    r = make_locked(log, name);
    (void)pthread_mutex_unlock(&log->cursor_write_lock);
    return r;
}

static int remove_locked(struct clog *log, const char *name)
{
    struct cursor *cursor = find(log, name);
    int r;

    if (!cursor)
        return -ENOENT;
    r = io_unlink(log->io, log->cursors, name, false);
    if (r < 0 && r != -ENOENT)
        return r;
    r = io_sync(log->io, log->cursors);
    if (r < 0)
        return r;
    (void)pthread_mutex_lock(&log->cursor_lock);
    log->cursor_count--;
    memmove(cursor, cursor + 1,
            (size_t)(log->cursor_list + log->cursor_count - cursor) *
                sizeof(*cursor));
    (void)pthread_mutex_unlock(&log->cursor_lock);
    return 0;
}

int clog_cursor_remove(struct clog *log, const char *name)
{
    int r;

    if (!atomic_load(&log->writable))
        return -EROFS;
    (void)pthread_mutex_lock(&log->cursor_write_lock);
    r = remove_locked(log, name);
    (void)pthread_mutex_unlock(&log->cursor_write_lock);
    return r;
}

static int move_locked(struct clog *log, const char *name, uint64_t offset)
{
    struct cursor *cursor = find(log, name);
    int r;

    if (!cursor)
        return -ENOENT;
    r = cursor_store(log->io, log->cursors, name, offset);
    if (r < 0)
        return r;
    (void)pthread_mutex_lock(&log->cursor_lock);
    cursor->offset = offset;
    (void)pthread_mutex_unlock(&log->cursor_lock);
    return 0;
}

int clog_cursor_move(struct clog *log, const char *name, uint64_t offset)
{
    int r;

    if (!atomic_load(&log->writable))
        return -EROFS;
    if (offset > segments_next(log))
        return -EINVAL;
    r = clog_sync(log, offset);
    if (r < 0)
        return r;
    (void)pthread_mutex_lock(&log->cursor_write_lock);
    r = move_locked(log, name, offset);
    (void)pthread_mutex_unlock(&log->cursor_write_lock);
    return r;
}

static void fill(struct clog *log, struct clog_cursor *cursor)
{
    uint64_t oldest = segments_oldest(log);
    uint64_t next = segments_next(log);

    cursor->lag = next > cursor->offset ? next - cursor->offset : 0;
    cursor->lost = oldest > cursor->offset ? oldest - cursor->offset : 0;
}

static void copy(const struct cursor *from, struct clog_cursor *to)
{
    to->id = from->id;
    to->offset = from->offset;
    (void)strcpy(to->name, from->name);
}

int clog_cursor_get(struct clog *log, const char *name,
                    struct clog_cursor *ret_cursor)
{
    const struct cursor *cursor;

    (void)pthread_mutex_lock(&log->cursor_lock);
    cursor = find(log, name);
    if (cursor)
        copy(cursor, ret_cursor);
    (void)pthread_mutex_unlock(&log->cursor_lock);
    if (!cursor)
        return -ENOENT;
    fill(log, ret_cursor);
    return 0;
}

/* Ids rise along the list. */
int clog_cursor_after(struct clog *log, uint64_t id,
                      struct clog_cursor *ret_cursor)
{
    size_t low = 0;
    size_t high;
    bool there;

    (void)pthread_mutex_lock(&log->cursor_lock);
    high = log->cursor_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (log->cursor_list[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    there = low < log->cursor_count;
    if (there)
        copy(&log->cursor_list[low], ret_cursor);
    (void)pthread_mutex_unlock(&log->cursor_lock);
    if (!there)
        return -ENOENT;
    fill(log, ret_cursor);
    return 0;
}
