/* SPDX-License-Identifier: MIT */
/*
 * at.h - the directory `at`: records found by time.
 *
 * at/TIME is a symbolic link to the first record that was appended at or after
 * TIME; of records with equal times to the lowest.
 */
#ifndef CLOG_FS_FILES_AT_H
#define CLOG_FS_FILES_AT_H

#include <stdint.h>

/*
 * Reads a time as RFC 3339 has it, date and time joined by T, t or a blank:
 *
 *     2026-11-22T12:00:00Z             any number of digits of a second may
 *     2026-11-22T12:00:00.5+01:00      follow
 *     2026-11-22T12:00:00              without offset: in the local zone
 *     2026-11-22                       the first moment of a local day
 *     @1795348800.25                   seconds since the epoch
 *
 * A local time that comes twice means the first, one that is skipped the
 * moment after. A fraction finer than a ns is rounded up, since what is looked
 * for lies at or after it; a time out of int64_t's range becomes its end.
 *
 * *ret_ns: ns since the epoch. EINVAL: it is no such time.
 */
int at_parse(const char *text, int64_t *ret_ns);

#endif
