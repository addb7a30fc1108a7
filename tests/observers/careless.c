/* SPDX-License-Identifier: MIT */
/*
 * careless.c - what a daemon would answer that thinks of one observer only:
 * linked into one, it does by CARELESS
 *
 *     cache   let the kernel keep the pages of every file
 *     late    let it keep attributes for a second, whatever becomes of them
 *     sizes   say of every file that it is empty
 *
 * Observers who find nothing wrong there would prove nothing elsewhere.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/request.h"

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker names them so. */

int __real_fuse_reply_attr(fuse_req_t req, const struct stat *attr,
                           double timeout);
int __real_fuse_reply_entry(fuse_req_t req,
                            const struct fuse_entry_param *entry);
int __real_fuse_reply_open(fuse_req_t req, const struct fuse_file_info *fi);
int __wrap_fuse_reply_attr(fuse_req_t req, const struct stat *attr,
                           double timeout);
int __wrap_fuse_reply_entry(fuse_req_t req,
                            const struct fuse_entry_param *entry);
int __wrap_fuse_reply_open(fuse_req_t req, const struct fuse_file_info *fi);

static int is_careless(const char *way)
{
    const char *said = getenv("CARELESS");

    return said != NULL && strcmp(said, way) == 0;
}

int __wrap_fuse_reply_attr(fuse_req_t req, const struct stat *attr,
                           double timeout)
{
    struct stat kept = *attr;

    if (is_careless("sizes"))
        kept.st_size = 0;
    if (is_careless("late"))
        timeout += 1;
    return __real_fuse_reply_attr(req, &kept, timeout);
}

/* A name that is kept is one node for all who open it. */
int __wrap_fuse_reply_entry(fuse_req_t req,
                            const struct fuse_entry_param *entry)
{
    struct fuse_entry_param kept = *entry;

    if (is_careless("sizes"))
        kept.attr.st_size = 0;
    if (is_careless("late"))
        kept.attr_timeout += 1;
    if (is_careless("cache"))
        kept.entry_timeout += 1;
    return __real_fuse_reply_entry(req, &kept);
}

int __wrap_fuse_reply_open(fuse_req_t req, const struct fuse_file_info *fi)
{
    struct fuse_file_info kept = *fi;

    if (is_careless("cache"))
        kept.direct_io = 0;
    return __real_fuse_reply_open(req, &kept);
}
/* NOLINTEND(bugprone-reserved-identifier) */
