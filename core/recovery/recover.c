/* SPDX-License-Identifier: MIT */
#include "recovery/recover.h"

#include "io/bytes.h"
#include "recovery/directory.h"
#include "recovery/quarantine.h"
#include "recovery/repair.h"
#include "recovery/replay.h"
#include "recovery/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writing has failed with error: what is served is held in memory. */
static void turn_read_only(struct recovery *recovery, int error,
                           const char *what)
{
    struct clog_note *note =
        report_note(recovery->report, CLOG_NOTE_READ_ONLY, NULL, "",
                    "%s failed; the log is read-only", what);

    note->error = error;
    recovery->read_only = true;
}

/* Brings the index in line with the scan: on disk, or else in memory. lost:
   there were more records than the scan has found. */
static int settle_index(struct recovery *recovery, struct found *found,
                        const struct segment *segment, struct scan *scan,
                        bool lost, bool sealed)
{
    uint64_t agrees =
        index_agrees(&segment->index, found->sizes[CLOG_INDEX], scan);
    int r = -EROFS;

    if (agrees == scan->extent.count &&
        (lost || found->sizes[CLOG_INDEX] == agrees * SLOT_SIZE))
        return 0;
    if (!recovery->read_only)
        r = repair_index(recovery->io, recovery->segments, found->base, scan,
                         !lost, sealed);
    if (r < 0) {
        free(found->index);
        found->index = scan->index;
        scan->index = NULL;
    }
    if (found->extent.count > 0) {
        report_index(recovery, found, scan->extent.count, agrees,
                     r < 0 ? "rebuilt in memory" : "rebuilt");
        recovery->report->indexes++;
    }
    return recovery->read_only ? 0 : r;
}

/* Whether the last of count records ends where the store does, by the index
   and its own prefix. */
static bool ends_at_store(struct recovery *recovery, const struct found *found,
                          uint64_t count)
{
    struct extent extent = {count, found->sizes[CLOG_STORE]};
    struct segment segment;
    struct place place;
    uint8_t prefix[RECORD_PREFIX];
    bool fits = false;

    if (segment_open(&segment, recovery->io, recovery->segments, found->base,
                     count) < 0)
        return false;
    recovery_use_staging(recovery, &segment);
    if (segment_place(&segment, &extent, count - 1, &place) == 0 &&
        store_read(&segment.store, prefix, sizeof(prefix), place.position,
                   false) == sizeof(prefix))
        fits = get_be64(prefix) == place.length;
    segment_done(&segment);
    return fits;
}

/* Whether the files' sizes and ends say that all is there: as many stamps as
   index entries as there are offsets up to the next segment, or up to a gap. */
static bool sizes_fit(struct recovery *recovery, const struct found *found,
                      uint64_t limit)
{
    uint64_t count = found_slots(found, CLOG_STAMPS);

    if (count == 0 || count > limit ||
        found->sizes[CLOG_STAMPS] != count * SLOT_SIZE ||
        found->sizes[CLOG_INDEX] != count * SLOT_SIZE ||
        found->sizes[CLOG_STORE] / (RECORD_PREFIX + 1) < count)
        return false;
    return ends_at_store(recovery, found, count);
}

/* Serves a segment that the device does not let be scanned by its sizes. */
static void serve_unread(struct recovery *recovery, struct found *found,
                         uint64_t limit)
{
    uint64_t count = found_slots(found, CLOG_INDEX);

    found->extent.count = count < limit ? count : limit;
    found->extent.end = found->sizes[CLOG_STORE];
    report_unread(recovery, found);
}

/* A segment that another follows, which begins limit records later. */
static int settle_sealed(struct recovery *recovery, struct found *found,
                         uint64_t limit)
{
    struct segment segment;
    struct scan scan;
    int r;

    found->extent.count = found_slots(found, CLOG_STAMPS);
    found->extent.end = found->sizes[CLOG_STORE];
    if (sizes_fit(recovery, found, limit))
        return 0;
    r = recovery_scan(recovery, found, limit, &segment, &scan);
    if (r == -EIO) {
        serve_unread(recovery, found, limit);
        return 0;
    }
    if (r < 0)
        return r;
    found->extent = scan.extent;
    report_runs(recovery, found->base, &scan, scan.extent.count);
    if (scan.unread)
        report_unread(recovery, found);
    report_excess(recovery, found);
    /* Where it cannot be written it is held in memory, and all is well. */
    (void)settle_index(recovery, found, &segment, &scan,
                       scan.extent.count < limit, true);
    scan_done(&scan);
    segment_done(&segment);
    return 0;
}

static int settle_all_sealed(struct recovery *recovery)
{
    for (size_t k = 0; k + 1 < recovery->count; k++) {
        struct found *found = &recovery->found[k];
        int r = settle_sealed(recovery, found, found[1].base - found->base);

        if (r < 0)
            return r;
        if (!recovery->read_only && !found->guarded)
            (void)segment_guard(recovery->io, recovery->segments, found->base);
    }
    return 0;
}

/* Whether the marker of a clean close is of these very files. */
static bool clean_fits(const struct recovery *recovery,
                       const struct found *found)
{
    const struct clean *clean = &recovery->clean;
    uint64_t count = found_slots(found, CLOG_STAMPS);

    return recovery->has_clean && clean->base == found->base &&
           clean->next == found->base + count &&
           clean->sizes[CLOG_STORE] == found->sizes[CLOG_STORE] &&
           clean->sizes[CLOG_STAMPS] == found->sizes[CLOG_STAMPS] &&
           found->sizes[CLOG_STAMPS] == count * SLOT_SIZE &&
           recovery->durable == clean->next;
}

