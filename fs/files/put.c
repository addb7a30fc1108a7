/* SPDX-License-Identifier: MIT */
#include "files/put.h"

#include "clog.h"

#include <errno.h>

int put_write(struct clog *log, const char *data, size_t size, unsigned flags)
{
    if (size > PUT_MAX)
        return -EMSGSIZE;
    return clog_append(log, data, size, flags, NULL);
}
