/* SPDX-License-Identifier: MIT */
/*
 * segment - an arbitrary store with an arbitrary index and arbitrary stamps,
 * scanned.
 *
 * An input says what records are made and then how they are damaged: bytes
 * changed, blocks copied, files cut, grown or replaced by the input's own
 * bytes, or repeated until they are large. The scan must end, ask for little
 * memory, read a few times what the store has, and keep to the files; what it
 * calls good is a record that was made there; its counts agree with its
 * runs; and of what recovery leaves then, it finds the same frames again.
 */
#include "fuzz.h"

#include "io/bytes.h"
#include "memio.h"
#include "random.h"
#include "recovery/scan.h"
#include "spoil.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORDS    12                  /* that are made */
#define RECORD_MAX 300                 /* their bytes */
#define FILE_MAX   ((size_t)256 << 10) /* bytes that damage lets a file have */
#define READ_BY    24 /* bytes that are read for each byte of the store */
#define DAMAGES    8
#define BASE       7
#define DIR        "segments/00000000000000000007/"

struct trial {
    struct memio *disk;
    int segments;
    struct source source;
    struct extent made;
    uint64_t positions[RECORDS + 1];
    uint8_t store[RECORDS * (RECORD_PREFIX + RECORD_MAX)]; /* as made */
};

static const char *const paths[] = {DIR "store", DIR "index", DIR "stamps"};

static _Noreturn void wrong(const char *what, uint64_t value)
{
    (void)fprintf(stderr, "segment: %s: %llu\n", what,
                  (unsigned long long)value);
    abort();
}

/* --- Making ---------------------------------------------------------------
 */

static void append(struct trial *trial, struct segment *segment,
                   struct scratch *scratch, size_t count)
{
    static char data[RECORDS][RECORD_MAX];
    struct iovec records[RECORDS];
    struct batch batch = {
        .records = records,
        .count = count,
        .time_ns = 1000 + trial->made.count,
        .durable = BASE + trial->made.count / 2,
    };
    struct appended appended;

    for (size_t i = 0; i < count; i++) {
        size_t size = 1 + take16(&trial->source) % (RECORD_MAX - 1);

        random_fill(size, data[i], size);
        records[i] = (struct iovec){data[i], size};
        trial->positions[trial->made.count + i + 1] =
            trial->positions[trial->made.count + i] + RECORD_PREFIX + size;
    }
    if (segment_append(segment, &trial->made, &batch, scratch, &appended) < 0)
        wrong("append", trial->made.count);
    trial->made = appended.extent;
}

static void make_segment(struct trial *trial)
{
    struct io *io = memio_io(trial->disk);
    struct segment segment;
    struct scratch scratch = {0};
    uint64_t left = take8(&trial->source) % (RECORDS + 1U);
    uint64_t size = 0;

    (void)io->ops->mkdir(io, AT_FDCWD, "segments", 0700);
    trial->segments = io_open_root(io, "segments");
    if (trial->segments < 0 || segment_make(io, trial->segments, BASE) < 0 ||
        segment_open_active(&segment, io, trial->segments, BASE, 4096) < 0)
        wrong("no segment", 0);
    while (left > 0) {
        size_t count = 1 + take8(&trial->source) % left;

        append(trial, &segment, &scratch, count);
        left -= count;
    }
    scratch_done(&scratch);
    segment_done(&segment);
    memcpy(trial->store, memio_bytes(trial->disk, paths[CLOG_STORE], &size),
           trial->made.end);
}

/* --- Damage
 * -------------------------------------------------------------------- */

static void patch(struct trial *trial, const char *path)
{
    struct file_at at = {path, take16(&trial->source)};
    uint8_t bits[16];
    size_t n = 1 + take8(&trial->source) % sizeof(bits);

    take(&trial->source, bits, n);
    spoil_flip(trial->disk, &at, bits, n);
}

static void overwrite(struct trial *trial, const char *path)
{
    uint8_t bytes[1024];
    size_t n = take16(&trial->source) % sizeof(bytes);

    take(&trial->source, bytes, n);
    spoil_replace(trial->disk, path, bytes, n);
}

