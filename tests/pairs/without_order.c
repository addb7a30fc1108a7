/* SPDX-License-Identifier: MIT */
/*
 * A roll that says first, and not last, that a segment is sealed, and so may
 * be dropped: the suite must notice.
 */
#include "log/segments.h"

#include <stddef.h>

bool real_replace(struct cache *cache,
                  struct part *part) __asm__("__real_cache_replace");
bool early_seal(struct cache *cache,
                struct part *part) __asm__("__wrap_cache_replace");

bool early_seal(struct cache *cache, struct part *part)
{
    char *segments = (char *)cache - offsetof(struct segments, cache);

    segments_seal((struct segments *)(void *)segments, part);
    return real_replace(cache, part);
}
