/* SPDX-License-Identifier: MIT */
/*
 * message.h - what the daemon says to people.
 *
 * In the foreground on stderr, in the background to syslog, and to both while
 * it is on its way there. Any thread may call message().
 *
 * Whoever takes the messages may be slow, or may wait for the daemon: a syslog
 * daemon that writes into the mount, a pipe that nobody reads. So from
 * message_start() on a thread of its own prints, and message() only queues;
 * what finds the queue full is dropped and counted. A text that comes again
 * within seconds is counted too, and the count is said.
 */
#ifndef CLOG_FS_DAEMON_MESSAGE_H
#define CLOG_FS_DAEMON_MESSAGE_H

#include <stdarg.h>

/* From here on, messages go to syslog too. */
void message_to_syslog(void);

/* From here on, messages do not go to stderr any more. */
void message_leave_stderr(void);

/* Starts the thread; until then message() prints by itself. EAGAIN. */
int message_start(void);

/* Waits until all is printed that was said so far, but not for ever. */
void message_flush(void);

/* Prints what is queued and ends the thread, or gives up after some seconds;
   message() must not be called any more. */
void message_stop(void);

/* Says one line. priority is syslog's: LOG_ERR, LOG_WARNING, ... */
void message(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void message_list(int priority, const char *format, va_list list)
    __attribute__((format(printf, 2, 0)));

#endif
