/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clog.h"
#include "test.h"

static int parse(const char *words, struct options *ret_options)
{
    char text[256];
    char *argv[16] = {text};
    char *rest = NULL;
    int argc = 0;

    strcpy(text, words);
    for (char *word = strtok_r(text, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    return options_parse(argc, argv, ret_options);
}

/* Makes a file of a name that ends in XXXXXX, with text in it. */
static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

/* Numbers are digits alone; a letter behind sizes, with or without a point. */
static void test_options_number_right_is_read(void **state)
{
    static const struct {
        const char *text;
        unsigned base;
        uint64_t number;
    } right[] = {
        {"0", 10, 0},
        {"1", 10, 1},
        {"007", 10, 7},
        {"64K", 10, 65536},
        {"3M", 10, 3 << 20},
        {"2G", 10, 2ULL << 30},
        {"3T", 10, 3ULL << 40},
        {"16383P", 10, 16383ULL << 50},
        {"0.5K", 10, 512},
        {"1.5M", 10, 3 << 19},
        {"2.0G", 10, 2ULL << 30},
        {"0.0001K", 10, 0},
        {"1.999999999999999999999K", 10, 2047},
        {"0.1P", 10, 112589990684262},
        {"18446744073709551615", 10, UINT64_MAX},
        {"022", 8, 18},
        {"777", 8, 511},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(right); i++) {
        uint64_t number = 99;

        assert_int_equal(options_number(right[i].text, right[i].base,
                                        right[i].base == 10, 0, UINT64_MAX,
                                        &number),
                         0);
        assert_int_equal(number, right[i].number);
    }
}

/* Anything else is refused, and the output is left alone. */
static void test_options_number_wrong_is_einval(void **state)
{
    static const char *const wrong[] = {
        "",     " 1",     "1 ",           "+1",
        "-1",   "0x10",   "1k",           "1KB",
        "1KK",  "K",      "1.5",          "9a",
        "1e3",  "1E",     "\xef",         "1\n",
        ".5M",  "1.M",    "1..5M",        "1.5.5M",
        "1,5M", "16384P", "17179869184G", "1.5 M",
        "1.5",  "-1.5M",  "1.-5M",        "18446744073709551616"};
    uint64_t number = 99;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(
            options_number(wrong[i], 10, true, 0, UINT64_MAX, &number),
            -EINVAL);
    assert_int_equal(options_number("9", 8, false, 0, 0777, &number), -EINVAL);
    assert_int_equal(options_number("1K", 10, false, 0, UINT64_MAX, &number),
                     -EINVAL);
    assert_int_equal(number, 99);
}

/* Durations are in seconds, or in the unit behind them. */
static void test_options_duration_is_in_seconds_or_its_unit(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } right[] = {
        {"1", 1000000000},         {"1s", 1000000000},
        {"1.25s", 1250000000},     {"2m", 120000000000},
        {"1.5h", 5400000000000},   {"30d", 2592000000000000},
        {"0.5w", 302400000000000}, {"36500d", 3153600000000000000},
    };
    static const char *const wrong[] = {"",    "0",   "0.5s", "36501d", "1.5",
                                        "1y",  "1ms", "w",    "1 d",    "-1d",
                                        "1dd", "1.d", ".5d",  "5215w"};
    uint64_t ns = 99;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(options_duration(wrong[i], &ns), -EINVAL);
    assert_int_equal(ns, 99);
    for (size_t i = 0; i < COUNT(right); i++) {
        assert_int_equal(options_duration(right[i].text, &ns), 0);
        assert_int_equal(ns, right[i].ns);
    }
}

/* The ends of the range are in it, what lies outside is refused. */
static void test_options_number_out_of_range_is_einval(void **state)
{
    uint64_t number = 99;

    (void)state;
    assert_int_equal(options_number("15", 10, true, 16, 32, &number), -EINVAL);
    assert_int_equal(options_number("33", 10, true, 16, 32, &number), -EINVAL);
    assert_int_equal(number, 99);
    assert_int_equal(options_number("16", 10, true, 16, 32, &number), 0);
    assert_int_equal(options_number("32", 10, true, 16, 32, &number), 0);
    assert_int_equal(number, 32);
}

/* Two paths alone are all defaults. */
static void test_options_paths_alone_are_defaults(void **state)
{
    struct options options;

    (void)state;
    assert_int_equal(parse("clog LOG MOUNT", &options), 0);
    assert_string_equal(options.logdir, "LOG");
    assert_string_equal(options.mountpoint, "MOUNT");
    assert_int_equal(options.max_store, 0);
    assert_int_equal(options.max_record, 0);
    assert_int_equal(options.max_held, 64 << 20);
    assert_int_equal(options.sync_seconds, 5);
    assert_int_equal(options.umask, 022);
    assert_int_equal(options.uid, getuid());
    assert_int_equal(options.gid, getgid());
    assert_false(options.foreground || options.read_only ||
                 options.allow_other || options.sync_always);
    options_done(&options);
    assert_null(options.logdir);
    options_done(&options);
}

/* Each option as -o name=value, in one list, and as --name=value. */
static void test_options_given_either_way_are_alike(void **state)
{
    static const char *const ways[] = {
        "clog -f -o max_store=64K,max_index=1M,max_record=100 "
        "-o uid=7,gid=8,umask=077,ro,allow_other L M",
        "clog L M -f --max_store=64K --max_index=1M --max_record=100 --uid=7 "
        "--gid=8 --umask=077 -o ro -o allow_other",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct options options;

        assert_int_equal(parse(ways[i], &options), 0);
        assert_int_equal(options.max_store, 65536);
        assert_int_equal(options.max_index, 1 << 20);
        assert_int_equal(options.max_record, 100);
        assert_int_equal(options.uid, 7);
        assert_int_equal(options.gid, 8);
        assert_int_equal(options.umask, 077);
        assert_true(options.foreground && options.read_only &&
                    options.allow_other);
        options_done(&options);
    }
}

/* What fstab passes and means nothing here is accepted. */
static void test_options_of_fstab_are_accepted(void **state)
{
    struct options options;

    (void)state;
    assert_int_equal(
        parse("clog L M -s -o rw,dev,suid,nofail,_netdev,noatime "
              "-o x-systemd.automount,X-mount.mkdir,defaults,user,exec",
              &options),
        0);
    assert_false(options.read_only);
    options_done(&options);
}

/* sync is a number of seconds, or always; the last word counts. */
static void test_options_sync_is_seconds_or_always(void **state)
{
    struct options options;

    (void)state;
    assert_int_equal(parse("clog L M -o sync=always", &options), 0);
    assert_true(options.sync_always);
    options_done(&options);
    assert_int_equal(parse("clog L M -o sync=always,sync=30", &options), 0);
    assert_false(options.sync_always);
    assert_int_equal(options.sync_seconds, 30);
    options_done(&options);
}

/* Wrong values, unknown words, missing or too many paths: refused. */
static void test_options_wrong_are_einval(void **state)
{
    static const char *const wrong[] = {
        "clog",
        "clog L",
        "clog L M N",
        "clog L M -o max_index=0",
        "clog L M -o max_index=15",
        "clog L M -o max_record=-1",
        "clog L M -o max_record=65M",
        "clog L M -o max_record=0",
        "clog L M -o max_store=",
        "clog L M -o umask=9",
        "clog L M -o umask=1000",
        "clog L M -o uid=no-such-user",
        "clog L M -o gid=no-such-group",
        "clog L M -o uid=4294967295",
        "clog L M -o remount,ro",
        "clog L M -o allow_root",
        "clog L M -o auto_unmount",
        "clog L M -o sync=never",
        "clog L M -o colour=red",
        "clog L M --max-store=1M",
        "clog L M -x",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct options options;

        assert_int_equal(parse(wrong[i], &options), -EINVAL);
        options_done(&options);
    }
}

static void test_options_owners_have_names(void **state)
{
    struct options options;

    (void)state;
    assert_int_equal(parse("clog -o uid=root,gid=root L M", &options), 0);
    assert_int_equal(options.uid, 0);
    assert_int_equal(options.gid, 0);
    options_done(&options);
    assert_int_equal(parse("clog -o uid=daemon,gid=12 L M", &options), 0);
    assert_int_equal(options.uid, getpwnam("daemon")->pw_uid);
    assert_int_equal(options.gid, 12);
    options_done(&options);
}

/* mount -f, as in mount -fa, which tries an fstab. */
static void test_options_of_mount(void **state)
{
    struct options options;

    (void)state;
    assert_int_equal(parse("/sbin/mount.clog L M -f -o rw", &options), 0);
    assert_true(options.fake);
    assert_false(options.foreground);
    options_done(&options);
    assert_int_equal(parse("/sbin/clog L M -f -o rw", &options), 0);
    assert_false(options.fake);
    assert_true(options.foreground);
    options_done(&options);
}

/* A file's lines are options; the last word counts, wherever it stands. */
static void test_options_of_a_file_are_taken_in_order(void **state)
{
    char path[] = "/tmp/clog-options-XXXXXX";
    char words[128];
    struct options options;

    (void)state;
    write_file(path, "# limits\n\n  max_record=100\t\n#ro\nuid=7\r\numask=0");
    (void)snprintf(words, sizeof(words),
                   "clog -o uid=1,config=%s,max_record=9 L M", path);
    assert_int_equal(parse(words, &options), 0);
    assert_int_equal(options.max_record, 9);
    assert_int_equal(options.uid, 7);
    assert_int_equal(options.umask, 0);
    assert_false(options.read_only);
    options_done(&options);
    (void)unlink(path);
}

/* A wrong line, a word that is no option, a missing file: refused. */
static void test_options_of_a_wrong_file_are_einval(void **state)
{
    static const char *const wrong[] = {
        "ro\ncolour=red\n", "--help\n",   "-f\n",
        "max_record=0",     "ro umask=0", "config=/dev/null\n"};
    char words[128];
    struct options options;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char path[] = "/tmp/clog-options-XXXXXX";

        write_file(path, wrong[i]);
        (void)snprintf(words, sizeof(words), "clog L M --config=%s", path);
        assert_int_equal(parse(words, &options), -EINVAL);
        options_done(&options);
        (void)unlink(path);
    }
    assert_int_equal(parse("clog L M -o config=/no/such", &options), -EINVAL);
    options_done(&options);
    assert_int_equal(parse("clog L M -o config=/", &options), -EINVAL);
    options_done(&options);
}

