/* SPDX-License-Identifier: MIT */
#include "files/text.h"

#include "daemon/clock.h"
#include "files/handle.h"
#include "files/mount.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How many measured texts wait for their opening; more forget the oldest. */
#define MEASURED_MAX 64

/* So long a program may take from asking for the size to reading. */
#define MOMENT_NS UINT64_C(1000000000)

struct text {
    size_t size;
    char *bytes;      /* owned */
    uint64_t made_ns; /* ns since the boot */
};

struct measured {
    struct node node;
    struct text text; /* bytes NULL: none */
};

/* Of one mount; by its handles_lock. */
struct texts {
    struct measured measured[MEASURED_MAX];
    unsigned next;
};

/* What an open file knows. */
struct shown {
    struct text text; /* bytes NULL: it could not be made */
    /* For others who look: its size, and how often it was made anew. */
    _Atomic uint64_t size, renewed;
    bool used; /* it has been read from the start */
};

/* ret_text->bytes is to be freed. */
static int print(struct fs *fs, const struct kind *kind, struct node node,
                 struct text *ret_text)
{
    struct text text = {.made_ns = clock_ns(CLOCK_BOOTTIME)};
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

/* Takes the text that was measured for node; bytes NULL: there is none. */
static struct text take(struct fs *fs, struct node node)
{
    struct text text = {0};

    (void)pthread_mutex_lock(&fs->handles_lock);
    for (size_t i = 0; fs->texts && !text.bytes && i < MEASURED_MAX; i++) {
        struct measured *measured = &fs->texts->measured[i];

        if (measured->text.bytes && node_same(measured->node, node)) {
            text = measured->text;
            measured->text.bytes = NULL;
        }
    }
    (void)pthread_mutex_unlock(&fs->handles_lock);
    return text;
}

/* Keeps text, which is given away, for whoever opens node. */
static void keep(struct fs *fs, struct node node, struct text text)
{
    char *forgotten = text.bytes;

    free(take(fs, node).bytes);
    (void)pthread_mutex_lock(&fs->handles_lock);
    if (!fs->texts)
        fs->texts = calloc(1, sizeof(*fs->texts));
    if (fs->texts) {
        struct measured *measured =
            &fs->texts->measured[fs->texts->next++ % MEASURED_MAX];

        forgotten = measured->text.bytes;
        *measured = (struct measured){node, text};
    }
    (void)pthread_mutex_unlock(&fs->handles_lock);
    free(forgotten);
}

void text_forget_all(struct fs *fs)
{
    for (size_t i = 0; fs->texts && i < MEASURED_MAX; i++)
        free(fs->texts->measured[i].text.bytes);
    free(fs->texts);
    fs->texts = NULL;
}

/* A text that was made anew is seen to be another one. */
static void set_as_shown(const struct handle *handle, void *ctx)
{
    const struct shown *shown = handle->state;
    struct attr *attr = ctx;

    if (!shown)
        return;
    attr->stat.st_size = (off_t)atomic_load(&shown->size);
    attr_set_time(attr, handle->fs->started_ns + atomic_load(&shown->renewed));
}

/* The size is that of the text that is read, or would be; of one that cannot be
   made, 0. */
int text_attr(struct fs *fs, const struct kind *kind, struct node node,
              struct attr *attr)
{
    struct text text = {0};
    int r;

    attr->timeout = 0;
    if (node.look > 0 && handle_find(fs, node, set_as_shown, attr))
        return 0;
    r = print(fs, kind, node, &text);
    if (r == -EIO)
        return 0;
    if (r < 0)
        return r;
    attr->stat.st_size = (off_t)text.size;
    if (node.look > 0)
        keep(fs, node, text);
    else
        free(text.bytes);
    return 0;
}

static void show(struct shown *shown, struct text text)
{
    free(shown->text.bytes);
    shown->text = text;
    atomic_store(&shown->size, text.size);
}

int text_open(struct handle *handle, unsigned flags)
{
    struct shown *shown = calloc(1, sizeof(*shown));
    struct text text;
    int r = 0;

    (void)flags;
    if (!shown)
        return -ENOMEM;
    handle->state = shown;
    text = take(handle->fs, handle->node);
    if (!text.bytes)
        r = print(handle->fs, handle->kind, handle->node, &text);
    if (r == -EIO)
        return 0; /* it can be written to, and reading it says so */
    if (r == 0)
        show(shown, text);
    return r;
}

/* Whether what was measured is to be read though the text is now of another
   size: by a program that has just asked for the size and believes it. */
static bool is_believed(const struct handle *handle, const struct text *now)
{
    const struct shown *shown = handle->state;

    return shown->text.bytes && !shown->used && !handle->locked &&
           now->size != shown->text.size &&
           now->made_ns - shown->text.made_ns < MOMENT_NS;
}

/* A read from the start. */
static int renew(struct handle *handle)
{
    struct shown *shown = handle->state;
    struct text now;
    int r = print(handle->fs, handle->kind, handle->node, &now);

    if (r < 0)
        return r;
    if (shown->used)
        shown->renewed++;
    if (is_believed(handle, &now))
        free(now.bytes);
    else
        show(shown, now);
    shown->used = true;
    return 0;
}

ssize_t text_read(struct handle *handle, char *data, size_t size,
                  uint64_t position, unsigned flags)
{
    struct shown *shown = handle->state;
    const struct text *text = &shown->text;
    int r = position == 0 || !text->bytes ? renew(handle) : 0;

    (void)flags;
    if (r < 0)
        return r;
    if (position >= text->size)
        return 0;
    if (size > text->size - position)
        size = text->size - (size_t)position;
    memcpy(data, text->bytes + position, size);
    return (ssize_t)size;
}

int text_close(struct handle *handle, unsigned flags)
{
    struct shown *shown = handle->state;

    (void)flags;
    if (shown)
        free(shown->text.bytes);
    free(shown);
    return 0;
}
