/* SPDX-License-Identifier: MIT */
#include "segment/segment.h"

#include "io/bytes.h"
#include "io/files.h"
#include "segment/index.h"
#include "segment/stamps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define DROPPED_NAME (SEGMENT_NAME + sizeof(SEGMENT_DROPPED))

const char *const segment_files[3] = {"store", "index", "stamps"};

void scratch_trim(struct scratch *scratch)
{
    buffer_trim(&scratch->frames);
    buffer_trim(&scratch->stamps);
    buffer_trim(&scratch->index);
}

void scratch_done(struct scratch *scratch)
{
    buffer_done(&scratch->frames);
    buffer_done(&scratch->stamps);
    buffer_done(&scratch->index);
}

void segment_name(uint64_t base, char ret[SEGMENT_NAME])
{
    (void)snprintf(ret, SEGMENT_NAME, "%020" PRIu64, base);
}

int segment_parse(const char *name, uint64_t *ret_base)
{
    uint64_t base = 0;

    for (int i = 0; i < SEGMENT_NAME - 1; i++) {
        if (name[i] < '0' || name[i] > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(base, 10u, &base) ||
            __builtin_add_overflow(base, (uint64_t)(name[i] - '0'), &base))
            return -EINVAL;
    }
    if (name[SEGMENT_NAME - 1] != '\0')
        return -EINVAL;
    *ret_base = base;
    return 0;
}

int segment_open_dir(struct io *io, int segments, uint64_t base)
{
    char name[SEGMENT_NAME];

    segment_name(base, name);
    return io_open(io, segments, name, O_RDONLY | O_DIRECTORY, 0);
}

int segment_open_writable(struct io *io, int segments, uint64_t base)
{
    int dir = segment_open_dir(io, segments, base);

    if (dir >= 0)
        io_let_owner_write(io, dir);
    return dir;
}

/* The file's descriptor; -1, which is what slots and store take for a file
   without bytes, when it is missing. */
static int open_file(struct io *io, int dir, enum clog_file file, int *ret_fd)
{
    int fd = io_open(io, dir, segment_files[file], O_RDONLY, 0);

    if (fd < 0 && fd != -ENOENT)
        return fd;
    *ret_fd = fd < 0 ? -1 : fd;
    return 0;
}

static int open_slots(struct slots *slots, struct io *io, int dir,
                      enum clog_file file, uint64_t size)
{
    int fd = -1;
    int r = open_file(io, dir, file, &fd);

    if (r < 0)
        return r;
    return slots_open(slots, io, fd, fd < 0 ? 0 : size, false);
}

int segment_open(struct segment *segment, struct io *io, int segments,
                 uint64_t base, uint64_t count)
{
    int fd = -1;
    int dir;
    int r;

    *segment = (struct segment){.io = io, .base = base, .dir = -1};
    store_open(&segment->store, io, -1);
    dir = segment_open_dir(io, segments, base);
    if (dir < 0)
        return dir;
    r = open_file(io, dir, CLOG_STORE, &fd);
    if (r == 0)
        store_open(&segment->store, io, fd);
    if (r == 0)
        r = open_slots(&segment->index, io, dir, CLOG_INDEX, count * SLOT_SIZE);
    if (r == 0)
        r = open_slots(&segment->stamps, io, dir, CLOG_STAMPS,
                       count * SLOT_SIZE);
    io_close(io, dir);
    if (r < 0)
        segment_done(segment);
    return r;
}

static int make_file(struct io *io, int dir, enum clog_file file)
{
    return io_open_own(io, dir, segment_files[file], true);
}

static int make_slots(struct slots *slots, struct io *io, int dir,
                      enum clog_file file, uint64_t capacity)
{
    int fd = make_file(io, dir, file);

    return fd < 0 ? fd : slots_open(slots, io, fd, capacity, true);
}

static int make_files(struct segment *segment, uint64_t capacity)
{
    struct io *io = segment->io;
    int fd = make_file(io, segment->dir, CLOG_STORE);
    int r;

    if (fd < 0)
        return fd;
    store_open(&segment->store, io, fd);
    r = make_slots(&segment->stamps, io, segment->dir, CLOG_STAMPS, capacity);
    if (r < 0)
        return r;
    return make_slots(&segment->index, io, segment->dir, CLOG_INDEX, capacity);
}

