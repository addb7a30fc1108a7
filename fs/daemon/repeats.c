/* SPDX-License-Identifier: MIT */
#include "daemon/repeats.h"

#include <stdlib.h>
#include <string.h>

/* The place of text, or a free one, or one whose time is over. */
static struct repeat *find(struct repeats *repeats, const char *text,
                           int64_t now_ms)
{
    struct repeat *place = NULL;

    for (size_t i = 0; i < REPEATS_TEXTS; i++) {
        struct repeat *repeat = &repeats->kept[i];

        if (repeat->text && strcmp(repeat->text, text) == 0)
            return repeat;
        if (!repeat->text || (repeat->count == 0 && repeat->until_ms <= now_ms))
            place = repeat;
    }
    return place;
}

bool repeats_admit(struct repeats *repeats, int priority, const char *text,
                   int64_t now_ms)
{
    struct repeat *repeat = find(repeats, text, now_ms);

    if (!repeat)
        return true;
    if (repeat->text && strcmp(repeat->text, text) == 0 &&
        now_ms < repeat->until_ms) {
        repeat->count++;
        return false;
    }
    /* Of the same text, keeps a count that was not taken yet. */
    if (!repeat->text || strcmp(repeat->text, text) != 0) {
        free(repeat->text);
        repeat->text = strdup(text);
        repeat->count = 0;
    }
    repeat->priority = priority;
    repeat->until_ms = now_ms + REPEATS_MS;
    return true;
}

bool repeats_take(struct repeats *repeats, int64_t now_ms,
                  struct repeat *ret_repeat)
{
    for (size_t i = 0; i < REPEATS_TEXTS; i++) {
        struct repeat *repeat = &repeats->kept[i];

        if (repeat->count > 0 && repeat->until_ms <= now_ms) {
            *ret_repeat = *repeat;
            *repeat = (struct repeat){0};
            return true;
        }
    }
    return false;
}

int64_t repeats_due(const struct repeats *repeats)
{
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < REPEATS_TEXTS; i++) {
        const struct repeat *repeat = &repeats->kept[i];

        if (repeat->count > 0 && repeat->until_ms < due)
            due = repeat->until_ms;
    }
    return due;
}
