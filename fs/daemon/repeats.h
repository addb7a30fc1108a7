/* SPDX-License-Identifier: MIT */
/*
 * repeats.h - texts that were printed lately, to print each of them once.
 *
 * For some seconds, a text that was admitted is counted and not admitted
 * again; then the caller can take the count. Times are in ms, on any clock that
 * does not go back. For one thread at a time.
 */
#ifndef CLOG_FS_DAEMON_REPEATS_H
#define CLOG_FS_DAEMON_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

#define REPEATS_TEXTS 16   /* kept at a time; other texts are admitted */
#define REPEATS_MS    5000 /* a text is kept for so long */

struct repeat {
    char *text; /* NULL: a free place */
    int priority;
    unsigned count; /* not admitted */
    int64_t until_ms;
};

struct repeats {
    struct repeat kept[REPEATS_TEXTS];
};

/* Whether to print text at now_ms; if not, counts it. */
bool repeats_admit(struct repeats *repeats, int priority, const char *text,
                   int64_t now_ms);

/*
 * Takes a text that was counted and whose time is over at now_ms. Returns
 * whether there was one; the caller frees ret_repeat->text.
 */
bool repeats_take(struct repeats *repeats, int64_t now_ms,
                  struct repeat *ret_repeat);

/* The time when the next can be taken; INT64_MAX: there is none. */
int64_t repeats_due(const struct repeats *repeats);

#endif
