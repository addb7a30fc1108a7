/* SPDX-License-Identifier: MIT */
/*
 * put.h - the door `put`: one write, one record.
 */
#ifndef CLOG_FS_FILES_PUT_H
#define CLOG_FS_FILES_PUT_H

#include <stddef.h>

/*
 * The longest write(2) that reaches the daemon in one piece whatever its
 * address: 256 pages of 4096 bytes, less one for a start in mid-page. A longer
 * one is EMSGSIZE: the first piece of a write that was too long for one request
 * always is longer.
 */
#define PUT_MAX ((size_t)255 * 4096)

#endif
