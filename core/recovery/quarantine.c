/* SPDX-License-Identifier: MIT */
#include "recovery/quarantine.h"

#include "io/buffer.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define PIECE ((size_t)64 << 10)
#define MARGIN                                                     \
    ((uint64_t)64 << 10) /* bytes that names and the note may take \
                          */

/* Bytes [from, to) of a file of the segment, which is open as fd. */
struct tail {
    enum clog_file file;
    int fd; /* owned; -1: there is no such file */
    uint64_t from, to;
};

/* What is kept of a segment. */
struct kept {
    struct io *io;
    int dir;               /* owned: quarantine/; -1: not open yet */
    struct tail tails[2];  /* of store and stamps */
    uint64_t base, offset; /* of the segment, of the first record kept */
    uint64_t data;         /* bytes, without pieces of zeros */
    char stem[64];         /* what the files' names begin with */
};

static const char *const ends[] = {"store", "stamps", "note"};

static int open_tail(struct tail *tail, const struct recovery *recovery,
                     const struct found *found, int segment)
{
    if (!found->present[tail->file])
        return 0;
    tail->fd =
        io_open(recovery->io, segment, segment_files[tail->file], O_RDONLY, 0);
    return tail->fd < 0 ? tail->fd : 0;
}

static int open_tails(struct kept *kept, const struct recovery *recovery,
                      const struct found *found)
{
    int segment =
        segment_open_dir(recovery->io, recovery->segments, found->base);
    int r = segment < 0 ? segment : 0;

    for (int k = 0; r == 0 && k < 2; k++)
        r = open_tail(&kept->tails[k], recovery, found, segment);
    io_close(recovery->io, segment);
    return r;
}

static int measure_piece(struct kept *kept, const struct tail *tail,
                         uint64_t at, struct buffer *buffer, crc_t *crc)
{
    size_t n = tail->to - at < PIECE ? (size_t)(tail->to - at) : PIECE;
    ssize_t got =
        io_read(kept->io, (struct io_from){.fd = tail->fd, .position = at},
                buffer->data, n);

    if (got != (ssize_t)n)
        return got < 0 ? (int)got : -EIO;
    *crc = crc_add(*crc, buffer->data, n);
    if (!io_is_zero(buffer->data, n))
        kept->data += n;
    return (int)n;
}

/* Adds the tail's bytes to crc, and counts those that a copy has to have. A
   hole of any size adds its zeros at once. */
static int measure(struct kept *kept, const struct tail *tail,
                   struct buffer *buffer, crc_t *crc)
{
    uint64_t at = tail->from;

    while (at < tail->to) {
        uint64_t data = at;
        int n = io_next_data(kept->io, tail->fd, at, &data);

        if (data > tail->to)
            data = tail->to;
        if (n == 0 && data > at) {
            *crc = crc_join(*crc, 0, data - at);
            at = data;
            continue;
        }
        if (n == 0)
            n = measure_piece(kept, tail, at, buffer, crc);
        if (n < 0)
            return n;
        at += (uint64_t)n;
    }
    return 0;
}

static int name_kept(struct kept *kept)
{
    struct buffer buffer = {0};
    crc_t crc = CRC_START;
    int r = buffer_reserve(&buffer, PIECE);

    for (int k = 0; r == 0 && k < 2; k++)
        r = measure(kept, &kept->tails[k], &buffer, &crc);
    buffer_done(&buffer);
    (void)snprintf(kept->stem, sizeof(kept->stem),
                   "%020" PRIu64 ".%" PRIu64 ".%08" PRIx32, kept->base,
                   kept->offset, crc_end(crc));
    return r;
}

static int open_quarantine(struct io *io, int root)
{
    int r = io_mkdir(io, root, "quarantine", 0700);

    if (r == 0 || r == -EEXIST)
        r = io_sync_names(io, root);
    if (r < 0)
        return r;
    return io_open(io, root, "quarantine", O_RDONLY | O_DIRECTORY, 0);
}

static int make_file(const struct kept *kept, const char *end)
{
    char name[96];

    (void)snprintf(name, sizeof(name), "%s.%s", kept->stem, end);
    return io_make(kept->io, kept->dir, name);
}

