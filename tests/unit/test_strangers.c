/* SPDX-License-Identifier: MIT */
/*
 * A log's directory as other people leave it: links, fifos, directories and
 * other people's files in the place of what is the log's, and owners who are
 * somebody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "log/log.h"
#include "test.h"

#define PATHS   160
#define OTHER   65534u /* a user who is not root */
#define SECONDS 300    /* what waits for ever ends then */

#define FIRST "segments/00000000000000000000"
#define LAST  "segments/00000000000000000008"

/* What may be something else, in a log of segments FIRST, one of base 4, and
   LAST, which is active. */
static const char *const places[] = {
    "segments",
    FIRST,
    FIRST "/store",
    FIRST "/index",
    FIRST "/stamps",
    FIRST "/index.new",
    FIRST ".dropped",
    LAST,
    LAST "/store",
    LAST "/index",
    LAST "/stamps",
    LAST "/store.new",
    "segments/00000000000000000010",
    "segments/00000000000000000012",
    "format",
    "format.new",
    "writer",
    "writer.new",
    "clean",
    "clean.new",
    "durable",
    "durable.new",
    "staging",
    "cursors",
    "cursors/job",
    "cursors/job.new",
    "cursors/other",
    "quarantine",
};

enum kind {
    LINK_TO_FILE,
    LINK_TO_DIRECTORY,
    LINK_TO_NOTHING,
    HARD_LINK, /* what is there has another name, as in cp -al */
    FIFO,
    DIRECTORY,
    SOMEBODYS_FILE,
    KINDS,
};

static const char *const kinds[KINDS] = {
    "link to a file", "link to a directory", "link to nothing", "hard link",
    "fifo",           "directory",           "somebody's file"};

enum state {
    CLOSED,
    KILLED,
    TORN, /* by a power cut, which recovery moves to quarantine */
    STATES,
};

/* The log is in "log", what is not its own in "outside". */
struct bench {
    struct fixture *fixture;
    char *dir;
    struct fixture inside; /* its log */
};

static struct bench open_bench(void **state)
{
    struct bench bench = {.fixture = *state};
    char path[PATHS];

    bench.dir = bench.fixture->dir;
    bench.inside = *bench.fixture;
    (void)snprintf(path, sizeof(path), "%s/log", bench.dir);
    bench.inside.dir = strdup(path);
    bench.inside.options.max_index = 4L * 16;
    return bench;
}

static void close_bench(struct bench *bench)
{
    free(bench->inside.dir);
}

static char *path_in(const struct bench *bench, const char *dir,
                     const char *name, char ret[static PATHS])
{
    (void)snprintf(ret, PATHS, "%s/%s/%s", bench->dir, dir, name);
    return ret;
}

/* Ten records in three segments, and a cursor. */
static void make_log(struct bench *bench, enum state state)
{
    struct fixture *log = &bench->inside;

    log->options.flags = CLOG_CREATE;
    fixture_open(log);
    fixture_fill(log, 10);
    assert_int_equal(clog_cursor_make(log->log, "job"), 0);
    if (state == CLOSED)
        fixture_close(log);
    else if (state == KILLED)
        fixture_kill(log);
    else
        fixture_power_cut(log);
    if (state == TORN)
        file_resize(log->dir, LAST "/stamps", 24);
}

static void make_outside(const struct bench *bench)
{
    char path[PATHS];

    (void)snprintf(path, sizeof(path), "%s/outside", bench->dir);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(mkdir(path_in(bench, "outside", "dir", path), 0755), 0);
    file_save(bench->dir, "outside/dir/store", "theirs", 6);
    file_save(bench->dir, "outside/file", "theirs too", 10);
    assert_int_equal(chmod(path_in(bench, "outside", "file", path), 0664), 0);
}

static void put_in_place(const struct bench *bench, const char *place,
                         enum kind kind)
{
    char at[PATHS];
    char to[PATHS];
    int r = 0;

    (void)path_in(bench, "log", place, at);
    if (kind == HARD_LINK &&
        link(at, path_in(bench, "outside", "hard", to)) == 0)
        return;
    if (file_exists(bench->inside.dir, place))
        file_remove(bench->inside.dir, place);
    (void)unlink(at);
    switch (kind) {
    case LINK_TO_FILE:
        r = symlink(path_in(bench, "outside", "file", to), at);
        break;
    case LINK_TO_DIRECTORY:
        r = symlink(path_in(bench, "outside", "dir", to), at);
        break;
    case LINK_TO_NOTHING:
        r = symlink(path_in(bench, "outside", "none", to), at);
        break;
    case HARD_LINK:
        r = link(path_in(bench, "outside", "file", to), at);
        break;
    case FIFO:
        r = mkfifo(at, 0600);
        break;
    case DIRECTORY:
        r = mkdir(at, 0755);
        break;
    default:
        file_save(bench->inside.dir, place, "somebody's", 10);
    }
    assert_int_equal(r, 0);
}

