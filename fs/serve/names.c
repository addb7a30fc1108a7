/* SPDX-License-Identifier: MIT */
#include "serve/names.h"

#include "files/mount.h"
#include "serve/dispatch.h"
#include "serve/tree.h"
#include "serve/xattr.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

int names_describe(struct fs *fs, struct node node, unsigned flags,
                   struct fuse_entry_param *ret_entry)
{
    struct fuse_entry_param entry = {0};
    struct attr attr = {0};
    int r = node_pack(node, &entry.ino);

    if (r == 0)
        r = tree_attr(fs, node, flags, &attr);
    if (r < 0)
        return r;
    entry.attr = attr.stat;
    /* Only of an inode that the kernel has it can be told of a change. */
    entry.attr_timeout = tree_kind(node.kind)->watched ? 0 : attr.timeout;
    entry.entry_timeout = attr.entry_timeout;
    *ret_entry = entry;
    return 0;
}

/* Whether the attributes show how far the log goes: of a directory it is but
   its time, and what is old in it must be reached. */
static bool shows(enum node_kind kind)
{
    return tree_kind(kind)->grows && !S_ISDIR(tree_kind(kind)->mode);
}

int names_lookup(struct request *request, unsigned flags)
{
    struct fs *fs = request->fs;
    struct fuse_entry_param entry = {0};
    struct node node = request->node;
    int r = tree_lookup(fs, request->node, request->data, flags, &node);

    if (r == -ENOENT || (r == 0 && shows(node.kind)))
        r = work_shown(request, flags) < 0 ? -EAGAIN : r;
    if (r == 0)
        r = names_describe(fs, tree_look(fs, node), flags, &entry);
    if (r == 0)
        fuse_reply_entry(request->req, &entry);
    return r;
}

int names_mkdir(struct request *request, unsigned flags)
{
    int r = tree_kind(request->node.kind)->make(request->fs, request->data);

    return r < 0 ? r : names_lookup(request, flags);
}

int names_rmdir(struct request *request, unsigned flags)
{
    struct fs *fs = request->fs;
    const struct kind *kind;
    struct node node = {0};
    int r = tree_lookup(fs, request->node, request->data, flags, &node);

    if (r < 0)
        return r;
    kind = tree_kind(node.kind);
    r = kind->remove ? kind->remove(fs, node, request->data) : -EPERM;
    if (r == 0) {
        work_forget(request->work);
        request_answer(request->req, ANSWER_DONE, 0);
    }
    return r;
}

/* The attributes of what request is about. */
static int look(struct request *request, unsigned flags, struct attr *ret_attr)
{
    int r = shows(request->node.kind) ? work_shown(request, flags) : 0;

    if (r == 0)
        r = tree_attr(request->fs, request->node, flags, ret_attr);
    return r;
}

int names_getattr(struct request *request, unsigned flags)
{
    struct attr attr = {0};
    int r = look(request, flags, &attr);

    if (r == 0)
        fuse_reply_attr(request->req, &attr.stat, attr.timeout);
    return r;
}

/*
 * A file that is written to takes a new size and new times and does nothing
 * with them, since tools set them. Owner and mode may be set to what they are,
 * but for what means nothing in the mode of this kind.
 */
static int check_setattr(const struct kind *kind, const struct stat *now,
                         const struct stat *then, int to_set)
{
    mode_t modes = 07777 & ~kind->free_mode;
    int sizes = FUSE_SET_ATTR_SIZE;
    int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
                FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW |
                FUSE_SET_ATTR_CTIME;

    if ((to_set & FUSE_SET_ATTR_MODE) != 0 &&
        ((now->st_mode ^ then->st_mode) & modes) != 0)
        return -EPERM;
    if ((to_set & FUSE_SET_ATTR_UID) != 0 && now->st_uid != then->st_uid)
        return -EPERM;
    if ((to_set & FUSE_SET_ATTR_GID) != 0 && now->st_gid != then->st_gid)
        return -EPERM;
    if (kind->write)
        return 0;
    if ((to_set & sizes) != 0)
        return -EACCES;
    return (to_set & times) != 0 ? -EPERM : 0;
}

int names_setattr(struct request *request, unsigned flags)
{
    struct attr attr = {0};
    int r = look(request, flags, &attr);

    if (r == 0)
        r = check_setattr(tree_kind(request->node.kind), &attr.stat,
                          request->data, request->flags);
    if (r == 0)
        fuse_reply_attr(request->req, &attr.stat, attr.timeout);
    return r;
}