/* What an attempt before has left, too, so that it does not take the room. */
static void remove_files(const struct kept *kept)
{
    char name[96];

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        (void)snprintf(name, sizeof(name), "%s.%s", kept->stem, ends[i]);
        (void)io_unlink(kept->io, kept->dir, name, false);
    }
}

/* A copy that would not fit is not begun: for as long as it lasts nobody else
   could write. */
static int check_room(const struct kept *kept)
{
    struct io_space space = {0};
    int r = io_space(kept->io, kept->dir, &space);

    if (r < 0 || space.block_size == 0)
        return r;
    return (kept->data + MARGIN) / space.block_size >= space.blocks_available
               ? -ENOSPC
               : 0;
}

static int keep_tail(const struct kept *kept, const struct tail *tail)
{
    int fd = make_file(kept, segment_files[tail->file]);
    int r;

    if (fd < 0)
        return fd;
    r = io_copy(kept->io, tail->fd, tail->from, tail->to - tail->from, fd);
    if (r == 0)
        r = io_sync(kept->io, fd);
    io_close(kept->io, fd);
    return r;
}

static int keep_note(const struct kept *kept)
{
    const struct tail *tails = kept->tails;
    char text[512];
    int fd = make_file(kept, "note");
    int n =
        snprintf(text, sizeof(text),
                 "A torn tail, cut when the log was opened after an "
                 "unclean end.\n"
                 "segment %020" PRIu64 "\noffset %" PRIu64 "\nposition %" PRIu64
                 "\nstore bytes %" PRIu64 "\nstamps bytes %" PRIu64 "\n",
                 kept->base, kept->offset, tails[0].from,
                 tails[0].to - tails[0].from, tails[1].to - tails[1].from);
    int r;

    if (fd < 0)
        return fd;
    r = io_write(kept->io, fd, text, (size_t)n, 0);
    if (r == 0)
        r = io_sync(kept->io, fd);
    io_close(kept->io, fd);
    return r;
}

static int keep_all(const struct kept *kept)
{
    int r;

    remove_files(kept);
    r = check_room(kept);
    for (int k = 0; r == 0 && k < 2; k++)
        r = keep_tail(kept, &kept->tails[k]);
    if (r == 0)
        r = keep_note(kept);
    if (r == 0)
        r = io_sync(kept->io, kept->dir);
    /* The tail is still where it was: a part of it here is of no use. */
    if (r < 0)
        remove_files(kept);
    return r;
}

int quarantine_tail(const struct recovery *recovery, const struct found *found,
                    const struct extent *keep)
{
    struct kept kept = {
        .io = recovery->io,
        .dir = -1,
        .tails = {{CLOG_STORE, -1, keep->end, found->sizes[CLOG_STORE]},
                  {CLOG_STAMPS, -1, keep->count * SLOT_SIZE,
                   found->sizes[CLOG_STAMPS]}},
        .base = found->base,
        .offset = found->base + keep->count,
    };
    int r = open_tails(&kept, recovery, found);

    if (kept.tails[1].to < kept.tails[1].from)
        kept.tails[1].to = kept.tails[1].from;
    if (r == 0)
        r = name_kept(&kept);
    if (r == 0)
        kept.dir = r = open_quarantine(recovery->io, recovery->root);
    if (r >= 0)
        r = keep_all(&kept);
    for (int k = 0; k < 2; k++)
        io_close(recovery->io, kept.tails[k].fd);
    io_close(recovery->io, kept.dir);
    return r;
}

int quarantine_prefix(struct io *io, int root, uint64_t base, uint64_t offset,
                      const uint8_t prefix[static RECORD_PREFIX])
{
    struct kept kept = {.io = io, .dir = open_quarantine(io, root)};
    int fd;
    int r;

    if (kept.dir < 0)
        return kept.dir;
    (void)snprintf(kept.stem, sizeof(kept.stem),
                   "%020" PRIu64 ".%" PRIu64 ".%08" PRIx32, base, offset,
                   crc32c(prefix, RECORD_PREFIX));
    fd = make_file(&kept, "prefix");
    r = fd < 0 ? fd : io_write(io, fd, prefix, RECORD_PREFIX, 0);
    if (r == 0)
        r = io_sync(io, fd);
    if (r == 0)
        r = io_sync(io, kept.dir);
    io_close(io, fd);
    io_close(io, kept.dir);
    return r;
}
