/* SPDX-License-Identifier: MIT */
/*
 * directory.h - what lies in a log's directory: names, sizes, and the small
 * files that earlier runs left.
 */
#ifndef CLOG_RECOVERY_DIRECTORY_H
#define CLOG_RECOVERY_DIRECTORY_H

#include "recovery/recovery.h"

/*
 * Checks that the directory is a log's, or empty; makes format and segments/
 * where they are missing and may be made. EUCLEAN: noted.
 */
int directory_open(struct recovery *recovery);

/* Loads what earlier runs left: durable, has_clean, has_writer, same_boot. */
int directory_load(struct recovery *recovery);

/*
 * Lists the segments, in order, with the sizes of their files, and finishes
 * the removal of dropped ones. EUCLEAN, noted: a name that is a segment's is
 * not a directory, or a file of one is not a file.
 */
int directory_list(struct recovery *recovery);

#endif
