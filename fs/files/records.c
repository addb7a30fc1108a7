/* SPDX-License-Identifier: MIT */
#include "files/records.h"

#include "files/handle.h"
#include "files/kind.h"
#include "files/mount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* ENOENT of a node that was looked up once: dropped, if it is below oldest. */
static int gone(struct fs *fs, uint64_t offset, int r)
{
    struct clog_status status = {.size = sizeof(status)};

    if (r != -ENOENT)
        return r;
    clog_status(fs->log, &status);
    return offset < status.oldest ? -ESTALE : -ENOENT;
}

int records_attr(struct fs *fs, uint64_t number, struct attr *attr)
{
    struct clog_status status = {.size = sizeof(status)};

    (void)number;
    fs->records_cached = true; /* before looking: an append comes after it */
    clog_status(fs->log, &status);
    if (status.last_time_ns > 0)
        attr_set_time(attr, status.last_time_ns);
    attr->watched = true;
    return 0;
}

int records_lookup(struct fs *fs, uint64_t number, const char *name,
                   struct node *ret_node)
{
    struct clog_record record;
    uint64_t offset;
    int r = name_number(name, &offset);

    (void)number;
    if (r == 0)
        r = clog_stat(fs->log, offset, 0, &record);
    if (r < 0)
        return r;
    *ret_node = (struct node){NODE_RECORD, offset};
    return 0;
}

int records_list(struct fs *fs, uint64_t number, uint64_t cookie,
                 struct entry *ret_entry)
{
    uint64_t offset = clog_seek(fs->log, cookie);

    (void)number;
    if (offset >= clog_seek(fs->log, UINT64_MAX))
        return 0;
    snprintf(ret_entry->name, sizeof(ret_entry->name), "%" PRIu64, offset);
    ret_entry->node = (struct node){NODE_RECORD, offset};
    ret_entry->cookie = offset + 1;
    return 1;
}

int record_stat(struct fs *fs, uint64_t offset, struct clog_record *ret_record)
{
    return gone(fs, offset, clog_stat(fs->log, offset, 0, ret_record));
}

int record_attr(struct fs *fs, uint64_t offset, struct attr *attr)
{
    struct clog_record record;
    int r = record_stat(fs, offset, &record);

    if (r < 0)
        return r;
    attr->stat.st_size = (off_t)record.length;
    attr_set_time(attr, record.time_ns);
    return 0;
}

int record_open(struct fs *fs, uint64_t offset, struct handle *handle)
{
    int r = clog_view_record(fs->log, offset, 0, &handle->view);

    handle->cached = true;
    handle->keep = true;
    return gone(fs, offset, r);
}

int record_link_attr(struct fs *fs, uint64_t number, struct attr *attr)
{
    (void)fs;
    (void)number;
    attr->timeout = 0;
    attr->entry_timeout = 0;
    return 0;
}

int record_link_number(struct fs *fs, uint64_t *ret_number)
{
    uint64_t offset;
    int r = records_first(fs, &offset);

    if (r < 0)
        return r;
    *ret_number = 0;
    return 0;
}

int records_first(struct fs *fs, uint64_t *ret_offset)
{
    uint64_t offset = clog_seek(fs->log, 0);

    if (offset >= clog_seek(fs->log, UINT64_MAX))
        return -ENOENT;
    *ret_offset = offset;
    return 0;
}

int records_last(struct fs *fs, uint64_t *ret_offset)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(fs->log, &status);
    if (status.next == status.oldest)
        return -ENOENT;
    *ret_offset = status.next - 1;
    return 0;
}
