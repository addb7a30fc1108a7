/* SPDX-License-Identifier: MIT */
#include "recovery/recover.h"

#include "io/bytes.h"
#include "io/files.h"
#include "recovery/directory.h"
#include "recovery/quarantine.h"
#include "recovery/repair.h"
#include "recovery/replay.h"
#include "recovery/report.h"
#include "segment/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writing has failed with error: what is served is held in memory. */
static void turn_read_only(struct recovery *recovery, int error,
                           const char *what)
{
    char text[sizeof(((struct clog_note *)NULL)->text)];
    struct clog_note *note;

    (void)snprintf(text, sizeof(text), "%s failed; the log is read-only", what);
    note = report_note(recovery->report, CLOG_NOTE_READ_ONLY, NULL, "", text);
    note->error = error;
    recovery->read_only = true;
    report_tell(recovery, note, 0);
}

/* A segment that is read, and what is found and decided about it. */
struct reading {
    struct found *found;
    struct segment segment;
    struct scan scan;
    struct evidence evidence;
    struct decision decision;
};

static int read_segment(struct recovery *recovery, struct found *found,
                        uint64_t limit, struct reading *ret)
{
    ret->found = found;
    return recovery_scan(recovery, found, limit, &ret->segment, &ret->scan);
}

static int refuse_segment(struct recovery *recovery, const struct found *found,
                          int error)
{
    return report_refused(recovery, &found->base,
                          segment_closed_file(recovery->io, recovery->segments,
                                              found->base, O_RDONLY),
                          error, "cannot be read");
}

static void reading_done(struct reading *reading)
{
    scan_done(&reading->scan);
    segment_done(&reading->segment);
}

/* Brings the index in line with what is kept: on disk, or else in memory. Where
   records are lost it may have more, and those of a torn tail go with it. */
static int settle_index(struct recovery *recovery, struct reading *reading,
                        bool sealed)
{
    struct found *found = reading->found;
    struct scan *scan = &reading->scan;
    uint64_t size = found->sizes[CLOG_INDEX];
    uint64_t agrees = index_agrees(&reading->segment.index, size, scan);
    bool lost = reading->decision.next > found->base + scan->extent.count;
    bool torn = reading->decision.cut;
    int r = -EROFS;

    if (agrees == scan->extent.count &&
        (lost || size == agrees * SLOT_SIZE || (torn && recovery->read_only)))
        return 0;
    if (!recovery->read_only)
        r = repair_index(recovery->io, recovery->segments, found->base, scan,
                         (lost ? 0 : REPAIR_EXACT) |
                             (sealed ? REPAIR_SEALED : 0));
    if (r < 0) {
        free(found->index);
        found->index = scan->index;
        scan->index = NULL;
    }
    if (found->extent.count > 0 && (!torn || agrees < scan->extent.count))
        report_index(recovery, found, scan->extent.count, agrees,
                     recovery->read_only ? 0
                     : r < 0             ? r
                                         : 1);
    return recovery->read_only ? 0 : r;
}

/* Reports what is wrong with the records that are kept, after it has been
   repaired as far as that is asked for. */
static void settle_records(struct recovery *recovery,
                           const struct reading *reading)
{
    const struct found *found = reading->found;
    const struct scan *scan = &reading->scan;
    uint64_t count = reading->decision.keep.count;
    int mended = 0;

    if (recovery->verify && !recovery->read_only)
        mended = repair_prefixes(recovery, found, scan, count);
    report_runs(recovery, found->base, scan, count, mended);
    if (scan->unread)
        report_unread(recovery, found);
}

/* Reads bytes of a segment's file; false: they are not there. */
static bool read_bytes(struct recovery *recovery, int dir, enum clog_file file,
                       struct iovec bytes, uint64_t position)
{
    int fd = io_open(recovery->io, dir, segment_files[file], O_RDONLY, 0);
    struct io_from from = {.fd = fd, .position = position};
    bool there = fd >= 0 && io_read(recovery->io, from, bytes.iov_base,
                                    bytes.iov_len) == (ssize_t)bytes.iov_len;

    io_close(recovery->io, fd);
    return there;
}

/* Whether the last of count records ends where the store does, by the index
   and its own prefix. Read, not mapped: of a map of an index that is not in
   memory much more would be read than this entry. */
static bool ends_at_store(struct recovery *recovery, const struct found *found,
                          uint64_t count)
{
    int dir = segment_open_dir(recovery->io, recovery->segments, found->base);
    uint8_t entry[SLOT_SIZE], prefix[RECORD_PREFIX];
    uint64_t position = 0;
    uint64_t size = found->sizes[CLOG_STORE];
    bool fits = dir >= 0 &&
                read_bytes(recovery, dir, CLOG_INDEX,
                           (struct iovec){entry, sizeof(entry)},
                           (count - 1) * SLOT_SIZE) &&
                index_parse(entry, found->base + count - 1, &position) == 0 &&
                position < size && size - position > RECORD_PREFIX &&
                size - position - RECORD_PREFIX <= CLOG_RECORD_LIMIT &&
                read_bytes(recovery, dir, CLOG_STORE,
                           (struct iovec){prefix, sizeof(prefix)}, position) &&
                get_be64(prefix) == size - position - RECORD_PREFIX;

    io_close(recovery->io, dir);
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
    struct reading reading = {0};
    int r;

    found->extent.count = found_slots(found, CLOG_STAMPS);
    found->extent.end = found->sizes[CLOG_STORE];
    if (!recovery->verify && sizes_fit(recovery, found, limit))
        return 0;
    r = read_segment(recovery, found, limit, &reading);
    if (r == -EIO)
        serve_unread(recovery, found, limit);
    if (r < 0)
        return r == -EIO ? 0 : refuse_segment(recovery, found, r);
    found->extent = reading.scan.extent;
    reading.decision.keep = found->extent;
    reading.decision.next = found->base + limit;
    settle_records(recovery, &reading);
    report_excess(recovery, found);
    /* Where it cannot be written it is held in memory, and all is well. */
    (void)settle_index(recovery, &reading, true);
    reading_done(&reading);
    return 0;
}

