/* SPDX-License-Identifier: MIT */
/*
 * progress.h - how far something is that takes long, on a terminal.
 */
#ifndef CLOG_FS_DAEMON_PROGRESS_H
#define CLOG_FS_DAEMON_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* One line on stderr, drawn from the second second on, at most ten times a
   second. Nothing is drawn where stderr is no terminal. */
struct progress {
    const char *what; /* borrowed: "checking the log" */
    struct timespec began, drawn;
    bool terminal;
    bool shown; /* there is a line to be ended */
};

void progress_start(struct progress *progress, const char *what);

/* Says that done of total bytes are done. ctx is the struct progress. */
void progress_show(void *ctx, uint64_t done, uint64_t total);

/* Wipes the line away, for a message to be printed, or at the end. */
void progress_clear(struct progress *progress);

#endif
