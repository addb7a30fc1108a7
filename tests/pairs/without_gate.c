/* SPDX-License-Identifier: MIT */
/*
 * A roll whose syncs go past the gate, and whose errors nobody remembers: the
 * suite must notice.
 */
#include "log/durability.h"

int past_sync(struct durability *durability, durability_sync_fn *sync,
              void *ctx) __asm__("__wrap_durability_sync");
int past_sync_file(struct durability *durability,
                   int fd) __asm__("__wrap_durability_sync_file");

int past_sync(struct durability *durability, durability_sync_fn *sync,
              void *ctx)
{
    uint64_t next = 0;
    int r = sync(ctx, &next);

    if (r == 0 && next > 0)
        durability_raise(durability, next);
    return r;
}

int past_sync_file(struct durability *durability, int fd)
{
    return io_sync(durability->io, fd);
}
