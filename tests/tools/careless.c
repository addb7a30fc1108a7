/* SPDX-License-Identifier: MIT */
/*
 * careless.c - what a daemon would answer that is less careful: linked into
 * one, it makes the kernel keep attributes for a second, however they change,
 * and says of every attribute that is not there that it might have been.
 *
 * Tests that such a daemon passes would prove nothing of a careful one.
 */
#include <errno.h>

#include "serve/request.h"

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker names them so. */

int __real_fuse_reply_attr(fuse_req_t req, const struct stat *attr,
                           double timeout);
int __real_fuse_reply_entry(fuse_req_t req,
                            const struct fuse_entry_param *entry);
int __real_fuse_reply_err(fuse_req_t req, int error);
int __wrap_fuse_reply_attr(fuse_req_t req, const struct stat *attr,
                           double timeout);
int __wrap_fuse_reply_entry(fuse_req_t req,
                            const struct fuse_entry_param *entry);
int __wrap_fuse_reply_err(fuse_req_t req, int error);

int __wrap_fuse_reply_attr(fuse_req_t req, const struct stat *attr,
                           double timeout)
{
    return __real_fuse_reply_attr(req, attr, timeout + 1);
}

int __wrap_fuse_reply_entry(fuse_req_t req,
                            const struct fuse_entry_param *entry)
{
    struct fuse_entry_param kept = *entry;

    kept.attr_timeout += 1;
    return __real_fuse_reply_entry(req, &kept);
}

int __wrap_fuse_reply_err(fuse_req_t req, int error)
{
    return __real_fuse_reply_err(req, error == EOPNOTSUPP ? ENODATA : error);
}
/* NOLINTEND(bugprone-reserved-identifier) */
