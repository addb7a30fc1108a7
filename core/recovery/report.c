/* SPDX-License-Identifier: MIT */
#include "recovery/report.h"

#include "segment/segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTES 1000

/* Room for one more: capacities are the powers of two from 8. */
static int make_room(struct clog_report *report)
{
    size_t count = report->note_count;
    struct clog_note *notes;

    if (count >= NOTES)
        return -ENOSPC;
    if (count != 0 && (count < 8 || (count & (count - 1)) != 0))
        return 0;
    notes = reallocarray(report->notes, count ? 2 * count : 8, sizeof(*notes));
    if (!notes)
        return -ENOMEM;
    report->notes = notes;
    return 0;
}

struct clog_note *report_note(struct clog_report *report,
                              enum clog_note_kind kind, const uint64_t *base,
                              const char *file, const char *text)
{
    static _Thread_local struct clog_note forgotten;
    struct clog_note *note = &forgotten;
    char name[SEGMENT_NAME];

    if (make_room(report) == 0)
        note = &report->notes[report->note_count++];
    *note = (struct clog_note){.kind = kind};
    if (base) {
        segment_name(*base, name);
        (void)snprintf(note->file, sizeof(note->file), "segments/%s%s%s", name,
                       *file ? "/" : "", file);
    } else {
        (void)snprintf(note->file, sizeof(note->file), "%s", file);
    }
    (void)snprintf(note->text, sizeof(note->text), "%s", text);
    return note;
}

struct clog_note *report_run(struct clog_report *report, uint64_t base,
                             const struct run *run, uint64_t count)
{
    static const struct {
        enum clog_note_kind kind;
        const char *text;
    } words[] = {
        [VERDICT_PREFIX] = {CLOG_NOTE_PREFIX, "wrong length prefix"},
        [VERDICT_UNVERIFIED] = {CLOG_NOTE_UNVERIFIED, "no stamp"},
        [VERDICT_BAD] = {CLOG_NOTE_ROT, "checksum mismatch"},
    };
    struct clog_note *note =
        report_note(report, words[run->verdict].kind, &base,
                    segment_files[CLOG_STORE], words[run->verdict].text);

    note->offset = base + run->first;
    note->count = count;
    note->position = run->position;
    return note;
}

void report_tell(struct recovery *recovery, struct clog_note *note, int mended)
{
    note->repaired = mended > 0;
    if (mended < 0)
        note->error = mended;
    if (recovery->noted)
        recovery->noted(recovery->noted_ctx, note);
}

int report_refused(struct recovery *recovery, const uint64_t *base,
                   const char *file, int error, const char *what)
{
    struct clog_note *note =
        report_note(recovery->report, CLOG_NOTE_REFUSED, base, file, what);

    note->error = error;
    report_tell(recovery, note, 0);
    return error;
}

void report_runs(struct recovery *recovery, uint64_t base,
                 const struct scan *scan, uint64_t count, int mended)
{
    struct clog_report *report = recovery->report;

    recovery->good += count;
    for (size_t k = 0; k < scan->run_count; k++) {
        const struct run *run = &scan->runs[k];
        bool prefix = run->verdict == VERDICT_PREFIX;
        uint64_t n = run->count;

        if (run->first >= count)
            return;
        if (n > count - run->first)
            n = count - run->first;
        report_tell(recovery, report_run(report, base, run, n),
                    prefix ? mended : 0);
        recovery->good -= n;
        report->prefixes += prefix ? n : 0;
        report->unverified += run->verdict == VERDICT_UNVERIFIED ? n : 0;
        report->rotten += run->verdict == VERDICT_BAD ? n : 0;
    }
}

void report_gap(struct recovery *recovery, uint64_t from, uint64_t to)
{
    struct clog_note *note = report_note(recovery->report, CLOG_NOTE_GAP, NULL,
                                         "segments", "records lost");

    note->offset = from;
    note->count = to - from;
    recovery->report->lost += to - from;
    report_tell(recovery, note, 0);
}

void report_torn(struct recovery *recovery, const struct found *found,
                 const struct scan *scan, const struct decision *decision,
                 int mended)
{
    struct clog_report *report = recovery->report;
    uint64_t bytes = found->sizes[CLOG_STORE] - decision->keep.end;
    uint64_t stamps = found_slots(found, CLOG_STAMPS);
    uint64_t records =
        (scan->extent.count > stamps ? scan->extent.count : stamps) -
        decision->keep.count;
    struct clog_note *note =
        report_note(report, CLOG_NOTE_TORN, &found->base,
                    segment_files[CLOG_STORE], "torn tail");

    note->offset = found->base + decision->keep.count;
    note->count = records;
    note->position = decision->keep.end;
    note->bytes = bytes;
    report->torn_records += records;
    report->torn_bytes += bytes;
    report_tell(recovery, note, mended);
}

void report_index(struct recovery *recovery, const struct found *found,
                  uint64_t count, uint64_t agrees, int mended)
{
    uint64_t size = found->sizes[CLOG_INDEX];
    struct clog_note *note =
        report_note(recovery->report, CLOG_NOTE_INDEX, &found->base,
                    segment_files[CLOG_INDEX],
                    !found->present[CLOG_INDEX]             ? "missing"
                    : size < agrees * SLOT_SIZE + SLOT_SIZE ? "ends too early"
                                                            : "wrong entry");

    note->offset = found->base + agrees;
    note->count = count - agrees;
    note->position = agrees * SLOT_SIZE;
    recovery->report->indexes++;
    report_tell(recovery, note, mended);
}

void report_unread(struct recovery *recovery, const struct found *found)
{
    struct clog_note *note =
        report_note(recovery->report, CLOG_NOTE_ROT, &found->base,
                    segment_files[CLOG_STORE], "some of it cannot be read");

    note->error = -EIO;
    report_tell(recovery, note, 0);
}

void report_excess(struct recovery *recovery, const struct found *found)
{
    struct clog_note *note;

    if (found->extent.end >= found->sizes[CLOG_STORE])
        return;
    note =
        report_note(recovery->report, CLOG_NOTE_ROT, &found->base,
                    segment_files[CLOG_STORE], "bytes behind the last record");
    note->offset = found->base + found->extent.count;
    note->position = found->extent.end;
    note->bytes = found->sizes[CLOG_STORE] - found->extent.end;
    report_tell(recovery, note, 0);
}

int report_copy(struct clog_report *to, const struct clog_report *from)
{
    size_t capacity = 8;

    *to = *from;
    to->notes = NULL;
    to->note_count = 0;
    if (from->note_count == 0)
        return 0;
    while (capacity < from->note_count)
        capacity *= 2;
    to->notes = reallocarray(NULL, capacity, sizeof(*to->notes));
    if (!to->notes)
        return -ENOMEM;
    memcpy(to->notes, from->notes, from->note_count * sizeof(*to->notes));
    to->note_count = from->note_count;
    return 0;
}

void clog_report_done(struct clog_report *report)
{
    free(report->notes);
    report->notes = NULL;
    report->note_count = 0;
}
