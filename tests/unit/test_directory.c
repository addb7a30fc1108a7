/* SPDX-License-Identifier: MIT */
#include "recovery/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "test.h"

#define ZERO "segments/00000000000000000000"

/* A recovery that gets no further than the list. */
struct bench {
    const char *dir;
    struct recovery recovery;
    struct clog_report report;
};

static struct bench open_bench(void **state)
{
    struct fixture *fixture = *state;
    struct bench bench = {.dir = fixture->dir};

    bench.recovery.io = io_posix();
    bench.recovery.segments = -1;
    bench.recovery.root = io_open_root(io_posix(), bench.dir);
    assert_true(bench.recovery.root >= 0);
    return bench;
}

static int list(struct bench *bench)
{
    int r;

    bench->recovery.report = &bench->report;
    r = directory_open(&bench->recovery);
    return r < 0 ? r : directory_list(&bench->recovery);
}

static void close_bench(struct bench *bench)
{
    recovery_done(&bench->recovery);
    clog_report_done(&bench->report);
    io_close(io_posix(), bench->recovery.root);
}

static void make_directory(const struct bench *bench, const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", bench->dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void expect_refused(const struct bench *bench, const char *file)
{
    assert_int_equal(bench->report.note_count, 1);
    assert_int_equal(bench->report.notes[0].kind, CLOG_NOTE_REFUSED);
    assert_string_equal(bench->report.notes[0].file, file);
    assert_true(bench->report.notes[0].text[0] != '\0');
}

/* An empty directory becomes a log. */
static void test_directory_empty_directory_is_made_a_log(void **state)
{
    struct bench bench = open_bench(state);

    assert_int_equal(list(&bench), 0);
    assert_true(file_holds(bench.dir, "format", "clog 1\n", 7));
    assert_int_equal(file_mode(bench.dir, "segments"), 0700);
    assert_int_equal(bench.recovery.count, 0);
    assert_int_equal(bench.report.note_count, 0);
    close_bench(&bench);
}

static int parent_error;

static int refuse_parent(struct io *io, int dir, const char *name, int flags,
                         mode_t mode)
{
    if (strcmp(name, "..") == 0)
        return parent_error;
    return io_posix()->ops->open(io, dir, name, flags, mode);
}

/* A parent that may not be opened is not ours to sync; other errors count. */
static void test_directory_parent_unopened_is_no_error(void **state)
{
    struct bench bench = open_bench(state);
    struct fixture *fixture = *state;

    fixture->fake.ops.open = refuse_parent;
    bench.recovery.io = &fixture->fake.io;
    parent_error = -EMFILE;
    assert_int_equal(list(&bench), -EMFILE);
    assert_false(file_exists(bench.dir, "format"));
    parent_error = -EACCES;
    assert_int_equal(list(&bench), 0);
    assert_true(file_exists(bench.dir, "format"));
    close_bench(&bench);
}

/* A log whose making ended before segments/ reads as empty. */
static void test_directory_read_only_without_segments_is_empty(void **state)
{
    struct bench bench = open_bench(state);

    file_save(bench.dir, "format", "clog 1\n", 7);
    bench.recovery.read_only = true;
    assert_int_equal(list(&bench), 0);
    assert_int_equal(bench.recovery.count, 0);
    assert_false(file_exists(bench.dir, "segments"));
    close_bench(&bench);
}

/* A file by a dropped segment's name is no segment to remove. */
static void test_directory_dropped_that_is_a_file_is_left(void **state)
{
    struct bench bench = open_bench(state);

    make_directory(&bench, "segments");
    file_save(bench.dir, ZERO ".dropped", "x", 1);
    assert_int_equal(list(&bench), 0);
    assert_int_equal(bench.report.notes[0].kind, CLOG_NOTE_FOREIGN);
    assert_int_equal(bench.report.notes[0].error, -ENOTDIR);
    assert_true(file_exists(bench.dir, ZERO ".dropped"));
    close_bench(&bench);
}

/* A recovery that never began is ended without harm. */
static void test_directory_never_begun_is_done(void **state)
{
    struct recovery recovery = {0};

    (void)state;
    recovery_done(&recovery);
    assert_int_equal(recovery.segments, -1);
}

/* So does one with what a filesystem or a killed daemon leaves. */
static void test_directory_directory_half_made_is_made_a_log(void **state)
{
    struct bench bench = open_bench(state);

    make_directory(&bench, "lost+found");
    file_save(bench.dir, "format.new", "clo", 3);
    assert_int_equal(list(&bench), 0);
    assert_true(file_holds(bench.dir, "format", "clog 1\n", 7));
    close_bench(&bench);
}

/* A directory with anything else is refused by that name, and left alone. */
static void test_directory_foreign_directory_is_refused(void **state)
{
    struct bench bench = open_bench(state);

    file_save(bench.dir, "thesis.tex", "...", 3);
    assert_int_equal(list(&bench), -EUCLEAN);
    expect_refused(&bench, "thesis.tex");
    assert_int_equal(directory_count(bench.dir, "."), 1);
    close_bench(&bench);
}

/* Nothing is made for who may only read. */
static void test_directory_read_only_empty_is_enoent(void **state)
{
    struct bench bench = open_bench(state);

    bench.recovery.read_only = true;
    assert_int_equal(list(&bench), -ENOENT);
    assert_int_equal(directory_count(bench.dir, "."), 0);
    close_bench(&bench);
}

/* A directory with segments/ alone gets its format. */
static void test_directory_segments_alone_is_a_log(void **state)
{
    struct bench bench = open_bench(state);

    make_directory(&bench, "segments");
    make_directory(&bench, ZERO);
    file_save(bench.dir, "other", "", 0);
    assert_int_equal(list(&bench), 0);
    assert_true(file_exists(bench.dir, "format"));
    assert_int_equal(bench.recovery.count, 1);
    close_bench(&bench);
}

/* Another version is refused, at the byte where it differs. */
static void test_directory_other_format_is_refused_at_its_byte(void **state)
{
    struct bench bench = open_bench(state);

    file_save(bench.dir, "format", "clog 2\n", 7);
    assert_int_equal(list(&bench), -EUCLEAN);
    expect_refused(&bench, "format");
    assert_int_equal(bench.report.notes[0].position, 5);
    close_bench(&bench);
}

/* segments that is a file, or a link, is refused. */
static void test_directory_segments_of_other_type_is_refused(void **state)
{
    struct bench bench = open_bench(state);
    char path[256];

    file_save(bench.dir, "format", "clog 1\n", 7);
    file_save(bench.dir, "segments", "", 0);
    assert_int_equal(list(&bench), -EUCLEAN);
    expect_refused(&bench, "segments");
    clog_report_done(&bench.report);
    file_remove(bench.dir, "segments");
    (void)snprintf(path, sizeof(path), "%s/segments", bench.dir);
    assert_int_equal(symlink("/", path), 0);
    bench.recovery.read_only = true;
    assert_int_equal(list(&bench), -EUCLEAN);
    expect_refused(&bench, "segments");
    close_bench(&bench);
}

/* Segments come in order of their bases; other names are passed over. */
static void test_directory_segments_are_in_order(void **state)
{
    static const char *const names[] = {
        "segments",
        "segments/00000000000000000300",
        ZERO,
        "segments/18446744073709551615",
        "segments/00000000000000000020",
        "segments/99999999999999999999",
        "segments/0000000000000000001",
        "segments/000000000000000000001",
        "segments/0000000000000000001x",
        "segments/notes",
        "segments/00000000000000000001.bak",
        "segments/00000000000000000001.renamed",
    };
    static const uint64_t bases[] = {0, 20, 300, UINT64_MAX};
    struct bench bench = open_bench(state);

    for (size_t i = 0; i < COUNT(names); i++)
        make_directory(&bench, names[i]);
    file_save(bench.dir, "segments/00000000000000000020/store", "12345", 5);
    file_save(bench.dir, "segments/00000000000000000020/stamps", "123", 3);
    assert_int_equal(list(&bench), 0);
    assert_int_equal(bench.recovery.count, COUNT(bases));
    for (size_t i = 0; i < COUNT(bases); i++)
        assert_int_equal(bench.recovery.found[i].base, bases[i]);
    assert_true(bench.recovery.found[1].present[CLOG_STORE]);
    assert_false(bench.recovery.found[1].present[CLOG_INDEX]);
    assert_int_equal(bench.recovery.found[1].sizes[CLOG_STORE], 5);
    assert_int_equal(bench.recovery.found[1].sizes[CLOG_STAMPS], 3);
    assert_false(bench.recovery.found[1].guarded);
    close_bench(&bench);
}

static void make_dropped(const struct bench *bench)
{
    make_directory(bench, "segments");
    make_directory(bench, ZERO ".dropped");
    file_save(bench->dir, ZERO ".dropped/store", "x", 1);
    file_save(bench->dir, ZERO ".dropped/stamps", "x", 1);
    make_directory(bench, "segments/mine.dropped");
}

/* A segment whose removal had begun is removed. */
static void test_directory_dropped_is_removed(void **state)
{
    struct bench bench = open_bench(state);
    char path[256];

    make_dropped(&bench);
    (void)snprintf(path, sizeof(path), "%s/%s", bench.dir, ZERO ".dropped");
    assert_int_equal(chmod(path, 0500), 0);
    assert_int_equal(list(&bench), 0);
    assert_false(file_exists(bench.dir, ZERO ".dropped"));
    assert_true(file_exists(bench.dir, "segments/mine.dropped"));
    assert_int_equal(bench.recovery.count, 0);
    close_bench(&bench);
}

/* Whatever somebody has put there, or in its place, stays, is noted, and keeps
   nobody from the log. */
static void test_directory_dropped_with_others_files_is_noted(void **state)
{
    static const char *const names[] = {ZERO ".dropped/.nfs0001",
                                        ZERO ".dropped/index/x"};
    struct bench bench = open_bench(state);

    make_dropped(&bench);
    make_directory(&bench, ZERO ".dropped/index");
    file_save(bench.dir, "segments/00000000000000000007.dropped", "x", 1);
    for (size_t i = 0; i < COUNT(names); i++)
        file_save(bench.dir, names[i], "mine", 4);
    assert_int_equal(list(&bench), 0);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_true(file_holds(bench.dir, names[i], "mine", 4));
    assert_int_equal(bench.report.note_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(bench.report.notes[i].kind, CLOG_NOTE_FOREIGN);
    file_remove(bench.dir, ZERO ".dropped/index");
    close_bench(&bench);
    bench = open_bench(state);
    assert_int_equal(list(&bench), 0);
    assert_false(file_exists(bench.dir, ZERO ".dropped/store"));
    assert_int_equal(bench.report.note_count, 2);
    close_bench(&bench);
}

/* Who may only read leaves it there, and does not see it. */
static void test_directory_dropped_read_only_is_left(void **state)
{
    struct bench bench = open_bench(state);

    make_dropped(&bench);
    bench.recovery.read_only = true;
    assert_int_equal(list(&bench), 0);
    assert_true(file_exists(bench.dir, ZERO ".dropped/store"));
    assert_int_equal(bench.recovery.count, 0);
    close_bench(&bench);
}

/* A file by a segment's name is refused. */
static void test_directory_segment_that_is_a_file_is_refused(void **state)
{
    struct bench bench = open_bench(state);

    make_directory(&bench, "segments");
    file_save(bench.dir, ZERO, "", 0);
    assert_int_equal(list(&bench), -EUCLEAN);
    expect_refused(&bench, ZERO);
    close_bench(&bench);
}

/* A directory, a FIFO or a link in a file's place is refused, and named. */
static void test_directory_file_of_other_type_is_refused(void **state)
{
    static const char *const names[] = {ZERO "/store", ZERO "/index",
                                        ZERO "/stamps"};

    for (size_t i = 0; i < COUNT(names); i++) {
        struct bench bench = open_bench(state);
        char path[256];

        (void)snprintf(path, sizeof(path), "%s/%s", bench.dir, names[i]);
        if (i == 0)
            make_directory(&bench, "segments");
        if (i == 0)
            make_directory(&bench, ZERO);
        if (i == 0)
            assert_int_equal(mkdir(path, 0700), 0);
        else if (i == 1)
            assert_int_equal(mkfifo(path, 0600), 0);
        else
            assert_int_equal(symlink("/dev/null", path), 0);
        assert_int_equal(list(&bench), -EUCLEAN);
        expect_refused(&bench, names[i]);
        file_remove(bench.dir, names[i]);
        close_bench(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_directory_empty_directory_is_made_a_log),
        FIXTURE_TEST(test_directory_directory_half_made_is_made_a_log),
        FIXTURE_TEST(test_directory_parent_unopened_is_no_error),
        FIXTURE_TEST(test_directory_read_only_without_segments_is_empty),
        FIXTURE_TEST(test_directory_dropped_that_is_a_file_is_left),
        cmocka_unit_test(test_directory_never_begun_is_done),
        FIXTURE_TEST(test_directory_foreign_directory_is_refused),
        FIXTURE_TEST(test_directory_read_only_empty_is_enoent),
        FIXTURE_TEST(test_directory_segments_alone_is_a_log),
        FIXTURE_TEST(test_directory_other_format_is_refused_at_its_byte),
        FIXTURE_TEST(test_directory_segments_of_other_type_is_refused),
        FIXTURE_TEST(test_directory_segments_are_in_order),
        FIXTURE_TEST(test_directory_dropped_is_removed),
        FIXTURE_TEST(test_directory_dropped_with_others_files_is_noted),
        FIXTURE_TEST(test_directory_dropped_read_only_is_left),
        FIXTURE_TEST(test_directory_segment_that_is_a_file_is_refused),
        FIXTURE_TEST(test_directory_file_of_other_type_is_refused),
    };

    return cmocka_run_group_tests_name("directory", tests, NULL, NULL);
}