static void copy_block(struct trial *trial, const char *path)
{
    struct file_at from = {paths[take8(&trial->source) % 3U], 0};
    struct file_at to = {path, 0};

    from.at = take16(&trial->source);
    to.at = take16(&trial->source);
    spoil_copy(trial->disk, &from, &to, 1U + take8(&trial->source));
}

/* An index that leads somewhere for many records. */
static void lead(struct trial *trial)
{
    struct entries entries = {.base = BASE};
    uint64_t count = take16(&trial->source) % (FILE_MAX / SLOT_SIZE);

    entries.first = take16(&trial->source);
    entries.step = take8(&trial->source);
    spoil_entries(trial->disk, paths[CLOG_INDEX], &entries, count);
}

static void damage(struct trial *trial)
{
    uint8_t what = take8(&trial->source);
    const char *path = paths[what % 3U];

    switch (what / 3U % 7U) {
    case 0:
    case 1:
        patch(trial, path);
        break;
    case 2:
        memio_resize(trial->disk, path, take16(&trial->source));
        break;
    case 3:
        overwrite(trial, path);
        break;
    case 4:
        copy_block(trial, path);
        break;
    case 5:
        spoil_repeat(trial->disk, path,
                     (uint64_t)take8(&trial->source) * (FILE_MAX / 256));
        break;
    default:
        lead(trial);
    }
}

/* --- What is seen
 * -------------------------------------------------------------- */

static uint64_t size_of(const struct trial *trial, enum clog_file file)
{
    uint64_t size = 0;

    (void)memio_bytes(trial->disk, paths[file], &size);
    return size;
}

static uint64_t bytes_read;
static ssize_t (*memory_readv)(struct io *io, struct io_from from,
                               const struct iovec *iov, int count);

static ssize_t count_readv(struct io *io, struct io_from from,
                           const struct iovec *iov, int count)
{
    ssize_t n = memory_readv(io, from, iov, count);

    bytes_read += n > 0 ? (uint64_t)n : 0;
    return n;
}

static struct io *counting_io(struct memio *disk)
{
    static struct io_ops ops;
    struct io *io = memio_io(disk);

    if (!memory_readv) {
        ops = *io->ops;
        memory_readv = ops.readv;
        ops.readv = count_readv;
    }
    io->ops = &ops;
    return io;
}

static void scan(const struct trial *trial, struct scan *ret)
{
    struct segment segment;
    struct scan_input input = {
        .segment = &segment,
        .store_size = size_of(trial, CLOG_STORE),
        .index_count = size_of(trial, CLOG_INDEX) / SLOT_SIZE,
        .stamps_count = size_of(trial, CLOG_STAMPS) / SLOT_SIZE,
        .limit = UINT64_MAX,
    };
    uint64_t count = input.index_count > input.stamps_count
                         ? input.index_count
                         : input.stamps_count;

    if (segment_open(&segment, counting_io(trial->disk), trial->segments, BASE,
                     count) < 0)
        wrong("it cannot be opened", count);
    bytes_read = 0;
    if (scan_segment(&input, ret) < 0)
        wrong("it cannot be scanned", input.store_size);
    if (ret->extent.end > input.store_size)
        wrong("more than there is", ret->extent.count);
    /* What is read ahead in vain counts, and is bounded by itself. */
    if (bytes_read > READ_BY * input.store_size + FILE_MAX)
        wrong("it was read too often", bytes_read);
    segment_done(&segment);
}

/* By chance another checksum would fit in one of 2^32 cases. */
static void check_good(struct trial *trial, const struct scan *found,
                       uint64_t i)
{
    uint64_t size = 0;
    const uint8_t *store = memio_bytes(trial->disk, paths[CLOG_STORE], &size);
    uint64_t at = scan_position(found, i);

    if (i >= trial->made.count || at != trial->positions[i] ||
        scan_position(found, i + 1) != trial->positions[i + 1] ||
        memcmp(store + at, trial->store + at,
               scan_position(found, i + 1) - at) != 0)
        wrong("a record that was never made is good", i);
}