/* Offsets up to next of which the segment has no record are lost. */
static void settle_gap(struct recovery *recovery, const struct found *found,
                       uint64_t next)
{
    uint64_t end = found->base + found->extent.count;

    if (end < next)
        report_gap(recovery, end, next);
}

static int settle_all_sealed(struct recovery *recovery)
{
    for (size_t k = 0; k + 1 < recovery->count; k++) {
        struct found *found = &recovery->found[k];
        int r = settle_sealed(recovery, found, found[1].base - found->base);

        if (r < 0)
            return r;
        settle_gap(recovery, found, found[1].base);
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

/* What could not be done to the last segment's files. EROFS: nobody can write
   there, and to write was asked for. */
static int fall_back(struct recovery *recovery, int error, const char *what)
{
    if (error == -EROFS)
        return error;
    turn_read_only(recovery, error, what);
    return 0;
}

/* Cuts a torn tail off, and makes durable what is kept. */
static int apply_to_files(struct recovery *recovery,
                          const struct reading *reading)
{
    const struct decision *decision = &reading->decision;
    int r = 0;

    if (decision->cut)
        r = quarantine_tail(recovery, reading->found, &decision->keep);
    if (r < 0)
        return fall_back(recovery, r, "keeping the torn tail in quarantine/");
    r = repair_tail(recovery, reading->found, &reading->scan, decision,
                    reading->evidence.durable);
    return r < 0 ? fall_back(recovery, r, "making the last segment durable")
                 : 0;
}

/* The index of what is kept is a beginning of the scan's. */
static int apply(struct recovery *recovery, struct reading *reading)
{
    int r = 0;

    if (!recovery->read_only && !recovery->report->clean)
        r = apply_to_files(recovery, reading);
    if (r < 0)
        return r;
    if (reading->decision.cut)
        report_torn(recovery, reading->found, &reading->scan,
                    &reading->decision, !recovery->read_only);
    reading->scan.extent = reading->decision.keep;
    r = settle_index(recovery, reading, false);
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
    struct reading reading = {0};
    int r = read_segment(recovery, found, UINT64_MAX - found->base, &reading);

    if (r == -EIO)
        settle_unread(recovery, found);
    if (r < 0)
        return r == -EIO ? 0 : refuse_segment(recovery, found, r);
    evidence_gather(recovery, found, &reading.scan, &reading.evidence);
    decide_tail(&reading.evidence, &reading.scan, &reading.segment,
                &reading.decision);
    recovery->durable = reading.evidence.durable;
    found->extent = reading.decision.keep;
    settle_records(recovery, &reading);
    r = apply(recovery, &reading);
    recovery->next = reading.decision.next;
    recovery->seal = !reading.decision.sound;
    reading_done(&reading);
    return r;
}

static int settle_last(struct recovery *recovery)
{
    struct found *found;
    int r;

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
        if (!recovery->verify &&
            found->sizes[CLOG_INDEX] == recovery->clean.sizes[CLOG_INDEX])
            return 0;
    }
    r = settle_unclean(recovery, found);
    if (r == 0)
        settle_gap(recovery, found, recovery->next);
    return r;
}

static void report_totals(struct recovery *recovery)
{
    struct clog_report *report = recovery->report;

    report->segments = recovery->count;
    report->same_boot = recovery->same_boot;
    report->read_only = recovery->read_only;
    for (size_t k = 0; k < recovery->count; k++)
        report->records += recovery->found[k].extent.count;
}

/* What an earlier run has made, removed or renamed: in the log's directory and
   in those of segments and cursors. */
static int sync_names(struct recovery *recovery)
{
    struct io *io = recovery->io;
    int r = io_sync_names(io, recovery->segments);
    int cursors;

    if (r == 0)
        r = io_sync_names(io, recovery->root);
    if (r < 0)
        return r;
    cursors = io_open(io, recovery->root, METADATA_CURSORS,
                      O_RDONLY | O_DIRECTORY, 0);
    if (cursors < 0)
        return cursors == -ENOENT ? 0 : cursors;
    r = io_sync_names(io, cursors);
    io_close(io, cursors);
    return r;
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
    if (r < 0)
        return report_refused(recovery, NULL, METADATA_WRITER, r,
                              "cannot be written");
    r = clean_remove(io, recovery->root);
    return r < 0 ? report_refused(recovery, NULL, METADATA_CLEAN, r,
                                  "cannot be removed")
                 : 0;
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
    for (size_t k = 0; r == 0 && k < recovery->count; k++)
        recovery->total += recovery->found[k].sizes[CLOG_STORE];
    if (r == 0)
        r = settle_all_sealed(recovery);
    if (r == 0)
        r = settle_last(recovery);
    if (r == 0 && !recovery->read_only && !recovery->report->clean)
        r = sync_names(recovery);
    if (r == 0 && !recovery->read_only &&
        !(recovery->verify && recovery->report->clean))
        r = write_metadata(recovery);
    if (r < 0)
        return r;
    report_totals(recovery);
    /* What was only read may be in the page cache alone. */
    if (!recovery->read_only)
        recovery->durable = recovery->next;
    return 0;
}