int segment_make(struct io *io, int segments, uint64_t base)
{
    char name[SEGMENT_NAME];

    segment_name(base, name);
    return io_mkdir(io, segments, name, 0700);
}

static int make_empty(struct io *io, int dir, enum clog_file file, int *ret_fd)
{
    struct io_stat st;
    int fd = make_file(io, dir, file);
    int r = fd < 0 ? fd : io_stat(io, fd, &st);

    if (r == 0 && st.size > 0)
        r = -EEXIST;
    if (r == 0)
        *ret_fd = fd;
    else
        io_close(io, fd);
    return r;
}

int segment_next_make(struct io *io, int segments,
                      struct segment_next *ret_next)
{
    struct segment_next next = {-1, {-1, -1, -1}};
    int r = io_mkdir(io, segments, SEGMENT_NEXT, 0700);

    if (r == 0 || r == -EEXIST)
        r = io_open(io, segments, SEGMENT_NEXT, O_RDONLY | O_DIRECTORY, 0);
    if (r >= 0) {
        next.dir = r;
        r = 0;
    }
    for (int file = CLOG_STORE; r == 0 && file <= CLOG_STAMPS; file++)
        r = make_empty(io, next.dir, (enum clog_file)file, &next.files[file]);
    if (r == 0)
        *ret_next = next;
    else
        segment_next_close(io, &next);
    return r;
}

int segment_next_sync(struct io *io, int segments,
                      const struct segment_next *next)
{
    int r = 0;

    for (int file = CLOG_STORE; r == 0 && file <= CLOG_STAMPS; file++)
        r = io_sync(io, next->files[file]);
    if (r == 0)
        r = io_sync(io, next->dir);
    return r < 0 ? r : io_sync(io, segments);
}

void segment_next_close(struct io *io, const struct segment_next *next)
{
    for (int file = CLOG_STORE; file <= CLOG_STAMPS; file++)
        io_close(io, next->files[file]);
    io_close(io, next->dir);
}

int segment_open_active(struct segment *segment, struct io *io, int segments,
                        uint64_t base, uint64_t capacity)
{
    int r;

    *segment = (struct segment){.io = io, .base = base, .dir = -1};
    store_open(&segment->store, io, -1);
    segment->dir = segment_open_writable(io, segments, base);
    r = segment->dir < 0 ? segment->dir : make_files(segment, capacity);
    if (r < 0)
        segment_done(segment);
    return r;
}

int segment_sync_new(struct segment *segment, int segments)
{
    int r = segment_sync_all(segment);

    if (r == 0)
        r = io_sync(segment->io, segment->dir);
    return r < 0 ? r : io_sync(segment->io, segments);
}

void segment_done(struct segment *segment)
{
    if (!segment->io)
        return;
    slots_done(&segment->index);
    slots_done(&segment->stamps);
    store_done(&segment->store);
    io_close(segment->io, segment->dir);
    *segment = (struct segment){.dir = -1};
}

/* Encodes the batch's stamps and index entries; returns where its store
   bytes end. */
static uint64_t encode(const struct segment *segment,
                       const struct extent *extent, const struct batch *batch,
                       struct scratch *scratch)
{
    uint64_t position = extent->end;

    for (size_t i = 0; i < batch->count; i++) {
        struct encoded made;

        batch_encode(batch, i, segment->base + extent->count + i, position,
                     &made);
        memcpy(scratch->stamps.data + i * SLOT_SIZE, made.stamp, SLOT_SIZE);
        memcpy(scratch->index.data + i * SLOT_SIZE, made.entry, SLOT_SIZE);
        position += RECORD_PREFIX + batch->records[i].iov_len;
    }
    return position;
}

/* A filesystem that copies on write may need room even to leave a size as it
   is; so that is not asked of it. */
static int cut_file(struct io *io, int fd, uint64_t size)
{
    struct io_stat st;

    if (io_stat(io, fd, &st) == 0 && st.size == size)
        return 0;
    return io_truncate(io, fd, size);
}

