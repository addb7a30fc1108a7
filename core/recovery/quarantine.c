/* SPDX-License-Identifier: MIT */
#include "recovery/quarantine.h"

#include "io/buffer.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PIECE ((size_t)64 << 10)

/* Bytes [from, to) of the store or of the stamps. */
struct tail {
    const struct segment *segment;
    enum clog_file file;
    uint64_t from, to;
};

static int read_piece(const struct tail *tail, uint64_t at, uint8_t *data,
                      size_t size)
{
    ssize_t n;

    if (tail->file == CLOG_STAMPS)
        return slots_read(&tail->segment->stamps, data, size, at);
    n = store_read(&tail->segment->store, data, size, at, false);
    if (n < 0)
        return (int)n;
    return (size_t)n == size ? 0 : -EIO;
}

/* Adds the tail's bytes to crc and, where fd is a file, writes them to it. */
static int copy(struct io *io, const struct tail *tail, int fd,
                struct buffer *buffer, crc_t *crc)
{
    uint64_t at = tail->from;

    while (at < tail->to) {
        size_t n = tail->to - at < PIECE ? (size_t)(tail->to - at) : PIECE;
        int r = read_piece(tail, at, buffer->data, n);

        if (r == 0 && fd >= 0)
            r = io_write(io, fd, buffer->data, n, at - tail->from);
        if (r < 0)
            return r;
        *crc = crc_add(*crc, buffer->data, n);
        at += n;
    }
    return 0;
}

static int make_file(struct io *io, int dir, const char *stem, const char *end)
{
    char name[96];

    (void)snprintf(name, sizeof(name), "%s.%s", stem, end);
    return io_make(io, dir, name);
}

static int keep_tail(struct io *io, int dir, const char *stem,
                     const struct tail *tail, struct buffer *buffer)
{
    crc_t ignored = CRC_START;
    int fd = make_file(io, dir, stem, segment_files[tail->file]);
    int r;

    if (fd < 0)
        return fd;
    r = copy(io, tail, fd, buffer, &ignored);
    if (r == 0)
        r = io_sync(io, fd);
    io_close(io, fd);
    return r;
}

static int keep_note(struct io *io, int dir, const char *stem,
                     const struct tail tails[2], uint64_t offset)
{
    char text[512];
    int fd = make_file(io, dir, stem, "note");
    int n =
        snprintf(text, sizeof(text),
                 "A torn tail, cut when the log was opened after an "
                 "unclean end.\n"
                 "segment %020" PRIu64 "\noffset %" PRIu64 "\nposition %" PRIu64
                 "\nstore bytes %" PRIu64 "\nstamps bytes %" PRIu64 "\n",
                 tails[0].segment->base, offset, tails[0].from,
                 tails[0].to - tails[0].from, tails[1].to - tails[1].from);
    int r;

    if (fd < 0)
        return fd;
    r = io_write(io, fd, text, (size_t)n, 0);
    if (r == 0)
        r = io_sync(io, fd);
    io_close(io, fd);
    return r;
}

static int open_quarantine(struct io *io, int root)
{
    int r = io_mkdir(io, root, "quarantine", 0700);

    if (r == 0)
        r = io_sync(io, root);
    if (r < 0 && r != -EEXIST)
        return r;
    return io_open(io, root, "quarantine", O_RDONLY | O_DIRECTORY, 0);
}

static int keep_all(struct io *io, int root, const struct tail tails[2],
                    uint64_t offset, struct buffer *buffer)
{
    char stem[64];
    crc_t crc = CRC_START;
    int dir = -1;
    int r = copy(io, &tails[0], -1, buffer, &crc);

    if (r == 0)
        r = copy(io, &tails[1], -1, buffer, &crc);
    if (r < 0)
        return r;
    (void)snprintf(stem, sizeof(stem), "%020" PRIu64 ".%" PRIu64 ".%08" PRIx32,
                   tails[0].segment->base, offset, crc_end(crc));
    dir = open_quarantine(io, root);
    if (dir < 0)
        return dir;
    r = keep_tail(io, dir, stem, &tails[0], buffer);
    if (r == 0)
        r = keep_tail(io, dir, stem, &tails[1], buffer);
    if (r == 0)
        r = keep_note(io, dir, stem, tails, offset);
    if (r == 0)
        r = io_sync(io, dir);
    io_close(io, dir);
    return r;
}

int quarantine_tail(struct io *io, int root, const struct segment *segment,
                    const struct evidence *evidence, const struct extent *keep)
{
    uint64_t stamps = keep->count * SLOT_SIZE;
    struct tail tails[2] = {
        {segment, CLOG_STORE, keep->end, evidence->store_size},
        {segment, CLOG_STAMPS, stamps, evidence->stamps_size},
    };
    struct buffer buffer = {0};
    int r = buffer_reserve(&buffer, PIECE);

    if (tails[1].to < tails[1].from)
        tails[1].to = tails[1].from;
    if (r == 0)
        r = keep_all(io, root, tails, segment->base + keep->count, &buffer);
    buffer_done(&buffer);
    return r;
}

int quarantine_prefix(struct io *io, int root, uint64_t base, uint64_t offset,
                      const void *data, size_t size)
{
    char stem[64];
    int dir = open_quarantine(io, root);
    int fd;
    int r;

    if (dir < 0)
        return dir;
    (void)snprintf(stem, sizeof(stem), "%020" PRIu64 ".%" PRIu64 ".%08" PRIx32,
                   base, offset, crc32c(data, size));
    fd = make_file(io, dir, stem, "prefix");
    r = fd < 0 ? fd : io_write(io, fd, data, size, 0);
    if (r == 0)
        r = io_sync(io, fd);
    if (r == 0)
        r = io_sync(io, dir);
    io_close(io, fd);
    io_close(io, dir);
    return r;
}
