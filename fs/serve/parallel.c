/* SPDX-License-Identifier: MIT */
#include "serve/parallel.h"

#include "serve/request.h"

#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)

int parallel_directories(struct fuse_session *session)
{
    (void)session;
    return 0;
}

#else

#include <linux/fuse.h>

/* What INIT's answer will be recognised by, from when it has been received
   until it is answered; 0: there is none, or the kernel offers nothing. */
static _Atomic uint64_t init;

static ssize_t receive(int fd, void *data, size_t size, void *userdata)
{
    struct fuse_in_header header;
    struct fuse_init_in offer;
    size_t least = sizeof(header) + offsetof(struct fuse_init_in, unused);
    ssize_t n = read(fd, data, size);

    (void)userdata;
    if (n < (ssize_t)least)
        return n;
    memcpy(&header, data, sizeof(header));
    if (header.opcode != FUSE_INIT)
        return n;
    memcpy(&offer, (char *)data + sizeof(header), least - sizeof(header));
    if ((offer.flags & FUSE_PARALLEL_DIROPS) != 0)
        init = header.unique;
    return n;
}

static ssize_t answer(int fd, struct iovec *iov, int count, void *userdata)
{
    const struct fuse_out_header *header = iov[0].iov_base;
    struct fuse_init_out *taken;

    (void)userdata;
    if (init != 0 && header->unique == init && count == 2 &&
        header->error == 0 &&
        iov[1].iov_len >= offsetof(struct fuse_init_out, max_background)) {
        taken = iov[1].iov_base;
        taken->flags |= FUSE_PARALLEL_DIROPS;
        init = 0;
    }
    return writev(fd, iov, count);
}

int parallel_directories(struct fuse_session *session)
{
    static const struct fuse_custom_io io = {.writev = answer, .read = receive};

    return fuse_session_custom_io(session, &io, fuse_session_fd(session));
}

#endif