/* All three, also where one fails: the less is left over the better. */
int segment_cut(struct segment *segment, const struct extent *extent)
{
    uint64_t slots = extent->count * SLOT_SIZE;
    int index = cut_file(segment->io, segment->index.fd, slots);
    int stamps = cut_file(segment->io, segment->stamps.fd, slots);
    int store = cut_file(segment->io, segment->store.fd, extent->end);

    if (store < 0)
        return store;
    return stamps < 0 ? stamps : index;
}

int segment_reserve(struct segment *segment, uint64_t count)
{
    int r = slots_reserve(&segment->index, count * SLOT_SIZE);

    return r < 0 ? r : slots_reserve(&segment->stamps, count * SLOT_SIZE);
}

static int write_batch(struct segment *segment, const struct extent *extent,
                       const struct batch *batch, struct scratch *scratch,
                       bool *ret_stamped)
{
    uint64_t at = extent->count * SLOT_SIZE;
    size_t size = batch->count * SLOT_SIZE;
    int r;

    r = segment_reserve(segment, extent->count + batch->count);
    if (r == 0)
        r = store_append(&segment->store, batch->records, batch->count,
                         extent->end, &scratch->frames);
    if (r < 0)
        return r;
    *ret_stamped = true;
    r = slots_write(&segment->stamps, scratch->stamps.data, size, at);
    if (r == 0)
        r = slots_write(&segment->index, scratch->index.data, size, at);
    return r;
}

int segment_append(struct segment *segment, const struct extent *extent,
                   const struct batch *batch, struct scratch *scratch,
                   struct appended *ret)
{
    size_t size = batch->count * SLOT_SIZE;
    struct extent grown = {extent->count + batch->count, 0};
    bool stamped = false;
    int r;

    ret->remains = REMAINS_NOTHING;
    r = buffer_reserve(&scratch->stamps, size);
    if (r == 0)
        r = buffer_reserve(&scratch->index, size);
    if (r < 0)
        return r;
    grown.end = encode(segment, extent, batch, scratch);
    r = write_batch(segment, extent, batch, scratch, &stamped);
    if (r == 0) {
        ret->extent = grown;
        return 0;
    }
    /* A refused record whose stamp reached the disk would come back after a
       power cut, unless the cut got there too. */
    if (segment_cut(segment, extent) < 0)
        ret->remains = REMAINS_MORE;
    else
        ret->remains = stamped ? REMAINS_CUT : REMAINS_NOTHING;
    return r;
}

void segment_use_staging(struct segment *segment, const struct staging *staging)
{
    segment->store.staging = staging;
    segment->store.name = (struct staged_file){segment->base, CLOG_STORE};
    segment->index.staging = segment->stamps.staging = staging;
    segment->index.name = (struct staged_file){segment->base, CLOG_INDEX};
    segment->stamps.name = (struct staged_file){segment->base, CLOG_STAMPS};
}

static int fd_of(const struct segment *segment, enum clog_file file)
{
    if (file == CLOG_STORE)
        return segment->store.fd;
    return file == CLOG_INDEX ? segment->index.fd : segment->stamps.fd;
}

static int flush_file(const struct segment *segment,
                      const struct staging *staging, enum clog_file file,
                      uint64_t from, uint64_t to)
{
    struct iovec pieces[2];
    size_t count = staging_pieces(staging, file, from, to, pieces);

    return io_writev(segment->io, fd_of(segment, file), pieces, count, from);
}

int segment_write_staged(struct segment *segment, const struct staging *staging,
                         const struct staged *state)
{
    uint64_t from = (state->written - state->base) * SLOT_SIZE;
    uint64_t to = (state->next - state->base) * SLOT_SIZE;
    int r;

    if (from == to)
        return 0;
    r = flush_file(segment, staging, CLOG_STORE, state->written_end,
                   state->end);
    if (r == 0)
        r = flush_file(segment, staging, CLOG_STAMPS, from, to);
    if (r == 0)
        r = flush_file(segment, staging, CLOG_INDEX, from, to);
    return r;
}

int segment_flush(struct segment *segment, struct staging *staging,
                  struct staged *state)
{
    struct staged flushed = *state;
    int r = segment_write_staged(segment, staging, state);

