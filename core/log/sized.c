/* SPDX-License-Identifier: MIT */
#include "log/sized.h"

#include <errno.h>
#include <string.h>

/* Bytes; what claims to be longer is a size that was not set. */
#define LONGEST 4096

static size_t size_of(const void *sized)
{
    size_t size;

    memcpy(&size, sized, sizeof(size));
    return size;
}

static size_t shorter(size_t a, size_t b)
{
    return a < b ? a : b;
}

int sized_take(const void *given, size_t known, void *ret)
{
    const char *bytes = given;
    size_t size = size_of(given);

    if (size < sizeof(size))
        return -EINVAL;
    if (size > LONGEST)
        return -E2BIG;
    for (size_t i = known; i < size; i++)
        if (bytes[i] != 0)
            return -E2BIG;
    memset(ret, 0, known);
    memcpy(ret, given, shorter(size, known));
    return 0;
}

int sized_give(const void *own, size_t known, void *ret)
{
    const size_t head = sizeof(size_t);
    size_t size = size_of(ret);

    if (size < head)
        return -EINVAL;
    memcpy((char *)ret + head, (const char *)own + head,
           shorter(size, known) - head);
    return 0;
}
