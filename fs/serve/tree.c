/* SPDX-License-Identifier: MIT */
#include "serve/tree.h"

#include "files/at.h"
#include "files/claim.h"
#include "files/cursors.h"
#include "files/follow.h"
#include "files/mount.h"
#include "files/records.h"
#include "files/segments.h"
#include "files/status.h"
#include "files/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int root_lookup(struct fs *fs, uint64_t number, const char *name,
                       struct node *ret_node);
static int root_list(struct fs *fs, uint64_t number, uint64_t cookie,
                     struct entry *ret_entry);
static int root_attr(struct fs *fs, uint64_t number, struct attr *attr);
static int door_attr(struct fs *fs, uint64_t number, struct attr *attr);
static int append_attr(struct fs *fs, uint64_t number, struct attr *attr);
static int door_number(struct fs *fs, uint64_t *ret_number);

static const struct kind kinds[NODE_KINDS] = {
    [NODE_ROOT] = {.mode = S_IFDIR | 0555,
                   .attr = root_attr,
                   .lookup = root_lookup,
                   .list = root_list},
    [NODE_APPEND] = {.mode = S_IFREG | 0222,
                     .door = true,
                     .one = true,
                     .attr = append_attr,
                     .number = door_number},
    [NODE_PUT] = {.mode = S_IFREG | 0222,
                  .door = true,
                  .one = true,
                  .attr = door_attr,
                  .number = door_number},
    [NODE_LOG] = {.mode = S_IFREG | 0444,
                  .one = true,
                  .attr = stream_attr,
                  .number = stream_number,
                  .open = stream_open},
    [NODE_RECORDS] = {.mode = S_IFDIR | 0755,
                      .attr = records_attr,
                      .lookup = records_lookup,
                      .list = records_list},
    [NODE_RECORD] = {.mode = S_IFREG | 0444,
                     .attr = record_attr,
                     .open = record_open},
    [NODE_FIRST] = {.mode = S_IFLNK | 0777,
                    .attr = record_link_attr,
                    .number = record_link_number},
    [NODE_LAST] = {.mode = S_IFLNK | 0777,
                   .attr = record_link_attr,
                   .number = record_link_number},
    [NODE_SEGMENTS] = {.mode = S_IFDIR | 0755,
                       .attr = segments_attr,
                       .lookup = segments_lookup,
                       .list = segments_list},
    [NODE_SEGMENT] = {.mode = S_IFDIR | 0555,
                      .attr = segment_attr,
                      .lookup = segment_lookup,
                      .list = segment_list},
    [NODE_STORE] = {.mode = S_IFREG | 0444,
                    .attr = segment_store_attr,
                    .open = segment_store_open},
    [NODE_INDEX] = {.mode = S_IFREG | 0444,
                    .attr = segment_index_attr,
                    .open = segment_index_open},
    [NODE_STAMPS] = {.mode = S_IFREG | 0444,
                     .attr = segment_stamps_attr,
                     .open = segment_stamps_open},
    [NODE_STATUS] = {.mode = S_IFREG | 0444, .open = status_open},
    [NODE_METRICS] = {.mode = S_IFREG | 0444, .open = status_open_metrics},
    [NODE_CLAIM] = {.mode = S_IFREG | 0222, .door = true, .attr = claim_attr},
    [NODE_FOLLOW] = {.mode = S_IFREG | 0444,
                     .blocks = true,
                     .open = follow_open},
    [NODE_AT] = {.mode = S_IFDIR | 0555, .lookup = at_lookup, .list = at_list},
    [NODE_AT_LINK] = {.mode = S_IFLNK | 0777, .attr = at_link_attr},
    [NODE_CURSORS] = {.mode = S_IFDIR | 0755,
                      .attr = cursors_attr,
                      .lookup = cursors_lookup,
                      .list = cursors_list},
    [NODE_CURSOR] = {.mode = S_IFDIR | 0555,
                     .attr = cursor_attr,
                     .lookup = cursor_lookup,
                     .list = cursor_list},
    [NODE_CURSOR_OFFSET] = {.mode = S_IFREG | 0644,
                            .fresh = true,
                            .attr = cursor_attr,
                            .open = cursor_offset_open},
    [NODE_CURSOR_LAG] = {.mode = S_IFREG | 0444,
                         .fresh = true,
                         .attr = cursor_attr,
                         .open = cursor_lag_open},
    [NODE_CURSOR_LOST] = {.mode = S_IFREG | 0444,
                          .fresh = true,
                          .attr = cursor_attr,
                          .open = cursor_lost_open},
    [NODE_CURSOR_FOLLOW] = {.mode = S_IFREG | 0444,
                            .blocks = true,
                            .attr = cursor_attr,
                            .open = cursor_follow_open},
    [NODE_CURSOR_LOG] = {.mode = S_IFREG | 0444,
                         .attr = stream_attr,
                         .open = stream_open},
};

/* Those that are not listed come last. */
static const struct {
    const char *name;
    enum node_kind kind;
} root_names[] = {
    {"append", NODE_APPEND},
    {"put", NODE_PUT},
    {"log", NODE_LOG},
    {"records", NODE_RECORDS},
    {"first", NODE_FIRST},
    {"last", NODE_LAST},
    {"segments", NODE_SEGMENTS},
    {"status", NODE_STATUS},
    {"metrics.prom", NODE_METRICS},
    {"cursors", NODE_CURSORS},
    {"at", NODE_AT},
    {"follow", NODE_FOLLOW},
};

#define ROOT_NAMES  (sizeof(root_names) / sizeof(root_names[0]))
#define ROOT_LISTED (ROOT_NAMES - 2)

