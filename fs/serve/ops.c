/* SPDX-License-Identifier: MIT */
#include "serve/ops.h"

#include "config.h"
#include "files/handle.h"
#include "files/mount.h"
#include "files/node.h"
#include "serve/dispatch.h"
#include "serve/tree.h"
#include "serve/xattr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

/* The most that one request may carry: 256 pages. */
#define REQUEST_MAX (1U << 20)

/* What a record of one byte takes: its frame, its index entry, its stamp. */
#define RECORD_MIN (8 + 1 + 16 + 16)

/* The most that one listing fills, whatever was asked for. */
#define LISTING_MAX ((size_t)1 << 20)

static struct fs *fs_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static struct handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct handle *)(uintptr_t)fi->fh;
}

static void want(struct fuse_conn_info *conn, unsigned capability)
{
    if ((conn->capable & capability) == 0)
        return;
#if HAVE_FUSE_SET_FEATURE_FLAG
    fuse_set_feature_flag(conn, capability);
#else
    conn->want |= capability;
#endif
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    (void)userdata;
    conn->max_write = REQUEST_MAX;
    conn->time_gran = 1;
    want(conn, FUSE_CAP_ATOMIC_O_TRUNC);
    want(conn, FUSE_CAP_AUTO_INVAL_DATA);
    want(conn, FUSE_CAP_READDIRPLUS);
    want(conn, FUSE_CAP_READDIRPLUS_AUTO);
}

/* Everything there is to say about node, for a look-up or a listing. */
static int describe(struct fs *fs, struct node node,
                    struct fuse_entry_param *ret_entry)
{
    struct fuse_entry_param entry = {0};
    struct attr attr = {0};
    int r = node_pack(node, &entry.ino);

    if (r == 0)
        r = tree_attr(fs, node, 0, &attr);
    if (r < 0)
        return r;
    entry.attr = attr.stat;
    /* Only of an inode that the kernel has it can be told of a change. */
    entry.attr_timeout = tree_kind(node.kind)->watched ? 0 : attr.timeout;
    entry.entry_timeout = attr.entry_timeout;
    *ret_entry = entry;
    return 0;
}

/* Answers with what name is in the directory node, unless r is an error. */
static void reply_child(fuse_req_t req, struct node node, const char *name,
                        int r)
{
    struct fs *fs = fs_of(req);
    struct fuse_entry_param entry = {0};

    if (r == 0)
        r = tree_lookup(fs, node, name, 0, &node);
    if (r == 0)
        r = describe(fs, node, &entry);
    if (r < 0)
        fuse_reply_err(req, -r);
    else
        fuse_reply_entry(req, &entry);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct node node = {0};
    int r = node_unpack(parent, &node);

    reply_child(req, node, name, r);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
    (void)ino;
    (void)count;
    fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count,
                            struct fuse_forget_data *forgets)
{
    (void)count;
    (void)forgets;
    fuse_reply_none(req);
}

static int attr_of(struct fs *fs, fuse_ino_t ino, struct attr *ret_attr)
{
    struct node node;
    int r = node_unpack(ino, &node);

    return r == 0 ? tree_attr(fs, node, 0, ret_attr) : r;
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
                       struct fuse_file_info *fi)
{
    struct attr attr = {0};
    int r = attr_of(fs_of(req), ino, &attr);

    (void)fi;
    if (r < 0)
        fuse_reply_err(req, -r);
    else
        fuse_reply_attr(req, &attr.stat, attr.timeout);
}

/*
 * A file that is written to takes a new size and new times and does nothing
 * with them, since tools set them. Owner and mode may be set to what they are,
 * but for what means nothing in the mode of this kind.
 */
