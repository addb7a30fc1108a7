/* SPDX-License-Identifier: MIT */
/*
 * message.h - messages to people.
 *
 * In the foreground on stderr, in the background to syslog, and to both while
 * it is on its way there. Any thread may call message().
 *
 * The reader of the messages may be slow, or may wait for the daemon: a syslog
 * daemon that writes into the mount, a pipe that nobody reads. So after
 * message_start() a thread of its own prints, and message() only queues. A
 * message that finds the queue full is dropped and counted. A text that comes
 * again within seconds is counted, and printed once with the count.
 */
#ifndef CLOG_FS_DAEMON_MESSAGE_H
#define CLOG_FS_DAEMON_MESSAGE_H

#include <stdarg.h>

/* From here on, messages go to syslog too. */
void message_to_syslog(void);

/* From here on, messages do not go to stderr any more. */
void message_leave_stderr(void);

/* Starts the thread; before, message() prints by itself. EAGAIN. */
int message_start(void);

/* Waits until the queue is printed, at most for some seconds. */
void message_flush(void);

/* Prints the queue and ends the thread, or gives up after some seconds. The
   caller must not call message() any more. */
void message_stop(void);

/* Prints one line. priority is syslog's: LOG_ERR, LOG_WARNING, ... */
void message(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void message_list(int priority, const char *format, va_list list)
    __attribute__((format(printf, 2, 0)));

#endif
