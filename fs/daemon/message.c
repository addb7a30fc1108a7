/* SPDX-License-Identifier: MIT */
#include "daemon/message.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* Set before any thread is started. */
static bool to_syslog;
static bool left_stderr;

void message_to_syslog(void)
{
    openlog("clog", LOG_PID, LOG_DAEMON);
    to_syslog = true;
}

void message_leave_stderr(void)
{
    left_stderr = true;
}

void message_list(int priority, const char *format, va_list list)
{
    char line[PATH_MAX + 512];

    vsnprintf(line, sizeof(line), format, list);
    line[strcspn(line, "\n")] = '\0';
    if (to_syslog)
        syslog(priority, "%s", line);
    if (!left_stderr)
        fprintf(stderr, "clog: %s\n", line);
}

void message(int priority, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    message_list(priority, format, list);
    va_end(list);
}
