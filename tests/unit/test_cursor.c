/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "test.h"

/* A cursor's offset; all else of it must agree. */
static uint64_t offset_of(struct fixture *fixture, const char *name)
{
    struct clog_status status = fixture_status(fixture);
    struct clog_cursor cursor;

    assert_int_equal(clog_cursor_get(fixture->log, name, &cursor), 0);
    assert_string_equal(cursor.name, name);
    assert_int_equal(cursor.lag, status.next - cursor.offset);
    assert_int_equal(cursor.lost, status.oldest > cursor.offset
                                      ? status.oldest - cursor.offset
                                      : 0);
    return cursor.offset;
}

/* It is made at oldest, moves to where it is told, and is forgotten. */
static void test_cursor_make_move_remove(void **state)
{
    struct fixture *fixture = *state;
    struct clog_cursor cursor;

    fixture_open(fixture);
    assert_int_equal(clog_cursor_get(fixture->log, "a", &cursor), -ENOENT);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), -EEXIST);
    assert_int_equal(offset_of(fixture, "a"), 0);
    fixture_fill(fixture, 5);
    assert_int_equal(offset_of(fixture, "a"), 0);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 5), 0);
    assert_int_equal(offset_of(fixture, "a"), 5);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 2), 0);
    assert_int_equal(offset_of(fixture, "a"), 2);
    assert_int_equal(fixture_status(fixture).cursors, 1);
    assert_int_equal(clog_cursor_remove(fixture->log, "a"), 0);
    assert_int_equal(fixture_status(fixture).cursors, 0);
    assert_int_equal(clog_cursor_remove(fixture->log, "a"), -ENOENT);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 0), -ENOENT);
    assert_int_equal(clog_cursor_get(fixture->log, "a", &cursor), -ENOENT);
    assert_int_equal(directory_count(fixture->dir, "cursors"), 0);
}

/* A cursor is never above next. */
static void test_cursor_above_next_is_einval(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 4), -EINVAL);
    assert_int_equal(clog_cursor_move(fixture->log, "a", UINT64_MAX), -EINVAL);
    assert_int_equal(offset_of(fixture, "a"), 0);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 3), 0);
}

/* Which names there can be. */
static void test_cursor_names(void **state)
{
    static const char *const wrong[] = {"",    ".", "..",    ".hidden",
                                        "a/b", "/", "x.new", ".new"};
    static const char *const right[] = {"a", "new",  "a.b", "x.new2",
                                        " ", "\xff", "-rf", "a\nb"};
    struct fixture *fixture = *state;
    char name[CLOG_CURSOR_NAME + 2];

    fixture_open(fixture);
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(clog_cursor_make(fixture->log, wrong[i]), -EINVAL);
    memset(name, 'n', sizeof(name));
    name[CLOG_CURSOR_NAME + 1] = '\0';
    assert_int_equal(clog_cursor_make(fixture->log, name), -ENAMETOOLONG);
    assert_int_equal(fixture_status(fixture).cursors, 0);
    assert_false(file_exists(fixture->dir, "cursors"));
    name[CLOG_CURSOR_NAME] = '\0';
    assert_int_equal(clog_cursor_make(fixture->log, name), 0);
    for (size_t i = 0; i < COUNT(right); i++)
        assert_int_equal(clog_cursor_make(fixture->log, right[i]), 0);
    fixture_open(fixture);
    assert_int_equal(offset_of(fixture, name), 0);
    for (size_t i = 0; i < COUNT(right); i++)
        assert_int_equal(offset_of(fixture, right[i]), 0);
}

/* All records below it are durable, and so is the move. */
static void test_cursor_move_is_durable(void **state)
{
    struct fixture *fixture = *state;
    unsigned syncs;

    fixture_open(fixture);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    fixture_fill(fixture, 4);
    assert_int_equal(fixture_status(fixture).durable, 0);
    syncs = fixture->fake.syncs;
    assert_int_equal(clog_cursor_move(fixture->log, "a", 4), 0);
    assert_int_equal(fixture_status(fixture).durable, 4);
    /* The store, the stamps, the cursor and its directory. */
    assert_int_equal(fixture->fake.syncs - syncs, 4);
    syncs = fixture->fake.syncs;
    assert_int_equal(clog_cursor_move(fixture->log, "a", 2), 0);
    assert_int_equal(fixture->fake.syncs - syncs, 2);
    syncs = fixture->fake.syncs;
    assert_int_equal(clog_cursor_remove(fixture->log, "a"), 0);
    assert_int_equal(fixture->fake.syncs - syncs, 1);
}

