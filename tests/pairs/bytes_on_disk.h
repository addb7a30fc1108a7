/* SPDX-License-Identifier: MIT */
/*
 * bytes_on_disk.h - a log's files as FORMAT.md says they are, read by code that
 * has nothing of the log's own.
 */
#ifndef CLOG_TESTS_BYTES_ON_DISK_H
#define CLOG_TESTS_BYTES_ON_DISK_H

#include "world.h"

/*
 * Compares the files of the world's log, which has been closed in order, with
 * what is known of it: each byte of store, index and stamps, and the cursors.
 * Of a log that was damaged, only the bytes of records that are good.
 */
bool world_check_files(struct world *world);

#endif