static int check_setattr(const struct kind *kind, const struct stat *now,
                         const struct stat *then, int to_set)
{
    bool written = kind->write;
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
    if (written)
        return 0;
    if ((to_set & sizes) != 0)
        return -EACCES;
    return (to_set & times) != 0 ? -EPERM : 0;
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *stat,
                       int to_set, struct fuse_file_info *fi)
{
    struct fs *fs = fs_of(req);
    struct attr attr = {0};
    struct node node;
    int r = node_unpack(ino, &node);

    (void)fi;
    if (r == 0)
        r = tree_attr(fs, node, 0, &attr);
    if (r == 0)
        r = check_setattr(tree_kind(node.kind), &attr.stat, stat, to_set);
    if (r < 0)
        fuse_reply_err(req, -r);
    else
        fuse_reply_attr(req, &attr.stat, attr.timeout);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    char target[ENTRY_NAME];
    struct node node;
    int r = node_unpack(ino, &node);

    if (r == 0)
        r = tree_target(fs_of(req), node, target);
    if (r < 0)
        fuse_reply_err(req, -r);
    else
        fuse_reply_readlink(req, target);
}

/* How the kernel is to use an open file. */
static void describe_handle(struct handle *handle, struct fuse_file_info *fi)
{
    fi->fh = (uint64_t)(uintptr_t)handle;
    fi->direct_io = !handle->cached;
    fi->keep_cache = handle->keep;
    fi->noflush = 1;
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct handle *handle = NULL;
    struct node node;
    int r = node_unpack(ino, &node);

    if (r == 0)
        r = handle_open(fs_of(req), tree_kind(node.kind), node, fi->flags, 0,
                        &handle);
    if (r != 0) {
        fuse_reply_err(req, -r);
        return;
    }
    describe_handle(handle, fi);
    if (fuse_reply_open(req, fi) == -ENOENT)
        handle_put(handle); /* interrupted: no release will come */
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t position,
                    struct fuse_file_info *fi)
{
    struct handle *handle = handle_of(fi);

    (void)ino;
    if (position < 0)
        fuse_reply_err(req, EINVAL);
    else if (!handle->kind->read)
        fuse_reply_err(req, EACCES);
    else
        work_read(fs_of(req)->work, req, handle, size, (uint64_t)position,
                  (fi->flags & O_NONBLOCK) != 0);
}

static void write_later(fuse_req_t req, const struct call *call)
{
    struct handle *handle = call->handle;
    int r = handle->kind->write(handle, call->text, call->size, false, 0);

    request_answer(req, ANSWER_WRITE, r < 0 ? r : (ssize_t)call->size);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data,
                     size_t size, off_t position, struct fuse_file_info *fi)
{
    struct handle *handle = handle_of(fi);
    bool durable = (fi->flags & O_DSYNC) != 0;

    (void)ino;
    (void)position;
    if (!handle->kind->write)
        fuse_reply_err(req, EACCES);
    else if (handle->kind->door)
        work_write(fs_of(req)->work, req, handle, data, size, durable);
    else
        work_later(fs_of(req)->work, req,
                   (struct call){.run = write_later,
                                 .handle = handle,
                                 .text = data,
                                 .size = size});
}

static void op_release(fuse_req_t req, fuse_ino_t ino,
                       struct fuse_file_info *fi)
{
    (void)ino;
    work_release(fs_of(req)->work, req, handle_of(fi));
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
                     struct fuse_file_info *fi)
{
    struct handle *handle = handle_of(fi);

    (void)ino;
    (void)datasync;
    if (handle->kind->door)
        work_fsync(fs_of(req)->work, req, handle);
    else
        work_sync(fs_of(req)->work, req);
}

static void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
                        struct fuse_file_info *fi)
{
    (void)ino;
    (void)datasync;
    (void)fi;
    work_sync(fs_of(req)->work, req);
}

/*
 * Adds entry to a listing; its size, which is over left where it did not fit.
 * With plus the kernel learns what a look-up would tell, unless there is
 * nothing to tell any more, or the entry is "." or "..".
 */