    flushed.written = state->next;
    flushed.written_end = state->end;
    if (r == 0)
        r = staging_publish(staging, &flushed);
    if (r == 0)
        *state = flushed;
    return r;
}

int segment_sync(struct segment *segment)
{
    int r = io_datasync(segment->io, segment->store.fd);

    return r < 0 ? r : io_datasync(segment->io, segment->stamps.fd);
}

int segment_sync_all(struct segment *segment)
{
    int r = segment_sync(segment);

    return r < 0 ? r : io_datasync(segment->io, segment->index.fd);
}

/* Missing is fine. */
static int remove_file(struct io *io, int dir, const char *name)
{
    int r = io_unlink(io, dir, name, false);

    return r == -ENOENT ? 0 : r;
}

int segment_remove(struct io *io, int segments, const char *name)
{
    int dir = io_open(io, segments, name, O_RDONLY | O_DIRECTORY, 0);
    char temporary[SEGMENT_NAME];
    int r = 0;

    if (dir < 0)
        return dir;
    io_let_owner_write(io, dir);
    for (int file = CLOG_STORE; r == 0 && file <= CLOG_STAMPS; file++) {
        (void)snprintf(temporary, sizeof(temporary), "%s.new",
                       segment_files[file]);
        r = remove_file(io, dir, segment_files[file]);
        if (r == 0)
            r = remove_file(io, dir, temporary);
    }
    io_close(io, dir);
    return r < 0 ? r : io_unlink(io, segments, name, true);
}

static void dropped_name(uint64_t base, char ret[static DROPPED_NAME])
{
    char name[SEGMENT_NAME];

    segment_name(base, name);
    (void)snprintf(ret, DROPPED_NAME, "%s%s", name, SEGMENT_DROPPED);
}

bool segment_is_marked(struct io *io, int segments, uint64_t base)
{
    char dropped[DROPPED_NAME];
    struct io_stat st;

    dropped_name(base, dropped);
    return io_statat(io, segments, dropped, &st) == 0 && st.type == IO_FILE &&
           st.size == 0;
}

int segment_drop(struct io *io, int segments, uint64_t base)
{
    char name[SEGMENT_NAME];
    char dropped[DROPPED_NAME];
    int r;

    segment_name(base, name);
    dropped_name(base, dropped);
    r = io_rename(io, segments, name, dropped);
    if (r != -EXDEV)
        return r;
    /* A directory of an overlay's lower layer gets no other name. */
    r = io_open(io, segments, dropped, O_RDWR | O_CREAT | O_EXCL, 0600);
    io_close(io, r);
    if (r == -EEXIST && segment_is_marked(io, segments, base))
        return 0;
    return r < 0 ? r : 0;
}

int segment_remove_dropped(struct io *io, int segments, uint64_t base)
{
    char name[SEGMENT_NAME];
    char dropped[DROPPED_NAME];
    int r;

    segment_name(base, name);
    dropped_name(base, dropped);
    if (!segment_is_marked(io, segments, base))
        return segment_remove(io, segments, dropped);
    r = segment_remove(io, segments, name);
    /* Without the mark the segment must not come back. */
    if (r == 0 || r == -ENOENT)
        r = io_sync_names(io, segments);
    return r < 0 ? r : io_unlink(io, segments, dropped, false);
}

const char *segment_closed_file(struct io *io, int segments, uint64_t base,
                                int flags)
{
    const char *name = "";
    int dir = segment_open_dir(io, segments, base);

    for (int file = CLOG_STORE; dir >= 0 && file <= CLOG_STAMPS; file++) {
        int fd = io_open(io, dir, segment_files[file], flags, 0);

        if (fd < 0 && fd != -ENOENT)
            name = segment_files[file];
        io_close(io, fd);
    }
    io_close(io, dir);
    return name;
}

bool segment_is_guarded(const struct io_stat *file)
{
    return (file->mode & 0222) == 0 || file->links > 1 || file->type != IO_FILE;
}

static int guard_file(struct io *io, int dir, enum clog_file file)
{
    int fd = io_open(io, dir, segment_files[file], O_RDONLY, 0);
    struct io_stat st;
    int r;

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    r = io_stat(io, fd, &st);
    if (r == 0 && !segment_is_guarded(&st))
        r = io_chmod(io, fd, st.mode & ~(mode_t)0222);
    io_close(io, fd);
    return r;
}

