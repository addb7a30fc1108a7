/* SPDX-License-Identifier: MIT */
#include "segment/staging.h"

#include "io/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC     "clog staging 1\n"
#define HEAD_SIZE ((size_t)4096)

/* The counter grows by this, so that no flipped bit makes it another that was:
   it would not be a multiple any more. */
#define STEP 3

/* The numbers of struct staged, and a checksum of them and of the counter
   under which they count. */
#define WORDS (sizeof(struct staged) / sizeof(uint64_t))

struct words {
    _Atomic uint64_t word[WORDS];
    _Atomic uint64_t sum;
};

/* How the head begins. It is written before anything else is believed. */
struct constants {
    char magic[16];
    char boot_id[40];
    uint64_t dev, ino;
    uint64_t size;
    uint64_t crc; /* of the constants before it */
};

/* The head of the file: each of its parts in cache lines of its own. */
struct head {
    struct constants constants;
    uint8_t unused[40];
    _Atomic uint64_t counter;
    uint8_t unused2[56];
    struct words states[2];
};

_Static_assert(offsetof(struct head, counter) == 128, "FORMAT.md");
_Static_assert(offsetof(struct head, states) == 192, "FORMAT.md");
_Static_assert(sizeof(struct words) == 64, "FORMAT.md");
_Static_assert(sizeof(struct head) <= HEAD_SIZE, "the head has its page");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "shared between processes");

static struct head *head_of(const struct staging *staging)
{
    return (struct head *)(void *)staging->map;
}

static void set_sizes(struct staging *staging, size_t size)
{
    staging->size = size;
    staging->slots = size / 8 / SLOT_SIZE;
    staging->store_size = size - HEAD_SIZE - 2 * (size / 8);
}

static struct constants constants_of(const struct staging_owner *owner,
                                     size_t size)
{
    struct constants constants = {
        .magic = MAGIC, .dev = owner->dev, .ino = owner->ino, .size = size};

    memcpy(constants.boot_id, owner->boot_id, sizeof(owner->boot_id));
    constants.crc = crc32c(&constants, offsetof(struct constants, crc));
    return constants;
}

/* What a guarded read or write of the map is about. */
struct access {
    const struct staging *staging;
    struct staged *state;
    const struct batch *batch;
    bool whole;
};

static int guarded(const struct staging *staging, void (*body)(void *ctx),
                   struct access *access)
{
    return io_guard(staging->map, staging->size, body, access);
}

/* Changes with any bit of what it is of: each step can be undone. No CRC, for
   it is made for every append. */
static uint64_t checksum(uint64_t counter, const uint64_t words[static WORDS])
{
    uint64_t sum = counter;

    for (size_t k = 0; k < WORDS; k++)
        sum = (sum ^ words[k]) * UINT64_C(0x9e3779b97f4a7c15);
    return sum;
}

static void read_state(void *ctx)
{
    struct access *access = ctx;
    struct head *head = head_of(access->staging);
    uint64_t words[WORDS];
    uint64_t counter, sum;

    do {
        struct words *from;

        counter = atomic_load_explicit(&head->counter, memory_order_acquire);
        from = &head->states[counter & 1];
        for (size_t k = 0; k < WORDS; k++)
            words[k] =
                atomic_load_explicit(&from->word[k], memory_order_relaxed);
        sum = atomic_load_explicit(&from->sum, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
    } while (counter !=
             atomic_load_explicit(&head->counter, memory_order_relaxed));
    access->whole = counter % STEP == 0 && sum == checksum(counter, words);
    memcpy(access->state, words, sizeof(words));
}

static void write_state(void *ctx)
{
    struct access *access = ctx;
    struct head *head = head_of(access->staging);
    uint64_t counter =
        atomic_load_explicit(&head->counter, memory_order_relaxed) + STEP;
    struct words *to = &head->states[counter & 1];
    uint64_t words[WORDS];

    memcpy(words, access->state, sizeof(words));
    for (size_t k = 0; k < WORDS; k++)
        atomic_store_explicit(&to->word[k], words[k], memory_order_relaxed);
    atomic_store_explicit(&to->sum, checksum(counter, words),
                          memory_order_relaxed);
    atomic_store_explicit(&head->counter, counter, memory_order_release);
}

/* Whether a state can be true, so that no index computed from it leaves the
   rings. */
static bool is_possible(const struct staging *staging,
                        const struct staged *state)
{
    return state->base <= state->written && state->written <= state->next &&
           state->written_end <= state->end &&
           state->next - state->written <= staging->slots &&
           state->end - state->written_end <= staging->store_size;
}

int staging_state(const struct staging *staging, struct staged *ret_state)
{
    struct staged state = {0};
    struct access access = {.staging = staging, .state = &state};
    int r = guarded(staging, read_state, &access);

    if (r < 0)
        return r;
    if (!access.whole || !is_possible(staging, &state))
        return -EUCLEAN;
    *ret_state = state;
    return 0;
}

int staging_publish(struct staging *staging, const struct staged *state)
{
    struct staged copy = *state;

    return guarded(staging, write_state,
                   &(struct access){.staging = staging, .state = &copy});
}

/* A ring: of the store, or one of the two of slots. */
struct ring {
    uint8_t *bytes;
    size_t size;
};

static struct ring ring_of(const struct staging *staging, enum clog_file file)
{
    size_t slots = staging->slots * SLOT_SIZE;
    uint8_t *rings = staging->map + HEAD_SIZE;

    if (file == CLOG_STORE)
        return (struct ring){rings + 2 * slots, staging->store_size};
    return (struct ring){rings + (file == CLOG_INDEX ? slots : 0), slots};
}

/*
 * Bytes of a ring may be read while they are overwritten; the reader then looks
 * at the state and throws them away. ThreadSanitizer cannot know that, so for
 * it they are copied one by one, as atomics.
 */
#if defined(__SANITIZE_THREAD__)
#define RACING 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RACING 1
#endif
#endif

#ifdef RACING
static void copy_in(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t k = 0; k < size; k++)
        __atomic_store_n(to + k, from[k], __ATOMIC_RELAXED);
}

