/* SPDX-License-Identifier: MIT */
#include "log/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "segment/index.h"
#include "test.h"

#define PARTS 5

/* Segments of one index entry each, and their parts. */
struct bench {
    struct fixture *fixture;
    int root;
    struct cache cache;
    struct part parts[PARTS];
};

static void fill_segment(struct bench *bench, struct part *part)
{
    uint8_t entry[SLOT_SIZE];

    assert_int_equal(segment_make(bench->cache.io, bench->root, part->base), 0);
    assert_int_equal(cache_open_active(&bench->cache, part, 4096), 0);
    index_put(entry, part->base, 0);
    assert_int_equal(slots_write(&part->files->index, entry, sizeof(entry), 0),
                     0);
    part->extent.count = 1;
    cache_forget(&bench->cache, part);
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    assert_non_null(bench);
    assert_int_equal(fixture_setup((void **)&bench->fixture), 0);
    fixture_take_sigbus();
    bench->root = io_open_root(io_posix(), bench->fixture->dir);
    cache_init(&bench->cache, &bench->fixture->fake.io);
    bench->cache.dir = bench->root;
    for (size_t k = 0; k < PARTS; k++) {
        bench->parts[k].base = 10 * k;
        fill_segment(bench, &bench->parts[k]);
    }
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    for (size_t k = 0; k < PARTS; k++) {
        cache_forget(&bench->cache, &bench->parts[k]);
        free(bench->parts[k].index);
    }
    cache_done(&bench->cache);
    io_close(io_posix(), bench->root);
    (void)fixture_teardown((void **)&bench->fixture);
    free(bench);
    return 0;
}

static struct segment *pin(struct bench *bench, size_t k)
{
    struct segment *files = NULL;

    assert_int_equal(cache_pin(&bench->cache, &bench->parts[k], false, &files),
                     0);
    return files;
}

static void expect_position(const struct segment *files, uint64_t position)
{
    uint64_t found = UINT64_MAX;

    assert_int_equal(index_get(&files->index, files->base, 0, &found), 0);
    assert_int_equal(found, position);
}

static size_t open_descriptors(void)
{
    return directory_count("/proc/self", "fd");
}

/* Files that are not open are not opened by who must not wait; once open, they
   stay so when nobody uses them. */
static void test_cache_keeps_files_open(void **state)
{
    struct bench *bench = *state;
    struct segment *files = NULL;

    assert_int_equal(cache_pin(&bench->cache, &bench->parts[0], true, &files),
                     -EAGAIN);
    files = pin(bench, 0);
    expect_position(files, 0);
    cache_unpin(&bench->cache, files);
    fake_set_cold(&bench->fixture->fake, true);
    assert_int_equal(cache_pin(&bench->cache, &bench->parts[0], true, &files),
                     0);
    assert_int_equal(atomic_load(&bench->fixture->fake.waits), 0);
    fake_set_cold(&bench->fixture->fake, false);
    cache_unpin(&bench->cache, files);
}

/* No more than the limit stay open, and those go that were not used longest. */
static void test_cache_closes_what_was_not_used(void **state)
{
    struct bench *bench = *state;
    struct segment *files = NULL;
    size_t before = open_descriptors();

    bench->cache.limit = 2;
    for (size_t k = 0; k < PARTS; k++)
        cache_unpin(&bench->cache, pin(bench, k));
    assert_int_equal(open_descriptors(), before + 2);
    for (size_t k = 0; k < PARTS; k++) {
        bool open =
            cache_pin(&bench->cache, &bench->parts[k], true, &files) == 0;

        assert_int_equal(open, k >= PARTS - 2);
        if (open)
            cache_unpin(&bench->cache, files);
    }
}

/* Files in use are not closed, and what passes the limit by them goes when
   they are not used any more. */
static void test_cache_leaves_pinned_files_open(void **state)
{
    struct bench *bench = *state;
    struct segment *files[PARTS];

    bench->cache.limit = 2;
    for (size_t k = 0; k < PARTS; k++)
        files[k] = pin(bench, k);
    assert_int_equal(bench->cache.count, PARTS);
    for (size_t k = 0; k < PARTS; k++) {
        expect_position(files[k], 0);
        cache_unpin(&bench->cache, files[k]);
    }
    cache_forget(&bench->cache, &bench->parts[0]);
    cache_unpin(&bench->cache, pin(bench, 0));
    assert_int_equal(bench->cache.count, 2);
}

