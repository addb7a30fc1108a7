/* SPDX-License-Identifier: MIT */
/*
 * io.h - the seam between the log and the system it stores in.
 *
 * Every system call that touches a log's directory is one entry of struct
 * io_ops. io_posix() makes them for real; the tests put a disk in memory
 * behind the same table, or a layer that lets call number k fail, and so see
 * every state that a crash or a fault can leave.
 *
 * The entries of io_ops are as raw as the calls they stand for: they may be
 * interrupted and may do less than asked. The io_* functions below them are
 * what the layers above call, and all that they call: EINTR and short counts
 * end here.
 *
 * Everything returns 0, a count or a descriptor, or a negative errno.
 * Descriptors mean something to their io alone. Names are single path
 * components below the directory descriptor dir, never followed when they are
 * symbolic links. Only io_open_root() takes a path.
 */
#ifndef CLOG_IO_IO_H
#define CLOG_IO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum io_type { IO_FILE, IO_DIR, IO_OTHER };

struct io_stat {
    enum io_type type;
    uint64_t size;   /* bytes */
    mode_t mode;     /* permission bits */
    uint64_t links;  /* names that it has */
    int64_t time_ns; /* of the last change of contents, since the epoch */
    uint64_t dev, ino;
};

struct io_space {
    uint64_t block_size;
    uint64_t blocks, blocks_free, blocks_available;
};

struct io;

/* Where a read begins. */
struct io_from {
    int fd;
    bool nowait; /* EAGAIN where the bytes are not in memory */
    uint64_t position;
};

/* Called for each name in a directory but "." and ".."; nonzero ends it. */
typedef int io_list_fn(void *ctx, const char *name);

struct io_ops {
    /* flags as in open(2); O_CLOEXEC, O_NOFOLLOW and O_NONBLOCK are added, and
       what is made belongs to dir's owner where root makes it, as by mkdir. */
    int (*open)(struct io *io, int dir, const char *name, int flags,
                mode_t mode);
    int (*close)(struct io *io, int fd);
    ssize_t (*readv)(struct io *io, struct io_from from,
                     const struct iovec *iov, int count);
    ssize_t (*writev)(struct io *io, int fd, const struct iovec *iov, int count,
                      uint64_t position);
    /* The first byte at or behind at that is in no hole; UINT64_MAX: none is.
       An io without this has no holes. */
    int (*next_data)(struct io *io, int fd, uint64_t at, uint64_t *ret);
    int (*truncate)(struct io *io, int fd, uint64_t size);
    int (*datasync)(struct io *io, int fd);
    int (*sync)(struct io *io, int fd);
    int (*stat)(struct io *io, int fd, struct io_stat *ret);
    int (*statat)(struct io *io, int dir, const char *name,
                  struct io_stat *ret);
    int (*chmod)(struct io *io, int fd, mode_t mode);
    int (*mkdir)(struct io *io, int dir, const char *name, mode_t mode);
    int (*unlink)(struct io *io, int dir, const char *name, bool directory);
    int (*rename)(struct io *io, int dir, const char *from, const char *to);
    int (*list)(struct io *io, int dir, io_list_fn *each, void *ctx);
    /* Never waits: EWOULDBLOCK. Held until fd and its copies are closed. */
    int (*lock)(struct io *io, int fd, bool exclusive);
    int (*space)(struct io *io, int fd, struct io_space *ret);
    /* Read-only, size bytes from the file's start; it may be shorter now. */
    int (*map)(struct io *io, int fd, size_t size, const void **ret);
    void (*unmap)(struct io *io, const void *map, size_t size);
    /* The same, to be written to: a store changes the file, not durably. */
    int (*map_shared)(struct io *io, int fd, size_t size, void **ret);
    /* Sets room aside for bytes [from, from + size) of the file, whose size
       stays. EOPNOTSUPP: the filesystem cannot. EFBIG: no write may go
       there. */
    int (*allocate)(struct io *io, int fd, uint64_t from, uint64_t size);
    bool (*cached)(struct io *io, const void *from, size_t size);
    int64_t (*now)(struct io *io); /* ns since epoch, as it is set */
    /* ns since the kernel started, asleep or not; nobody can set it. */
    int64_t (*uptime)(struct io *io);
    int (*boot_id)(struct io *io, char ret[static 37]); /* of this kernel */
};