/* Where records cannot be made durable it does not move over them. */
static void test_cursor_stays_when_a_sync_fails(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    fixture_fill(fixture, 2);
    fixture->fake.sync_error = -EIO;
    assert_int_equal(clog_cursor_move(fixture->log, "a", 2), -EIO);
    assert_int_equal(offset_of(fixture, "a"), 0);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 1), -EROFS);
    assert_int_equal(clog_cursor_make(fixture->log, "b"), -EROFS);
    assert_int_equal(clog_cursor_remove(fixture->log, "a"), -EROFS);
    fixture_kill(fixture);
    fixture->fake.sync_error = 0;
    fixture_open(fixture);
    assert_int_equal(offset_of(fixture, "a"), 0);
}

/* On a full disk a cursor is where it was. */
static void test_cursor_stays_when_the_disk_is_full(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 2);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    assert_int_equal(clog_sync(fixture->log, 2), 0);
    fixture->fake.fails = 0;
    assert_int_equal(clog_cursor_move(fixture->log, "a", 2), -ENOSPC);
    assert_int_equal(clog_cursor_make(fixture->log, "b"), -ENOSPC);
    fixture->fake.fails = -1;
    assert_int_equal(offset_of(fixture, "a"), 0);
    assert_int_equal(clog_cursor_make(fixture->log, "b"), 0);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 1), 0);
    fixture_kill(fixture);
    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).cursors, 2);
    assert_int_equal(offset_of(fixture, "a"), 1);
}

/* They survive a close and a kill, and read-only they can be looked at. */
static void test_cursor_survives(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    assert_int_equal(clog_cursor_make(fixture->log, "b"), 0);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 3), 0);
    fixture_open(fixture);
    assert_int_equal(offset_of(fixture, "a"), 3);
    assert_int_equal(offset_of(fixture, "b"), 0);
    assert_int_equal(clog_cursor_move(fixture->log, "b", 1), 0);
    assert_int_equal(clog_cursor_remove(fixture->log, "a"), 0);
    fixture_kill(fixture);
    fixture->options.flags = CLOG_READ_ONLY;
    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).cursors, 1);
    assert_int_equal(offset_of(fixture, "b"), 1);
    assert_int_equal(clog_cursor_make(fixture->log, "c"), -EROFS);
    assert_int_equal(clog_cursor_move(fixture->log, "b", 0), -EROFS);
    assert_int_equal(clog_cursor_remove(fixture->log, "b"), -EROFS);
}

/* A new file that was not renamed is not a cursor. */
static void test_cursor_ignores_unfinished_files(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    fixture_close(fixture);
    file_save(fixture->dir, "cursors/a.new", "offset 7", 8);
    fixture_open(fixture);
    assert_int_equal(fixture_report(fixture)->note_count, 0);
    assert_int_equal(fixture_status(fixture).cursors, 1);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 0), 0);
    assert_int_equal(directory_count(fixture->dir, "cursors"), 1);
}

/* The bytes that FORMAT.md gives. */
static void test_cursor_golden_bytes(void **state)
{
    static const char golden[] = "offset 42\ncrc32c 73f70dbf\n";
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 42);
    assert_int_equal(clog_cursor_make(fixture->log, "a"), 0);
    assert_int_equal(clog_cursor_move(fixture->log, "a", 42), 0);
    assert_true(
        file_holds(fixture->dir, "cursors/a", golden, sizeof(golden) - 1));
}

/* A damaged one is noted, and is there as such; so are the others. */
static void test_cursor_damaged_file_is_a_damaged_cursor(void **state)
{
    static const char *const damaged[] = {
        "",
        "offset 1\n",
        "offset 1\ncrc32c 00000000\n",
        "offset 43\ncrc32c 73f70dbf\n",
        "offset 42\ncrc32c 73f70dbf\nmore",
        "offset 042\ncrc32c 73f70dbf\n",
        "offset 99999999999999999999999\ncrc32c 73f70dbf\n",
    };
    struct fixture *fixture = *state;
    struct clog_cursor cursor;

    fixture_open(fixture);
    assert_int_equal(clog_cursor_make(fixture->log, "good"), 0);
    for (size_t i = 0; i < COUNT(damaged); i++) {
        const char *text = damaged[i];

        fixture_close(fixture);
        file_save(fixture->dir, "cursors/bad", text, strlen(text));
        fixture_open(fixture);
        assert_int_equal(fixture_report(fixture)->note_count, 1);
        assert_non_null(
            strstr(fixture_note(fixture, CLOG_NOTE_CURSOR)->text, "bad"));
        assert_int_equal(fixture_status(fixture).cursors, 2);
        assert_int_equal(offset_of(fixture, "good"), 0);
        assert_int_equal(clog_cursor_get(fixture->log, "bad", &cursor), 0);
        assert_true(cursor.damaged);
        assert_int_equal(cursor.lag, 0);
        assert_int_equal(cursor.lost, 0);
        assert_true(
            file_holds(fixture->dir, "cursors/bad", text, strlen(text)));
    }
}

