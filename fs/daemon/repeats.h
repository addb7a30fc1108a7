/* SPDX-License-Identifier: MIT */
/*
 * repeats.h - which texts were just said, so that nobody says them without end.
 *
 * A text that was admitted is not admitted again for some seconds, only
 * counted; after these the count can be taken. Times are in ms, on any clock
 * that does not go back. Not for more than one thread at a time.
 */
#ifndef CLOG_FS_DAEMON_REPEATS_H
#define CLOG_FS_DAEMON_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

#define REPEATS_TEXTS 16   /* kept at a time; others are admitted always */
#define REPEATS_MS    5000 /* for which a text is kept */

struct repeat {
    char *text; /* NULL: a free place */
    int priority;
    unsigned count; /* said again and not admitted */
    int64_t until_ms;
};

struct repeats {
    struct repeat kept[REPEATS_TEXTS];
};

/* Whether text may be said at now_ms. */
bool repeats_admit(struct repeats *repeats, int priority, const char *text,
                   int64_t now_ms);

/*
 * Takes a text that was counted and whose time is over at now_ms: *ret_repeat
 * is it, and the caller frees its text. Whether there was one.
 */
bool repeats_take(struct repeats *repeats, int64_t now_ms,
                  struct repeat *ret_repeat);

/* When the next one can be taken; INT64_MAX: there is none. */
int64_t repeats_due(const struct repeats *repeats);

#endif
