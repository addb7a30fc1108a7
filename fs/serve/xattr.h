/* SPDX-License-Identifier: MIT */
/*
 * xattr.h - extended attributes: what is known of a record besides its bytes.
 *
 *     user.clog.offset
 *         of the record, decimal
 *     user.clog.position
 *         of its length prefix in its segment's store, decimal
 *     user.clog.segment
 *         its segment's name in `segments`
 *     user.clog.time
 *         of its append, seconds since the epoch with 9 decimals
 *     user.clog.crc32c
 *         its checksum, 8 hexadecimal digits; absent where it has none
 *     user.clog.version
 *         on the root: the daemon's
 */
#ifndef CLOG_FS_SERVE_XATTR_H
#define CLOG_FS_SERVE_XATTR_H

#include "files/kind.h"

/*
 * Writes the value of node's attribute name, without a NUL behind it. Returns
 * its length. EOPNOTSUPP: name does not begin with "user.clog.", whatever node
 * is: ls asks no more of this mount then. ENODATA: node has no such attribute.
 * ESTALE, ENOENT, EIO: as of the record itself. flags: as of kind.h.
 */
ssize_t xattr_get(struct fs *fs, struct node node, const char *name,
                  unsigned flags, char ret_value[XATTR_MAX]);

/*
 * Writes the names of node's attributes, each with its NUL. Returns how many
 * bytes that are. Errors as above.
 */
ssize_t xattr_list(struct fs *fs, struct node node, unsigned flags,
                   char ret_names[XATTR_MAX]);

#endif
