/* SPDX-License-Identifier: MIT */
/*
 * printable.h - text with names in it, as a terminal may have it.
 *
 * Names in a log's directory may be anybody's, and a terminal takes orders from
 * control characters.
 */
#ifndef CLOG_FS_DAEMON_PRINTABLE_H
#define CLOG_FS_DAEMON_PRINTABLE_H

#include <stddef.h>

/*
 * Copies text, with each control character of ASCII and of Latin-1 (also as
 * UTF-8) as \xNN, byte by byte. What does not fit into size bytes, with a NUL,
 * is cut off; four times strlen(text) and one always fits.
 */
void printable(const char *text, char *ret_text, size_t size);

#endif