int names_readlink(struct request *request, unsigned flags)
{
    char target[ENTRY_NAME];
    int r = shows(request->node.kind) ? work_shown(request, flags) : 0;

    if (r == 0)
        r = tree_target(request->fs, request->node, target);
    if (r == 0)
        fuse_reply_readlink(request->req, target);
    return r;
}

/*
 * Adds entry to a listing in *ret_size bytes, which is over left where it did
 * not fit. With plus the kernel learns what a look-up would tell, unless there
 * is nothing to tell any more, or the entry is "." or "..". EAGAIN.
 */
static int add_entry(struct request *request, char *buffer, size_t left,
                     const struct entry *entry, unsigned flags,
                     size_t *ret_size)
{
    struct fuse_entry_param param = {0};
    bool dots = entry->name[0] == '.';
    int r = -ENOENT;

    if (request->plus && !dots)
        r = names_describe(request->fs, entry->node, flags, &param);
    if (r == -EAGAIN)
        return r;
    if (r < 0) {
        param.attr.st_ino = tree_ino(entry->node);
        param.attr.st_mode = tree_kind(entry->node.kind)->mode;
    }
    if (request->plus)
        *ret_size =
            fuse_add_direntry_plus(request->req, buffer, left, entry->name,
                                   &param, (off_t)entry->cookie);
    else
        *ret_size = fuse_add_direntry(request->req, buffer, left, entry->name,
                                      &param.attr, (off_t)entry->cookie);
    return 0;
}

/* Fills buffer; how many bytes, or an error if there is not one entry. */
static ssize_t fill(struct request *request, char *buffer, size_t size,
                    unsigned flags)
{
    uint64_t cookie = request->position;
    struct entry entry;
    size_t used = 0;
    int r;

    while ((r = tree_list(request->fs, request->node, cookie, flags, &entry)) >
           0) {
        size_t length = 0;

        r = add_entry(request, buffer + used, size - used, &entry, flags,
                      &length);
        if (r < 0 || length > size - used)
            break;
        used += length;
        cookie = entry.cookie;
    }
    return r < 0 && used == 0 ? r : (ssize_t)used;
}

int names_readdir(struct request *request, unsigned flags)
{
    size_t size = request->size < REQUEST_MAX ? request->size : REQUEST_MAX;
    char *buffer = scratch_get();
    bool grows = tree_kind(request->node.kind)->grows;
    ssize_t n = grows ? work_shown(request, flags) : 0;

    if (n == 0)
        n = buffer ? fill(request, buffer, size, flags) : -ENOMEM;
    if (n < 0)
        return (int)n;
    fuse_reply_buf(request->req, buffer, (size_t)n);
    return 0;
}

/* Answers with n bytes of data, or how many they are where size is 0. */
static int answer_xattr(struct request *request, const char *data, ssize_t n)
{
    if (n < 0)
        return (int)n;
    if (request->size > 0 && (size_t)n > request->size)
        return -ERANGE;
    if (request->size == 0)
        fuse_reply_xattr(request->req, (size_t)n);
    else
        fuse_reply_buf(request->req, data, (size_t)n);
    return 0;
}

int names_getxattr(struct request *request, unsigned flags)
{
    char value[XATTR_MAX];

    return answer_xattr(
        request, value,
        xattr_get(request->fs, request->node, request->data, flags, value));
}

int names_listxattr(struct request *request, unsigned flags)
{
    char names[XATTR_MAX];

    return answer_xattr(request, names,
                        xattr_list(request->fs, request->node, flags, names));
}

int names_statfs(struct request *request, unsigned flags)
{
    struct fs *fs = request->fs;
    struct clog_status status = {.size = sizeof(status)};
    struct clog_space space;
    struct statvfs stat = {0};
    int r = work_shown(request, flags);

    if (r == 0 && (flags & CLOG_NOWAIT) != 0)
        r = -EAGAIN;
    if (r == 0)
        r = clog_space(fs->log, &space);
    if (r < 0)
        return r;
    clog_status(fs->log, &status);
    stat.f_bsize = space.block_size;
    stat.f_frsize = space.block_size;
    stat.f_blocks = space.blocks;
    stat.f_bfree = space.blocks_free;
    stat.f_bavail = space.blocks_available;
    stat.f_ffree = space.records_available;
    stat.f_favail = stat.f_ffree;
    stat.f_files = status.records + stat.f_ffree;
    stat.f_namemax = 255;
    fuse_reply_statfs(request->req, &stat);
    return 0;
}
