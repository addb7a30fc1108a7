/* SPDX-License-Identifier: MIT */
#include "recovery/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fixture.h"
#include "test.h"

static const uint8_t prefix[8] = {1, 2, 3, 4, 5, 6, 7, 8};

#define STORE  "segments/00000000000000000000/store"
#define STAMPS "segments/00000000000000000000/stamps"

/* A segment of three records, to cut behind the first. */
struct bench {
    struct fixture *fixture;
    struct recovery recovery;
    struct found found;
    struct extent keep;
    uint8_t *tail; /* owned: the bytes behind keep, store and then stamps */
    size_t tail_store, tail_stamps;
};

static struct bench open_bench(void **state)
{
    struct bench bench = {
        .fixture = *state,
        .found = {.present = {true, true, true}, .sizes = {37, 48, 48}},
        .keep = {1, 13}};
    struct io *io = io_posix();
    size_t size = 0;
    uint8_t *store = NULL;
    uint8_t *stamps = NULL;

    fixture_open(bench.fixture);
    (void)fixture_append(bench.fixture, "hello");
    (void)fixture_append(bench.fixture, "world");
    (void)fixture_append(bench.fixture, "foo");
    fixture_kill(bench.fixture);
    bench.recovery.io = &bench.fixture->fake.io;
    bench.recovery.root = io_open_root(io, bench.fixture->dir);
    bench.recovery.segments =
        io_open(io, bench.recovery.root, "segments", O_RDONLY | O_DIRECTORY, 0);
    store = file_load(bench.fixture->dir, STORE, &size);
    bench.tail_store = size - 13;
    stamps = file_load(bench.fixture->dir, STAMPS, &size);
    bench.tail_stamps = size - 16;
    bench.tail = malloc(bench.tail_store + bench.tail_stamps);
    assert_non_null(bench.tail);
    memcpy(bench.tail, store + 13, bench.tail_store);
    memcpy(bench.tail + bench.tail_store, stamps + 16, bench.tail_stamps);
    free(store);
    free(stamps);
    return bench;
}

static void close_bench(struct bench *bench)
{
    io_close(io_posix(), bench->recovery.segments);
    io_close(io_posix(), bench->recovery.root);
    free(bench->tail);
}

static ssize_t refuse_read(struct io *io, struct io_from from,
                           const struct iovec *iov, int count)
{
    (void)io;
    (void)from;
    (void)iov;
    (void)count;
    return -ENXIO;
}

static int keep(struct bench *bench)
{
    return quarantine_tail(&bench->recovery, &bench->found, &bench->keep);
}

/* The name of what is kept: base, first offset and checksum of the bytes. */
static void name_kept(const struct bench *bench, const char *end,
                      char name[static 96])
{
    uint32_t crc = crc32c(bench->tail, bench->tail_store + bench->tail_stamps);

    (void)snprintf(name, 96,
                   "quarantine/00000000000000000000.1.%08" PRIx32 ".%s", crc,
                   end);
}

/* Store and stamps behind what is kept, byte for byte, and a note. */
static void test_quarantine_tail_is_kept_whole(void **state)
{
    struct bench bench = open_bench(state);
    const char *dir = bench.fixture->dir;
    char name[96];
    size_t size = 0;
    uint8_t *note = NULL;

    assert_int_equal(keep(&bench), 0);
    name_kept(&bench, "store", name);
    assert_true(file_holds(dir, name, bench.tail, bench.tail_store));
    name_kept(&bench, "stamps", name);
    assert_true(file_holds(dir, name, bench.tail + bench.tail_store,
                           bench.tail_stamps));
    name_kept(&bench, "note", name);
    note = file_load(dir, name, &size);
    assert_non_null(strstr((char *)note, "\noffset 1\n"));
    assert_non_null(strstr((char *)note, "\nposition 13\n"));
    free(note);
    assert_true(atomic_load(&bench.fixture->fake.syncs) >= 5);
    close_bench(&bench);
}

