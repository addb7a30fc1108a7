/* SPDX-License-Identifier: MIT */
#include "log/limits.h"

#define MAX_RECORD 1044480u
#define MAX_STORE  ((uint64_t)256 << 20)
#define MAX_INDEX  ((uint64_t)64 << 20)

/* What a segment may have however little room there is; bytes. */
#define LITTLE ((uint64_t)64 << 10)

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void limits_set(struct clog_options *options)
{
    if (options->max_record == 0)
        options->max_record = MAX_RECORD;
    if (options->max_store == 0)
        options->max_store = MAX_STORE;
    if (options->max_index == 0)
        options->max_index = MAX_INDEX;
    if (options->retain_records > 0)
        options->max_index =
            min(options->max_index, options->retain_records / 4 * SLOT_SIZE);
    options->max_index -= options->max_index % SLOT_SIZE;
    if (options->segment_age_ns == 0)
        options->segment_age_ns = options->retain_age_ns / 4;
}

uint64_t limits_bytes(const struct extent *extent)
{
    return extent->end + 2 * (uint64_t)SLOT_SIZE * extent->count;
}

uint64_t limits_segment_bytes(const struct clog_options *options, uint64_t room)
{
    uint64_t bytes = UINT64_MAX;

    if (options->retain_bytes > 0)
        bytes = options->retain_bytes / 4;
    if (options->flags & CLOG_DROP_OLDEST)
        bytes = min(bytes, room / 4 > LITTLE ? room / 4 : LITTLE);
    return bytes;
}

bool limits_passed(const struct clog_options *options, uint64_t segment_bytes,
                   const struct extent *extent)
{
    return extent->end > options->max_store ||
           extent->count * SLOT_SIZE > options->max_index ||
           limits_bytes(extent) > segment_bytes;
}

bool limits_drop(uint64_t all, uint64_t part, uint64_t limit)
{
    if (limit == 0 || all <= limit)
        return false;
    return part <= limit - limit / 4 || all - part >= limit;
}