int segment_guard(struct io *io, int segments, uint64_t base)
{
    int dir = segment_open_writable(io, segments, base);
    int r = 0;

    if (dir < 0)
        return dir;
    for (int file = CLOG_STORE; r == 0 && file <= CLOG_STAMPS; file++)
        r = guard_file(io, dir, (enum clog_file)file);
    io_close(io, dir);
    return r;
}

/* The place of a frame that begins at position, where the next one does at
   next. EUCLEAN: there is none. */
static int place_between(const struct extent *extent, uint64_t position,
                         uint64_t next, struct place *ret_place)
{
    if (next > extent->end || position >= next ||
        next - position <= RECORD_PREFIX ||
        next - position - RECORD_PREFIX > CLOG_RECORD_LIMIT)
        return -EUCLEAN;
    ret_place->position = position;
    ret_place->length = next - position - RECORD_PREFIX;
    return 0;
}

int segment_place(const struct segment *segment, const struct extent *extent,
                  uint64_t i, struct place *ret_place)
{
    uint64_t next = extent->end;
    uint64_t position;
    int r;

    r = index_get(&segment->index, segment->base, i, &position);
    if (r == 0 && i + 1 < extent->count)
        r = index_get(&segment->index, segment->base, i + 1, &next);
    return r < 0 ? r : place_between(extent, position, next, ret_place);
}

/* The places of count records, from entries that lie in memory. Returns how
   many are possible, up to the first that is not. */
static size_t know_places(const struct segment *segment,
                          const struct extent *extent, uint64_t i, size_t count,
                          struct known *known)
{
    uint8_t entries[(SEGMENT_KNOWN + 1) * SLOT_SIZE];
    size_t whole = i + count < extent->count ? count + 1 : count;

    if (slots_read(&segment->index, entries, whole * SLOT_SIZE, i * SLOT_SIZE) <
        0)
        return 0;
    for (size_t k = 0; k < count; k++) {
        uint64_t position;
        uint64_t next = extent->end;
        int r = index_parse(entries + k * SLOT_SIZE, segment->base + i + k,
                            &position);

        if (r == 0 && k + 1 < whole)
            r = index_parse(entries + (k + 1) * SLOT_SIZE,
                            segment->base + i + k + 1, &next);
        if (r == 0)
            r = place_between(extent, position, next, &known[k].place);
        if (r < 0)
            return k;
    }
    return count;
}

static void know_stamps(const struct segment *segment, uint64_t i, size_t count,
                        struct known *known)
{
    uint8_t stamps[SEGMENT_KNOWN * SLOT_SIZE];
    bool at_once = slots_read(&segment->stamps, stamps, count * SLOT_SIZE,
                              i * SLOT_SIZE) == 0;

    for (size_t k = 0; k < count; k++) {
        known[k].stamped = at_once || stamps_get(&segment->stamps, i + k,
                                                 &known[k].stamp) == 0;
        if (at_once)
            stamps_parse(stamps + k * SLOT_SIZE, &known[k].stamp);
    }
}

int segment_know(const struct segment *segment, const struct extent *extent,
                 uint64_t i, size_t count, struct known *ret_known)
{
    size_t n;

    if (count > SEGMENT_KNOWN)
        count = SEGMENT_KNOWN;
    if (count > extent->count - i)
        count = (size_t)(extent->count - i);
    n = know_places(segment, extent, i, count, ret_known);
    if (n == 0) {
        int r = segment_place(segment, extent, i, &ret_known->place);

        if (r < 0)
            return r;
        n = 1;
    }
    know_stamps(segment, i, n, ret_known);
    return (int)n;
}

/* The verdict on a record, from its checksum as read and its prefix. */
static enum verdict judge(const struct stamp *stamp, uint32_t crc,
                          uint64_t prefix, uint64_t length)
{
    if (!stamp)
        return prefix == length ? VERDICT_UNVERIFIED : VERDICT_BAD;
    if (crc != stamp->crc)
        return VERDICT_BAD;
    return prefix == length ? VERDICT_GOOD : VERDICT_PREFIX;
}