/* The index of what is kept is a beginning of the scan's. */
static int apply(struct recovery *recovery, struct found *found,
                 const struct segment *segment, struct scan *scan,
                 const struct evidence *evidence,
                 const struct decision *decision)
{
    const char *step = "keeping the torn tail in quarantine/";
    int r = 0;

    if (!recovery->read_only && decision->cut) {
        r = quarantine_tail(recovery, found, &decision->keep);
        if (r == -EROFS)
            return r;
        if (r < 0)
            turn_read_only(recovery, r, step);
    }
    if (decision->cut)
        report_torn(recovery, found, scan, decision);
    if (!recovery->read_only) {
        r = repair_tail(recovery, found, scan, decision, evidence->durable);
        /* Nobody can write here, and to write was asked for. */
        if (r == -EROFS)
            return r;
        if (r < 0)
            turn_read_only(recovery, r, "making the last segment durable");
    }
    scan->extent = decision->keep;
    r = settle_index(recovery, found, segment, scan,
                     decision->next > found->base + decision->keep.count,
                     false);
    if (r < 0)
        turn_read_only(recovery, r, "rebuilding the last segment's index");
    return 0;
}

/* The last segment when the device does not let it be scanned: it is left as it
   is, and what it may have given away is not given again. */
static void settle_unread(struct recovery *recovery, struct found *found)
{
    uint64_t stamps = found_slots(found, CLOG_STAMPS);
    uint64_t count;

    serve_unread(recovery, found, UINT64_MAX - found->base);
    count = found->extent.count > stamps ? found->extent.count : stamps;
    recovery->next = found->base + (count > 0 ? count : 1);
    if (recovery->next < recovery->durable)
        recovery->next = recovery->durable;
    recovery->seal = true;
    if (!recovery->read_only) {
        int r = repair_nothing(recovery, found);

        if (r < 0)
            turn_read_only(recovery, r, "making the last segment durable");
    }
}

static int settle_unclean(struct recovery *recovery, struct found *found)
{
    struct segment segment;
    struct scan scan;
    struct evidence evidence;
    struct decision decision;
    int r = recovery_scan(recovery, found, UINT64_MAX - found->base, &segment,
                          &scan);

    if (r == -EIO) {
        settle_unread(recovery, found);
        return 0;
    }
    if (r < 0) {
        report_note(recovery->report, CLOG_NOTE_REFUSED, &found->base, "",
                    "could not be read to recover it")
            ->error = r;
        return r;
    }
    evidence_gather(recovery, found, &scan, &evidence);
    decide_tail(&evidence, &scan, &segment, &decision);
    recovery->durable = evidence.durable;
    found->extent = decision.keep;
    report_runs(recovery, found->base, &scan, decision.keep.count);
    if (scan.unread)
        report_unread(recovery, found);
    r = apply(recovery, found, &segment, &scan, &evidence, &decision);
    recovery->next = decision.next;
    recovery->seal = !decision.sound;
    scan_done(&scan);
    segment_done(&segment);
    return r;
}

static int settle_last(struct recovery *recovery)
{
    struct found *found;

    if (recovery->count == 0) {
        recovery->next = recovery->durable;
        return 0;
    }
    found = &recovery->found[recovery->count - 1];
    if (clean_fits(recovery, found)) {
        recovery->report->clean = true;
        found->extent.count = found_slots(found, CLOG_STAMPS);
        found->extent.end = found->sizes[CLOG_STORE];
        recovery->next = recovery->clean.next;
        if (found->sizes[CLOG_INDEX] == recovery->clean.sizes[CLOG_INDEX])
            return 0;
    }
    return settle_unclean(recovery, found);
}

static void report_totals(struct recovery *recovery)
{
    struct clog_report *report = recovery->report;

    report->segments = recovery->count;
    report->same_boot = recovery->same_boot;
    report->read_only = recovery->read_only;
    for (size_t k = 0; k < recovery->count; k++) {
        const struct found *found = &recovery->found[k];
        uint64_t end = found->base + found->extent.count;
        uint64_t next =
            k + 1 < recovery->count ? found[1].base : recovery->next;

        report->records += found->extent.count;
        if (end < next)
            report_gap(recovery, end, next);
    }
}

/* What speaks for this run. `writer` makes the next open trust that
   completed writes are all there, so nothing may precede it that is not. */
static int write_metadata(struct recovery *recovery)
{
    struct io *io = recovery->io;
    const struct staging_owner *owner = &recovery->owner;
    struct writer writer = {
        .pid = getpid(), .dev = owner->dev, .ino = owner->ino};
    int r;

    (void)strcpy(writer.boot_id,
                 recovery->owner_error == 0 ? owner->boot_id : "unknown");
    r = writer_store(io, recovery->root, &writer);
    if (r == 0)
        r = clean_remove(io, recovery->root);
    return r;
}

int recover(struct recovery *recovery)
{
    int r;

    recovery->segments = -1;
    r = directory_open(recovery);
    if (r == 0)
        r = directory_load(recovery);
    if (r == 0)
        r = directory_list(recovery);
    if (r == 0)
        r = replay(recovery);
    if (r == 0)
        r = settle_all_sealed(recovery);
    if (r == 0)
        r = settle_last(recovery);
    if (r == 0 && !recovery->read_only)
        r = write_metadata(recovery);
    if (r < 0)
        return r;
    report_totals(recovery);
    /* What was only read may be in the page cache alone. */
    if (!recovery->read_only)
        recovery->durable = recovery->next;
    return 0;
}
