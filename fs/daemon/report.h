/* SPDX-License-Identifier: MIT */
/*
 * report.h - prints what the library found in a log, at open and since.
 */
#ifndef CLOG_FS_DAEMON_REPORT_H
#define CLOG_FS_DAEMON_REPORT_H

#include <stddef.h>

struct clog_note;
struct clog_report;

/*
 * Writes note as one line of at most size bytes with its NUL: the file, the
 * place in it, the text, the error if there was one, and for damage how to
 * read on behind it.
 */
void notes_format(const char *logdir, const struct clog_note *note, char *line,
                  size_t size);

/* Prints each note of report as one line. */
void notes_print(const char *logdir, const struct clog_report *report);

/* Prints one note; for clog_options.noticed. logdir is a string. */
void notes_notice(void *logdir, const struct clog_note *note);

#endif
