/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "files.h"
#include "log/cursors.h"
#include "test.h"

/* Cursors without a log. */
struct bench {
    char *dir;
    int root;
    struct durability durability;
    struct cursors cursors;
};

static void load(struct bench *bench)
{
    cursors_init(&bench->cursors, io_posix(), &bench->durability);
    assert_int_equal(cursors_load(&bench->cursors, bench->root), 0);
}

/* As the next open finds them. */
static void load_again(struct bench *bench)
{
    cursors_done(&bench->cursors);
    load(bench);
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    assert_non_null(bench);
    bench->dir = directory_make();
    bench->root = open(bench->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(bench->root >= 0);
    durability_init(&bench->durability, io_posix());
    load(bench);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    cursors_done(&bench->cursors);
    durability_done(&bench->durability);
    assert_int_equal(close(bench->root), 0);
    directory_remove(bench->dir);
    free(bench);
    return 0;
}

static void expect(struct bench *bench, const char *name, uint64_t offset)
{
    struct clog_cursor cursor;

    assert_int_equal(cursors_get(&bench->cursors, name, &cursor), 0);
    assert_string_equal(cursor.name, name);
    assert_int_equal(cursor.offset, offset);
}

static void test_cursors_survive(void **state)
{
    struct bench *bench = *state;
    struct clog_cursor cursor;

    assert_int_equal(cursors_lowest(&bench->cursors), UINT64_MAX);
    assert_false(file_exists(bench->dir, "cursors"));
    assert_int_equal(cursors_make(&bench->cursors, "a", 7), 0);
    assert_int_equal(cursors_make(&bench->cursors, "a", 8), -EEXIST);
    assert_int_equal(cursors_make(&bench->cursors, "b", 3), 0);
    assert_int_equal(cursors_make(&bench->cursors, "c", 5), 0);
    assert_int_equal(cursors_move(&bench->cursors, "a", 9, false), 0);
    assert_int_equal(cursors_move(&bench->cursors, "d", 9, true), -ENOENT);
    assert_int_equal(cursors_move(&bench->cursors, "a", 8, false), -EAGAIN);
    assert_int_equal(cursors_move(&bench->cursors, "a", 8, true), 0);
    assert_int_equal(cursors_move(&bench->cursors, "a", 9, false), 0);
    assert_int_equal(cursors_lowest(&bench->cursors), 3);
    assert_int_equal(cursors_remove(&bench->cursors, "b"), 0);
    assert_int_equal(cursors_remove(&bench->cursors, "b"), -ENOENT);
    assert_int_equal(cursors_lowest(&bench->cursors), 5);
    load_again(bench);
    expect(bench, "a", 9);
    expect(bench, "c", 5);
    assert_int_equal(cursors_get(&bench->cursors, "b", &cursor), -ENOENT);
    assert_int_equal(cursors_count(&bench->cursors), 2);
}

/* By rising ids, which no other cursor gets. */
static void test_cursors_are_listed(void **state)
{
    struct bench *bench = *state;
    struct clog_cursor cursor = {0};
    char name[] = "aa";
    uint64_t id = 0;
    unsigned count = 0;

    for (int i = 0; i < 100; i++) {
        name[0] = (char)('a' + i / 10);
        name[1] = (char)('a' + i % 10);
        assert_int_equal(cursors_make(&bench->cursors, name, 0), 0);
    }
    for (int i = 1; i < 100; i += 2) {
        name[0] = (char)('a' + i / 10);
        name[1] = (char)('a' + i % 10);
        assert_int_equal(cursors_remove(&bench->cursors, name), 0);
    }
    assert_int_equal(cursors_make(&bench->cursors, "last", 0), 0);
    while (cursors_after(&bench->cursors, id, &cursor) == 0) {
        assert_true(cursor.id >= id);
        id = cursor.id + 1;
        count++;
    }
    assert_int_equal(count, 51);
    assert_string_equal(cursor.name, "last");
}

/* What is none of ours stays. */
static void test_cursors_leave_others_alone(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(cursors_make(&bench->cursors, "a", 1), 0);
    file_save(bench->dir, "cursors/b.new", "half", 4);
    file_save(bench->dir, "cursors/.hidden", "x", 1);
    load_again(bench);
    assert_int_equal(cursors_count(&bench->cursors), 1);
    assert_int_equal(directory_count(bench->dir, "cursors"), 3);
    assert_int_equal(cursors_make(&bench->cursors, ".hidden", 0), -EINVAL);
}

/* One that cannot be read has read nothing, until it is told where it is. */
static void test_cursors_damaged_hold_everything(void **state)
{
    struct bench *bench = *state;
    struct clog_cursor cursor;

    for (int k = 0; k < 2; k++) {
        assert_int_equal(cursors_make(&bench->cursors, "a", 5), 0);
        assert_int_equal(cursors_make(&bench->cursors, "b", 7), 0);
        file_flip(bench->dir, "cursors/a", 7);
        load_again(bench);
        assert_int_equal(cursors_get(&bench->cursors, "a", &cursor), 0);
        assert_true(cursor.damaged);
        assert_int_equal(cursors_lowest(&bench->cursors), 0);
        assert_int_equal(cursors_make(&bench->cursors, "a", 5), -EEXIST);
        if (k == 0)
            assert_int_equal(cursors_remove(&bench->cursors, "a"), 0);
        else
            assert_int_equal(cursors_move(&bench->cursors, "a", 9, false), 0);
        assert_int_equal(cursors_lowest(&bench->cursors), 7);
        load_again(bench);
        assert_int_equal(cursors_lowest(&bench->cursors), 7);
        assert_int_equal(cursors_remove(&bench->cursors, "b"), 0);
    }
    expect(bench, "a", 9);
}

#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_cursors_survive),
        BENCH_TEST(test_cursors_are_listed),
        BENCH_TEST(test_cursors_leave_others_alone),
        BENCH_TEST(test_cursors_damaged_hold_everything),
    };

    return cmocka_run_group_tests_name("cursors", tests, NULL, NULL);
}
