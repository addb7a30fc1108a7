/* SPDX-License-Identifier: MIT */
/*
 * Cursors that hold nothing: the suite must notice.
 */
#include "log/cursors.h"

uint64_t no_lowest(struct cursors *cursors) __asm__("__wrap_cursors_lowest");

uint64_t no_lowest(struct cursors *cursors)
{
    (void)cursors;
    return UINT64_MAX;
}