/* Run again it writes the same files again, and no others. */
static void test_quarantine_again_is_the_same(void **state)
{
    struct bench bench = open_bench(state);
    char name[96];

    assert_int_equal(keep(&bench), 0);
    name_kept(&bench, "store", name);
    file_save(bench.fixture->dir, name, "cut short", 9);
    assert_int_equal(keep(&bench), 0);
    assert_true(
        file_holds(bench.fixture->dir, name, bench.tail, bench.tail_store));
    assert_int_equal(directory_count(bench.fixture->dir, "quarantine"), 3);
    close_bench(&bench);
}

/* A tail without stamps keeps none of them. */
static void test_quarantine_store_alone_is_kept(void **state)
{
    struct bench bench = open_bench(state);
    char name[96];

    bench.found.sizes[CLOG_STAMPS] = 16;
    bench.tail_stamps = 0;
    assert_int_equal(keep(&bench), 0);
    name_kept(&bench, "store", name);
    assert_true(
        file_holds(bench.fixture->dir, name, bench.tail, bench.tail_store));
    name_kept(&bench, "stamps", name);
    assert_int_equal(file_size(bench.fixture->dir, name), 0);
    bench.found.sizes[CLOG_STAMPS] = 0;
    assert_int_equal(keep(&bench), 0);
    close_bench(&bench);
}

/* No room: the error comes back, what was there stays, and what was begun does
   not take the room that is left. */
static void test_quarantine_full_disk_is_enospc(void **state)
{
    struct bench bench = open_bench(state);

    for (int k = 0; k < 3; k++) {
        bench.fixture->fake.fails = k;
        assert_int_equal(keep(&bench), -ENOSPC);
        assert_int_equal(directory_count(bench.fixture->dir, "quarantine"), 0);
    }
    assert_int_equal(file_size(bench.fixture->dir, STORE), 37);
    bench.fixture->fake.fails = -1;
    bench.fixture->fake.sync_error = -EIO;
    assert_int_equal(keep(&bench), -EIO);
    bench.fixture->fake.sync_error = 0;
    assert_int_equal(keep(&bench), 0);
    close_bench(&bench);
}

static int little_space(struct io *io, int fd, struct io_space *ret)
{
    (void)io;
    (void)fd;
    *ret = (struct io_space){4096, 1000, 40, 40};
    return 0;
}

/* What would not fit is not begun; holes take no room, here as there. */
static void test_quarantine_too_large_is_not_begun(void **state)
{
    struct bench bench = open_bench(state);
    struct fake *fake = &bench.fixture->fake;
    uint64_t size = (uint64_t)256 << 20;
    struct stat st;
    char path[256];
    char name[96];

    fake->ops.space = little_space;
    file_resize(bench.fixture->dir, STORE, size);
    bench.found.sizes[CLOG_STORE] = size;
    for (uint64_t at = 1000; at < 200000; at += 1000)
        file_patch(bench.fixture->dir, STORE, at, "x", 1);
    fake->fails = 0;
    fake->error = -EPERM;
    assert_int_equal(keep(&bench), -ENOSPC);
    fake->fails = -1;
    file_resize(bench.fixture->dir, STORE, 37);
    file_resize(bench.fixture->dir, STORE, size);
    assert_int_equal(keep(&bench), 0);
    assert_int_equal(directory_count(bench.fixture->dir, "quarantine"), 3);
    bench.tail = realloc(bench.tail, size + 100);
    assert_non_null(bench.tail);
    memmove(bench.tail + size - 13, bench.tail + bench.tail_store, 32);
    memset(bench.tail + bench.tail_store, 0, size - 37);
    bench.tail_store = size - 13;
    name_kept(&bench, "store", name);
    (void)snprintf(path, sizeof(path), "%s/%s", bench.fixture->dir, name);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, size - 13);
    assert_in_range(st.st_blocks, 1, 1024);
    close_bench(&bench);
}

