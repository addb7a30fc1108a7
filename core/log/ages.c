/* SPDX-License-Identifier: MIT */
#include "log/ages.h"

#define SECOND INT64_C(1000000000)
#define SLACK  (60 * SECOND)
#define HOLD   (3600 * SECOND)

void ages_init(struct ages *ages)
{
    *ages = (struct ages){0};
    mutex_init(&ages->lock);
}

void ages_done(struct ages *ages)
{
    mutex_done(&ages->lock);
}

int64_t ages_time(uint64_t time_ns)
{
    return time_ns < INT64_MAX ? (int64_t)time_ns : INT64_MAX;
}

void ages_begin(struct ages *ages, const struct clocks *clocks, int64_t last_ns)
{
    ages->opened = *clocks;
    ages->opened_ns = clocks->now;
    ages->last_ns = last_ns;
}

static uint64_t difference(int64_t from, int64_t to)
{
    return to > from ? (uint64_t)to - (uint64_t)from : 0;
}

uint64_t ages_since(int64_t uptime, const struct clocks *clocks)
{
    return difference(uptime, clocks->uptime);
}

/* How long the log must have been open until the time of day is believed. */
static uint64_t hold(const struct ages *ages)
{
    uint64_t idle = difference(ages->last_ns, ages->opened.now);

    if (idle <= SLACK)
        return 0;
    return idle < HOLD ? idle : HOLD;
}

/* The time of day when the log was opened, as far as it is believed. */
static int64_t opened_at(struct ages *ages, const struct clocks *clocks)
    EXCLUDES(ages->lock)
{
    uint64_t open = ages_since(ages->opened.uptime, clocks);
    int64_t opened_ns;

    if (open < hold(ages))
        return ages->last_ns;
    mutex_lock(&ages->lock);
    /* A clock that has been set back since was ahead. */
    if (!ages->settled && clocks->now - (int64_t)open < ages->opened_ns)
        ages->opened_ns = clocks->now - (int64_t)open;
    ages->settled = true;
    opened_ns = ages->opened_ns;
    mutex_unlock(&ages->lock);
    return opened_ns;
}

uint64_t ages_before(struct ages *ages, int64_t time_ns,
                     const struct clocks *clocks)
{
    int64_t opened_ns = opened_at(ages, clocks);
    uint64_t age = 0;

    if (time_ns > 0)
        age = difference(time_ns, opened_ns);
    return age + ages_since(ages->opened.uptime, clocks);
}

uint64_t ages_ahead(const struct ages *ages, const struct clocks *clocks)
{
    int64_t open = (int64_t)ages_since(ages->opened.uptime, clocks);
    uint64_t ahead = difference(ages->opened.now + open, clocks->now);

    return ahead < SLACK ? 0 : ahead;
}

uint64_t ages_withheld(struct ages *ages, const struct clocks *clocks)
{
    int64_t open = (int64_t)ages_since(ages->opened.uptime, clocks);

    if (ages->last_ns <= 0)
        return 0;
    return difference(opened_at(ages, clocks) + open, clocks->now);
}
