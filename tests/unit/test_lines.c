/* SPDX-License-Identifier: MIT */
#include "files/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define NO_BOUND SIZE_MAX

/* Cuts text; what comes out, joined by '|', and behind ':' the tail's size. */
static char *cut(const char *text, size_t held, bool end)
{
    struct lines lines = {0};
    size_t size = strlen(text);
    size_t tail = 0;
    char *out = calloc(1, 2 * size + 64);
    char *at = out;

    assert_non_null(out);
    assert_int_equal(lines_cut(text, size, held, NO_BOUND, end, &lines, &tail),
                     0);
    for (size_t i = 0; i < lines.count; i++) {
        memcpy(at, lines.iov[i].iov_base, lines.iov[i].iov_len);
        at += lines.iov[i].iov_len;
        *at++ = '|';
    }
    *at++ = ':';
    *at = (char)('0' + (char)tail);
    lines_done(&lines);
    return out;
}

static void expect_cut(const char *text, size_t held, bool end,
                       const char *want)
{
    char *out = cut(text, held, end);

    assert_string_equal(out, want);
    free(out);
}

/* A line ends with its newline; what has none is the tail. */
static void test_lines_cut_after_each_newline(void **state)
{
    (void)state;
    expect_cut("", 0, false, ":0");
    expect_cut("a", 0, false, ":1");
    expect_cut("a\n", 0, false, "a\n|:0");
    expect_cut("a\nb", 0, false, "a\n|:1");
    expect_cut("a\nb\n", 0, false, "a\n|b\n|:0");
    expect_cut("\n\n\nxyz", 0, false, "\n|\n|\n|:3");
    expect_cut("a\r\nb\r\n", 0, false, "a\r\n|b\r\n|:0");
}

/* At an end the tail is a line too, unless it is empty. */
static void test_lines_cut_at_end_has_no_tail(void **state)
{
    (void)state;
    expect_cut("", 0, true, ":0");
    expect_cut("a", 0, true, "a|:0");
    expect_cut("a\n", 0, true, "a\n|:0");
    expect_cut("a\nb", 0, true, "a\n|b|:0");
}

/* Held bytes belong to the first line, and alone make one at an end. */
static void test_lines_cut_with_held_joins_the_first(void **state)
{
    (void)state;
    expect_cut("", 3, false, ":0");
    expect_cut("b\nc\n", 3, false, "b\n|c\n|:0");
    expect_cut("\n", 3, false, "\n|:0");
    expect_cut("", 3, true, "|:0");
    expect_cut("x", 3, true, "x|:0");
}

/* NUL is a byte like others. */
static void test_lines_cut_of_nul_bytes_keeps_them(void **state)
{
    struct lines lines = {0};
    size_t tail = 0;

    (void)state;
    assert_int_equal(
        lines_cut("a\0b\n\0\n\0", 7, 0, NO_BOUND, false, &lines, &tail), 0);
    assert_int_equal(lines.count, 2);
    assert_int_equal(lines.iov[0].iov_len, 4);
    assert_int_equal(lines.iov[1].iov_len, 2);
    assert_int_equal(tail, 1);
    lines_done(&lines);
}

/* Wherever a text is cut into writes, its lines are the same. */
static void test_lines_cut_anywhere_are_the_same(void **state)
{
    static const char text[] = "one\n\ntwo two\nthree\n\n\nfour";
    size_t size = strlen(text);

    (void)state;
    for (size_t at = 0; at <= size; at++) {
        struct lines lines = {0};
        size_t tail = 0;
        size_t count = 0;

        assert_int_equal(lines_cut(text, at, 0, NO_BOUND, false, &lines, &tail),
                         0);
        count = lines.count;
        assert_int_equal(lines_cut(text + at, size - at, tail, NO_BOUND, false,
                                   &lines, &tail),
                         0);
        assert_int_equal(count + lines.count, 6);
        assert_true(tail <= 4);
        lines_done(&lines);
    }
}

/* A line of the bound fits; one byte more does not, held ones included. */
static void test_lines_over_bound_are_emsgsize(void **state)
{
    struct lines lines = {0};
    size_t tail = 99;

    (void)state;
    assert_int_equal(lines_cut("1234\n", 5, 0, 5, false, &lines, &tail), 0);
    assert_int_equal(lines_cut("12345\n", 6, 0, 5, false, &lines, &tail),
                     -EMSGSIZE);
    assert_int_equal(lines_cut("12345", 5, 0, 5, false, &lines, &tail), 0);
    assert_int_equal(tail, 5);
    assert_int_equal(lines_cut("123456", 6, 0, 5, false, &lines, &tail),
                     -EMSGSIZE);
    assert_int_equal(lines_cut("1\n", 2, 3, 5, false, &lines, &tail), 0);
    assert_int_equal(lines_cut("1\n", 2, 4, 5, false, &lines, &tail),
                     -EMSGSIZE);
    assert_int_equal(lines_cut("1\n", 2, SIZE_MAX, 5, false, &lines, &tail),
                     -EMSGSIZE);
    assert_int_equal(
        lines_cut("1\n12345\n123456", 14, 0, 6, false, &lines, &tail), 0);
    assert_int_equal(lines_cut("1\n1234567\n1", 11, 0, 6, false, &lines, &tail),
                     -EMSGSIZE);
    lines_done(&lines);
}

/* Many lines in one write are all there, and the array is used again. */
static void test_lines_many_are_all_there(void **state)
{
    struct lines lines = {0};
    char text[2000];
    size_t tail = 99;

    (void)state;
    memset(text, '\n', sizeof(text));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            lines_cut(text, sizeof(text), 0, 1, false, &lines, &tail), 0);
        assert_int_equal(lines.count, sizeof(text));
        assert_int_equal(tail, 0);
    }
    assert_ptr_equal(lines.iov[1999].iov_base, text + 1999);
    lines_done(&lines);
    lines_done(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_cut_after_each_newline),
        cmocka_unit_test(test_lines_cut_at_end_has_no_tail),
        cmocka_unit_test(test_lines_cut_with_held_joins_the_first),
        cmocka_unit_test(test_lines_cut_of_nul_bytes_keeps_them),
        cmocka_unit_test(test_lines_cut_anywhere_are_the_same),
        cmocka_unit_test(test_lines_over_bound_are_emsgsize),
        cmocka_unit_test(test_lines_many_are_all_there),
    };

    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
