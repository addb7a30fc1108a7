/* SPDX-License-Identifier: MIT */
/*
 * presence.h - whether the log is still where it was opened.
 *
 * Who removes LOGDIR, or the active segment, leaves a log that goes on in
 * files without names: what it takes is gone with the process. So somebody has
 * to look.
 */
#ifndef CLOG_LOG_PRESENCE_H
#define CLOG_LOG_PRESENCE_H

#include "log/log.h"

/* Looks for the active segment. ESTALE: it has been removed; the log is
   read-only from here on, and options.noticed is told. */
int presence_check(struct clog *log);

#endif
