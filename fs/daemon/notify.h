/* SPDX-License-Identifier: MIT */
/*
 * notify.h - tells a service manager how the daemon is.
 *
 * Lines "NAME=VALUE" in datagrams to the socket that $NOTIFY_SOCKET names, as
 * sd_notify(3) defines them. Where there is none, nothing is sent.
 */
#ifndef CLOG_FS_DAEMON_NOTIFY_H
#define CLOG_FS_DAEMON_NOTIFY_H

#include <stdint.h>

/* Before anything is sent. A socket that cannot be reached is said. */
void notify_connect(void);

/* Sends lines, without the last newline. Waits for nobody; what cannot be sent
   is lost. One thread at a time, as of notify_progress(). */
void notify(const char *lines);

/* Sends as the status how much of total is done, when that is another per cent
   than was sent last. */
void notify_progress(const char *what, uint64_t done, uint64_t total);

#endif
