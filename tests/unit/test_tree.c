/* SPDX-License-Identifier: MIT */
#include "serve/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "files/handle.h"
#include "files/mount.h"
#include "fixture.h"
#include "test.h"

static const struct node root = {.kind = NODE_ROOT, .number = 0};
static const struct node records = {.kind = NODE_RECORDS, .number = 0};
static const struct node segments = {.kind = NODE_SEGMENTS, .number = 0};

/* A mount without a mountpoint: the tree over a log. */
struct bench {
    struct fixture *fixture;
    struct options options;
    struct fs fs;
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    void *fixture = NULL;

    assert_non_null(bench);
    assert_int_equal(fixture_setup(&fixture), 0);
    bench->fixture = fixture;
    bench->fixture->options.max_store = 200;
    bench->options = (struct options){.uid = 12, .gid = 34, .umask = 027};
    bench->fs.options = &bench->options;
    bench->fs.started_ns = 5000000006;
    fixture_open(bench->fixture);
    bench->fs.log = bench->fixture->log;
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    void *fixture = bench->fixture;

    (void)fixture_teardown(&fixture);
    free(bench);
    return 0;
}

static int look_up(struct bench *bench, struct node dir, const char *name)
{
    struct node node = {.kind = NODE_ROOT, .number = 77};
    int r = tree_lookup(&bench->fs, dir, name, 0, &node);

    if (r < 0)
        assert_int_equal(node.number, 77);
    return r;
}

/* A number in a name is canonical decimal, and nothing else is one. */
static void test_tree_number_is_canonical(void **state)
{
    static const char *const others[] = {"",
                                         "01",
                                         "00",
                                         "+1",
                                         "-1",
                                         "1 ",
                                         " 1",
                                         "0x1",
                                         "1.0",
                                         "1e3",
                                         "a",
                                         "1a",
                                         "\xb2",
                                         "-0",
                                         "1\n",
                                         "18446744073709551616",
                                         "99999999999999999999999"};
    uint64_t number = 99;

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(name_number(others[i], &number), -ENOENT);
    assert_int_equal(number, 99);
    assert_int_equal(name_number("0", &number), 0);
    assert_int_equal(number, 0);
    assert_int_equal(name_number("18446744073709551615", &number), 0);
    assert_int_equal(number, UINT64_MAX);
}

/* The root has its fixed names; first and last only once there are records. */
static void test_tree_root_has_its_names(void **state)
{
    static const char *const names[] = {
        "append",       "put",      "log",     "records", "status",
        "metrics.prom", "segments", "version", "first",   "last"};
    static const char *const others[] = {"Append", "appen",  "append ",
                                         "0",      "format", ""};
    struct bench *bench = *state;

    for (size_t i = 0; i < 8; i++)
        assert_int_equal(look_up(bench, root, names[i]), 0);
    assert_int_equal(look_up(bench, root, "first"), -ENOENT);
    assert_int_equal(look_up(bench, root, "last"), -ENOENT);
    fixture_fill(bench->fixture, 1);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(look_up(bench, root, names[i]), 0);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(look_up(bench, root, others[i]), -ENOENT);
    assert_int_equal(
        look_up(bench, (struct node){.kind = NODE_STATUS, .number = 0}, "x"),
        -ENOTDIR);
}

/* Records are there by their number alone, from the append on. */
static void test_tree_records_are_there_once_appended(void **state)
{
    static const char *const others[] = {
        "007", "-1", "+1", "1 ", "x", "", "18446744073709551616"};
    struct bench *bench = *state;
    struct node node = root;

    fixture_fill(bench->fixture, 10);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(look_up(bench, records, others[i]), -ENOENT);
    assert_int_equal(look_up(bench, records, "10"), -ENOENT);
    fixture_fill(bench->fixture, 1);
    assert_int_equal(tree_lookup(&bench->fs, records, "10", 0, &node), 0);
    assert_int_equal(node.kind, NODE_RECORD);
    assert_int_equal(node.number, 10);
}

/* Segments and their files are there by their exact names. */
static void test_tree_segments_have_their_files(void **state)
{
    static const char *const others[] = {"0", "00000000000000000001",
                                         "000000000000000000000", "x", ""};
    struct bench *bench = *state;
    struct node segment = root;

    fixture_fill(bench->fixture, 30);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(look_up(bench, segments, others[i]), -ENOENT);
    assert_int_equal(
        tree_lookup(&bench->fs, segments, "00000000000000000000", 0, &segment),
        0);
    assert_int_equal(look_up(bench, segment, "store"), 0);
    assert_int_equal(look_up(bench, segment, "index"), 0);
    assert_int_equal(look_up(bench, segment, "stamps"), 0);
    assert_int_equal(look_up(bench, segment, "Store"), -ENOENT);
}

/* Lists dir from the cookie on, at most count entries; returns where to go on,
   and in names what came, each with a space behind it. */
