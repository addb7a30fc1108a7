/* SPDX-License-Identifier: MIT */
/*
 * message.h - what the daemon says to people.
 *
 * In the foreground on stderr, in the background to syslog, and to both while
 * it is on its way there. Any thread may call message().
 */
#ifndef CLOG_FS_DAEMON_MESSAGE_H
#define CLOG_FS_DAEMON_MESSAGE_H

#include <stdarg.h>

/* From here on, messages go to syslog too. */
void message_to_syslog(void);

/* From here on, messages do not go to stderr any more. */
void message_leave_stderr(void);

/* Says one line. priority is syslog's: LOG_ERR, LOG_WARNING, ... */
void message(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void message_list(int priority, const char *format, va_list list)
    __attribute__((format(printf, 2, 0)));

#endif
