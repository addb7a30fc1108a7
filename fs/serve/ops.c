/* SPDX-License-Identifier: MIT */
#include "serve/ops.h"

#include "config.h"
#include "files/handle.h"
#include "files/mount.h"
#include "serve/dispatch.h"
#include "serve/locks.h"
#include "serve/names.h"
#include "serve/opened.h"
#include "serve/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/*
 * The kernel sends so many of some requests before it waits for answers: reads
 * ahead, and releases, which would then come behind look-ups that were made
 * after them. As many as there can be.
 */
#define BACKGROUND_MAX 65535

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

/*
 * That transport of libfuse has a thread for each processor receive, and the
 * order of requests is what an append goes by.
 */
static void refuse_io_uring(struct fuse_conn_info *conn)
{
#ifdef FUSE_CAP_OVER_IO_URING
    fuse_unset_feature_flag(conn, FUSE_CAP_OVER_IO_URING);
#else
    (void)conn;
#endif
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    (void)userdata;
    conn->max_write = (unsigned)REQUEST_MAX;
    conn->max_background = BACKGROUND_MAX;
    conn->time_gran = 1;
    want(conn, FUSE_CAP_ATOMIC_O_TRUNC);
    want(conn, FUSE_CAP_AUTO_INVAL_DATA);
    want(conn, FUSE_CAP_READDIRPLUS);
    want(conn, FUSE_CAP_READDIRPLUS_AUTO);
    want(conn, FUSE_CAP_PARALLEL_DIROPS); /* one look-up may wait */
    refuse_io_uring(conn);
#ifdef FUSE_CAP_DIRECT_IO_ALLOW_MMAP
    want(conn, FUSE_CAP_DIRECT_IO_ALLOW_MMAP);
#endif
}

/* Answers request, which is about the node ino. */
static void answer(struct request request, fuse_ino_t ino)
{
    int r = node_unpack(ino, &request.node);

    request.fs = fs_of(request.req);
    if (r < 0)
        fuse_reply_err(request.req, -r);
    else
        work_do(request.fs->work, &request);
}

/* The same, about name in the directory parent. */
static void answer_name(struct request request, fuse_ino_t parent,
                        const char *name)
{
    request.data = name;
    request.data_size = strlen(name) + 1;
    answer(request, parent);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    answer_name((struct request){.req = req, .run = names_lookup}, parent,
                name);
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

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
                       struct fuse_file_info *fi)
{
    (void)fi;
    answer((struct request){.req = req, .run = names_getattr}, ino);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *stat,
                       int to_set, struct fuse_file_info *fi)
{
    (void)fi;
    answer((struct request){.req = req,
                            .run = names_setattr,
                            .flags = to_set,
                            .data = stat,
                            .data_size = sizeof(*stat)},
           ino);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    answer((struct request){.req = req, .run = names_readlink}, ino);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    answer((struct request){.req = req, .run = opened_open, .flags = fi->flags},
           ino);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
                      mode_t mode, struct fuse_file_info *fi)
{
    (void)mode;
    answer_name(
        (struct request){.req = req, .run = opened_create, .flags = fi->flags},
        parent, name);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t position,
                    struct fuse_file_info *fi)
{
    struct request request = {
        .req = req,
        .run = opened_read,
        .handle = handle_of(fi),
        .position = (uint64_t)position,
        .size = size,
        .flags = fi->flags,
        .in_turn = true,
    };

    if (position < 0)
        fuse_reply_err(req, EINVAL);
    else if (!request.handle->kind->read)
        fuse_reply_err(req, EACCES);
    else
        answer(request, ino);
}

/* A write to a door, and one that changes something. */
static enum lane lane_of(const struct handle *handle)
{
    return handle->kind->door ? LANE_APPENDS : LANE_CHANGES;
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data,
                     size_t size, off_t position, struct fuse_file_info *fi)
{
    struct request request = {
        .req = req,
        .run = opened_write,
        .answer = ANSWER_WRITE,
        .handle = handle_of(fi),
        .end = (fi->flags & O_DSYNC) != 0,
        .data = data,
        .data_size = size,
    };

    (void)position;
    request.lane = lane_of(request.handle);
    if (request.handle->kind->write)
        answer(request, ino);
    else
        fuse_reply_err(req, EACCES);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
                     struct fuse_file_info *fi)
{
    struct request request = {
        .req = req,
        .run = opened_write,
        .lane = LANE_APPENDS,
        .handle = handle_of(fi),
        .end = true,
        .data = "",
    };

