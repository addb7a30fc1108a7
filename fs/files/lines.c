/* SPDX-License-Identifier: MIT */
#include "files/lines.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int add(struct lines *lines, const char *data, size_t size)
{
    if (lines->count == lines->capacity) {
        size_t capacity = lines->capacity == 0 ? 64 : 2 * lines->capacity;
        struct iovec *iov =
            reallocarray(lines->iov, capacity, sizeof(lines->iov[0]));

        if (!iov)
            return -ENOMEM;
        lines->iov = iov;
        lines->capacity = capacity;
    }
    lines->iov[lines->count].iov_base = (void *)(uintptr_t)data;
    lines->iov[lines->count].iov_len = size;
    lines->count++;
    return 0;
}

int lines_cut(const char *data, size_t size, size_t held, size_t max, bool end,
              struct lines *lines, size_t *ret_tail)
{
    const char *stop = data + size;

    lines->count = 0;
    for (;;) {
        size_t left = (size_t)(stop - data);
        const char *newline = left > 0 ? memchr(data, '\n', left) : NULL;
        size_t length = newline ? (size_t)(newline - data) + 1 : left;

        if (held > max || length > max - held)
            return -EMSGSIZE;
        if (!newline && (!end || held + length == 0)) {
            *ret_tail = length;
            return 0;
        }
        int r = add(lines, data, length);
        if (r < 0)
            return r;
        data += length;
        held = 0;
        if (!newline) {
            *ret_tail = 0;
            return 0;
        }
    }
}

void lines_done(struct lines *lines)
{
    free(lines->iov);
    *lines = (struct lines){0};
}