/* Whether text has name with nothing of a name before or behind it. */
static bool has_word(const char *text, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_-";
    const char *at = text;

    while ((at = strstr(at, name))) {
        if (!strchr(letters, at[-1]) && !strchr(letters, at[strlen(name)]))
            return true;
        at++;
    }
    return false;
}

/* What the parser knows is what --help prints. */
static void test_options_are_all_in_help(void **state)
{
    char *text = NULL;
    size_t size = 0;
    size_t i = 0;
    FILE *file = open_memstream(&text, &size);

    (void)state;
    assert_non_null(file);
    options_usage(file);
    assert_int_equal(fclose(file), 0);
    for (; options_name(i); i++) {
        if (!has_word(text, options_name(i)))
            fail_msg("%s is not in --help", options_name(i));
    }
    assert_true(i > 20);
    assert_false(has_word(text, "colour"));
    free(text);
}

/* Help and version need no paths. */
static void test_options_help_and_version_need_no_paths(void **state)
{
    static const char *const words[] = {"clog -h", "clog --help", "clog -V",
                                        "clog --version"};

    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        struct options options;

        assert_int_equal(parse(words[i], &options), 0);
        assert_int_equal(options.help, i < 2);
        assert_int_equal(options.version, i >= 2);
        options_done(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_number_right_is_read),
        cmocka_unit_test(test_options_number_wrong_is_einval),
        cmocka_unit_test(test_options_duration_is_in_seconds_or_its_unit),
        cmocka_unit_test(test_options_number_out_of_range_is_einval),
        cmocka_unit_test(test_options_paths_alone_are_defaults),
        cmocka_unit_test(test_options_given_either_way_are_alike),
        cmocka_unit_test(test_options_of_fstab_are_accepted),
        cmocka_unit_test(test_options_sync_is_seconds_or_always),
        cmocka_unit_test(test_options_wrong_are_einval),
        cmocka_unit_test(test_options_owners_have_names),
        cmocka_unit_test(test_options_of_mount),
        cmocka_unit_test(test_options_of_a_file_are_taken_in_order),
        cmocka_unit_test(test_options_of_a_wrong_file_are_einval),
        cmocka_unit_test(test_options_are_all_in_help),
        cmocka_unit_test(test_options_help_and_version_need_no_paths),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