    (void)datasync;
    if (request.handle->kind->door)
        answer(request, ino);
    else
        work_durable(fs_of(req)->work, req, ANSWER_DONE, 0);
}

static void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
                        struct fuse_file_info *fi)
{
    (void)ino;
    (void)datasync;
    (void)fi;
    work_durable(fs_of(req)->work, req, ANSWER_DONE, 0);
}

/* The same for all nodes that a file has had. */
static uint64_t lock_file(fuse_ino_t ino)
{
    struct node node;

    return node_unpack(ino, &node) == 0 ? tree_ino(node) : ino;
}

static void op_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
                     int operation)
{
    handle_of(fi)->locked = true;
    locks_set(work_locks(fs_of(req)->work), req, lock_file(ino), fi->lock_owner,
              operation);
}

static void op_release(fuse_req_t req, fuse_ino_t ino,
                       struct fuse_file_info *fi)
{
    struct handle *handle = handle_of(fi);
    bool ends = handle->kind->unfinished && handle->kind->unfinished(handle);

    if (fi->flock_release)
        locks_release(work_locks(fs_of(req)->work), lock_file(ino),
                      fi->lock_owner);
    answer((struct request){.req = req,
                            .run = opened_release,
                            .lane = ends ? LANE_APPENDS : LANE_READS,
                            .handle = handle,
                            .ends = ends},
           ino);
}

static void list(struct request request, fuse_ino_t ino, off_t cookie)
{
    request.run = names_readdir;
    request.position = (uint64_t)cookie;
    if (cookie < 0)
        fuse_reply_err(request.req, EINVAL);
    else
        answer(request, ino);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size,
                       off_t cookie, struct fuse_file_info *fi)
{
    (void)fi;
    list((struct request){.req = req, .size = size}, ino, cookie);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
                           off_t cookie, struct fuse_file_info *fi)
{
    (void)fi;
    list((struct request){.req = req, .size = size, .plus = true}, ino, cookie);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    (void)ino;
    answer((struct request){.req = req, .run = names_statfs}, FUSE_ROOT_ID);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
                        size_t size)
{
    answer_name(
        (struct request){.req = req, .run = names_getxattr, .size = size}, ino,
        name);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    answer((struct request){.req = req, .run = names_listxattr, .size = size},
           ino);
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

/*
 * EINVAL, upon which programs read and write by themselves: the kernel's own
 * way, by a pipe, would make many writes of one, and so many records.
 */
static void op_copy_file_range(fuse_req_t req, fuse_ino_t from,
                               off_t position_from, struct fuse_file_info *fi,
                               fuse_ino_t to, off_t position_to,
                               struct fuse_file_info *fi_to, size_t size,
                               int flags)
{
    (void)from;
    (void)position_from;
    (void)fi;
    (void)to;
    (void)position_to;
    (void)fi_to;
    (void)size;
    (void)flags;
    fuse_reply_err(req, EINVAL);
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
        answer_name((struct request){.req = req,
                                     .run = names_mkdir,
                                     .lane = LANE_CHANGES},
                    parent, name);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    answer_name(
        (struct request){.req = req, .run = names_rmdir, .lane = LANE_REMOVALS},
        parent, name);
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
 * Left out, because libfuse then answers as it should: opendir, releasedir;
 * or the kernel by itself: flush, poll, lseek, setxattr, removexattr
 * (EOPNOTSUPP), and locks of fcntl(2), which it keeps.
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
    .flock = op_flock,
    .fsync = op_fsync,
    .fsyncdir = op_fsyncdir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .statfs = op_statfs,
    .getxattr = op_getxattr,
    .listxattr = op_listxattr,
    .ioctl = op_ioctl,
    .fallocate = op_fallocate,
    .copy_file_range = op_copy_file_range,
    .create = op_create,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_remove,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .link = op_link,
    .rename = op_rename,
};