static uint64_t list(struct bench *bench, struct node dir, uint64_t cookie,
                     unsigned count, char names[static 1024])
{
    struct entry entry;

    names[0] = '\0';
    while (count-- > 0 && tree_list(&bench->fs, dir, cookie, 0, &entry) == 1) {
        struct node node = root;

        strcat(names, entry.name);
        strcat(names, " ");
        assert_true(entry.cookie > cookie);
        if (strcmp(entry.name, ".") != 0 && strcmp(entry.name, "..") != 0) {
            assert_int_equal(tree_lookup(&bench->fs, dir, entry.name, 0, &node),
                             0);
            assert_int_equal(tree_ino(node), tree_ino(entry.node));
        }
        cookie = entry.cookie;
    }
    return cookie;
}

/* A listing goes on where it was, though records were appended meanwhile. */
static void test_tree_records_list_goes_on_after_appends(void **state)
{
    struct bench *bench = *state;
    char names[1024];
    uint64_t cookie;

    cookie = list(bench, records, 0, 99, names);
    assert_string_equal(names, ". .. ");
    fixture_fill(bench->fixture, 5);
    cookie = list(bench, records, cookie, 3, names);
    assert_string_equal(names, "0 1 2 ");
    fixture_fill(bench->fixture, 2);
    cookie = list(bench, records, cookie, 3, names);
    assert_string_equal(names, "3 4 5 ");
    cookie = list(bench, records, cookie, 99, names);
    assert_string_equal(names, "6 ");
    assert_int_equal(list(bench, records, cookie, 99, names), cookie);
    assert_string_equal(names, "");
    (void)list(bench, records, 0, 99, names);
    assert_string_equal(names, ". .. 0 1 2 3 4 5 6 ");
}

/* Any cookie may come back; those past the end list nothing. */
static void test_tree_list_at_any_cookie_is_safe(void **state)
{
    static const uint64_t cookies[] = {100, 1ULL << 40, UINT64_MAX - 1,
                                       UINT64_MAX};
    struct bench *bench = *state;
    char names[1024];

    fixture_fill(bench->fixture, 5);
    for (size_t i = 0; i < COUNT(cookies); i++) {
        (void)list(bench, root, cookies[i], 9, names);
        assert_string_equal(names, "");
        (void)list(bench, records, cookies[i], 9, names);
        assert_string_equal(names, "");
        (void)list(bench, segments, cookies[i], 9, names);
        assert_string_equal(names, "");
    }
}

/* The root lists what can be looked up, and first and last when they are. */
static void test_tree_root_list_is_what_is_there(void **state)
{
    struct bench *bench = *state;
    char names[1024];

    (void)list(bench, root, 0, 99, names);
    assert_null(strstr(names, " first "));
    assert_non_null(strstr(names, " append put log records "));
    assert_non_null(strstr(names, " version "));
    fixture_fill(bench->fixture, 1);
    (void)list(bench, root, 0, 99, names);
    assert_non_null(strstr(names, " first last "));
    assert_int_equal(tree_list(&bench->fs,
                               (struct node){.kind = NODE_LOG, .number = 0}, 0,
                               0, &(struct entry){0}),
                     -ENOTDIR);
}

/* Segments list in order, each with its three files. */
static void test_tree_segments_list_in_order(void **state)
{
    struct bench *bench = *state;
    char names[1024];

    fixture_fill(bench->fixture, 20);
    (void)list(bench, segments, 2, 1, names);
    assert_string_equal(names, "00000000000000000000 ");
    (void)list(bench, segments, 0, 99, names);
    assert_int_equal(strlen(names),
                     5 + 21 * fixture_status(bench->fixture).segments);
    (void)list(bench, (struct node){.kind = NODE_SEGMENT, .number = 0}, 0, 99,
               names);
    assert_non_null(strstr(names, "store "));
    assert_non_null(strstr(names, "index "));
    assert_non_null(strstr(names, "stamps "));
}

/* A record's size is its payload's, its time that of its append. */
static void test_tree_record_attr_is_honest(void **state)
{
    struct bench *bench = *state;
    struct attr attr;

    fixture_fill(bench->fixture, 3);
    assert_int_equal(tree_attr(&bench->fs,
                               (struct node){.kind = NODE_RECORD, .number = 2},
                               0, &attr),
                     0);
    assert_int_equal(attr.stat.st_size, 10);
    assert_int_equal(attr.stat.st_blocks, 1);
    assert_int_equal(attr.stat.st_mtim.tv_sec, FIXTURE_NOON / 1000000000);
    assert_int_equal(attr.stat.st_mode, S_IFREG | 0440);
    assert_int_equal(attr.stat.st_uid, 12);
    assert_int_equal(attr.stat.st_gid, 34);
    assert_int_equal(attr.stat.st_nlink, 1);
    assert_int_equal(tree_attr(&bench->fs,
                               (struct node){.kind = NODE_RECORD, .number = 3},
                               0, &attr),
                     -ENOENT);
    assert_int_equal(tree_attr(&bench->fs,
                               (struct node){.kind = NODE_STORE, .number = 0},
                               0, &attr),
                     0);
    assert_int_equal(attr.stat.st_size, 3 * 8 + 8 + 9 + 10);
    assert_int_equal(tree_attr(&bench->fs,
                               (struct node){.kind = NODE_PUT, .number = 0}, 0,
                               &attr),
                     0);
    assert_int_equal(attr.stat.st_mode, S_IFREG | 0200);
    assert_int_equal(attr.stat.st_size, 0);
}

