/* SPDX-License-Identifier: MIT */
/*
 * sigbus.h - reads of a map that fault are errors, not the process's end.
 */
#ifndef CLOG_IO_SIGBUS_H
#define CLOG_IO_SIGBUS_H

/* Installs the handler that io_copy_mapped() needs. */
void sigbus_install(void);

#endif
