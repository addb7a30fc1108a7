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
   write; a sealed one's files are opened anew, with a map of what is there.
   EIO: its directory has no name any more, so that they cannot be. */
static int replace_index(struct clog *log, const struct held *held,
                         struct scan *scan)
{
    struct cache *cache = &log->segments.cache;
    struct part *part = held->part;
    bool replaced;
    bool sealed;
    int r = -EROFS;

    rwlock_read(&log->segments.lock);
    sealed = part->sealed;
    rwlock_unlock(&log->segments.lock);
    if (!sealed && held->files->index.fd >= 0)
        return slots_write(&held->files->index, scan->index,
                           (size_t)scan->extent.count * SLOT_SIZE, 0);
    if (durability_writable(&log->durability))
        r = repair_index(log->io, log->dir, part->base, scan, REPAIR_SEALED);
    if (r < 0) {
        replaced = cache_set_index(cache, part, scan->index);
        scan->index = NULL;
    } else {
        replaced = cache_replace(cache, part);
    }
    return replaced ? 0 : -EIO;
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

static void notice_one(struct clog *log, const struct part *part, uint64_t i,
                       const struct place *place)
{
    struct clog_report report = {0};
    struct clog_note *note;

    if (!log->options.noticed)
        return;
    note = report_note(
        &report, CLOG_NOTE_ROT, &part->base, segment_files[CLOG_STORE],
        place ? "record cannot be read" : "record cannot be read, nor found");
    note->offset = part->base + i;
    note->count = 1;
    note->position = place ? place->position : 0;
    note->error = -EIO;
    log->options.noticed(log->options.noticed_ctx, note);
    clog_report_done(&report);
}

void reindex_tell(struct clog *log, const struct held *held, uint64_t i,
                  const struct place *place)
{
    struct part *part = held->part;
    unsigned k = 0;

    mutex_lock(&log->reindex_lock);
    while (k < part->told && part->unreadable[k] != i)
        k++;
    /* What a scan has found has been told. */
    if (i >= part->reindexed && k == part->told && k < PART_TOLD) {
        part->unreadable[part->told++] = i;
        notice_one(log, part, i, place);
    }
    mutex_unlock(&log->reindex_lock);
}

static int reindex_locked(struct clog *log, struct held *held)
    REQUIRES(log->reindex_lock)
{
    struct part *part = held->part;
    struct scan scan;
    int r = scan_part(&held->extent, held->files, &scan);

    /* A device that could not read a block now could not the next time. */
    if (r == -EUCLEAN || r == -EIO) {
        part->lost = held->extent.count;
        r = -EIO;
    }
    if (r < 0)
        return r;
    part->reindexed = held->extent.count;
    notice(log, part, held->files, &scan);
    if (index_fits(&held->files->index, held->extent.count * SLOT_SIZE,
                   &scan)) {
        r = -EIO;
    } else {
        r = replace_index(log, held, &scan);
        atomic_fetch_add(&log->indexes, r == 0);
        atomic_fetch_add(&part->mended, r == 0);
    }
    scan_done(&scan);
    return r;
}

int reindex(struct clog *log, struct held *held, uint64_t i, bool index_failed)
{
    struct part *part = held->part;
    int r = -EIO;

    if (!held->files)
        return -EIO;
    mutex_lock(&log->reindex_lock);
    if (atomic_load(&part->mended) != held->mended)
        r = 0;
    /* Where a scan was lost another would be, and each reads all there is. */
    else if (part->lost < held->extent.count &&
             (index_failed || i >= part->reindexed))
        r = reindex_locked(log, held);
    mutex_unlock(&log->reindex_lock);
    return r < 0 ? r : segments_hold_again(held);
}