const struct kind *tree_kind(enum node_kind kind)
{
    return &kinds[kind];
}

/* The node that the fixed name i stands for now. */
static int root_node(struct fs *fs, size_t i, struct node *ret_node)
{
    const struct kind *kind = tree_kind(root_names[i].kind);
    uint64_t number = 0;
    int r = kind->number ? kind->number(fs, &number) : 0;

    if (r < 0)
        return r;
    *ret_node = (struct node){root_names[i].kind, number};
    return 0;
}

static int root_lookup(struct fs *fs, uint64_t number, const char *name,
                       struct node *ret_node)
{
    (void)number;
    for (size_t i = 0; i < ROOT_NAMES; i++) {
        if (strcmp(name, root_names[i].name) == 0)
            return root_node(fs, i, ret_node);
    }
    return -ENOENT;
}

static int root_list(struct fs *fs, uint64_t number, uint64_t cookie,
                     struct entry *ret_entry)
{
    (void)number;
    for (; cookie < ROOT_LISTED; cookie++) {
        if (root_node(fs, cookie, &ret_entry->node) < 0)
            continue;
        strcpy(ret_entry->name, root_names[cookie].name);
        ret_entry->cookie = cookie + 1;
        return 1;
    }
    return 0;
}

static int root_attr(struct fs *fs, uint64_t number, struct attr *attr)
{
    (void)fs;
    (void)number;
    attr->stat.st_nlink = 5; /* itself, "..", records, segments, cursors */
    return 0;
}

/*
 * The kernel lets one write at a time into an inode, its reply included. Where
 * every write waits for the disk, each opening gets an inode of its own, so
 * that they can wait together.
 */
static int door_number(struct fs *fs, uint64_t *ret_number)
{
    if (fs->options->sync_always)
        fs->door_lookups = (fs->door_lookups + 1) & NODE_NUMBER_MAX;
    *ret_number = fs->door_lookups;
    return 0;
}

static int door_attr(struct fs *fs, uint64_t number, struct attr *attr)
{
    (void)number;
    if (fs->options->sync_always)
        attr->entry_timeout = 0;
    return 0;
}

/* Writers of lines that buffer should not keep a MiB to themselves. */
static int append_attr(struct fs *fs, uint64_t number, struct attr *attr)
{
    attr->stat.st_blksize = 4096;
    return door_attr(fs, number, attr);
}

int tree_lookup(struct fs *fs, struct node dir, const char *name,
                struct node *ret_node)
{
    const struct kind *kind = tree_kind(dir.kind);

    if (!kind->lookup)
        return -ENOTDIR;
    return kind->lookup(fs, dir.number, name, ret_node);
}

uint64_t tree_ino(struct node node)
{
    uint64_t ino = 0;

    if (tree_kind(node.kind)->one)
        node.number = 0;
    node_pack(node, &ino);
    return ino;
}

int tree_attr(struct fs *fs, struct node node, struct attr *ret_attr)
{
    const struct kind *kind = tree_kind(node.kind);
    const struct options *options = fs->options;
    struct attr attr = {.timeout = ATTR_DAY, .entry_timeout = ATTR_DAY};
    struct stat *stat = &attr.stat;
    int r;

    stat->st_ino = tree_ino(node);
    stat->st_mode = kind->mode;
    if (!S_ISLNK(kind->mode))
        stat->st_mode &= ~(mode_t)options->umask;
    stat->st_nlink = S_ISDIR(kind->mode) ? 2 : 1;
    stat->st_uid = (uid_t)options->uid;
    stat->st_gid = (gid_t)options->gid;
    stat->st_blksize = S_ISREG(kind->mode) ? 1 << 20 : 4096;
    attr_set_time(&attr, fs->started_ns);
    r = kind->attr ? kind->attr(fs, node.number, &attr) : 0;
    if (r < 0)
        return r;
    *ret_attr = attr;
    return 0;
}

static void dot(struct entry *entry, const char *name, struct node node,
                uint64_t cookie)
{
    strcpy(entry->name, name);
    entry->node = node;
    entry->cookie = cookie;
}

/* Cookies 0 and 1 are "." and "..", the directory's own begin at 2. */
int tree_list(struct fs *fs, struct node dir, uint64_t cookie,
              struct entry *ret_entry)
{
    const struct kind *kind = tree_kind(dir.kind);
    struct node parent = {NODE_ROOT, 0};
    int r = 1;

    if (!kind->list)
        return -ENOTDIR;
    if (dir.kind == NODE_SEGMENT)
        parent.kind = NODE_SEGMENTS;
    if (dir.kind == NODE_CURSOR)
        parent.kind = NODE_CURSORS;
    if (cookie == 0) {
        dot(ret_entry, ".", dir, 1);
    } else if (cookie == 1) {
        dot(ret_entry, "..", parent, 2);
    } else {
        r = kind->list(fs, dir.number, cookie - 2, ret_entry);
        ret_entry->cookie += 2;
    }
    return r;
}

int tree_target(struct fs *fs, struct node node, char ret_target[ENTRY_NAME])
{
    const char *up = node.kind == NODE_AT_LINK ? "../" : "";
    uint64_t offset = node.number;
    int r = 0;

    if (node.kind == NODE_FIRST)
        r = records_first(fs, &offset);
    else if (node.kind == NODE_LAST)
        r = records_last(fs, &offset);
    else if (node.kind != NODE_AT_LINK)
        r = -EINVAL;
    if (r < 0)
        return r;
    snprintf(ret_target, ENTRY_NAME, "%srecords/%" PRIu64, up, offset);
    return 0;
}
