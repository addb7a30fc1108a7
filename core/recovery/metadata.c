/* SPDX-License-Identifier: MIT */
#include "recovery/metadata.h"

#include "io/bytes.h"
#include "io/files.h"
#include "segment/record.h"
#include "segment/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FORMAT_TEXT  "clog 1\n"
#define TEXT_SIZE    512 /* bytes; more than any of the texts has */
#define DURABLE_SIZE 16

bool metadata_is_new(const char *name)
{
    size_t size = strlen(name);
    size_t end = strlen(METADATA_NEW);

    return size >= end && strcmp(name + size - end, METADATA_NEW) == 0;
}

int format_check(struct io *io, int root, uint64_t *ret_position)
{
    char text[TEXT_SIZE];
    ssize_t n = io_load(io, root, METADATA_FORMAT, text, sizeof(text));
    size_t size;
    size_t same = 0;

    if (n < 0 && n != -EFBIG)
        return (int)n;
    size = n < 0 ? sizeof(text) : (size_t)n;
    while (same < size && same < strlen(FORMAT_TEXT) &&
           text[same] == FORMAT_TEXT[same])
        same++;
    if (same == size && same == strlen(FORMAT_TEXT))
        return 0;
    *ret_position = same;
    return -EUCLEAN;
}

int format_write(struct io *io, int root)
{
    return io_replace(io, root, METADATA_FORMAT, FORMAT_TEXT,
                      strlen(FORMAT_TEXT));
}

/* Loads a text as a string. */
static int load_text(struct io *io, int root, const char *name,
                     char text[static TEXT_SIZE])
{
    ssize_t n = io_load(io, root, name, text, TEXT_SIZE - 1);

    if (n < 0)
        return n == -EFBIG ? -EUCLEAN : (int)n;
    text[n] = '\0';
    return strlen(text) == (size_t)n ? 0 : -EUCLEAN;
}

static int print_writer(const struct writer *writer,
                        char text[static TEXT_SIZE])
{
    return snprintf(text, TEXT_SIZE,
                    "pid %jd\nboot %s\ndirectory %" PRIu64 " %" PRIu64 "\n",
                    (intmax_t)writer->pid, writer->boot_id, writer->dev,
                    writer->ino);
}

int writer_load(struct io *io, int root, struct writer *ret_writer)
{
    struct writer writer = {0};
    char text[TEXT_SIZE];
    char again[TEXT_SIZE];
    intmax_t pid;
    int r = load_text(io, root, METADATA_WRITER, text);

    if (r < 0)
        return r;
    if (sscanf(text, "pid %jd boot %36s directory %" SCNu64 " %" SCNu64, &pid,
               writer.boot_id, &writer.dev, &writer.ino) != 4)
        return -EUCLEAN;
    writer.pid = (pid_t)pid;
    /* sscanf is lax: what it read must print as what was there. */
    (void)print_writer(&writer, again);
    if (strcmp(text, again) != 0)
        return -EUCLEAN;
    *ret_writer = writer;
    return 0;
}

int writer_store(struct io *io, int root, const struct writer *writer)
{
    char text[TEXT_SIZE];
    int n = print_writer(writer, text);
    int fd = io_open_own(io, root, METADATA_WRITER, true);
    int r;

    if (fd < 0)
        return fd;
    r = io_write(io, fd, text, (size_t)n, 0);
    if (r == 0)
        r = io_truncate(io, fd, (uint64_t)n);
    if (r == 0)
        r = io_sync(io, fd);
    if (r == 0)
        r = io_sync(io, root);
    io_close(io, fd);
    return r;
}

static int print_clean(const struct clean *clean, char text[static TEXT_SIZE])
{
    char name[SEGMENT_NAME];
    int n;

    segment_name(clean->base, name);
    n = snprintf(text, TEXT_SIZE,
                 "next %" PRIu64 "\nsegment %s\nstore %" PRIu64
                 "\nindex %" PRIu64 "\nstamps %" PRIu64 "\n",
                 clean->next, name, clean->sizes[CLOG_STORE],
                 clean->sizes[CLOG_INDEX], clean->sizes[CLOG_STAMPS]);
    return n + snprintf(text + n, (size_t)(TEXT_SIZE - n),
                        "crc32c %08" PRIx32 "\n", crc32c(text, (size_t)n));
}

