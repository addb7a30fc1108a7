/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "files/at.h"
#include "test.h"

#define S INT64_C(1000000000)

struct example {
    const char *text;
    int64_t ns;
};

static void assert_all(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t ns = -1;

        if (at_parse(examples[i].text, &ns) != 0 || ns != examples[i].ns)
            fail_msg("'%s' is %lld, not %lld", examples[i].text, (long long)ns,
                     (long long)examples[i].ns);
    }
}

#define ASSERT_ALL(examples) \
    assert_all(examples, sizeof(examples) / sizeof((examples)[0]))

static void use_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static void test_at_parse_reads_rfc_3339(void **state)
{
    static const struct example examples[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T12:00:00Z", 1795348800 * S},
        {"2026-11-22t12:00:00z", 1795348800 * S},
        {"2026-11-22 12:00:00Z", 1795348800 * S},
        {"2026-11-22T12:00:00+00:00", 1795348800 * S},
        {"2026-11-22T12:00Z", 1795348800 * S},
        {"2026-11-22T13:30:00+0130", 1795348800 * S},
        {"2026-11-22 13:30+0130", 1795348800 * S},
        {"2026-11-22T12:00:00-00:00", 1795348800 * S},
        {"2026-11-22T13:30:00+01:30", 1795348800 * S},
        {"2026-11-21T13:01:00-22:59", 1795348800 * S},
        {"2026-11-22T12:00:00.5Z", 1795348800 * S + S / 2},
        {"2026-11-22T12:00:00.000000001Z", 1795348800 * S + 1},
        {"2026-11-22T12:00:00.123456789000Z", 1795348800 * S + 123456789},
        {"2026-11-22T12:00:00.1234567891Z", 1795348800 * S + 123456790},
        {"2026-11-22T12:00:00.9999999999Z", 1795348801 * S},
        {"1969-12-31T23:59:59.25Z", -S + S / 4},
        {"2016-12-31T23:59:60Z", 1483228800 * S},
        {"2017-01-01T00:59:60+01:00", 1483228800 * S},
        {"2024-02-29T00:00:00Z", 1709164800 * S},
        {"2000-02-29T00:00:00Z", 951782400 * S},
        {"9999-12-31T23:59:59Z", INT64_MAX},
        {"0001-01-01T00:00:00Z", INT64_MIN},
    };

    (void)state;
    ASSERT_ALL(examples);
}

static void test_at_parse_reads_seconds(void **state)
{
    static const struct example examples[] = {
        {"@0", 0},
        {"@1795348800", 1795348800 * S},
        {"@1795348800.25", 1795348800 * S + S / 4},
        {"@0.0000000001", 1},
        {"@9223372036", 9223372036 * S},
        {"@9223372037", INT64_MAX},
        {"@99999999999999999999999999", INT64_MAX},
    };

    (void)state;
    ASSERT_ALL(examples);
}

static void test_at_parse_of_what_is_no_time_is_einval(void **state)
{
    static const char *const others[] = {
        "",
        " ",
        "now",
        "@",
        "@-1",
        "@1.",
        "@.5",
        "@1 ",
        "@+1",
        "@1e3",
        "2026",
        "2026-11",
        "2026-11-2",
        "2026-11-22T",
        "2026-11-22Z",
        "2026-11-22T12",
        "2026-11-22T12:",
        "2026-11-22T12:00:",
        "2026-11-22T12:00.5Z",
        "2026-11-22T12:00:00.Z",
        "2026-11-22T12:00:00,5Z",
        "2026-11-22T12:00:00+01",
        "2026-11-22T12:00:00+01:",
        "2026-11-22T12:00:00+010",
        "2026-11-22T12:00:00+24:00",
        "2026-11-22T12:00:00+01:60",
        "2026-11-22T12:00:00Zx",
        "2026-11-22T12:00:00Z ",
        " 2026-11-22T12:00:00Z",
        "2026-11-22_12:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T12:60:00Z",
        "2026-11-22T12:00:61Z",
        "2026-11-22T12:00:60Z",
        "2026-00-22",
        "2026-13-22",
        "2026-11-00",
        "2026-11-31",
        "2026-02-29",
        "1900-02-29",
        "02026-11-22",
        "-2026-11-22",
        "20261122T120000Z",
    };

    (void)state;
    use_zone("UTC");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        int64_t ns = 7;

        if (at_parse(others[i], &ns) != -EINVAL || ns != 7)
            fail_msg("'%s' is a time", others[i]);
    }
}

