/* SPDX-License-Identifier: MIT */
/*
 * progress.h - a progress bar on a terminal.
 */
#ifndef CLOG_FS_DAEMON_PROGRESS_H
#define CLOG_FS_DAEMON_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* One line on stderr, drawn after one second and then at most ten times a
   second. Draws nothing if stderr is no terminal. */
struct progress {
    const char *what; /* borrowed: "checking the log" */
    struct timespec began, drawn;
    bool terminal;
    bool shown; /* the line is on the terminal */
};

void progress_start(struct progress *progress, const char *what);

/* Draws done of total, in bytes. ctx is the struct progress. */
void progress_show(void *ctx, uint64_t done, uint64_t total);

/* Wipes the line away: before a message, or at the end. */
void progress_clear(struct progress *progress);

#endif