struct io {
    const struct io_ops *ops;
};

/* The system's own. Also installs the SIGBUS handler of io_copy_mapped(). */
struct io *io_posix(void);

int io_open(struct io *io, int dir, const char *name, int flags, mode_t mode);

/* Opens the directory at path, relative to the working directory. */
int io_open_root(struct io *io, const char *path);

/* Closes fd if it is not negative. What close(2) says is of no use here: what
   must be on disk was synced. */
void io_close(struct io *io, int fd);

/*
 * Reads up to size bytes, fewer only at the end of the file, or, with nowait,
 * where the rest is not in memory. EAGAIN: nothing of it is.
 */
ssize_t io_read(struct io *io, struct io_from from, void *data, size_t size);

/*
 * The same, but what is before an error is returned, and the error by the next
 * read: a device that cannot read one block has read those before it.
 */
ssize_t io_read_some(struct io *io, struct io_from from, void *data,
                     size_t size);

/* As io_read(), into count pieces one after the other. iov is used up: its
   contents are undefined after. */
ssize_t io_readv(struct io *io, struct io_from from, struct iovec *iov,
                 int count);

/*
 * Writes all count pieces end to end from position on, or fails; then some of
 * them may have been written. iov is used up: its contents are undefined after.
 */
int io_writev(struct io *io, int fd, struct iovec *iov, size_t count,
              uint64_t position);
int io_write(struct io *io, int fd, const void *data, size_t size,
             uint64_t position);

int io_next_data(struct io *io, int fd, uint64_t at, uint64_t *ret);
int io_truncate(struct io *io, int fd, uint64_t size);
int io_datasync(struct io *io, int fd);
int io_sync(struct io *io, int fd);

/* The entries of io_ops by the same names; what a signal interrupts is made
   again. */
int io_stat(struct io *io, int fd, struct io_stat *ret);
int io_statat(struct io *io, int dir, const char *name, struct io_stat *ret);
int io_chmod(struct io *io, int fd, mode_t mode);
int io_mkdir(struct io *io, int dir, const char *name, mode_t mode);
int io_unlink(struct io *io, int dir, const char *name, bool directory);
int io_rename(struct io *io, int dir, const char *from, const char *to);
int io_list(struct io *io, int dir, io_list_fn *each, void *ctx);
int io_lock(struct io *io, int fd, bool exclusive);
int io_space(struct io *io, int fd, struct io_space *ret);
int io_map(struct io *io, int fd, size_t size, const void **ret);
void io_unmap(struct io *io, const void *map, size_t size);
int io_map_shared(struct io *io, int fd, size_t size, void **ret);
int io_allocate(struct io *io, int fd, uint64_t from, uint64_t size);

/*
 * Whether size bytes of a map, from there on, are in memory: a look at them now
 * would not wait for a device. Of a file that the process neither owns nor may
 * write the kernel does not tell, and the answer is yes.
 */
bool io_cached(struct io *io, const void *from, size_t size);

int64_t io_now(struct io *io);
int64_t io_uptime(struct io *io);
int io_boot_id(struct io *io, char ret[static 37]);

/*
 * Copies size bytes out of a map. EIO: the file has no such bytes any more, or
 * the device could not read them; where a plain read of the map would be a
 * SIGBUS.
 */
int io_copy_mapped(void *to, const void *from, size_t size);

/*
 * Calls body, which reads and writes size bytes from map on and does nothing
 * else that would have to be undone. EIO: it was left in the middle, where the
 * file has such bytes no more, or the device could not give or take them.
 */
int io_guard(const void *map, size_t size, void (*body)(void *ctx), void *ctx);

#endif
