/* SPDX-License-Identifier: MIT */
#include "files/at.h"

#include "files/mount.h"
#include "files/records.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define SECOND_NS INT64_C(1000000000)
#define DAY       86400

/* Takes exactly count digits. */
static bool take_digits(const char **text, int count, int *ret_number)
{
    int number = 0;

    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        number = 10 * number + (**text - '0');
    }
    *ret_number = number;
    return true;
}

static bool take_char(const char **text, const char *one_of)
{
    if (**text == '\0' || !strchr(one_of, **text))
        return false;
    (*text)++;
    return true;
}

/* Takes ".DIGITS", if it is there: ns, rounded up, in [0, SECOND_NS]. */
static bool take_fraction(const char **text, int64_t *ret_ns)
{
    int64_t unit = SECOND_NS;
    int64_t ns = 0;
    bool finer = false;
    const char *first;

    *ret_ns = 0;
    if (!take_char(text, "."))
        return true;
    first = *text;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        unit /= 10;
        ns += unit * (**text - '0');
        finer = finer || (unit == 0 && **text != '0');
    }
    *ret_ns = ns + finer;
    return *text > first;
}

static bool take_date(const char **text, struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    bool leap;

    if (!take_digits(text, 4, &year) || !take_char(text, "-") ||
        !take_digits(text, 2, &month) || !take_char(text, "-") ||
        !take_digits(text, 2, &day))
        return false;
    leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 ||
        day > days[month - 1] + (leap && month == 2))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    tm->tm_mday = day;
    return true;
}

/* Takes hours and minutes, and seconds if they are there. A second 60 is a leap
   second; which minute it may end is seen later. */
static bool take_time(const char **text, struct tm *tm, int64_t *ret_ns)
{
    if (!take_digits(text, 2, &tm->tm_hour) || !take_char(text, ":") ||
        !take_digits(text, 2, &tm->tm_min))
        return false;
    if (take_char(text, ":") &&
        (!take_digits(text, 2, &tm->tm_sec) || !take_fraction(text, ret_ns)))
        return false;
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* Takes "Z" or an offset from UTC, in seconds; date(1) writes it without the
   colon. */
static bool take_offset(const char **text, int *ret_seconds)
{
    bool west = **text == '-';
    int hours, minutes;

    *ret_seconds = 0;
    if (take_char(text, "Zz"))
        return true;
    if (!take_char(text, "+-") || !take_digits(text, 2, &hours))
        return false;
    (void)take_char(text, ":");
    if (!take_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_seconds = (hours * 60 + minutes) * (west ? -60 : 60);
    return true;
}

/* Seconds that local time is ahead of UTC at that moment. */
static int64_t zone_offset(int64_t moment)
{
    time_t time = (time_t)moment;
    struct tm tm;

    return localtime_r(&time, &tm) ? tm.tm_gmtoff : 0;
}

/* The moment at which the zone's offset changes, in (before, after]. */
static int64_t find_change(int64_t before, int64_t after)
{
    int64_t offset = zone_offset(before);

    while (before + 1 < after) {
        int64_t middle = before + (after - before) / 2;

        if (zone_offset(middle) == offset)
            before = middle;
        else
            after = middle;
    }
    return after;
}

/*
 * The moment at which local clocks show wall, seconds since the epoch as if
 * they showed UTC. No zone is further than a day from UTC, and none has changed
 * its offset twice within two.
 */
static int64_t local_moment(int64_t wall, int64_t *ns)
{
    int64_t old = zone_offset(wall - DAY);
    int64_t now = zone_offset(wall + DAY);

    if (zone_offset(wall - old) == old)
        return wall - old;
    if (zone_offset(wall - now) == now)
        return wall - now;
    *ns = 0;
    return find_change(wall - now, wall - old);
}

/* Seconds and ns in [0, SECOND_NS], joined as far as they fit. */
static int64_t join(int64_t seconds, int64_t ns)
{
    int64_t joined;

    if (__builtin_mul_overflow(seconds, SECOND_NS, &joined) ||
        __builtin_add_overflow(joined, ns, &joined))
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    return joined;
}

static int parse_seconds(const char *text, int64_t *ret_ns)
{
    const char *first = text;
    int64_t seconds = 0;
    int64_t ns;

    for (; *text >= '0' && *text <= '9'; text++) {
        if (__builtin_mul_overflow(seconds, 10, &seconds) ||
            __builtin_add_overflow(seconds, *text - '0', &seconds))
            seconds = INT64_MAX;
    }
    if (text == first || !take_fraction(&text, &ns) || *text != '\0')
        return -EINVAL;
    *ret_ns = join(seconds, ns);
    return 0;
}

static int parse_date(const char *text, int64_t *ret_ns)
{
    struct tm tm = {0};
    int64_t ns = 0;
    int64_t seconds;
    int offset;
    bool leap;

    if (!take_date(&text, &tm))
        return -EINVAL;
    if (*text != '\0' &&
        (!take_char(&text, "Tt ") || !take_time(&text, &tm, &ns)))
        return -EINVAL;
    leap = tm.tm_sec == 60;
    tm.tm_sec -= leap;
    seconds = timegm(&tm);
    if (*text == '\0')
        seconds = local_moment(seconds, &ns);
    else if (take_offset(&text, &offset) && *text == '\0')
        seconds -= offset;
    else
        return -EINVAL;
    if (leap && (seconds + 1) % DAY != 0)
        return -EINVAL;
    *ret_ns = join(seconds + leap, ns);
    return 0;
}

int at_parse(const char *text, int64_t *ret_ns)
{
    return *text == '@' ? parse_seconds(text + 1, ret_ns)
                        : parse_date(text, ret_ns);
}

static int at_lookup(struct fs *fs, struct node dir, const char *name,
                     unsigned flags, struct node *ret_node)
{
    uint64_t offset;
    int64_t ns;
    int r = at_parse(name, &ns);

    (void)dir;
    if (r == 0)
        r = clog_find(fs->log, ns < 0 ? 0 : (uint64_t)ns, flags, &offset);
    if (r < 0)
        return r;
    *ret_node = (struct node){.kind = NODE_AT_LINK, .number = offset};
    return 0;
}

/* Any time is a name, so none is listed. */
static int at_list(struct fs *fs, struct node dir, uint64_t cookie,
                   unsigned flags, struct entry *ret_entry)
{
    (void)fs;
    (void)dir;
    (void)cookie;
    (void)flags;
    (void)ret_entry;
    return 0;
}

const struct kind at_kind = {
    .name = "at",
    .parent = NODE_ROOT,
    .hidden = true,
    .mode = S_IFDIR | 0555,
    .lookup = at_lookup,
    .list = at_list,
};

static int at_link_target(struct fs *fs, struct node node,
                          char ret_target[ENTRY_NAME])
{
    (void)fs;
    record_path("../", node.number, ret_target);
    return 0;
}

const struct kind at_link_kind = {
    .mode = S_IFLNK | 0777,
    .attr = record_link_attr,
    .target = at_link_target,
};
