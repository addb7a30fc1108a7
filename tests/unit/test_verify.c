/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "log/log.h"
#include "test.h"

#define ZERO  "segments/00000000000000000000"
#define TWO   "segments/00000000000000000002"
#define FOUR  "segments/00000000000000000004"
#define KINDS (CLOG_NOTE_CURSOR + 1)

/* What a run found. */
struct seen {
    struct clog_verify_result result;
    unsigned kinds[KINDS];
    struct clog_note last; /* the last finding */
    bool repairable, repaired;
    uint64_t done, total;
    bool backwards; /* progress was */
};

static void on_finding(void *ctx, const struct clog_finding *finding)
{
    struct seen *seen = ctx;

    seen->kinds[finding->note.kind]++;
    seen->last = finding->note;
    seen->repairable = finding->repairable;
    seen->repaired = finding->repaired;
    assert_non_null(finding->remedy);
    assert_true(finding->repairable || !finding->repaired);
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct seen *seen = ctx;

    seen->backwards = seen->backwards || done < seen->done || done > total;
    seen->done = done;
    seen->total = total;
}

static int verify(struct fixture *fixture, bool repair, struct seen *seen)
{
    struct clog_verify_options options = {
        .size = sizeof(options),
        .repair = repair,
        .finding = on_finding,
        .progress = on_progress,
        .ctx = seen,
    };

    *seen = (struct seen){.result.size = sizeof(seen->result)};
    return log_verify(&fixture->fake.io, fixture->dir, &options, &seen->result);
}