static size_t add_entry(fuse_req_t req, char *buffer, size_t left,
                        const struct entry *entry, bool plus)
{
    struct fuse_entry_param param = {0};
    bool dots = entry->name[0] == '.';

    if (!plus || dots || describe(fs_of(req), entry->node, &param) < 0) {
        param.attr.st_ino = tree_ino(entry->node);
        param.attr.st_mode = tree_kind(entry->node.kind)->mode;
    }
    if (plus)
        return fuse_add_direntry_plus(req, buffer, left, entry->name, &param,
                                      (off_t)entry->cookie);
    return fuse_add_direntry(req, buffer, left, entry->name, &param.attr,
                             (off_t)entry->cookie);
}

/* Fills buffer; how many bytes, or an error if there is not one entry. */
static ssize_t fill(fuse_req_t req, struct node dir, uint64_t cookie,
                    char *buffer, size_t size, bool plus)
{
    struct entry entry;
    size_t used = 0;
    int r;

    while ((r = tree_list(fs_of(req), dir, cookie, 0, &entry)) > 0) {
        size_t length =
            add_entry(req, buffer + used, size - used, &entry, plus);

        if (length > size - used)
            break;
        used += length;
        cookie = entry.cookie;
    }
    return r < 0 && used == 0 ? r : (ssize_t)used;
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t cookie,
                 bool plus)
{
    char *buffer = NULL;
    struct node dir;
    ssize_t n = node_unpack(ino, &dir);

    if (size > LISTING_MAX)
        size = LISTING_MAX;
    if (n == 0 && cookie < 0)
        n = -EINVAL;
    if (n == 0) {
        buffer = malloc(size);
        n = buffer != NULL
                ? fill(req, dir, (uint64_t)cookie, buffer, size, plus)
                : -ENOMEM;
    }
    if (n < 0)
        fuse_reply_err(req, (int)-n);
    else
        fuse_reply_buf(req, buffer, (size_t)n);
    free(buffer);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size,
                       off_t cookie, struct fuse_file_info *fi)
{
    (void)fi;
    list(req, ino, size, cookie, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
                           off_t cookie, struct fuse_file_info *fi)
{
    (void)fi;
    list(req, ino, size, cookie, true);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    struct fs *fs = fs_of(req);
    struct clog_status status = {.size = sizeof(status)};
    struct clog_space space;
    struct statvfs stat = {0};
    int r = clog_space(fs->log, &space);

    (void)ino;
    if (r < 0) {
        fuse_reply_err(req, -r);
        return;
    }
    clog_status(fs->log, &status);
    stat.f_bsize = space.block_size;
    stat.f_frsize = space.block_size;
    stat.f_blocks = space.blocks;
    stat.f_bfree = space.blocks_free;
    stat.f_bavail = space.blocks_available;
    stat.f_ffree = space.blocks_available * space.block_size / RECORD_MIN;
    stat.f_favail = stat.f_ffree;
    stat.f_files = status.records + stat.f_ffree;
    stat.f_namemax = 255;
    fuse_reply_statfs(req, &stat);
}

/* Answers with n bytes of data, or how many they are where size is 0. */
static void answer_xattr(fuse_req_t req, const char *data, ssize_t n,
                         size_t size)
{
    if (n < 0)
        fuse_reply_err(req, (int)-n);
    else if (size == 0)
        fuse_reply_xattr(req, (size_t)n);
    else if ((size_t)n > size)
        fuse_reply_err(req, ERANGE);
    else
        fuse_reply_buf(req, data, (size_t)n);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
                        size_t size)
{
    char value[XATTR_MAX];
    struct node node;
    ssize_t n = node_unpack(ino, &node);

    if (n == 0)
        n = xattr_get(fs_of(req), node, name, 0, value);
    answer_xattr(req, value, n, size);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    char names[XATTR_MAX];
    struct node node;
    ssize_t n = node_unpack(ino, &node);

    if (n == 0)
        n = xattr_list(fs_of(req), node, 0, names);
    answer_xattr(req, names, n, size);
}

static void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command,
                     void *arg, struct fuse_file_info *fi, unsigned flags,
                     const void *data, size_t size, size_t out_size)
{
    (void)ino;
    (void)command;
    (void)arg;
    (void)fi;
    (void)flags;
    (void)data;
    (void)size;
    (void)out_size;
    fuse_reply_err(req, ENOTTY);
}