/* Opens the log, or is told that it is the place why that cannot be. */
static bool try_open(struct fixture *log, const char *place)
{
    struct clog_report report;
    int r = fixture_try(log, &report);
    bool named = r == 0;

    for (size_t i = 0; i < report.note_count; i++)
        if (report.notes[i].kind == CLOG_NOTE_REFUSED &&
            strcmp(report.notes[i].file, place) == 0)
            named = true;
    if (!named)
        print_error("%s: error %d names no file\n", place, r);
    clog_report_done(&report);
    assert_true(named);
    return r == 0;
}

/* All that writes, as far as the log lets it. */
static void live(struct fixture *log, const char *place)
{
    if (!try_open(log, place))
        return;
    for (int i = 0; i < 12; i++)
        (void)clog_append(log->log, "more", 4, 0, NULL);
    (void)clog_sync(log->log, UINT64_MAX);
    (void)clog_cursor_move(log->log, "job", 9);
    (void)clog_cursor_make(log->log, "other");
    (void)clog_cursor_remove(log->log, "job");
    (void)clog_drop(log->log, 0);
    (void)clog_drop(log->log, fixture_status(log).oldest);
    (void)clog_close(log->log);
    log->log = NULL;
}

static void expect_untouched(struct bench *bench, const char *place,
                             enum kind kind, enum state state)
{
    char path[PATHS];
    char *before;
    char *after;

    make_outside(bench);
    make_log(bench, state);
    put_in_place(bench, place, kind);
    (void)snprintf(path, sizeof(path), "%s/outside", bench->dir);
    before = directory_picture(path);
    bench->inside.options.flags = CLOG_READ_ONLY;
    live(&bench->inside, place);
    for (int i = 0; i < 2; i++) {
        bench->inside.options.flags = 0;
        live(&bench->inside, place);
        (void)log_verify(
            &bench->inside.fake.io, bench->inside.dir,
            &(struct clog_verify_options){
                .size = sizeof(struct clog_verify_options), .repair = true},
            &(struct clog_verify_result){
                .size = sizeof(struct clog_verify_result)});
    }
    after = directory_picture(path);
    if (strcmp(before, after) != 0)
        print_error("a %s in the place of %s, %d: %s became %s\n", kinds[kind],
                    place, (int)state, before, after);
    assert_string_equal(before, after);
    free(before);
    free(after);
    file_remove(bench->dir, "outside");
    file_remove(bench->dir, "log");
}

/* Nothing outside of the log's directory is opened to be written, chmodded or
   removed, whatever leads there; nothing waits for a fifo; and what keeps the
   log from being opened is named. In a long run each
   thing is in each place after each end. */
static void test_strangers_change_nothing_elsewhere(void **state)
{
    struct bench bench = open_bench(state);
    bool all = getenv("CLOG_LONG") != NULL;

    bench.inside.options.staging = 65536;
    (void)alarm(SECONDS);
    for (enum state end = CLOSED; end < STATES; end++)
        for (size_t k = 0; k < COUNT(places); k++)
            for (enum kind kind = LINK_TO_FILE; kind < KINDS; kind++)
                if (all || (k + kind) % STATES == end)
                    expect_untouched(&bench, places[k], kind, end);
    (void)alarm(0);
    close_bench(&bench);
}

/* Two logs whose files are the same by hard links, as of a copy by cp -al:
   each has what was appended to it, and nothing of the other's. */
static void test_strangers_hard_linked_copies_are_two_logs(void **state)
{
    for (enum state end = CLOSED; end < TORN; end++) {
        struct bench bench = open_bench(state);
        struct fixture twin = bench.inside;
        char command[3 * PATHS];
        char path[PATHS];

        make_log(&bench, end);
        (void)snprintf(command, sizeof(command), "cp -al %s/log %s/twin",
                       bench.dir, bench.dir);
        assert_int_equal(system(command), 0);
        (void)snprintf(path, sizeof(path), "%s/twin", bench.dir);
        twin.dir = path;
        fixture_open(&bench.inside);
        fixture_open(&twin);
        for (uint64_t i = 10; i < 30; i++) {
            assert_int_equal(clog_append(bench.inside.log, "A", 1, 0, NULL), 0);
            assert_int_equal(clog_append(twin.log, "BB", 2, 0, NULL), 0);
        }
        for (int k = 0; k < 2; k++) {
            fixture_expect_filled(&bench.inside, 0, 10);
            fixture_expect_filled(&twin, 0, 10);
            for (uint64_t i = 10; i < 30; i++) {
                fixture_expect(&bench.inside, i, "A");
                fixture_expect(&twin, i, "BB");
            }
            fixture_open(&bench.inside);
            fixture_open(&twin);
        }
        fixture_close(&bench.inside);
        fixture_close(&twin);
        file_remove(bench.dir, "twin");
        file_remove(bench.dir, "log");
        close_bench(&bench);
    }
}

