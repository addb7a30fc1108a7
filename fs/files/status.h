/* SPDX-License-Identifier: MIT */
/*
 * status.h - the files `status` and `metrics.prom`: how the log is.
 *
 * The same figures twice: lines of a key and a value, and the text format of
 * Prometheus. The text is made when the file is opened and stays as it is.
 *
 * The functions of kind.h. ENOMEM.
 */
#ifndef CLOG_FS_FILES_STATUS_H
#define CLOG_FS_FILES_STATUS_H

#include <stdint.h>

struct fs;
struct handle;

int status_open(struct fs *fs, uint64_t number, struct handle *handle);
int status_open_metrics(struct fs *fs, uint64_t number, struct handle *handle);

#endif
