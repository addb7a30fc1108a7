/* SPDX-License-Identifier: MIT */
#include "files/segments.h"

#include "files/handle.h"
#include "files/kind.h"
#include "files/mount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BASE_DIGITS 20

static const struct {
    const char *name;
    enum node_kind kind;
} files[] = {
    {"store", NODE_STORE},
    {"index", NODE_INDEX},
    {"stamps", NODE_STAMPS},
};

#define FILES (sizeof(files) / sizeof(files[0]))

static int find(struct fs *fs, uint64_t base, struct clog_segment *ret_segment)
{
    struct clog_segment segment;
    int r = clog_segment(fs->log, base, 0, &segment);

    if (r == -ENOENT || (r >= 0 && segment.base != base))
        return -ESTALE;
    if (r < 0)
        return r;
    *ret_segment = segment;
    return 0;
}

int segments_attr(struct fs *fs, uint64_t number, struct attr *attr)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)number;
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

int segments_lookup(struct fs *fs, uint64_t number, const char *name,
                    struct node *ret_node)
{
    struct clog_segment segment;
    uint64_t base;
    int r = parse_base(name, &base);

    (void)number;
    if (r == 0)
        r = find(fs, base, &segment);
    if (r < 0)
        return r == -ESTALE ? -ENOENT : r;
    *ret_node = (struct node){NODE_SEGMENT, base};
    return 0;
}

int segments_list(struct fs *fs, uint64_t number, uint64_t cookie,
                  struct entry *ret_entry)
{
    struct clog_segment segment;
    int r = clog_segment(fs->log, cookie, 0, &segment);

    (void)number;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    snprintf(ret_entry->name, sizeof(ret_entry->name), "%020" PRIu64,
             segment.base);
    ret_entry->node = (struct node){NODE_SEGMENT, segment.base};
    ret_entry->cookie = segment.base + 1;
    return 1;
}

/* What is sealed does not change any more. */
int segment_attr(struct fs *fs, uint64_t base, struct attr *attr)
{
    struct clog_segment segment;
    int r = find(fs, base, &segment);

    if (r < 0)
        return r;
    attr_set_time(attr, segment.time_ns);
    if (!segment.sealed)
        attr->timeout = 0;
    return 0;
}

int segment_lookup(struct fs *fs, uint64_t base, const char *name,
                   struct node *ret_node)
{
    (void)fs;
    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(name, files[i].name) == 0) {
            *ret_node = (struct node){files[i].kind, base};
            return 0;
        }
    }
    return -ENOENT;
}

int segment_list(struct fs *fs, uint64_t base, uint64_t cookie,
                 struct entry *ret_entry)
{
    (void)fs;
    if (cookie >= FILES)
        return 0;
    strcpy(ret_entry->name, files[cookie].name);
    ret_entry->node = (struct node){files[cookie].kind, base};
    ret_entry->cookie = cookie + 1;
    return 1;
}

static int file_attr(struct fs *fs, uint64_t base, enum clog_file file,
                     struct attr *attr)
{
    struct clog_segment segment;
    int r = find(fs, base, &segment);

    if (r < 0)
        return r;
    attr->stat.st_size = (off_t)segment.sizes[file];
    attr->stat.st_blocks = (blkcnt_t)((segment.sizes[file] + 511) / 512);
    attr_set_time(attr, segment.time_ns);
    if (!segment.sealed)
        attr->timeout = 0;
    return 0;
}

static int file_open(struct fs *fs, uint64_t base, enum clog_file file,
                     struct handle *handle)
{
    struct clog_segment segment;
    int r = find(fs, base, &segment);

    if (r < 0)
        return r;
    r = clog_view_segment(fs->log, base, file, &handle->view);
    if (r < 0)
        return r == -ENOENT ? -ESTALE : r;
    handle->cached = true;
    handle->keep = segment.sealed;
    return 0;
}

int segment_store_attr(struct fs *fs, uint64_t base, struct attr *attr)
{
    return file_attr(fs, base, CLOG_STORE, attr);
}

int segment_index_attr(struct fs *fs, uint64_t base, struct attr *attr)
{
    return file_attr(fs, base, CLOG_INDEX, attr);
}

int segment_stamps_attr(struct fs *fs, uint64_t base, struct attr *attr)
{
    return file_attr(fs, base, CLOG_STAMPS, attr);
}

int segment_store_open(struct fs *fs, uint64_t base, struct handle *handle)
{
    return file_open(fs, base, CLOG_STORE, handle);
}

int segment_index_open(struct fs *fs, uint64_t base, struct handle *handle)
{
    return file_open(fs, base, CLOG_INDEX, handle);
}

int segment_stamps_open(struct fs *fs, uint64_t base, struct handle *handle)
{
    return file_open(fs, base, CLOG_STAMPS, handle);
}