/* Calls what in a process of another user, and returns its result. */
static int as_other(void (*what)(struct fixture *log), struct fixture *log)
{
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (setgid(OTHER) < 0 || setuid(OTHER) < 0)
            _exit(99);
        what(log);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void give_all(const char *path, unsigned uid, const char *mode)
{
    char command[2 * PATHS];

    (void)snprintf(command, sizeof(command),
                   "chown -R %u:%u %s && chmod -R %s %s", uid, uid, path, mode,
                   path);
    assert_int_equal(system(command), 0);
}

static void append_and_drop(struct fixture *log)
{
    struct clog *opened = NULL;

    if (log_open(&log->fake.io, log->dir, &log->options, NULL, &opened) < 0)
        _exit(1);
    for (int i = 0; i < 12; i++)
        if (clog_append(opened, "more", 4, 0, NULL) < 0)
            _exit(2);
    if (clog_drop(opened, 0) < 0)
        _exit(3);
    if (clog_close(opened) < 0)
        _exit(4);
}

/* Who may write a log's files need not own them. */
static void test_strangers_may_write_what_they_do_not_own(void **state)
{
    struct bench bench = open_bench(state);

    if (geteuid() != 0)
        skip();
    for (enum state end = CLOSED; end < STATES; end++) {
        make_log(&bench, end);
        bench.inside.options.flags = 0;
        give_all(bench.inside.dir, 1, "a+rwX");
        assert_int_equal(chmod(bench.dir, 0755), 0);
        assert_int_equal(as_other(append_and_drop, &bench.inside), 0);
        fixture_open(&bench.inside);
        fixture_expect(&bench.inside, fixture_status(&bench.inside).next - 1,
                       "more");
        fixture_close(&bench.inside);
        file_remove(bench.dir, "log");
    }
    close_bench(&bench);
}

static void open_and_append(struct fixture *log)
{
    struct clog *opened = NULL;

    if (log_open(&log->fake.io, log->dir, &log->options, NULL, &opened) < 0)
        _exit(1);
    for (int i = 0; i < 12; i++)
        if (clog_append(opened, "more", 4, 0, NULL) < 0)
            _exit(2);
    if (clog_cursor_move(opened, "job", 3) < 0)
        _exit(3);
    if (clog_close(opened) < 0)
        _exit(4);
}

/* What root makes in a user's log is the user's. */
static void test_strangers_root_leaves_a_log_its_owners(void **state)
{
    struct bench bench = open_bench(state);

    if (geteuid() != 0)
        skip();
    for (enum state end = CLOSED; end < STATES; end++) {
        make_log(&bench, end);
        bench.inside.options.flags = 0;
        give_all(bench.inside.dir, OTHER, "u+rwX");
        fixture_open(&bench.inside);
        for (int i = 0; i < 12; i++)
            assert_int_equal(clog_append(bench.inside.log, "more", 4, 0, NULL),
                             0);
        assert_int_equal(clog_cursor_move(bench.inside.log, "job", 2), 0);
        fixture_close(&bench.inside);
        assert_int_equal(chmod(bench.dir, 0755), 0);
        assert_int_equal(as_other(open_and_append, &bench.inside), 0);
        file_remove(bench.dir, "log");
    }
    close_bench(&bench);
}

static void make_and_remove(struct fixture *log)
{
    char command[2 * PATHS];

    open_and_append(log);
    (void)snprintf(command, sizeof(command), "rm -rf %s", log->dir);
    if (system(command) != 0 || access(log->dir, F_OK) == 0)
        _exit(5);
}

/* One's own log can be removed as anything else of one's own. */
static void test_strangers_owner_removes_a_log(void **state)
{
    struct bench bench = open_bench(state);

    if (geteuid() != 0)
        skip();
    make_log(&bench, CLOSED);
    give_all(bench.dir, OTHER, "u+rwX");
    assert_int_equal(as_other(make_and_remove, &bench.inside), 0);
    assert_int_equal(chown(bench.dir, 0, 0), 0);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_strangers_change_nothing_elsewhere),
        FIXTURE_TEST(test_strangers_hard_linked_copies_are_two_logs),
        FIXTURE_TEST(test_strangers_may_write_what_they_do_not_own),
        FIXTURE_TEST(test_strangers_root_leaves_a_log_its_owners),
        FIXTURE_TEST(test_strangers_owner_removes_a_log),
    };

    return cmocka_run_group_tests_name("strangers", tests, NULL, NULL);
}
