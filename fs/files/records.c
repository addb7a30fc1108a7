/* SPDX-License-Identifier: MIT */
#include "files/records.h"

#include "files/claim.h"
#include "files/handle.h"
#include "files/mount.h"
#include "files/view.h"

#include <errno.h>
#include <inttypes.h>

/* The directory. Its times are the last record's, so they move with each. */
static int records_attr(struct fs *fs, struct node node, unsigned flags,
                        struct attr *attr)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)node;
    (void)flags;
    clog_status(fs->log, &status);
    if (status.last_time_ns > 0)
        attr_set_time(attr, status.last_time_ns);
    return 0;
}

static int records_lookup(struct fs *fs, struct node dir, const char *name,
                          unsigned flags, struct node *ret_node)
{
    struct clog_record record;
    uint64_t offset;
    int r = name_number(name, &offset);

    (void)dir;
    if (r == 0)
        r = clog_stat(fs->log, offset, flags, &record);
    if (r < 0)
        return r;
    *ret_node = (struct node){.kind = NODE_RECORD, .number = offset};
    return 0;
}

static int records_list(struct fs *fs, struct node dir, uint64_t cookie,
                        unsigned flags, struct entry *ret_entry)
{
    uint64_t offset = clog_seek(fs->log, cookie);

    (void)dir;
    (void)flags;
    if (offset >= clog_seek(fs->log, UINT64_MAX))
        return 0;
    snprintf(ret_entry->name, sizeof(ret_entry->name), "%" PRIu64, offset);
    ret_entry->node = (struct node){.kind = NODE_RECORD, .number = offset};
    ret_entry->cookie = offset + 1;
    return 1;
}

const struct kind records_kind = {
    .name = "records",
    .parent = NODE_ROOT,
    .mode = S_IFDIR | 0777,
    .grows = true,
    .watched = true,
    .shrinks = true,
    .attr = records_attr,
    .lookup = records_lookup,
    .list = records_list,
    .create = claim_make,
};

/* ENOENT of a node that was looked up once: dropped, if it is below oldest. */
static int gone(struct fs *fs, uint64_t offset, int r)
{
    struct clog_status status = {.size = sizeof(status)};

    if (r != -ENOENT)
        return r;
    clog_status(fs->log, &status);
    return offset < status.oldest ? -ESTALE : -ENOENT;
}

/* A record. ENOENT: not yet; ESTALE: not any more; EIO: it lies in a gap. */
static int look(struct fs *fs, struct node node, unsigned flags,
                struct clog_record *ret_record)
{
    return gone(fs, node.number,
                clog_stat(fs->log, node.number, flags, ret_record));
}

static int record_attr(struct fs *fs, struct node node, unsigned flags,
                       struct attr *attr)
{
    struct clog_record record;
    int r = look(fs, node, flags, &record);

    if (r == -ESTALE)
        return view_attr(fs, node, attr);
    if (r < 0)
        return r;
    attr->stat.st_size = (off_t)record.length;
    attr_set_time(attr, record.time_ns);
    return 0;
}

static int record_open(struct handle *handle, unsigned flags)
{
    struct fs *fs = handle->fs;
    struct clog_view *view = NULL;
    int r = clog_view_record(fs->log, handle->node.number, flags, &view);

    handle->state = view;
    handle->cached = true;
    handle->keep = true;
    return gone(fs, handle->node.number, r);
}

static ssize_t get_offset(struct fs *fs, struct node node, unsigned flags,
                          char value[XATTR_MAX])
{
    struct clog_record record;
    int r = look(fs, node, flags, &record);

    if (r < 0)
        return r;
    return snprintf(value, XATTR_MAX, "%" PRIu64, record.offset);
}

static ssize_t get_position(struct fs *fs, struct node node, unsigned flags,
                            char value[XATTR_MAX])
{
    struct clog_record record;
    int r = look(fs, node, flags, &record);

    if (r < 0)
        return r;
    return snprintf(value, XATTR_MAX, "%" PRIu64, record.position);
}

static ssize_t get_segment(struct fs *fs, struct node node, unsigned flags,
                           char value[XATTR_MAX])
{
    struct clog_record record;
    int r = look(fs, node, flags, &record);

    if (r < 0)
        return r;
    return snprintf(value, XATTR_MAX, "%020" PRIu64, record.segment);
}

static ssize_t get_time(struct fs *fs, struct node node, unsigned flags,
                        char value[XATTR_MAX])
{
    struct clog_record record;
    int r = look(fs, node, flags, &record);

    if (r < 0)
        return r;
    return snprintf(value, XATTR_MAX, "%" PRIu64 ".%09" PRIu64,
                    record.time_ns / 1000000000, record.time_ns % 1000000000);
}

static ssize_t get_crc32c(struct fs *fs, struct node node, unsigned flags,
                          char value[XATTR_MAX])
{
    struct clog_record record;
    int r = look(fs, node, flags, &record);

    if (r < 0)
        return r;
    if (!record.verifiable)
        return -ENODATA;
    return snprintf(value, XATTR_MAX, "%08" PRIx32, record.crc32c);
}

static const struct xattr xattrs[] = {
    {"offset", get_offset},   {"position", get_position},
    {"segment", get_segment}, {"time", get_time},
    {"crc32c", get_crc32c},   {NULL, NULL},
};

const struct kind record_kind = {
    .mode = S_IFREG | 0444,
    .xattrs = xattrs,
    .attr = record_attr,
    .open = record_open,
    .close = view_close,
    .read = view_read,
};

int record_link_attr(struct fs *fs, struct node node, unsigned flags,
                     struct attr *attr)
{
    (void)fs;
    (void)node;
    (void)flags;
    attr->timeout = 0;
    attr->entry_timeout = 0;
    return 0;
}

void record_path(const char *up, uint64_t offset, char ret_path[ENTRY_NAME])
{
    snprintf(ret_path, ENTRY_NAME, "%srecords/%" PRIu64, up, offset);
}

/* Links that are there once there is a record. */
static int link_number(struct fs *fs, struct node dir, unsigned flags,
                       uint64_t *ret_number)
{
    (void)dir;
    (void)flags;
    if (clog_seek(fs->log, 0) >= clog_seek(fs->log, UINT64_MAX))
        return -ENOENT;
    *ret_number = 0;
    return 0;
}

static int first_target(struct fs *fs, struct node node,
                        char ret_target[ENTRY_NAME])
{
    uint64_t offset = clog_seek(fs->log, 0);

    (void)node;
    if (offset >= clog_seek(fs->log, UINT64_MAX))
        return -ENOENT;
    record_path("", offset, ret_target);
    return 0;
}

static int last_target(struct fs *fs, struct node node,
                       char ret_target[ENTRY_NAME])
{
    struct clog_status status = {.size = sizeof(status)};

    (void)node;
    clog_status(fs->log, &status);
    if (status.next == status.oldest)
        return -ENOENT;
    record_path("", status.next - 1, ret_target);
    return 0;
}

const struct kind first_kind = {
    .name = "first",
    .parent = NODE_ROOT,
    .mode = S_IFLNK | 0777,
    .grows = true,
    .attr = record_link_attr,
    .number = link_number,
    .target = first_target,
};

const struct kind last_kind = {
    .name = "last",
    .parent = NODE_ROOT,
    .mode = S_IFLNK | 0777,
    .grows = true,
    .attr = record_link_attr,
    .number = link_number,
    .target = last_target,
};
