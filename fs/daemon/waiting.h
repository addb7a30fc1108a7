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

enum waiting_next {
    WAITING_AGAIN, /* try again */
    WAITING_TELL,  /* tell the user, once, and try again */
    WAITING_OVER,  /* give up */
};

/* Call it when the log was in use: sleeps a little. */
enum waiting_next waiting_next(struct waiting *waiting);

/* Writes "process N", the process that has the log open, or "another process"
   where the kernel does not show it. */
void waiting_holder(const char *logdir, char *text, size_t size);

#endif
