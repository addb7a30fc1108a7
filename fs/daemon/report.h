/* SPDX-License-Identifier: MIT */
/*
 * report.h - says what was found in a log, when it was opened and since.
 */
#ifndef CLOG_FS_DAEMON_REPORT_H
#define CLOG_FS_DAEMON_REPORT_H

#include <stddef.h>

struct clog_note;
struct clog_report;

/*
 * Writes note in one line, cut to size bytes with its NUL: the file, where in
 * it, what, and the error that there was.
 */
void notes_format(const char *logdir, const struct clog_note *note, char *line,
                  size_t size);

/* Says every note of report, one line each. */
void notes_print(const char *logdir, const struct clog_report *report);

/* Says one note. logdir is a string: for clog_options.noticed. */
void notes_notice(void *logdir, const struct clog_note *note);

#endif
