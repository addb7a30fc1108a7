/* SPDX-License-Identifier: MIT */
#include "segment/crc.h"

#include <isa-l/crc.h>
#include <limits.h>

crc_t crc_add(crc_t crc, const void *data, size_t size)
{
    unsigned char *bytes = (unsigned char *)(uintptr_t)data;

    while (size > 0) {
        int n = size < INT_MAX ? (int)size : INT_MAX;

        crc = crc32_iscsi(bytes, n, crc);
        bytes += n;
        size -= (size_t)n;
    }
    return crc;
}
