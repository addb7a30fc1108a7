/* SPDX-License-Identifier: MIT */
#include "recovery/recovery.h"

#include <stdlib.h>

static void on_progress(void *ctx, uint64_t position)
{
    const struct recovery *recovery = ctx;
    const struct clog_options *options = recovery->options;

    options->progress(options->progress_ctx, recovery->done + position,
                      recovery->total);
}

void recovery_use_staging(const struct recovery *recovery,
                          struct segment *segment)
{
    if (recovery->read_only && recovery->staging.map)
        segment_use_staging(segment, &recovery->staging);
}

int recovery_scan(struct recovery *recovery, const struct found *found,
                  uint64_t limit, struct segment *ret_segment,
                  struct scan *ret_scan)
{
    struct scan_input input = {
        .segment = ret_segment,
        .store_size = found->sizes[CLOG_STORE],
        .index_count = found_slots(found, CLOG_INDEX),
        .stamps_count = found_slots(found, CLOG_STAMPS),
        .limit = limit,
        .progress = recovery->options->progress ? on_progress : NULL,
        .progress_ctx = recovery,
    };
    uint64_t slots = input.store_size / (RECORD_PREFIX + 1);
    int r;

    /* As many as there can be records, and one more, for what is behind: files
       may have any size. */
    r = segment_open(ret_segment, recovery->io, recovery->segments, found->base,
                     slots + 1);
    if (r < 0)
        return r;
    recovery_use_staging(recovery, ret_segment);
    if (!recovery->verify)
        recovery->total = input.store_size;
    r = scan_segment(&input, ret_scan);
    if (r < 0)
        segment_done(ret_segment);
    else
        recovery->report->scanned += input.store_size;
    if (recovery->verify)
        recovery->done += input.store_size;
    return r;
}

void recovery_done(struct recovery *recovery)
{
    for (size_t k = 0; k < recovery->count; k++)
        free(recovery->found[k].index);
    free(recovery->found);
    staging_done(&recovery->staging);
    recovery->found = NULL;
    recovery->count = 0;
    if (recovery->io)
        io_close(recovery->io, recovery->segments);
    recovery->segments = -1;
}
