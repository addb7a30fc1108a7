/* SPDX-License-Identifier: MIT */
#include "daemon/printable.h"

#include <string.h>

#include "test.h"

static void expect(const char *text, const char *want)
{
    char found[256];

    printable(text, found, sizeof(found));
    assert_string_equal(found, want);
}

static void test_printable_text_is_left_as_it_is(void **state)
{
    (void)state;
    expect("", "");
    expect("plain, with blanks", "plain, with blanks");
    expect("ma\xc3\x9f, \xe2\x82\xac, \xf0\x9f\x90\xb8",
           "ma\xc3\x9f, \xe2\x82\xac, \xf0\x9f\x90\xb8");
}

static void test_printable_control_characters_are_escaped(void **state)
{
    (void)state;
    expect("a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f");
    expect("\x1b]0;title\x07", "\\x1b]0;title\\x07");
    /* CSI, as Latin-1 and as UTF-8. */
    expect("\x9b"
           "31m",
           "\\x9b31m");
    expect("\xc2\x9b"
           "31m",
           "\\xc2\\x9b31m");
    expect("\xc2\x9b\x9b", "\\xc2\\x9b\\x9b");
}

static void test_printable_what_does_not_fit_is_cut_off(void **state)
{
    char found[10];

    (void)state;
    memset(found, 'x', sizeof(found));
    printable("0123456789", found, 9);
    assert_string_equal(found, "01234567");
    assert_int_equal(found[9], 'x');
    printable("01234\n6", found, 9);
    assert_string_equal(found, "01234");
    printable("0123\n6", found, 9);
    assert_string_equal(found, "0123\\x0a");
    printable("abc", found, 1);
    assert_string_equal(found, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_printable_text_is_left_as_it_is),
        cmocka_unit_test(test_printable_control_characters_are_escaped),
        cmocka_unit_test(test_printable_what_does_not_fit_is_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
