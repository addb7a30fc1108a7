/* SPDX-License-Identifier: MIT */
/*
 * Files that are never synced: the suite must notice.
 */
#include "io/io.h"

int no_sync(struct io *io, int fd) __asm__("__wrap_io_datasync");

int no_sync(struct io *io, int fd)
{
    (void)io;
    (void)fd;
    return 0;
}