/* What a look-up of its own answers shows as one file, and is another for the
   kernel. */
static void test_tree_look_is_the_same_file(void **state)
{
    static const enum node_kind apart[] = {NODE_LOG, NODE_STATUS, NODE_STORE,
                                           NODE_CURSOR_LOG};
    struct bench *bench = *state;
    struct node record = {.kind = NODE_RECORD, .number = 1};
    struct node put = {.kind = NODE_PUT, .number = 0};

    for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
        struct node node = {.kind = apart[i], .number = 0};
        struct node one = tree_look(&bench->fs, node);
        struct node two = tree_look(&bench->fs, node);

        assert_true(one.look > 0 && two.look > 0);
        assert_false(node_same(one, two));
        assert_int_equal(tree_ino(one), tree_ino(node));
        assert_int_equal(tree_ino(two), tree_ino(node));
    }
    assert_true(node_same(tree_look(&bench->fs, record), record));
    assert_true(node_same(tree_look(&bench->fs, put), put));
    bench->options.sync_always = true;
    assert_false(node_same(tree_look(&bench->fs, put), put));
    assert_int_equal(tree_ino(root), 1);
}

/* first and last lead to records; nothing else leads anywhere. */
static void test_tree_target_is_first_or_last(void **state)
{
    struct bench *bench = *state;
    char target[ENTRY_NAME] = "";
    struct attr attr;

    assert_int_equal(tree_target(&bench->fs,
                                 (struct node){.kind = NODE_LAST, .number = 0},
                                 target),
                     -ENOENT);
    fixture_fill(bench->fixture, 12);
    assert_int_equal(tree_target(&bench->fs,
                                 (struct node){.kind = NODE_FIRST, .number = 0},
                                 target),
                     0);
    assert_string_equal(target, "records/0");
    assert_int_equal(tree_target(&bench->fs,
                                 (struct node){.kind = NODE_LAST, .number = 0},
                                 target),
                     0);
    assert_string_equal(target, "records/11");
    assert_int_equal(tree_attr(&bench->fs,
                               (struct node){.kind = NODE_LAST, .number = 0}, 0,
                               &attr),
                     0);
    assert_int_equal(attr.stat.st_size, strlen(target));
    assert_int_equal(attr.stat.st_blocks, 0);
    assert_int_equal(tree_target(&bench->fs, records, target), -EINVAL);
}

/* The log's node of before a drop goes on with what is left: ENOENT would be
   told to who opens it, and ESTALE for ever to who has it bound. */
static void test_tree_log_of_before_a_drop_goes_on(void **state)
{
    struct bench *bench = *state;
    struct handle *handle = NULL;
    struct clog_status status;
    struct attr attr;
    struct node node;

    (void)pthread_mutex_init(&bench->fs.handles_lock, NULL);
    fixture_fill(bench->fixture, 20);
    assert_int_equal(tree_lookup(&bench->fs, root, "log", 0, &node), 0);
    assert_int_equal(clog_drop(bench->fs.log, 0), 0);
    assert_int_equal(handle_open(&bench->fs, tree_kind(node.kind), node,
                                 O_RDONLY, 0, &handle),
                     0);
    status = fixture_status(bench->fixture);
    assert_int_equal(tree_attr(&bench->fs, node, 0, &attr), 0);
    assert_int_equal(attr.stat.st_size,
                     status.stream_end - status.stream_start);
    handle_put(handle);
}

#define TREE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_number_is_canonical),
        TREE_TEST(test_tree_root_has_its_names),
        TREE_TEST(test_tree_records_are_there_once_appended),
        TREE_TEST(test_tree_segments_have_their_files),
        TREE_TEST(test_tree_records_list_goes_on_after_appends),
        TREE_TEST(test_tree_list_at_any_cookie_is_safe),
        TREE_TEST(test_tree_root_list_is_what_is_there),
        TREE_TEST(test_tree_segments_list_in_order),
        TREE_TEST(test_tree_record_attr_is_honest),
        TREE_TEST(test_tree_look_is_the_same_file),
        TREE_TEST(test_tree_target_is_first_or_last),
        TREE_TEST(test_tree_log_of_before_a_drop_goes_on),
    };

    return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
