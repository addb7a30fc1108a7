/* SPDX-License-Identifier: MIT */
/*
 * buffer.h - scratch memory that is kept between uses.
 *
 * An empty buffer is all zeros. Contents do not survive buffer_reserve().
 */
#ifndef CLOG_IO_BUFFER_H
#define CLOG_IO_BUFFER_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define BUFFER_KEEP ((size_t)1 << 20) /* bytes that are worth keeping */

struct buffer {
    uint8_t *data;
    size_t size;
};

static inline void buffer_done(struct buffer *buffer)
{
    free(buffer->data);
    buffer->data = NULL;
    buffer->size = 0;
}

/* Makes room for at least size bytes. ENOMEM: the buffer is empty. */
static inline int buffer_reserve(struct buffer *buffer, size_t size)
{
    if (size <= buffer->size)
        return 0;
    buffer_done(buffer);
    if (size < 4096)
        size = 4096;
    buffer->data = malloc(size);
    if (!buffer->data)
        return -ENOMEM;
    buffer->size = size;
    return 0;
}

/* Gives back what one unusually large use has made of the buffer. */
static inline void buffer_trim(struct buffer *buffer)
{
    if (buffer->size > BUFFER_KEEP)
        buffer_done(buffer);
}

#endif
