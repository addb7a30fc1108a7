/* SPDX-License-Identifier: MIT */
#include "serve/xattr.h"

#include "clog.h"
#include "files/mount.h"
#include "files/records.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "user.clog."

static int print_offset(const struct clog_record *record, char *value)
{
    return snprintf(value, XATTR_MAX, "%" PRIu64, record->offset);
}

static int print_position(const struct clog_record *record, char *value)
{
    return snprintf(value, XATTR_MAX, "%" PRIu64, record->position);
}

static int print_segment(const struct clog_record *record, char *value)
{
    return snprintf(value, XATTR_MAX, "%020" PRIu64, record->segment);
}

static int print_time(const struct clog_record *record, char *value)
{
    return snprintf(value, XATTR_MAX, "%" PRIu64 ".%09" PRIu64,
                    record->time_ns / 1000000000, record->time_ns % 1000000000);
}

static int print_crc32c(const struct clog_record *record, char *value)
{
    if (!record->verifiable)
        return -ENODATA;
    return snprintf(value, XATTR_MAX, "%08" PRIx32, record->crc32c);
}

static int print_version(const struct clog_record *record, char *value)
{
    (void)record;
    return snprintf(value, XATTR_MAX, "%s", clog_version());
}

static const struct {
    const char *name; /* behind the prefix */
    enum node_kind kind;
    int (*print)(const struct clog_record *record, char *value);
} attributes[] = {
    {"offset", NODE_RECORD, print_offset},
    {"position", NODE_RECORD, print_position},
    {"segment", NODE_RECORD, print_segment},
    {"time", NODE_RECORD, print_time},
    {"crc32c", NODE_RECORD, print_crc32c},
    {"version", NODE_ROOT, print_version},
};

#define ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

static int look(struct fs *fs, struct node node, struct clog_record *ret_record)
{
    if (node.kind != NODE_RECORD)
        return 0;
    return record_stat(fs, node.number, ret_record);
}

ssize_t xattr_get(struct fs *fs, struct node node, const char *name,
                  char ret_value[XATTR_MAX])
{
    struct clog_record record = {0};
    int r;

    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return -EOPNOTSUPP;
    name += strlen(PREFIX);
    r = look(fs, node, &record);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        if (attributes[i].kind == node.kind &&
            strcmp(attributes[i].name, name) == 0)
            return attributes[i].print(&record, ret_value);
    }
    return -ENODATA;
}

ssize_t xattr_list(struct fs *fs, struct node node, char ret_names[XATTR_MAX])
{
    char value[XATTR_MAX];
    struct clog_record record = {0};
    size_t used = 0;
    int r = look(fs, node, &record);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        if (attributes[i].kind == node.kind &&
            attributes[i].print(&record, value) >= 0)
            used += 1 + (size_t)snprintf(ret_names + used, XATTR_MAX - used,
                                         PREFIX "%s", attributes[i].name);
    }
    return (ssize_t)used;
}