static void copy_out(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t k = 0; k < size; k++)
        to[k] = __atomic_load_n(from + k, __ATOMIC_RELAXED);
}
#else
static void copy_in(uint8_t *to, const uint8_t *from, size_t size)
{
    memcpy(to, from, size);
}

#define copy_out copy_in
#endif

static void ring_put(struct ring ring, uint64_t at, const void *data,
                     size_t size)
{
    size_t from = (size_t)(at % ring.size);
    size_t first = size < ring.size - from ? size : ring.size - from;

    copy_in(ring.bytes + from, data, first);
    copy_in(ring.bytes, (const uint8_t *)data + first, size - first);
}

bool staging_fits(const struct staging *staging, uint64_t bytes, uint64_t count)
{
    return bytes <= staging->store_size && count <= staging->slots;
}

bool staging_has_room(const struct staging *staging, const struct staged *state,
                      uint64_t bytes, uint64_t count)
{
    return bytes <= staging->store_size - (state->end - state->written_end) &&
           count <= staging->slots - (state->next - state->written);
}

static void put_batch(void *ctx)
{
    struct access *access = ctx;
    struct staged *state = access->state;
    const struct batch *batch = access->batch;
    struct ring store = ring_of(access->staging, CLOG_STORE);
    struct ring stamps = ring_of(access->staging, CLOG_STAMPS);
    struct ring index = ring_of(access->staging, CLOG_INDEX);

    /* Not before a state said that the bytes overwritten are in the files. */
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < batch->count; i++) {
        const struct iovec *record = &batch->records[i];
        uint64_t slot = (state->next - state->base) * SLOT_SIZE;
        uint8_t prefix[RECORD_PREFIX];
        struct encoded made;

        put_be64(prefix, record->iov_len);
        ring_put(store, state->end, prefix, sizeof(prefix));
        ring_put(store, state->end + sizeof(prefix), record->iov_base,
                 record->iov_len);
        batch_encode(batch, i, state->next, state->end, &made);
        ring_put(stamps, slot, made.stamp, sizeof(made.stamp));
        ring_put(index, slot, made.entry, sizeof(made.entry));
        state->end += RECORD_PREFIX + record->iov_len;
        state->next++;
    }
    state->time_ns = batch->time_ns;
}

int staging_put(struct staging *staging, const struct staged *state,
                const struct batch *batch, struct staged *ret_state)
{
    struct staged grown = *state;
    int r = guarded(
        staging, put_batch,
        &(struct access){.staging = staging, .state = &grown, .batch = batch});

    if (r < 0)
        return r;
    *ret_state = grown;
    return 0;
}

/* The bytes of the file that are published and not yet written. */
static bool range(const struct staged *state, struct staged_file file,
                  uint64_t *ret_from, uint64_t *ret_to)
{
    bool store = file.kind == CLOG_STORE;

    if (state->base != file.base)
        return false;
    *ret_from =
        store ? state->written_end : (state->written - file.base) * SLOT_SIZE;
    *ret_to = store ? state->end : (state->next - file.base) * SLOT_SIZE;
    return *ret_from < *ret_to;
}

size_t staging_pieces(const struct staging *staging, enum clog_file file,
                      uint64_t from, uint64_t to, struct iovec ret_pieces[2])
{
    struct ring ring = ring_of(staging, file);
    size_t at = (size_t)(from % ring.size);
    size_t size = (size_t)(to - from);
    size_t first = size < ring.size - at ? size : ring.size - at;

    ret_pieces[0] = (struct iovec){ring.bytes + at, first};
    ret_pieces[1] = (struct iovec){ring.bytes, size - first};
    return first == size ? 1 : 2;
}

/* What a read of the rings is about. */
struct reading {
    const struct iovec *pieces;
    size_t count;
    uint8_t *data;
};

