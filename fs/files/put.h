/* SPDX-License-Identifier: MIT */
/*
 * put.h - the door `put`: one write, one record.
 */
#ifndef CLOG_FS_FILES_PUT_H
#define CLOG_FS_FILES_PUT_H

#include <stddef.h>

struct clog;

/*
 * The longest write(2) that reaches the daemon in one piece whatever its
 * address: 256 pages of 4096 bytes, less one for a start in mid-page.
 */
#define PUT_MAX ((size_t)255 * 4096)

/*
 * Appends the write as one record, its bytes as they are. EMSGSIZE: it is
 * longer than PUT_MAX or max_record; the first piece of a write that was too
 * long for one request always is. Else as clog_append().
 */
int put_write(struct clog *log, const char *data, size_t size, unsigned flags);

#endif
