/* SPDX-License-Identifier: MIT */
/*
 * retain.h - limits to what a log keeps.
 */
#ifndef CLOG_LOG_RETAIN_H
#define CLOG_LOG_RETAIN_H

#include "log/log.h"

/* Fills in what limits imply: a segment is rolled early enough for a limit to
   be kept to within a quarter. */
void retain_set_limits(struct clog_options *options);

#endif
