/* SPDX-License-Identifier: MIT */
/*
 * wait.h - waiting for records.
 */
#ifndef CLOG_LOG_WAIT_H
#define CLOG_LOG_WAIT_H

#include "log/log.h"

/* Wakes all who wait for records: there are more of them. */
void wait_wake(struct clog *log);

#endif
