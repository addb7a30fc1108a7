/* SPDX-License-Identifier: MIT */
/*
 * config.h - a file of options, one a line.
 *
 * A line is an option as it stands behind -o, without blanks before and
 * after it. Empty lines, and those that begin with #, mean nothing.
 */
#ifndef CLOG_FS_DAEMON_CONFIG_H
#define CLOG_FS_DAEMON_CONFIG_H

/* Takes one option; prints on stderr what is wrong with it. */
typedef int config_take(void *ctx, const char *word);

/*
 * Hands each option in the file at path to take, in order, until one is
 * refused, and prints its line number on stderr. Errors: those of take, and of
 * opening and reading a file, which it prints too.
 */
int config_read(const char *path, config_take *take, void *ctx);

#endif
