/* SPDX-License-Identifier: MIT */
/*
 * waiting.h - waits for another process to close the log.
 *
 * umount(8) returns before the daemon has closed its log. So an opener of a log
 * that is in use tries again for some seconds.
 */
#ifndef CLOG_FS_DAEMON_WAITING_H
#define CLOG_FS_DAEMON_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct waiting {
    int64_t began_ms; /* 0: not yet */
    bool told;        /* the user knows */
};

/*
 * Whether to try again, when the log was in use: sleeps a little before, and
 * after a second tells, once, in one line, which process has it open.
 */
bool waiting_again(struct waiting *waiting, const char *logdir,
                   void (*tell)(const char *line));

/* Writes "process N", the process that has the log open, or "another process"
   where the kernel does not show it. */
void waiting_holder(const char *logdir, char *text, size_t size);

#endif