/* Looks, which must change nothing, and finds this alone, so often. */
static void expect_only(struct fixture *fixture, enum clog_note_kind kind,
                        unsigned times, struct seen *seen)
{
    char *before = directory_picture(fixture->dir);
    char *after;

    assert_int_equal(verify(fixture, false, seen), 0);
    assert_int_equal(seen->kinds[kind], times);
    assert_int_equal(seen->result.findings, times);
    assert_int_equal(seen->result.repaired, 0);
    assert_false(seen->backwards);
    after = directory_picture(fixture->dir);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void expect_nothing(struct fixture *fixture)
{
    struct seen seen;

    expect_only(fixture, CLOG_NOTE_ROT, 0, &seen);
    assert_int_equal(seen.result.good, seen.result.records);
}

/* Repairs all there is. */
static void repair(struct fixture *fixture, uint64_t findings)
{
    struct seen seen;

    assert_int_equal(verify(fixture, true, &seen), 0);
    assert_int_equal(seen.result.findings, findings);
    assert_int_equal(seen.result.repaired, findings);
    expect_nothing(fixture);
}

/* Two sealed segments of two records, and one record in the third. */
static void fill(struct fixture *fixture)
{
    fixture->options.max_index = 32;
    fixture_open(fixture);
    fixture_fill(fixture, 5);
}

static void fill_and_close(struct fixture *fixture)
{
    fill(fixture);
    fixture_close(fixture);
}

static void expect_all_records(struct fixture *fixture)
{
    fixture_open(fixture);
    fixture_expect_next(fixture, 5);
    fixture_expect_filled(fixture, 0, 5);
    assert_int_equal(fixture_report(fixture)->note_count, 0);
}

static void test_verify_a_good_log(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;
    uint64_t bytes;

    fill_and_close(fixture);
    bytes = file_size(fixture->dir, ZERO "/store") +
            file_size(fixture->dir, TWO "/store") +
            file_size(fixture->dir, FOUR "/store");
    expect_only(fixture, CLOG_NOTE_ROT, 0, &seen);
    assert_int_equal(seen.result.segments, 3);
    assert_int_equal(seen.result.records, 5);
    assert_int_equal(seen.result.good, 5);
    assert_int_equal(seen.result.next, 5);
    assert_int_equal(seen.result.bytes, bytes);
    assert_true(seen.result.clean);
    assert_int_equal(verify(fixture, true, &seen), 0);
    assert_int_equal(seen.result.findings, 0);
    expect_all_records(fixture);
}

/* Nobody may have it open, for reading neither. */
static void test_verify_a_locked_log_is_ewouldblock(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;

    fill(fixture);
    assert_int_equal(verify(fixture, false, &seen), -EWOULDBLOCK);
    assert_int_equal(verify(fixture, true, &seen), -EWOULDBLOCK);
    fixture_close(fixture);
    fixture->options.flags = CLOG_READ_ONLY;
    fixture_open(fixture);
    assert_int_equal(verify(fixture, true, &seen), -EWOULDBLOCK);
    fixture_close(fixture);
    expect_nothing(fixture);
}

static void test_verify_what_is_no_log(void **state)
{
    struct fixture *fixture = *state;
    struct clog_verify_options options = {.size = sizeof(options)};
    struct clog_verify_result result = {.size = sizeof(result)};
    struct seen seen;

    assert_int_equal(clog_verify("/nowhere/at/all", &options, &result),
                     -ENOENT);
    for (int repairs = 0; repairs < 2; repairs++) {
        assert_int_equal(verify(fixture, repairs, &seen), -ENOENT);
        assert_int_equal(directory_count(fixture->dir, "."), 0);
    }
    file_save(fixture->dir, "format", "clog 9\n", 7);
    assert_int_equal(verify(fixture, false, &seen), -EUCLEAN);
    assert_int_equal(seen.kinds[CLOG_NOTE_REFUSED], 1);
    assert_string_equal(seen.last.file, "format");
    assert_int_equal(seen.last.position, 5);
    assert_int_equal(seen.result.findings, 1);
    assert_int_equal(verify(fixture, true, &seen), -EUCLEAN);
    assert_int_equal(seen.result.repaired, 0);
}

static void test_verify_rebuilds_an_index(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;

    fill_and_close(fixture);
    file_flip(fixture->dir, ZERO "/index", 31);
    file_remove(fixture->dir, TWO "/index");
    file_resize(fixture->dir, FOUR "/index", 7);
    expect_only(fixture, CLOG_NOTE_INDEX, 3, &seen);
    assert_true(seen.repairable);
    assert_string_equal(seen.last.file, FOUR "/index");
    assert_int_equal(seen.last.offset, 4);
    assert_int_equal(seen.result.good, 5);
    repair(fixture, 3);
    assert_int_equal(file_mode(fixture->dir, TWO "/index") & 0222, 0);
    expect_all_records(fixture);
}

static void test_verify_writes_a_prefix_anew(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;

    fill_and_close(fixture);
    file_flip(fixture->dir, ZERO "/store", 7);
    expect_only(fixture, CLOG_NOTE_PREFIX, 1, &seen);
    assert_true(seen.repairable);
    assert_int_equal(seen.last.offset, 0);
    assert_int_equal(seen.last.position, 0);
    assert_int_equal(seen.last.count, 1);
    repair(fixture, 1);
    assert_true(directory_count(fixture->dir, "quarantine") > 0);
    assert_int_equal(file_mode(fixture->dir, ZERO "/store") & 0222, 0);
    expect_all_records(fixture);
}

/* No repair guesses bytes. */
static void test_verify_leaves_rot(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;
    char *before, *after;

    fill_and_close(fixture);
    file_flip(fixture->dir, TWO "/store", 9);
    expect_only(fixture, CLOG_NOTE_ROT, 1, &seen);
    assert_false(seen.repairable);
    assert_string_equal(seen.last.file, TWO "/store");
    assert_int_equal(seen.last.offset, 2);
    assert_int_equal(seen.result.records, 5);
    assert_int_equal(seen.result.good, 4);
    before = directory_picture(fixture->dir);
    assert_int_equal(verify(fixture, true, &seen), 0);
    assert_int_equal(seen.result.findings, 1);
    assert_int_equal(seen.result.repaired, 0);
    after = directory_picture(fixture->dir);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void test_verify_counts_what_has_no_stamps(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;

    fill_and_close(fixture);
    file_remove(fixture->dir, ZERO "/stamps");
    expect_only(fixture, CLOG_NOTE_UNVERIFIED, 1, &seen);
    assert_int_equal(seen.last.offset, 0);
    assert_int_equal(seen.last.count, 2);
    assert_false(seen.repairable);
    assert_int_equal(seen.result.records, 5);
    assert_int_equal(seen.result.good, 3);
}

static void test_verify_names_a_gap(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;

    fill_and_close(fixture);
    file_remove(fixture->dir, TWO);
    expect_only(fixture, CLOG_NOTE_GAP, 1, &seen);
    assert_int_equal(seen.last.offset, 2);
    assert_int_equal(seen.last.count, 2);
    assert_false(seen.repairable);
    assert_int_equal(seen.result.records, 3);
    assert_int_equal(seen.result.next, 5);
}

static void test_verify_leaves_bytes_behind_a_sealed_store(void **state)
{
    struct fixture *fixture = *state;
    uint64_t size;
    struct seen seen;

    fill_and_close(fixture);
    size = file_size(fixture->dir, ZERO "/store");
    file_resize(fixture->dir, ZERO "/store", size + 100);
    expect_only(fixture, CLOG_NOTE_ROT, 1, &seen);
    assert_int_equal(seen.last.position, size);
    assert_int_equal(seen.last.bytes, 100);
    assert_false(seen.repairable);
    assert_int_equal(verify(fixture, true, &seen), 0);
    assert_int_equal(file_size(fixture->dir, ZERO "/store"), size + 100);
}

/* What is no cursor is told, too, and is nothing wrong with the log. */
static void test_verify_names_a_damaged_cursor(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;

    fill(fixture);
    assert_int_equal(clog_cursor_make(fixture->log, "mail"), 0);
    fixture_close(fixture);
    file_flip(fixture->dir, "cursors/mail", 7);
    expect_only(fixture, CLOG_NOTE_CURSOR, 1, &seen);
    assert_string_equal(seen.last.file, "cursors");
    assert_non_null(strstr(seen.last.text, "mail"));
    assert_false(seen.repairable);
    file_save(fixture->dir, "cursors/.hidden", "x", 1);
    expect_only(fixture, CLOG_NOTE_CURSOR, 1, &seen);
    assert_int_equal(seen.kinds[CLOG_NOTE_FOREIGN], 1);
    file_remove(fixture->dir, "cursors/mail");
    expect_nothing(fixture);
}

/* A torn tail goes to quarantine/, with nothing else. */
static void test_verify_moves_a_torn_tail(void **state)
{
    struct fixture *fixture = *state;
    uint64_t size;
    struct seen seen;

    fill(fixture);
    fixture_power_cut(fixture);
    size = file_size(fixture->dir, FOUR "/store");
    file_resize(fixture->dir, FOUR "/store", size + 5);
    expect_only(fixture, CLOG_NOTE_TORN, 1, &seen);
    assert_true(seen.repairable);
    assert_int_equal(seen.last.offset, 5);
    assert_int_equal(seen.last.position, size);
    assert_int_equal(seen.last.bytes, 5);
    assert_int_equal(seen.result.good, 5);
    assert_false(seen.result.clean);
    repair(fixture, 1);
    assert_int_equal(file_size(fixture->dir, FOUR "/store"), size);
    assert_true(directory_count(fixture->dir, "quarantine") > 0);
    expect_all_records(fixture);
}

/* A repair that cannot write says so and reports what is left. */
static void test_verify_repair_that_fails(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;

    fill_and_close(fixture);
    file_remove(fixture->dir, ZERO "/index");
    fixture->fake.fails = 0;
    assert_int_equal(verify(fixture, true, &seen), -ENOSPC);
    assert_int_equal(seen.kinds[CLOG_NOTE_INDEX], 1);
    assert_false(seen.repaired);
    assert_int_equal(seen.last.error, -ENOSPC);
    fixture->fake.fails = -1;
    repair(fixture, 1);
    expect_all_records(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_verify_a_good_log),
        FIXTURE_TEST(test_verify_a_locked_log_is_ewouldblock),
        FIXTURE_TEST(test_verify_what_is_no_log),
        FIXTURE_TEST(test_verify_rebuilds_an_index),
        FIXTURE_TEST(test_verify_writes_a_prefix_anew),
        FIXTURE_TEST(test_verify_leaves_rot),
        FIXTURE_TEST(test_verify_counts_what_has_no_stamps),
        FIXTURE_TEST(test_verify_names_a_gap),
        FIXTURE_TEST(test_verify_leaves_bytes_behind_a_sealed_store),
        FIXTURE_TEST(test_verify_names_a_damaged_cursor),
        FIXTURE_TEST(test_verify_moves_a_torn_tail),
        FIXTURE_TEST(test_verify_repair_that_fails),
    };

    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
