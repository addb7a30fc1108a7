/* SPDX-License-Identifier: MIT */
/*
 * sigbus.h - reads of a map that fault are errors, not the process's end.
 *
 * A read of a map faults with SIGBUS where the file has been cut short or the
 * device cannot read. io_copy_mapped() leaves such a read by a jump; every
 * other SIGBUS goes on to the handler that was there before, or does what it
 * would have done.
 */
#ifndef CLOG_IO_SIGBUS_H
#define CLOG_IO_SIGBUS_H

/* Installs the handler that io_copy_mapped() needs, again if somebody has put
   another one in its place. */
void sigbus_install(void);

#endif
