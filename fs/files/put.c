/* SPDX-License-Identifier: MIT */
#include "files/put.h"

#include "clog.h"
#include "files/door.h"
#include "files/handle.h"
#include "files/mount.h"

#include <errno.h>

static int put_write(struct handle *handle, const char *data, size_t size,
                     bool end, unsigned flags)
{
    (void)end;
    if (size > PUT_MAX)
        return -EMSGSIZE;
    if (size == 0)
        return 0;
    return clog_append(handle->fs->log, data, size, flags, NULL);
}

const struct kind put_kind = {
    .name = "put",
    .parent = NODE_ROOT,
    .mode = DOOR_MODE,
    .free_mode = DOOR_FREE_MODE,
    .door = true,
    .apart = door_apart,
    .write = put_write,
};
