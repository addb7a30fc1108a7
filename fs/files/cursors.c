/* SPDX-License-Identifier: MIT */
#include "files/cursors.h"

#include "files/follow.h"
#include "files/handle.h"
#include "files/kind.h"
#include "files/mount.h"
#include "files/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum node_kind kind;
} files[] = {
    {"offset", NODE_CURSOR_OFFSET}, {"lag", NODE_CURSOR_LAG},
    {"lost", NODE_CURSOR_LOST},     {"log", NODE_CURSOR_LOG},
    {"follow", NODE_CURSOR_FOLLOW},
};

#define FILES  (sizeof(files) / sizeof(files[0]))
#define LISTED (FILES - 1) /* all but follow, where a reader would hang */

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

int cursors_attr(struct fs *fs, uint64_t number, struct attr *attr)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)number;
    clog_status(fs->log, &status);
    attr->stat.st_nlink = (nlink_t)(2 + status.cursors);
    return 0;
}

int cursors_lookup(struct fs *fs, uint64_t number, const char *name,
                   struct node *ret_node)
{
    struct clog_cursor cursor;
    int r = clog_cursor_get(fs->log, name, &cursor);

    (void)number;
    if (r < 0)
        return r;
    *ret_node = (struct node){NODE_CURSOR, cursor.id};
    return 0;
}

int cursors_list(struct fs *fs, uint64_t number, uint64_t cookie,
                 struct entry *ret_entry)
{
    struct clog_cursor cursor;
    int r = clog_cursor_after(fs->log, cookie, &cursor);

    (void)number;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    strcpy(ret_entry->name, cursor.name);
    ret_entry->node = (struct node){NODE_CURSOR, cursor.id};
    ret_entry->cookie = cursor.id + 1;
    return 1;
}

int cursor_attr(struct fs *fs, uint64_t id, struct attr *attr)
{
    struct clog_cursor cursor;

    (void)attr;
    return find(fs, id, &cursor);
}

/* Where the stream goes on for a cursor: what is lost is not there. */
static int position_of(struct fs *fs, uint64_t id, struct clog_cursor *cursor,
                       uint64_t *ret_position)
{
    int r = find(fs, id, cursor);

    return r < 0 ? r : stream_position(fs, cursor->offset, ret_position);
}

static int file_node(struct fs *fs, uint64_t id, size_t i,
                     struct node *ret_node)
{
    struct node node = {files[i].kind, id};
    struct clog_cursor cursor;
    int r = node.kind == NODE_CURSOR_LOG
                ? position_of(fs, id, &cursor, &node.number)
                : find(fs, id, &cursor);

    if (r < 0)
        return r;
    *ret_node = node;
    return 0;
}

int cursor_lookup(struct fs *fs, uint64_t id, const char *name,
                  struct node *ret_node)
{
    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(name, files[i].name) == 0)
            return file_node(fs, id, i, ret_node);
    }
    return -ENOENT;
}

int cursor_list(struct fs *fs, uint64_t id, uint64_t cookie,
                struct entry *ret_entry)
{
    int r;

    if (cookie >= LISTED)
        return 0;
    r = file_node(fs, id, cookie, &ret_entry->node);
    if (r < 0)
        return r;
    strcpy(ret_entry->name, files[cookie].name);
    ret_entry->cookie = cookie + 1;
    return 1;
}

static int print(struct handle *handle, uint64_t figure)
{
    int n = asprintf(&handle->text, "%" PRIu64 "\n", figure);

    if (n < 0) {
        handle->text = NULL;
        return -ENOMEM;
    }
    handle->text_size = (size_t)n;
    return 0;
}

int cursor_offset_open(struct fs *fs, uint64_t id, struct handle *handle)
{
    struct clog_cursor cursor;
    int r = find(fs, id, &cursor);

    return r < 0 ? r : print(handle, cursor.offset);
}

int cursor_lag_open(struct fs *fs, uint64_t id, struct handle *handle)
{
    struct clog_cursor cursor;
    int r = find(fs, id, &cursor);

    return r < 0 ? r : print(handle, cursor.lag);
}

int cursor_lost_open(struct fs *fs, uint64_t id, struct handle *handle)
{
    struct clog_cursor cursor;
    int r = find(fs, id, &cursor);

    return r < 0 ? r : print(handle, cursor.lost);
}

int cursor_follow_open(struct fs *fs, uint64_t id, struct handle *handle)
{
    struct clog_cursor cursor;
    uint64_t position;
    int r = position_of(fs, id, &cursor, &position);

    return r < 0 ? r : follow_begin(fs, handle, position, cursor.lost > 0);
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

int cursor_move(struct fs *fs, uint64_t id, const char *text, size_t size)
{
    struct clog_cursor cursor;
    uint64_t offset;
    int r = parse_offset(fs, text, size, &offset);

    if (r == 0)
        r = find(fs, id, &cursor);
    if (r == 0)
        r = clog_cursor_move(fs->log, cursor.name, offset);
    return r == -ENOENT ? -ESTALE : r;
}
