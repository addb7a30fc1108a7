/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "log/durability.h"
#include "recovery/metadata.h"
#include "test.h"

#define THREADS 8

/* What is made durable, in a directory of its own. */
struct bench {
    char *dir;
    int root;
    struct durability durability;
    atomic_uint syncs; /* asked for */
    uint64_t next;     /* what they make durable */
    int result;        /* what they return */
    bool slow;
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    assert_non_null(bench);
    bench->dir = directory_make();
    bench->root = open(bench->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(bench->root >= 0);
    durability_init(&bench->durability, io_posix());
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    durability_done(&bench->durability);
    assert_int_equal(close(bench->root), 0);
    directory_remove(bench->dir);
    free(bench);
    return 0;
}

static void open_bench(struct bench *bench)
{
    assert_int_equal(durability_open(&bench->durability, bench->root), 0);
}

static int make_sync(void *ctx, uint64_t *ret_next)
{
    struct bench *bench = ctx;
    struct timespec while_syncing = {0, 5000000};

    atomic_fetch_add(&bench->syncs, 1);
    if (bench->slow)
        (void)nanosleep(&while_syncing, NULL);
    if (bench->result == 0)
        *ret_next = bench->next;
    return bench->result;
}

static int commit(struct bench *bench, uint64_t upto)
{
    return durability_commit(&bench->durability, upto, make_sync, bench);
}

/* What a new open of the directory would learn. */
static uint64_t on_disk(const struct bench *bench)
{
    uint64_t offset = 0;

    assert_int_equal(durable_load(io_posix(), bench->root, &offset), 0);
    return offset;
}

static void test_durability_of_a_read_only_log(void **state)
{
    struct bench *bench = *state;

    assert_false(durability_writable(&bench->durability));
    durability_raise(&bench->durability, 7);
    assert_int_equal(durability_offset(&bench->durability), 7);
    assert_int_equal(commit(bench, 7), 0);
    assert_int_equal(commit(bench, 8), -EROFS);
    assert_int_equal(bench->syncs, 0);
    assert_false(file_exists(bench->dir, METADATA_DURABLE));
}

static void test_durability_rises(void **state)
{
    struct bench *bench = *state;

    open_bench(bench);
    assert_true(durability_writable(&bench->durability));
    bench->next = 5;
    assert_int_equal(commit(bench, 3), 0);
    assert_int_equal(bench->syncs, 1);
    assert_int_equal(durability_offset(&bench->durability), 5);
    assert_int_equal(on_disk(bench), 5);
    /* What is durable needs no sync. */
    assert_int_equal(commit(bench, 5), 0);
    assert_int_equal(bench->syncs, 1);
    durability_raise(&bench->durability, 9);
    assert_int_equal(on_disk(bench), 9);
    durability_raise(&bench->durability, 2);
    assert_int_equal(durability_offset(&bench->durability), 9);
}

/* The first that fails counts, and is told; all others are EIO. */
static void test_durability_stops_at_a_failure(void **state)
{
    struct bench *bench = *state;

    open_bench(bench);
    bench->next = 5;
    assert_int_equal(commit(bench, 5), 0);
    bench->result = -ENOSPC;
    bench->next = 8;
    assert_int_equal(commit(bench, 8), -ENOSPC);
    assert_false(durability_writable(&bench->durability));
    assert_int_equal(durability_error(&bench->durability), -ENOSPC);
    bench->result = 0;
    assert_int_equal(commit(bench, 8), -EIO);
    assert_int_equal(bench->syncs, 2);
    assert_int_equal(commit(bench, 5), 0);
    durability_stop(&bench->durability, -EIO);
    assert_int_equal(durability_error(&bench->durability), -ENOSPC);
    assert_int_equal(durability_offset(&bench->durability), 5);
    assert_int_equal(on_disk(bench), 5);
}

static void *commit_all(void *ctx)
{
    struct bench *bench = ctx;

    return commit(bench, 100) == 0 ? NULL : ctx;
}

/* Those who wait share a sync, and its failure. */
static void commit_by_threads(struct bench *bench, bool fails)
{
    pthread_t threads[THREADS];
    void *failed = NULL;

    bench->slow = true;
    bench->next = 100;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, commit_all, bench),
                         0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_int_equal(failed != NULL, fails);
    }
    assert_int_equal(bench->syncs, 1);
}

static void test_durability_is_shared(void **state)
{
    open_bench(*state);
    commit_by_threads(*state, false);
}

static void test_durability_failure_is_shared(void **state)
{
    struct bench *bench = *state;

    open_bench(bench);
    bench->result = -EIO;
    commit_by_threads(bench, true);
    assert_int_equal(durability_offset(&bench->durability), 0);
}

#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_durability_of_a_read_only_log),
        BENCH_TEST(test_durability_rises),
        BENCH_TEST(test_durability_stops_at_a_failure),
        BENCH_TEST(test_durability_is_shared),
        BENCH_TEST(test_durability_failure_is_shared),
    };

    return cmocka_run_group_tests_name("durability", tests, NULL, NULL);
}