/* Who has files keeps them when they are replaced; the next gets new ones, and
   the old are closed once nobody has them. */
static void test_cache_replaced_files_last_as_long_as_they_are_used(
    void **state)
{
    struct bench *bench = *state;
    size_t before = open_descriptors();
    struct segment *old = pin(bench, 1);
    struct segment *new;

    cache_replace(&bench->cache, &bench->parts[1]);
    assert_int_equal(cache_pin(&bench->cache, &bench->parts[1], true, &new),
                     -EAGAIN);
    new = pin(bench, 1);
    assert_ptr_not_equal(old, new);
    assert_int_equal(open_descriptors(), before + 2);
    expect_position(old, 0);
    cache_unpin(&bench->cache, old);
    assert_int_equal(open_descriptors(), before + 1);
    expect_position(new, 0);
    cache_unpin(&bench->cache, new);
}

/* Entries that stand for a wrong index are seen by the next reader, also while
   another still has the files as they were. */
static void test_cache_entries_in_memory_are_seen_at_once(void **state)
{
    struct bench *bench = *state;
    struct part *part = &bench->parts[2];
    struct segment *old = pin(bench, 2);
    struct segment *new;
    uint8_t *entry = malloc(SLOT_SIZE);

    assert_non_null(entry);
    index_put(entry, part->base, 77);
    cache_set_index(&bench->cache, part, entry);
    new = pin(bench, 2);
    expect_position(new, 77);
    expect_position(old, 0);
    cache_unpin(&bench->cache, old);
    cache_unpin(&bench->cache, new);
    cache_forget(&bench->cache, part);
    new = pin(bench, 2);
    expect_position(new, 77);
    cache_unpin(&bench->cache, new);
}

/* Files that are kept outlive their names, and are not replaced. */
static void test_cache_kept_files_need_no_name(void **state)
{
    struct bench *bench = *state;
    struct part *part = &bench->parts[3];
    struct segment *files;
    char name[SEGMENT_NAME];

    assert_int_equal(cache_keep(&bench->cache, part), 0);
    segment_name(part->base, name);
    file_remove(bench->fixture->dir, name);
    bench->cache.limit = 0;
    cache_unpin(&bench->cache, pin(bench, 0));
    cache_replace(&bench->cache, part);
    files = pin(bench, 3);
    expect_position(files, 0);
    cache_unpin(&bench->cache, files);
    cache_unkeep(&bench->cache, part);
    cache_replace(&bench->cache, part);
    assert_int_equal(cache_pin(&bench->cache, part, false, &files), -EIO);
}

/* Readers of what was dropped do not take all descriptors. */
static void test_cache_keeps_no_more_than_it_may(void **state)
{
    struct bench *bench = *state;
    size_t before = open_descriptors();

    bench->cache.limit = 0;
    bench->cache.limit_kept = 2;
    assert_int_equal(cache_keep(&bench->cache, &bench->parts[0]), 0);
    assert_int_equal(cache_keep(&bench->cache, &bench->parts[1]), 0);
    assert_int_equal(cache_keep(&bench->cache, &bench->parts[2]), -EMFILE);
    cache_unpin(&bench->cache, pin(bench, 0));
    cache_unkeep(&bench->cache, &bench->parts[1]);
    assert_int_equal(cache_keep(&bench->cache, &bench->parts[2]), 0);
    cache_forget(&bench->cache, &bench->parts[2]);
    assert_int_equal(cache_keep(&bench->cache, &bench->parts[3]), 0);
    assert_int_equal(cache_keep(&bench->cache, &bench->parts[4]), -EMFILE);
    cache_forget(&bench->cache, &bench->parts[4]);
    cache_forget(&bench->cache, &bench->parts[1]);
    assert_int_equal(open_descriptors(), before + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cache_keeps_files_open, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_cache_closes_what_was_not_used,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache_leaves_pinned_files_open,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_cache_replaced_files_last_as_long_as_they_are_used, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            test_cache_entries_in_memory_are_seen_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache_keeps_no_more_than_it_may,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache_kept_files_need_no_name,
                                        setup, teardown),
    };

    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