static void read_pieces(void *ctx)
{
    struct reading *reading = ctx;

    for (size_t k = 0; k < reading->count; k++) {
        const struct iovec *piece = &reading->pieces[k];

        copy_out(reading->data, piece->iov_base, piece->iov_len);
        reading->data += piece->iov_len;
    }
    /* The state is looked at after the bytes. */
    atomic_thread_fence(memory_order_acquire);
}

size_t staging_read(const struct staging *staging, struct staged_file file,
                    void *data, size_t size, uint64_t position)
{
    struct iovec pieces[2];
    struct staged state;
    uint64_t from, to;
    size_t count;

    if (staging_state(staging, &state) < 0 ||
        !range(&state, file, &from, &to) || position < from || position >= to)
        return 0;
    if (size > to - position)
        size = (size_t)(to - position);
    count =
        staging_pieces(staging, file.kind, position, position + size, pieces);
    if (io_guard(staging->map, staging->size, read_pieces,
                 &(struct reading){pieces, count, data}) < 0 ||
        staging_state(staging, &state) < 0 ||
        !range(&state, file, &from, &to) || position < from)
        return 0;
    return size;
}

bool staging_has(const struct staging *staging, struct staged_file file,
                 uint64_t position)
{
    struct staged state;
    uint64_t from, to;

    return staging_state(staging, &state) == 0 &&
           range(&state, file, &from, &to) && position >= from && position < to;
}

size_t staging_ahead(const struct staging *staging, struct staged_file file,
                     uint64_t position, size_t size)
{
    struct staged state;
    uint64_t from, to;

    if (staging_state(staging, &state) < 0 ||
        !range(&state, file, &from, &to) || position >= from ||
        size <= from - position)
        return size;
    return (size_t)(from - position);
}

/* Writes every block of the file, so that none has to be found later. */
static int fill(struct io *io, int fd, size_t size)
{
    static const uint8_t zeros[16384];
    int r = io_allocate(io, fd, 0, size);

    for (size_t at = 0; r == 0 && at < size; at += sizeof(zeros))
        r = io_write(io, fd, zeros, sizeof(zeros), at);
    return r;
}

int staging_make(struct staging *staging, struct io *io, int root, size_t size,
                 const struct staging_owner *owner)
{
    struct constants constants = constants_of(owner, size);
    struct staged none = {0};
    void *map = NULL;
    int fd = io_open(io, root, STAGING_NAME, O_RDWR | O_CREAT, 0600);
    int r;

    if (fd < 0)
        return fd;
    /* Constants last: until then it is nobody's. */
    r = io_truncate(io, fd, 0);
    if (r == 0)
        r = fill(io, fd, size);
    if (r == 0)
        r = io_map_shared(io, fd, size, &map);
    io_close(io, fd);
    if (r < 0)
        return r;
    *staging = (struct staging){.io = io, .map = map};
    set_sizes(staging, size);
    r = staging_publish(staging, &none);
    if (r == 0)
        r = io_copy_mapped(map, &constants, sizeof(constants));
    if (r < 0)
        staging_done(staging);
    return r;
}

/* Whether a file that was read is one, and of this owner. */
static int check_head(const struct staging *staging, size_t size,
                      const struct staging_owner *owner)
{
    struct constants expected = constants_of(owner, size);
    const struct constants *found = &head_of(staging)->constants;
    struct staged state;

    if (size < STAGING_MIN || size > STAGING_MAX || (size & (size - 1)) != 0 ||
        memcmp(found->magic, expected.magic, sizeof(expected.magic)) != 0)
        return -ESTALE;
    if (found->crc != crc32c(found, offsetof(struct constants, crc)))
        return -EUCLEAN;
    if (memcmp(found, &expected, sizeof(expected)) != 0)
        return -ESTALE;
    return staging_state(staging, &state);
}

static int load(struct staging *staging, int fd)
{
    struct io_stat st;
    ssize_t n;
    int r = io_stat(staging->io, fd, &st);

    if (r < 0)
        return r;
    if (st.type != IO_FILE || st.size < HEAD_SIZE || st.size > STAGING_MAX)
        return -ESTALE;
    staging->map = malloc((size_t)st.size);
    if (!staging->map)
        return -ENOMEM;
    set_sizes(staging, (size_t)st.size);
    n = io_read(staging->io, (struct io_from){.fd = fd}, staging->map,
                staging->size);
    if (n < 0)
        return (int)n;
    return (size_t)n == staging->size ? 0 : -ESTALE;
}

int staging_load(struct staging *staging, struct io *io, int root,
                 const struct staging_owner *owner)
{
    struct staging found = {.io = io, .loaded = true};
    int fd = io_open(io, root, STAGING_NAME, O_RDONLY, 0);
    int r;

    if (fd < 0)
        return fd;
    r = load(&found, fd);
    io_close(io, fd);
    if (r == 0)
        r = check_head(&found, found.size, owner);
    if (r < 0)
        staging_done(&found);
    else
        *staging = found;
    return r;
}

void staging_done(struct staging *staging)
{
    if (staging->map && staging->loaded)
        free(staging->map);
    else if (staging->map)
        io_unmap(staging->io, staging->map, staging->size);
    *staging = (struct staging){0};
}
