/* SPDX-License-Identifier: MIT */
#include "log/reindex.h"

#include "log/cache.h"
#include "recovery/repair.h"
#include "recovery/report.h"

#include <errno.h>
#include <stdlib.h>

/* EUCLEAN: the store no longer shows where all of the records are. */
static int scan_part(const struct extent *extent, const struct segment *files,
                     struct scan *ret_scan)
{
    uint64_t stamps = slots_count(&files->stamps);
    struct scan_input input = {
        .segment = files,
        .store_size = extent->end,
        .index_count = extent->count,
        .stamps_count = stamps < extent->count ? stamps : extent->count,
        .limit = extent->count,
    };
    int r = scan_segment(&input, ret_scan);

    if (r < 0)
        return r;
    if (ret_scan->extent.count == extent->count &&
        ret_scan->extent.end == extent->end)
        return 0;
    scan_done(ret_scan);
    return -EUCLEAN;
}

/* Entries of the active segment are written in place, below where appends
   write; a sealed one's files are opened anew, with a map of what is there. */
static int replace_index(struct clog *log, struct part *part,
                         struct segment *files, struct scan *scan)
{
    bool sealed;
    int r = -EROFS;

    rwlock_read(&log->segments.lock);
    sealed = part->sealed;
    rwlock_unlock(&log->segments.lock);
    if (!sealed && files->index.fd >= 0)
        return slots_write(&files->index, scan->index,
                           (size_t)scan->extent.count * SLOT_SIZE, 0);
    if (durability_writable(&log->durability))
        r = repair_index(log->io, log->dir, part->base, scan, false, true);
    if (r < 0) {
        cache_set_index(&log->segments.cache, part, scan->index);
        scan->index = NULL;
    } else {
        cache_replace(&log->segments.cache, part);
    }
    return 0;
}

/* Says what a scan has found in a part that was taken to be good. */
static void notice(struct clog *log, const struct part *part,
                   const struct segment *files, const struct scan *scan)
{
    struct clog_report report = {0};
    uint64_t size = scan->extent.count * SLOT_SIZE;
    uint64_t agrees = index_agrees(&files->index, size, scan);

    if (!log->options.noticed)
        return;
    for (size_t k = 0; k < scan->run_count; k++)
        report_run(&report, part->base, &scan->runs[k], scan->runs[k].count);
    if (agrees < scan->extent.count) {
        struct clog_note *note =
            report_note(&report, CLOG_NOTE_INDEX, &part->base,
                        segment_files[CLOG_INDEX], "wrong entry; rebuilt");

        note->offset = part->base + agrees;
        note->position = agrees * SLOT_SIZE;
        note->count = scan->extent.count - agrees;
    }
    for (size_t k = 0; k < report.note_count; k++)
        log->options.noticed(log->options.noticed_ctx, &report.notes[k]);
    clog_report_done(&report);
}

static int reindex_locked(struct clog *log, struct part *part,
                          const struct extent *extent)
{
    struct segment *files = NULL;
    struct scan scan;
    int r = cache_pin(&log->segments.cache, part, false, &files);

    if (r < 0)
        return r;
    r = scan_part(extent, files, &scan);
    if (r == -EUCLEAN) {
        part->lost = extent->count;
        r = -EIO;
    }
    if (r < 0)
        goto out;
    part->reindexed = extent->count;
    notice(log, part, files, &scan);
    if (index_fits(&files->index, extent->count * SLOT_SIZE, &scan)) {
        r = -EIO;
    } else {
        r = replace_index(log, part, files, &scan);
        atomic_fetch_add(&log->indexes, 1);
    }
    scan_done(&scan);
out:
    cache_unpin(&log->segments.cache, files);
    return r;
}

int reindex(struct clog *log, struct part *part, const struct extent *extent,
            uint64_t i, bool index_failed)
{
    int r = -EIO;

    mutex_lock(&log->reindex_lock);
    /* Where a scan was lost another would be, and each reads all there is. */
    if (part->lost < extent->count && (index_failed || i >= part->reindexed))
        r = reindex_locked(log, part, extent);
    mutex_unlock(&log->reindex_lock);
    return r;
}