/* The verdict on a payload in memory and the prefix that was before it. */
static enum verdict judge_payload(uint64_t offset, const struct known *known,
                                  uint64_t prefix, const uint8_t *payload)
{
    uint64_t length = known->place.length;
    crc_t crc;

    if (!known->stamped)
        return judge(NULL, 0, prefix, length);
    crc = record_crc_start(offset, known->place.position, &known->stamp);
    crc = crc_add(crc, payload, length);
    return judge(&known->stamp, record_crc_end(crc, length), prefix, length);
}

enum verdict segment_judge(uint64_t offset, const struct known *known,
                           const uint8_t *frame)
{
    return judge_payload(offset, known, get_be64(frame), frame + RECORD_PREFIX);
}

/* What is known of a record at that place. */
static struct known known_at(const struct segment *segment, uint64_t i,
                             const struct place *place)
{
    struct known known = {.place = *place};

    known.stamped = stamps_get(&segment->stamps, i, &known.stamp) == 0;
    return known;
}

enum verdict segment_verify(const struct segment *segment, uint64_t i,
                            const struct place *place, const uint8_t *frame)
{
    struct known known = known_at(segment, i, place);

    return segment_judge(segment->base + i, &known, frame);
}

int segment_take(const struct segment *segment, uint64_t i,
                 const struct place *place, void *data, bool nowait)
{
    struct known known = known_at(segment, i, place);
    uint8_t prefix[RECORD_PREFIX];
    size_t length = (size_t)place->length;
    struct iovec frame[] = {{prefix, sizeof(prefix)}, {data, length}};
    ssize_t n = store_readv(&segment->store, frame, 2, place->position, nowait);

    if (n < 0)
        return (int)n;
    if ((size_t)n < sizeof(prefix) + length)
        return nowait ? -EAGAIN : -EIO;
    return (int)judge_payload(segment->base + i, &known, get_be64(prefix),
                              data);
}

/* Reads exactly size bytes of the store. EIO: it has been cut short. */
static int read_exactly(const struct store *store, void *data, size_t size,
                        uint64_t position, bool nowait)
{
    ssize_t n = store_read(store, data, size, position, nowait);

    if (n < 0)
        return (int)n;
    if ((size_t)n == size)
        return 0;
    return nowait ? -EAGAIN : -EIO;
}

/* Adds the payload's bytes to crc. */
static int add_payload(const struct store *store, const struct place *place,
                       const struct into *into, crc_t *crc)
{
    uint64_t position = place->position + RECORD_PREFIX;
    uint64_t left = place->length;

    while (left > 0) {
        size_t n = left < into->size ? (size_t)left : into->size;
        int r = read_exactly(store, into->buffer, n, position, into->nowait);

        if (r < 0)
            return r;
        *crc = crc_add(*crc, into->buffer, n);
        position += n;
        left -= n;
    }
    return 0;
}

static int check_pieces(const struct segment *segment, uint64_t i,
                        const struct place *place, const struct into *into,
                        enum verdict *ret_verdict)
{
    uint8_t prefix[RECORD_PREFIX];
    struct stamp stamp;
    bool stamped = stamps_get(&segment->stamps, i, &stamp) == 0;
    crc_t crc = CRC_START;
    int r;

    r = read_exactly(&segment->store, prefix, sizeof(prefix), place->position,
                     into->nowait);
    if (r == 0 && stamped) {
        crc = record_crc_start(segment->base + i, place->position, &stamp);
        r = add_payload(&segment->store, place, into, &crc);
    }
    if (r < 0)
        return r;
    *ret_verdict =
        judge(stamped ? &stamp : NULL, record_crc_end(crc, place->length),
              get_be64(prefix), place->length);
    return 0;
}

int segment_check(const struct segment *segment, uint64_t i,
                  const struct place *place, const struct into *into,
                  enum verdict *ret_verdict)
{
    int r;

    if (place->length > into->size - RECORD_PREFIX)
        return check_pieces(segment, i, place, into, ret_verdict);
    r = read_exactly(&segment->store, into->buffer,
                     RECORD_PREFIX + (size_t)place->length, place->position,
                     into->nowait);
    if (r == 0)
        *ret_verdict = segment_verify(segment, i, place, into->buffer);
    return r;
}