/* The verdict on record i, by the runs from *run on. */
static enum verdict verdict_on(const struct scan *found, uint64_t i,
                               size_t *run)
{
    const struct run *at;

    if (*run < found->run_count &&
        i >= found->runs[*run].first + found->runs[*run].count)
        ++*run;
    if (*run >= found->run_count || i < found->runs[*run].first)
        return VERDICT_GOOD;
    at = &found->runs[*run];
    if (i == at->first && at->position != scan_position(found, i))
        wrong("a run elsewhere", i);
    return at->verdict;
}

static void check_frames(struct trial *trial, const struct scan *found)
{
    uint64_t counts[VERDICT_BAD + 1] = {0};
    size_t run = 0;

    for (uint64_t i = 0; i < found->extent.count; i++) {
        enum verdict verdict = verdict_on(found, i, &run);

        counts[verdict]++;
        if (scan_position(found, i + 1) <=
            scan_position(found, i) + RECORD_PREFIX)
            wrong("a record without bytes", i);
        if (verdict == VERDICT_GOOD)
            check_good(trial, found, i);
    }
    if (counts[VERDICT_GOOD] != found->good ||
        counts[VERDICT_PREFIX] != found->prefixes ||
        counts[VERDICT_UNVERIFIED] != found->unverified ||
        counts[VERDICT_BAD] != found->bad)
        wrong("counts that are not those of the runs", found->good);
#ifdef PLANTED
    /* The control: a write behind what was allocated, where two prefixes
       were wrong; in no seed more than one is. */
    volatile char *places = calloc(1, 1);

    if (places && found->prefixes > 1)
        places[found->prefixes] = 1;
    free((void *)places);
#endif
}

/* As recovery leaves it: cut to what was found, with its index. */
static void check_again(struct trial *trial, const struct scan *found)
{
    uint64_t size = found->extent.count * SLOT_SIZE;
    struct scan again;

    memio_resize(trial->disk, paths[CLOG_STORE], found->extent.end);
    memio_resize(trial->disk, paths[CLOG_INDEX], size);
    if (size_of(trial, CLOG_STAMPS) > size)
        memio_resize(trial->disk, paths[CLOG_STAMPS], size);
    if (size > 0)
        memcpy(memio_bytes(trial->disk, paths[CLOG_INDEX], &size), found->index,
               size);
    scan(trial, &again);
    if (again.extent.count != found->extent.count ||
        again.extent.end != found->extent.end ||
        (size > 0 && memcmp(again.index, found->index, size) != 0))
        wrong("other frames the second time", again.extent.count);
    scan_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trial trial = {.source = {data, size}};
    struct scan found;

    trial.disk = memio_new();
    make_segment(&trial);
    for (int i = 0; i < DAMAGES && trial.source.size > 0; i++)
        damage(&trial);
    scan(&trial, &found);
    check_frames(&trial, &found);
    check_again(&trial, &found);
    scan_done(&found);
    io_close(memio_io(trial.disk), trial.segments);
    memio_free(trial.disk);
    return 0;
}

/* Eight records in three batches, then a damage of each kind. */
size_t fuzz_seed(unsigned i, uint8_t *data)
{
    static const uint8_t begin[] = {8, 2, 40, 0, 10, 0, 200, 0, 3, 30, 0,
                                    9, 0, 7,  0, 0,  1, 20,  0, 5, 0};
    static const uint8_t ends[][8] = {
        {0},
        {0, 48, 0, 7, 1, 2, 3, 4},        /* a prefix */
        {0, 60, 0, 3, 9, 9, 9, 9},        /* a payload */
        {1, 24, 0, 7, 1, 2, 3, 4},        /* a position */
        {2, 60, 0, 3, 1, 2, 3, 4},        /* a checksum */
        {6, 90, 0},                       /* the store cut */
        {7, 20, 0, 8, 0, 0},              /* index and stamps cut */
        {9, 40, 0, 1, 2, 3, 4, 5},        /* a store of the input's */
        {12, 0, 10, 0, 99, 0, 60},        /* a block of it elsewhere */
        {15, 200, 17, 200},               /* large store and stamps */
        {15, 200, 18, 255, 63, 90, 0, 9}, /* and an index */
    };

    if (i >= sizeof(ends) / sizeof(ends[0]))
        return 0;
    memcpy(data, begin, sizeof(begin));
    memcpy(data + sizeof(begin), ends[i], sizeof(ends[i]));
    return sizeof(begin) + sizeof(ends[i]);
}