/* Its name is given to no other before it is removed; and what is no file is no
   cursor. */
static void test_cursor_of_a_damaged_name_is_eexist(void **state)
{
    struct fixture *fixture = *state;
    char large[4096];
    char name[300];

    fixture_open(fixture);
    assert_int_equal(clog_cursor_make(fixture->log, "good"), 0);
    fixture_close(fixture);
    memset(large, '7', sizeof(large));
    file_save(fixture->dir, "cursors/large", large, sizeof(large));
    (void)snprintf(name, sizeof(name), "%s/cursors/dir", fixture->dir);
    assert_int_equal(mkdir(name, 0700), 0);
    (void)snprintf(name, sizeof(name), "%s/cursors/link", fixture->dir);
    assert_int_equal(symlink("good", name), 0);
    fixture_open(fixture);
    assert_int_equal(fixture_report(fixture)->note_count, 3);
    assert_int_equal(fixture_status(fixture).cursors, 2);
    assert_int_equal(clog_cursor_make(fixture->log, "large"), -EEXIST);
    assert_int_equal(clog_cursor_make(fixture->log, "dir"), -EEXIST);
    assert_int_equal(clog_cursor_make(fixture->log, "link"), -EEXIST);
    assert_int_equal(clog_cursor_remove(fixture->log, "dir"), -ENOENT);
    assert_int_equal(clog_cursor_remove(fixture->log, "link"), -ENOENT);
    assert_true(
        file_holds(fixture->dir, "cursors/large", large, sizeof(large)));
    assert_int_equal(clog_cursor_remove(fixture->log, "large"), 0);
    assert_int_equal(clog_cursor_make(fixture->log, "large"), 0);
}

/* A thousand are listed once each, in order of their ids, also while others
   come and go. */
static void test_cursor_thousand(void **state)
{
    struct fixture *fixture = *state;
    struct clog_cursor cursor;
    char name[32];
    uint64_t id = 0;
    unsigned seen = 0;

    fixture_open(fixture);
    fixture_fill(fixture, 10);
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "cursor-%u", i);
        assert_int_equal(clog_cursor_make(fixture->log, name), 0);
        assert_int_equal(clog_cursor_move(fixture->log, name, i % 11), 0);
    }
    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).cursors, 1000);
    while (clog_cursor_after(fixture->log, id, &cursor) == 0) {
        unsigned number;

        assert_true(cursor.id >= id);
        assert_int_equal(sscanf(cursor.name, "cursor-%u", &number), 1);
        assert_int_equal(cursor.offset, number % 11);
        assert_int_equal(cursor.lag, 10 - number % 11);
        if (number % 2)
            assert_int_equal(clog_cursor_remove(fixture->log, cursor.name), 0);
        id = cursor.id + 1;
        seen++;
    }
    assert_int_equal(seen, 1000);
    assert_int_equal(fixture_status(fixture).cursors, 500);
    assert_int_equal(clog_cursor_after(fixture->log, id, &cursor), -ENOENT);
    fixture_open(fixture);
    assert_int_equal(fixture_status(fixture).cursors, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_cursor_make_move_remove),
        FIXTURE_TEST(test_cursor_above_next_is_einval),
        FIXTURE_TEST(test_cursor_names),
        FIXTURE_TEST(test_cursor_move_is_durable),
        FIXTURE_TEST(test_cursor_stays_when_a_sync_fails),
        FIXTURE_TEST(test_cursor_stays_when_the_disk_is_full),
        FIXTURE_TEST(test_cursor_survives),
        FIXTURE_TEST(test_cursor_ignores_unfinished_files),
        FIXTURE_TEST(test_cursor_golden_bytes),
        FIXTURE_TEST(test_cursor_damaged_file_is_a_damaged_cursor),
        FIXTURE_TEST(test_cursor_of_a_damaged_name_is_eexist),
        FIXTURE_TEST(test_cursor_thousand),
    };

    return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
