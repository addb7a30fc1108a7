/* SPDX-License-Identifier: MIT */
#include "recovery/report.h"

#include "segment/segment.h"

#include <errno.h>
#include <stdarg.h>
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
                              const char *file, const char *format, ...)
{
    static _Thread_local struct clog_note forgotten;
    struct clog_note *note = &forgotten;
    char name[SEGMENT_NAME];
    va_list args;

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
    va_start(args, format);
    (void)vsnprintf(note->text, sizeof(note->text), format, args);
    va_end(args);
    return note;
}

void report_run(struct clog_report *report, uint64_t base,
                const struct run *run, uint64_t count)
{
    static const struct {
        enum clog_note_kind kind;
        const char *text;
    } words[] = {
        [VERDICT_PREFIX] = {CLOG_NOTE_PREFIX,
                            "length prefix is wrong; the record is whole"},
        [VERDICT_UNVERIFIED] = {CLOG_NOTE_UNVERIFIED,
                                "no stamps; served unverified"},
        [VERDICT_BAD] = {CLOG_NOTE_ROT,
                         "record fails its checksum; left as it is"},
    };
    struct clog_note *note =
        report_note(report, words[run->verdict].kind, &base,
                    segment_files[CLOG_STORE], "%s", words[run->verdict].text);

    note->offset = base + run->first;
    note->count = count;
    note->position = run->position;
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
