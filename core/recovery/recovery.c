/* SPDX-License-Identifier: MIT */
#include "recovery/recovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

int evidence_load(struct recovery *recovery)
{
    struct io *io = recovery->io;
    struct writer writer;
    struct io_stat root;
    char boot_id[37];
    uint64_t durable;
    bool known;
    int r;

    r = clean_load(io, recovery->root, &recovery->clean);
    if (r < 0 && r != -ENOENT && r != -EUCLEAN)
        return r;
    recovery->has_clean = r == 0;
    if (recovery->has_clean)
        recovery->durable = recovery->clean.next;
    r = durable_load(io, recovery->root, &durable);
    if (r < 0 && r != -ENOENT && r != -EUCLEAN)
        return r;
    if (r == 0)
        recovery->durable = max(recovery->durable, durable);
    r = writer_load(io, recovery->root, &writer);
    if (r < 0 && r != -ENOENT && r != -EUCLEAN)
        return r;
    recovery->has_writer = r != -ENOENT;
    known = r == 0;
    r = io_stat(io, recovery->root, &root);
    if (r < 0)
        return r;
    recovery->same_boot = known && io_boot_id(io, boot_id) == 0 &&
                          strcmp(boot_id, writer.boot_id) == 0 &&
                          writer.dev == root.dev && writer.ino == root.ino;
    return 0;
}

struct progress {
    const struct recovery *recovery;
    uint64_t total;
};

static void on_progress(void *ctx, uint64_t position)
{
    const struct progress *progress = ctx;
    const struct clog_options *options = progress->recovery->options;

    options->progress(options->progress_ctx, position, progress->total);
}

int evidence_scan(struct recovery *recovery, const struct found *found,
                  uint64_t limit, struct segment *ret_segment,
                  struct scan *ret_scan)
{
    struct progress progress = {recovery, found->sizes[CLOG_STORE]};
    struct scan_input input = {
        .segment = ret_segment,
        .store_size = found->sizes[CLOG_STORE],
        .index_count = found_slots(found, CLOG_INDEX),
        .stamps_count = found_slots(found, CLOG_STAMPS),
        .limit = limit,
        .progress = recovery->options->progress ? on_progress : NULL,
        .progress_ctx = &progress,
    };
    int r;

    /* One slot more: the last of a file may be there in part. */
    r = segment_open(ret_segment, recovery->io, recovery->segments, found->base,
                     max(input.index_count, input.stamps_count) + 1);
    if (r < 0)
        return r;
    r = scan_segment(&input, ret_scan);
    if (r < 0)
        segment_done(ret_segment);
    else
        recovery->report->scanned += found->sizes[CLOG_STORE];
    return r;
}

void evidence_gather(const struct recovery *recovery, const struct found *found,
                     const struct scan *scan, struct evidence *ret_evidence)
{
    *ret_evidence = (struct evidence){
        .durable = max(max(recovery->durable, scan->durable), found->base),
        .same_boot = recovery->same_boot,
        .store_size = found->sizes[CLOG_STORE],
        .stamps_size = found->sizes[CLOG_STAMPS],
        .index_count = found_slots(found, CLOG_INDEX),
        .stamps_count = found_slots(found, CLOG_STAMPS),
    };
    /* A crash leaves the file there; and where the kernel never died, or no
       writer ever ran, nothing but a hand empties it behind the index. */
    ret_evidence->stamps_missing =
        ret_evidence->store_size > 0 && ret_evidence->stamps_count == 0 &&
        (!found->present[CLOG_STAMPS] || !recovery->has_writer ||
         (recovery->same_boot && ret_evidence->index_count > 0));
}

void recover_done(struct recovery *recovery)
{
    for (size_t k = 0; k < recovery->count; k++)
        free(recovery->found[k].index);
    free(recovery->found);
    recovery->found = NULL;
    recovery->count = 0;
    if (recovery->io)
        io_close(recovery->io, recovery->segments);
    recovery->segments = -1;
}