static void test_at_parse_without_offset_is_local(void **state)
{
    static const struct example examples[] = {
        {"2026-11-22T12:00:00", 1795345200 * S},
        {"2026-11-22T12:00", 1795345200 * S},
        {"2026-11-22", 1795302000 * S},
        {"2026-07-01T00:00:00", 1782856800 * S},
        {"2024-02-29", 1709161200 * S},
    };

    (void)state;
    use_zone("Europe/Berlin");
    ASSERT_ALL(examples);
}

/* On 29 March 2026 at 2:00 clocks went to 3:00: 01:00 UTC, 1774746000. */
static void test_at_parse_of_a_skipped_time_is_the_moment_after(void **state)
{
    static const struct example examples[] = {
        {"2026-03-29T01:59:59", 1774745999 * S},
        {"2026-03-29T02:00:00", 1774746000 * S},
        {"2026-03-29T02:00:00.5", 1774746000 * S},
        {"2026-03-29T02:30:00", 1774746000 * S},
        {"2026-03-29T02:59:59.9", 1774746000 * S},
        {"2026-03-29T03:00:00", 1774746000 * S},
        {"2026-03-29T03:00:01", 1774746001 * S},
    };

    (void)state;
    use_zone("Europe/Berlin");
    ASSERT_ALL(examples);
}

/* On 25 October 2026 at 3:00 they went back to 2:00: 01:00 UTC, 1792890000. */
static void test_at_parse_of_a_repeated_time_is_the_first(void **state)
{
    static const struct example examples[] = {
        {"2026-10-25T01:59:59", 1792886399 * S},
        {"2026-10-25T02:00:00", 1792886400 * S},
        {"2026-10-25T02:30:00.5", 1792888200 * S + S / 2},
        {"2026-10-25T02:59:59", 1792889999 * S},
        {"2026-10-25T03:00:00", 1792893600 * S},
    };

    (void)state;
    use_zone("Europe/Berlin");
    ASSERT_ALL(examples);
}

/* Samoa had no 30 December 2011; Sao Paulo none of the hour in which this 4
   November began; Lord Howe moves by half an hour. */
static void test_at_parse_knows_odd_zones(void **state)
{
    static const struct example samoa[] = {
        {"2011-12-29T23:59:59", 1325239199 * S},
        {"2011-12-30", 1325239200 * S},
        {"2011-12-30T12:00:00", 1325239200 * S},
        {"2011-12-31", 1325239200 * S},
    };
    static const struct example brazil[] = {
        {"2018-11-04", 1541300400 * S},
        {"2018-11-04T01:00:00", 1541300400 * S},
    };
    static const struct example lord_howe[] = {
        {"2026-04-05T01:45:00", 1775313900 * S},
        {"2026-10-04T02:15:00", 1791041400 * S},
    };

    (void)state;
    use_zone("Pacific/Apia");
    ASSERT_ALL(samoa);
    use_zone("America/Sao_Paulo");
    ASSERT_ALL(brazil);
    use_zone("Australia/Lord_Howe");
    ASSERT_ALL(lord_howe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_parse_reads_rfc_3339),
        cmocka_unit_test(test_at_parse_reads_seconds),
        cmocka_unit_test(test_at_parse_of_what_is_no_time_is_einval),
        cmocka_unit_test(test_at_parse_without_offset_is_local),
        cmocka_unit_test(test_at_parse_of_a_skipped_time_is_the_moment_after),
        cmocka_unit_test(test_at_parse_of_a_repeated_time_is_the_first),
        cmocka_unit_test(test_at_parse_knows_odd_zones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
