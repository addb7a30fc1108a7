/* SPDX-License-Identifier: MIT */
#include "recovery/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

/* A note of a segment's file names it below the log's directory. */
static void test_report_note_of_segment_names_its_file(void **state)
{
    struct clog_report report = {0};
    uint64_t base = 12345;
    struct clog_note *note =
        report_note(&report, CLOG_NOTE_ROT, &base, "store", "3 apples");

    (void)state;
    assert_int_equal(note->kind, CLOG_NOTE_ROT);
    assert_string_equal(note->file, "segments/00000000000000012345/store");
    assert_string_equal(note->text, "3 apples");
    assert_int_equal(note->offset, 0);
    assert_int_equal(note->error, 0);
    note = report_note(&report, CLOG_NOTE_GAP, &base, "", "gone");
    assert_string_equal(note->file, "segments/00000000000000012345");
    note = report_note(&report, CLOG_NOTE_REFUSED, NULL, "format", "other");
    assert_string_equal(note->file, "format");
    assert_int_equal(report.note_count, 3);
    clog_report_done(&report);
    assert_null(report.notes);
    clog_report_done(&report);
}

/* Long names and texts are cut, never written past their place. */
static void test_report_note_of_long_words_is_cut(void **state)
{
    struct clog_report report = {0};
    char word[400];
    struct clog_note *note;

    (void)state;
    memset(word, 'w', sizeof(word));
    word[sizeof(word) - 1] = '\0';
    note = report_note(&report, CLOG_NOTE_ROT, NULL, word, word);
    assert_int_equal(strlen(note->file), sizeof(note->file) - 1);
    assert_int_equal(strlen(note->text), sizeof(note->text) - 1);
    clog_report_done(&report);
}

static struct clog_note *note_number(struct clog_report *report, int number)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "no %d", number);
    return report_note(report, CLOG_NOTE_GAP, NULL, "segments", text);
}

/* Notes are bounded at 1000; more are forgotten, and can be filled in. */
static void test_report_notes_over_the_bound_are_forgotten(void **state)
{
    struct clog_report report = {0};

    (void)state;
    for (uint64_t i = 0; i < 1500; i++)
        note_number(&report, (int)i)->offset = i;
    assert_int_equal(report.note_count, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(report.notes[i].offset, i);
    assert_string_equal(report.notes[999].text, "no 999");
    clog_report_done(&report);
}

/* A copy has notes of its own, and takes more. */
static void test_report_copied_is_independent(void **state)
{
    struct clog_report report = {.segments = 7};
    struct clog_report copy = {0};

    (void)state;
    for (int i = 0; i < 9; i++)
        note_number(&report, i);
    assert_int_equal(report_copy(&copy, &report), 0);
    clog_report_done(&report);
    assert_int_equal(copy.segments, 7);
    assert_int_equal(copy.note_count, 9);
    assert_string_equal(copy.notes[8].text, "no 8");
    for (int i = 9; i < 40; i++)
        note_number(&copy, i);
    assert_string_equal(copy.notes[39].text, "no 39");
    clog_report_done(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_note_of_segment_names_its_file),
        cmocka_unit_test(test_report_note_of_long_words_is_cut),
        cmocka_unit_test(test_report_notes_over_the_bound_are_forgotten),
        cmocka_unit_test(test_report_copied_is_independent),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
