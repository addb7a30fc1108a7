/* SPDX-License-Identifier: MIT */
/*
 * presence.h - whether the log is still where it was opened.
 *
 * When a user removes LOGDIR, or the active segment, the log goes on in files
 * without names: what it takes is gone with the process. So it looks for its
 * names now and then.
 */
#ifndef CLOG_LOG_PRESENCE_H
#define CLOG_LOG_PRESENCE_H

#include "log/log.h"

/* Looks for the active segment. ESTALE: it has been removed; the log is
   read-only from here on, and options.noticed is told. */
int presence_check(struct clog *log);

#endif