int clean_load(struct io *io, int root, struct clean *ret_clean)
{
    struct clean clean = {0};
    char text[TEXT_SIZE];
    char again[TEXT_SIZE];
    int r = load_text(io, root, METADATA_CLEAN, text);

    if (r < 0)
        return r;
    if (sscanf(text,
               "next %" SCNu64 " segment %" SCNu64 " store %" SCNu64
               " index %" SCNu64 " stamps %" SCNu64,
               &clean.next, &clean.base, &clean.sizes[CLOG_STORE],
               &clean.sizes[CLOG_INDEX], &clean.sizes[CLOG_STAMPS]) != 5)
        return -EUCLEAN;
    (void)print_clean(&clean, again);
    if (strcmp(text, again) != 0)
        return -EUCLEAN;
    *ret_clean = clean;
    return 0;
}

int clean_store(struct io *io, int root, const struct clean *clean)
{
    char text[TEXT_SIZE];
    int n = print_clean(clean, text);

    return io_replace(io, root, METADATA_CLEAN, text, (size_t)n);
}

int clean_remove(struct io *io, int root)
{
    int r = io_unlink(io, root, METADATA_CLEAN, false);

    if (r == -ENOENT)
        return 0;
    return r < 0 ? r : io_sync(io, root);
}

static void put_durable(uint8_t to[static DURABLE_SIZE], uint64_t offset)
{
    put_be64(to, offset);
    put_be32(to + 8, 0);
    put_be32(to + 12, crc32c(to, 12));
}

int durable_load(struct io *io, int root, uint64_t *ret_offset)
{
    uint8_t bytes[DURABLE_SIZE];
    uint8_t again[DURABLE_SIZE];
    ssize_t n = io_load(io, root, METADATA_DURABLE, bytes, sizeof(bytes));

    if (n < 0)
        return n == -EFBIG ? -EUCLEAN : (int)n;
    if (n != DURABLE_SIZE)
        return -EUCLEAN;
    put_durable(again, get_be64(bytes));
    if (memcmp(bytes, again, DURABLE_SIZE) != 0)
        return -EUCLEAN;
    *ret_offset = get_be64(bytes);
    return 0;
}

int durable_write(struct io *io, int fd, uint64_t offset)
{
    uint8_t bytes[DURABLE_SIZE];

    put_durable(bytes, offset);
    return io_write(io, fd, bytes, sizeof(bytes), 0);
}

static int print_cursor(uint64_t offset, char text[static TEXT_SIZE])
{
    int n = snprintf(text, TEXT_SIZE, "offset %" PRIu64 "\n", offset);

    return n + snprintf(text + n, (size_t)(TEXT_SIZE - n),
                        "crc32c %08" PRIx32 "\n", crc32c(text, (size_t)n));
}

int cursor_check_name(const char *name)
{
    if (strlen(name) > CLOG_CURSOR_NAME)
        return -ENAMETOOLONG;
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') ||
        metadata_is_new(name))
        return -EINVAL;
    return 0;
}

int cursor_load(struct io *io, int dir, const char *name, uint64_t *ret_offset)
{
    char text[TEXT_SIZE];
    char again[TEXT_SIZE];
    struct io_stat st;
    uint64_t offset;
    int r = -ENOENT;

    if (cursor_check_name(name) == 0)
        r = io_statat(io, dir, name, &st);
    if (r == 0)
        r = st.type == IO_FILE ? load_text(io, dir, name, text) : -ENOENT;
    if (r < 0)
        return r;
    if (sscanf(text, "offset %" SCNu64, &offset) != 1)
        return -EUCLEAN;
    (void)print_cursor(offset, again);
    if (strcmp(text, again) != 0)
        return -EUCLEAN;
    *ret_offset = offset;
    return 0;
}

int cursor_store(struct io *io, int dir, const char *name, uint64_t offset)
{
    char text[TEXT_SIZE];
    int n = print_cursor(offset, text);

    return io_put(io, dir, name, text, (size_t)n);
}
