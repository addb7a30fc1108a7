/* SPDX-License-Identifier: MIT */
/*
 * cursors.c - the directory `cursors`: reading positions with names.
 *
 * Making a directory in it makes a cursor, removing that forgets it. The files
 * of a cursor are `offset`, which is written to move it, `lag` and `lost`,
 * `log`, the stream from where it stands, and `follow`, which is not listed.
 *
 * The number of a cursor's nodes is its id.
 */
#include "files/follow.h"
#include "files/handle.h"
#include "files/mount.h"
#include "files/stream.h"
#include "files/text.h"
#include "files/view.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ESTALE: it is forgotten. */
static int find(struct fs *fs, uint64_t id, struct clog_cursor *ret_cursor)
{
    struct clog_cursor cursor;
    int r = clog_cursor_after(fs->log, id, &cursor);

    if (r == -ENOENT || (r == 0 && cursor.id != id))
        return -ESTALE;
    if (r < 0)
        return r;
    *ret_cursor = cursor;
    return 0;
}

/* The same, and it is known where it stands. EIO: it is not. */
static int find_known(struct fs *fs, uint64_t id,
                      struct clog_cursor *ret_cursor)
{
    int r = find(fs, id, ret_cursor);

    return r == 0 && ret_cursor->damaged ? -EIO : r;
}

static int cursors_attr(struct fs *fs, struct node node, unsigned flags,
                        struct attr *attr)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)node;
    (void)flags;
    clog_status(fs->log, &status);
    attr->stat.st_nlink = (nlink_t)(2 + status.cursors);
    return 0;
}

static int cursors_lookup(struct fs *fs, struct node dir, const char *name,
                          unsigned flags, struct node *ret_node)
{
    struct clog_cursor cursor;
    int r = clog_cursor_get(fs->log, name, &cursor);

    (void)dir;
    (void)flags;
    if (r < 0)
        return r;
    *ret_node = (struct node){.kind = NODE_CURSOR, .number = cursor.id};
    return 0;
}

static int cursors_list(struct fs *fs, struct node dir, uint64_t cookie,
                        unsigned flags, struct entry *ret_entry)
{
    struct clog_cursor cursor;
    int r = clog_cursor_after(fs->log, cookie, &cursor);

    (void)dir;
    (void)flags;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    strcpy(ret_entry->name, cursor.name);
    ret_entry->node = (struct node){.kind = NODE_CURSOR, .number = cursor.id};
    ret_entry->cookie = cursor.id + 1;
    return 1;
}

static int cursors_make(struct fs *fs, const char *name)
{
    return clog_cursor_make(fs->log, name);
}

const struct kind cursors_kind = {
    .name = "cursors",
    .parent = NODE_ROOT,
    .mode = S_IFDIR | 0777,
    .attr = cursors_attr,
    .lookup = cursors_lookup,
    .list = cursors_list,
    .make = cursors_make,
};

static int cursor_attr(struct fs *fs, struct node node, unsigned flags,
                       struct attr *attr)
{
    struct clog_cursor cursor;

    (void)flags;
    (void)attr;
    return find(fs, node.number, &cursor);
}

static int cursor_remove(struct fs *fs, struct node node, const char *name)
{
    (void)node;
    return clog_cursor_remove(fs->log, name);
}

const struct kind cursor_kind = {
    .parent = NODE_CURSORS,
    .mode = S_IFDIR | 0555,
    .free_mode = 0222, /* nothing is made in it: mkdir -m 755 */
    .attr = cursor_attr,
    .remove = cursor_remove,
};

static int file_number(struct fs *fs, struct node dir, unsigned flags,
                       uint64_t *ret_number)
{
    struct clog_cursor cursor;
    int r = find(fs, dir.number, &cursor);

    (void)flags;
    if (r == 0)
        *ret_number = dir.number;
    return r;
}

static int print_offset(struct fs *fs, struct node node, FILE *file)
{
    struct clog_cursor cursor;
    int r = find_known(fs, node.number, &cursor);

    if (r == 0)
        fprintf(file, "%" PRIu64 "\n", cursor.offset);
    return r;
}

static int print_lag(struct fs *fs, struct node node, FILE *file)
{
    struct clog_cursor cursor;
    int r = find_known(fs, node.number, &cursor);

    if (r == 0)
        fprintf(file, "%" PRIu64 "\n", cursor.lag);
    return r;
}