/*
 * ESPIPE, as for a pipe: where it is told that the call is not supported, the
 * C library writes a NUL byte at the end instead, which would be a record.
 */
static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode,
                         off_t position, off_t size, struct fuse_file_info *fi)
{
    (void)ino;
    (void)mode;
    (void)position;
    (void)size;
    (void)fi;
    fuse_reply_err(req, ESPIPE);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
                      mode_t mode, struct fuse_file_info *fi)
{
    struct fs *fs = fs_of(req);
    struct fuse_entry_param entry = {0};
    struct handle *handle = NULL;
    struct node node;
    int r = node_unpack(parent, &node);

    (void)mode;
    if (r == 0)
        r = tree_create(fs, node, name, &node);
    if (r == 0)
        r = describe(fs, node, &entry);
    if (r == 0)
        r = handle_open(fs, tree_kind(node.kind), node, fi->flags, 0, &handle);
    if (r < 0) {
        fuse_reply_err(req, -r);
        return;
    }
    describe_handle(handle, fi);
    if (fuse_reply_create(req, &entry, fi) == -ENOENT)
        handle_put(handle); /* interrupted: no release will come */
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
                     mode_t mode, dev_t device)
{
    (void)parent;
    (void)name;
    (void)mode;
    (void)device;
    fuse_reply_err(req, EPERM);
}

static void make(fuse_req_t req, const struct call *call)
{
    struct fs *fs = fs_of(req);

    reply_child(req, call->node, call->text,
                tree_kind(call->node.kind)->make(fs, call->text));
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
                     mode_t mode)
{
    struct node node;
    int r = node_unpack(parent, &node);

    (void)mode;
    if (r == 0 && !tree_kind(node.kind)->make)
        r = -EPERM;
    if (r < 0)
        fuse_reply_err(req, -r);
    else
        work_later(
            fs_of(req)->work, req,
            (struct call){
                .run = make, .node = node, .text = name, .size = strlen(name)});
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct node dir;
    struct node node;
    int r = node_unpack(parent, &dir);

    if (r == 0)
        r = tree_lookup(fs_of(req), dir, name, 0, &node);
    if (r == 0 && !tree_kind(node.kind)->remove)
        r = -EPERM;
    if (r < 0)
        fuse_reply_err(req, -r);
    else
        work_remove(fs_of(req)->work, req, node, name);
}

static void op_remove(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    (void)parent;
    (void)name;
    fuse_reply_err(req, EPERM);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
                       const char *name)
{
    (void)target;
    (void)parent;
    (void)name;
    fuse_reply_err(req, EPERM);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent,
                    const char *name)
{
    (void)ino;
    (void)parent;
    (void)name;
    fuse_reply_err(req, EPERM);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
                      fuse_ino_t new_parent, const char *new_name,
                      unsigned flags)
{
    (void)parent;
    (void)name;
    (void)new_parent;
    (void)new_name;
    (void)flags;
    fuse_reply_err(req, EPERM);
}

/*
 * Left out, because the kernel then answers by itself as it should: opendir,
 * releasedir, flush, poll, lseek, copy_file_range, setxattr, removexattr
 * (EOPNOTSUPP), and locks, which it keeps.
 */
const struct fuse_lowlevel_ops ops_table = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .open = op_open,
    .read = op_read,
    .write = op_write,
    .release = op_release,
    .fsync = op_fsync,
    .fsyncdir = op_fsyncdir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .statfs = op_statfs,
    .getxattr = op_getxattr,
    .listxattr = op_listxattr,
    .ioctl = op_ioctl,
    .fallocate = op_fallocate,
    .create = op_create,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_remove,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .link = op_link,
    .rename = op_rename,
};
