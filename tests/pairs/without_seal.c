/* SPDX-License-Identifier: MIT */
/*
 * A drop that does not ask whether the segment is sealed: the suite must
 * notice.
 */
#include "log/segments.h"

int real_look(struct segments *segments,
              struct oldest *oldest) __asm__("__real_segments_look_oldest");
int half_a_look(struct segments *segments,
                struct oldest *oldest) __asm__("__wrap_segments_look_oldest");

int half_a_look(struct segments *segments, struct oldest *oldest)
{
    int r = real_look(segments, oldest);

    if (r == 0)
        oldest->sealed = true;
    return r;
}