static int print_lost(struct fs *fs, struct node node, FILE *file)
{
    struct clog_cursor cursor;
    int r = find_known(fs, node.number, &cursor);

    if (r == 0)
        fprintf(file, "%" PRIu64 "\n", cursor.lost);
    return r;
}

static int parse_offset(struct fs *fs, const char *text, size_t size,
                        uint64_t *ret_offset)
{
    char word[24] = "";
    struct clog_status status = {.size = sizeof(status)};

    if (size > 0 && text[size - 1] == '\n')
        size--;
    if (size >= sizeof(word) || memchr(text, '\0', size) != NULL)
        return -EINVAL;
    memcpy(word, text, size);
    clog_status(fs->log, &status);
    if (strcmp(word, "oldest") == 0)
        *ret_offset = status.oldest;
    else if (strcmp(word, "next") == 0)
        *ret_offset = status.next;
    else if (name_number(word, ret_offset) < 0)
        return -EINVAL;
    return 0;
}

/*
 * Moves the cursor to where data says: a number, "oldest" or "next", with or
 * without a newline. EINVAL: it is none of them, or a number above next.
 */
static int offset_write(struct handle *handle, const char *data, size_t size,
                        bool end, unsigned flags)
{
    struct fs *fs = handle->fs;
    struct clog_cursor cursor;
    uint64_t offset;
    int r = parse_offset(fs, data, size, &offset);

    (void)end;
    if ((flags & CLOG_NOWAIT) != 0)
        return -EAGAIN;
    if (r == 0)
        r = find(fs, handle->node.number, &cursor);
    if (r == 0)
        r = clog_cursor_move(fs->log, cursor.name, offset);
    return r == -ENOENT ? -ESTALE : r;
}

const struct kind cursor_offset_kind = {
    .name = "offset",
    .parent = NODE_CURSOR,
    .mode = S_IFREG | 0666,
    .number = file_number,
    .text = print_offset,
    .apart = apart_always,
    .open = text_open,
    .close = text_close,
    .read = text_read,
    .write = offset_write,
};

const struct kind cursor_lag_kind = {
    .name = "lag",
    .parent = NODE_CURSOR,
    .mode = S_IFREG | 0444,
    .grows = true,
    .number = file_number,
    .text = print_lag,
    .apart = apart_always,
    .open = text_open,
    .close = text_close,
    .read = text_read,
};

const struct kind cursor_lost_kind = {
    .name = "lost",
    .parent = NODE_CURSOR,
    .mode = S_IFREG | 0444,
    .number = file_number,
    .text = print_lost,
    .apart = apart_always,
    .open = text_open,
    .close = text_close,
    .read = text_read,
};

/* Where the stream goes on for a cursor: what is lost is not there. */
static int position_of(struct fs *fs, uint64_t id, unsigned flags,
                       struct clog_cursor *cursor, uint64_t *ret_position)
{
    int r = find_known(fs, id, cursor);

    if (r == 0)
        r = clog_stream_position(fs->log, cursor->offset, flags, ret_position);
    return r == -ENOENT ? -ESTALE : r;
}

static int follow_open(struct handle *handle, unsigned flags)
{
    struct clog_cursor cursor;
    uint64_t position;
    int r =
        position_of(handle->fs, handle->node.number, flags, &cursor, &position);

    return r < 0 ? r : follow_begin(handle, position, cursor.lost > 0);
}

const struct kind cursor_follow_kind = {
    .name = "follow",
    .parent = NODE_CURSOR,
    .hidden = true,
    .mode = S_IFREG | 0444,
    .attr = cursor_attr,
    .number = file_number,
    .open = follow_open,
    .close = follow_close,
    .read = follow_read,
    .waits_for = follow_waits_for,
};

static int log_attr(struct fs *fs, struct node node, unsigned flags,
                    struct attr *attr)
{
    struct clog_cursor cursor;
    uint64_t origin;
    int r = position_of(fs, node.number, flags, &cursor, &origin);

    return r < 0 ? r : stream_attr(fs, node, origin, attr);
}

static int log_open(struct handle *handle, unsigned flags)
{
    struct clog_cursor cursor;
    uint64_t origin;
    int r =
        position_of(handle->fs, handle->node.number, flags, &cursor, &origin);

    return r < 0 ? r : stream_open(handle, origin);
}

const struct kind cursor_log_kind = {
    .name = "log",
    .parent = NODE_CURSOR,
    .mode = S_IFREG | 0444,
    .grows = true,
    .attr = log_attr,
    .number = file_number,
    .apart = apart_always,
    .open = log_open,
    .close = view_close,
    .read = stream_pread,
};
