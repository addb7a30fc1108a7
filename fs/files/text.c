/* SPDX-License-Identifier: MIT */
#include "files/text.h"

#include "files/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct text {
    size_t size;
    char *bytes; /* owned */
};

/* *ret_bytes is to be freed. */
static int print(struct fs *fs, const struct kind *kind, struct node node,
                 struct text *ret_text)
{
    struct text text = {0};
    FILE *file = open_memstream(&text.bytes, &text.size);
    int failed;
    int r;

    if (!file)
        return -ENOMEM;
    r = kind->text(fs, node, file);
    failed = ferror(file);
    if (fclose(file) != 0 || failed)
        r = -ENOMEM;
    if (r < 0)
        free(text.bytes);
    else
        *ret_text = text;
    return r;
}

int text_size(struct fs *fs, const struct kind *kind, struct node node,
              size_t *ret_size)
{
    struct text text;
    int r = print(fs, kind, node, &text);

    if (r < 0)
        return r;
    *ret_size = text.size;
    free(text.bytes);
    return 0;
}

static int renew(struct handle *handle)
{
    struct text *text = handle->state;
    struct text now;
    int r;

    if (!text)
        text = calloc(1, sizeof(*text));
    if (!text)
        return -ENOMEM;
    handle->state = text;
    r = print(handle->fs, handle->kind, handle->node, &now);
    if (r < 0)
        return r;
    free(text->bytes);
    *text = now;
    return 0;
}

ssize_t text_read(struct handle *handle, char *data, size_t size,
                  uint64_t position, unsigned flags)
{
    const struct text *text = handle->state;
    int r = position == 0 || !text ? renew(handle) : 0;

    (void)flags;
    if (r < 0)
        return r;
    text = handle->state;
    if (position >= text->size)
        return 0;
    if (size > text->size - position)
        size = text->size - (size_t)position;
    memcpy(data, text->bytes + position, size);
    return (ssize_t)size;
}

int text_close(struct handle *handle, unsigned flags)
{
    struct text *text = handle->state;

    (void)flags;
    if (text)
        free(text->bytes);
    free(text);
    return 0;
}
