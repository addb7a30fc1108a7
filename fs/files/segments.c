/* SPDX-License-Identifier: MIT */
/*
 * segments.c - the directory `segments`: the log's files as they are, at their
 * logical size. The number of all these nodes is the segment's base offset.
 */
#include "files/handle.h"
#include "files/mount.h"
#include "files/view.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BASE_DIGITS 20

/* ESTALE: it has been dropped. */
static int find(struct fs *fs, uint64_t base, unsigned flags,
                struct clog_segment *ret_segment)
{
    struct clog_segment segment;
    int r = clog_segment(fs->log, base, flags, &segment);

    if (r == -ENOENT || (r >= 0 && segment.base != base))
        return -ESTALE;
    if (r < 0)
        return r;
    *ret_segment = segment;
    return 0;
}

static int segments_attr(struct fs *fs, struct node node, unsigned flags,
                         struct attr *attr)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)node;
    (void)flags;
    clog_status(fs->log, &status);
    attr->stat.st_nlink = (nlink_t)(2 + status.segments);
    if (status.last_time_ns > 0)
        attr_set_time(attr, status.last_time_ns);
    attr->timeout = 0;
    return 0;
}

/* 20 digits, so the zeros in front are part of the name. */
static int parse_base(const char *name, uint64_t *ret_base)
{
    if (strlen(name) != BASE_DIGITS)
        return -ENOENT;
    name += strspn(name, "0");
    return name_number(*name == '\0' ? "0" : name, ret_base);
}

static int segments_lookup(struct fs *fs, struct node dir, const char *name,
                           unsigned flags, struct node *ret_node)
{
    struct clog_segment segment;
    uint64_t base;
    int r = parse_base(name, &base);

    (void)dir;
    if (r == 0)
        r = find(fs, base, flags, &segment);
    if (r < 0)
        return r == -ESTALE ? -ENOENT : r;
    *ret_node = (struct node){.kind = NODE_SEGMENT, .number = base};
    return 0;
}

static int segments_list(struct fs *fs, struct node dir, uint64_t cookie,
                         unsigned flags, struct entry *ret_entry)
{
    struct clog_segment segment;
    int r = clog_segment(fs->log, cookie, flags, &segment);

    (void)dir;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    snprintf(ret_entry->name, sizeof(ret_entry->name), "%020" PRIu64,
             segment.base);
    ret_entry->node =
        (struct node){.kind = NODE_SEGMENT, .number = segment.base};
    ret_entry->cookie = segment.base + 1;
    return 1;
}

const struct kind segments_kind = {
    .name = "segments",
    .parent = NODE_ROOT,
    .mode = S_IFDIR | 0755,
    .shrinks = true,
    .attr = segments_attr,
    .lookup = segments_lookup,
    .list = segments_list,
};

/* What is sealed does not change any more. */
static void set_attr(const struct clog_segment *segment, struct attr *attr)
{
    attr_set_time(attr, segment->time_ns);
    if (!segment->sealed)
        attr->timeout = 0;
}

static int segment_attr(struct fs *fs, struct node node, unsigned flags,
                        struct attr *attr)
{
    struct clog_segment segment;
    int r = find(fs, node.number, flags, &segment);

    if (r == 0)
        set_attr(&segment, attr);
    return r;
}

static int segment_remove(struct fs *fs, struct node node, const char *name)
{
    (void)name;
    return clog_drop(fs->log, node.number);
}

const struct kind segment_kind = {
    .parent = NODE_SEGMENTS,
    .mode = S_IFDIR | 0555,
    .attr = segment_attr,
    .remove = segment_remove,
};

static enum clog_file file_of(struct node node)
{
    if (node.kind == NODE_STORE)
        return CLOG_STORE;
    return node.kind == NODE_INDEX ? CLOG_INDEX : CLOG_STAMPS;
}

static int file_attr(struct fs *fs, struct node node, unsigned flags,
                     struct attr *attr)
{
    struct clog_segment segment;
    int r = find(fs, node.number, flags, &segment);

    if (r == -ESTALE)
        return view_attr(fs, node, attr);
    if (r < 0)
        return r;
    set_attr(&segment, attr);
    attr->stat.st_size = (off_t)segment.sizes[file_of(node)];
    return 0;
}

static int file_open(struct handle *handle, unsigned flags)
{
    struct clog_segment segment;
    struct clog_view *view = NULL;
    struct node node = handle->node;
    int r = find(handle->fs, node.number, flags, &segment);

    if (r < 0)
        return r;
    r = clog_view_segment(handle->fs->log, node.number, file_of(node), &view);
    handle->state = view;
    handle->cached = segment.sealed;
    handle->keep = segment.sealed;
    return r == -ENOENT ? -ESTALE : r;
}

/* What still grows the kernel is not to keep. */
static bool file_apart(struct fs *fs, struct node node)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(fs->log, &status);
    return node.number == status.active;
}

#define FILE_KIND(file)               \
    const struct kind file##_kind = { \
        .name = #file,                \
        .parent = NODE_SEGMENT,       \
        .mode = S_IFREG | 0444,       \
        .attr = file_attr,            \
        .apart = file_apart,          \
        .open = file_open,            \
        .close = view_close,          \
        .read = view_read,            \
    }

FILE_KIND(store);
FILE_KIND(index);
FILE_KIND(stamps);