/* A file where the directory should be is an error. */
static void test_quarantine_in_the_way_is_enotdir(void **state)
{
    struct bench bench = open_bench(state);

    file_save(bench.fixture->dir, "quarantine", "", 0);
    assert_int_equal(keep(&bench), -ENOTDIR);
    close_bench(&bench);
}

/* Bytes that a repair overwrites are kept under their own checksum. */
static void test_quarantine_prefix_is_kept(void **state)
{
    struct bench bench = open_bench(state);
    char name[96];

    assert_int_equal(
        quarantine_prefix(io_posix(), bench.recovery.root, 7, 9, prefix), 0);
    (void)snprintf(name, sizeof(name),
                   "quarantine/00000000000000000007.9.%08" PRIx32 ".prefix",
                   crc32c(prefix, sizeof(prefix)));
    assert_true(file_holds(bench.fixture->dir, name, prefix, sizeof(prefix)));
    close_bench(&bench);
}

/* A store that cannot be read, or has been cut, keeps nothing. */
static void test_quarantine_of_unreadable_is_eio(void **state)
{
    struct bench bench = open_bench(state);

    file_resize(bench.fixture->dir, STORE, 36);
    assert_int_equal(keep(&bench), -EIO);
    bench.fixture->fake.ops.readv = refuse_read;
    assert_int_equal(keep(&bench), -ENXIO);
    assert_false(file_exists(bench.fixture->dir, "quarantine"));
    close_bench(&bench);
}

/* So do stamps that have been cut. */
static void test_quarantine_of_stamps_cut_is_eio(void **state)
{
    struct bench bench = open_bench(state);

    bench.found.sizes[CLOG_STAMPS] = 64;
    assert_int_equal(keep(&bench), -EIO);
    assert_false(file_exists(bench.fixture->dir, "quarantine"));
    close_bench(&bench);
}

static int keep_prefix(struct bench *bench)
{
    return quarantine_prefix(bench->recovery.io, bench->recovery.root, 7, 9,
                             prefix);
}

/* Bytes that cannot be kept are not to be overwritten: each error is told. */
static void test_quarantine_prefix_not_kept_is_error(void **state)
{
    struct bench bench = open_bench(state);
    struct fake *fake = &bench.fixture->fake;
    const char *dir = bench.fixture->dir;
    char name[96];
    char path[256];

    file_save(dir, "quarantine", "", 0);
    assert_int_equal(keep_prefix(&bench), -ENOTDIR);
    file_remove(dir, "quarantine");
    fake->fails = 0;
    assert_int_equal(keep_prefix(&bench), -ENOSPC);
    fake->fails = -1;
    fake->sync_error = -EIO;
    assert_int_equal(keep_prefix(&bench), -EIO);
    fake->sync_error = 0;
    (void)snprintf(name, sizeof(name),
                   "quarantine/00000000000000000007.9.%08" PRIx32 ".prefix",
                   crc32c(prefix, sizeof(prefix)));
    file_remove(dir, name);
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(keep_prefix(&bench), -EISDIR);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_quarantine_tail_is_kept_whole),
        FIXTURE_TEST(test_quarantine_again_is_the_same),
        FIXTURE_TEST(test_quarantine_store_alone_is_kept),
        FIXTURE_TEST(test_quarantine_full_disk_is_enospc),
        FIXTURE_TEST(test_quarantine_too_large_is_not_begun),
        FIXTURE_TEST(test_quarantine_in_the_way_is_enotdir),
        FIXTURE_TEST(test_quarantine_prefix_is_kept),
        FIXTURE_TEST(test_quarantine_of_unreadable_is_eio),
        FIXTURE_TEST(test_quarantine_of_stamps_cut_is_eio),
        FIXTURE_TEST(test_quarantine_prefix_not_kept_is_error),
    };

    return cmocka_run_group_tests_name("quarantine", tests, NULL, NULL);
}
