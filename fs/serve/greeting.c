/* SPDX-License-Identifier: MIT */
#include "serve/greeting.h"

#include "serve/request.h"

#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)

int greeting_complete(struct fuse_session *session)
{
    (void)session;
    return 0;
}

#else

#include <linux/fuse.h>

/* In flags2; newer than some systems' headers. */
#define ALLOW_MMAP (UINT32_C(1) << (36 - 32))

struct offer {
    uint64_t unique; /* of INIT, from when it has been received until it is
                        answered; or 0 */
    uint32_t flags, flags2;
};

static struct offer offer;

/* The first request is INIT, and nothing else is under way until it is
   answered. */
static ssize_t receive(int fd, void *data, size_t size, void *userdata)
{
    struct fuse_in_header header;
    struct fuse_init_in init;
    ssize_t n = read(fd, data, size);

    (void)userdata;
    if (n < (ssize_t)(sizeof(header) + sizeof(init)))
        return n;
    memcpy(&header, data, sizeof(header));
    if (header.opcode != FUSE_INIT)
        return n;
    memcpy(&init, (char *)data + sizeof(header), sizeof(init));
    offer = (struct offer){
        .unique = header.unique,
        .flags = init.flags & FUSE_PARALLEL_DIROPS,
        .flags2 = (init.flags & FUSE_INIT_EXT) ? init.flags2 & ALLOW_MMAP : 0,
    };
    return n;
}

static ssize_t answer(int fd, struct iovec *iov, int count, void *userdata)
{
    const struct fuse_out_header *header = iov[0].iov_base;

    (void)userdata;
    if (offer.unique != 0 && header->unique == offer.unique && count == 2 &&
        header->error == 0 && iov[1].iov_len >= sizeof(struct fuse_init_out)) {
        struct fuse_init_out *init = iov[1].iov_base;

        init->flags |= offer.flags;
        if ((init->flags & FUSE_INIT_EXT) != 0)
            init->flags2 |= offer.flags2;
        offer.unique = 0;
    }
    return writev(fd, iov, count);
}

int greeting_complete(struct fuse_session *session)
{
    static const struct fuse_custom_io io = {.writev = answer, .read = receive};

    return fuse_session_custom_io(session, &io, fuse_session_fd(session));
}

#endif
