/* SPDX-License-Identifier: MIT */
#include "daemon/report.h"

#include "clog.h"
#include "daemon/message.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* How to read `log` and `follow` behind it, which they end at. */
static void print_way_on(FILE *file, const struct clog_note *note)
{
    if (note->kind == CLOG_NOTE_ROT && note->count > 0)
        fprintf(file,
                "; read on with a cursor at %" PRIu64 ", or -o damaged=skip",
                note->offset + note->count);
}

/* Prints the place in the file, for the kinds of notes that have one. */
static void print_place(FILE *file, const struct clog_note *note)
{
    bool gap = note->kind == CLOG_NOTE_GAP;
    bool records =
        gap || note->kind == CLOG_NOTE_TORN || note->kind == CLOG_NOTE_ROT ||
        note->kind == CLOG_NOTE_UNVERIFIED || note->kind == CLOG_NOTE_PREFIX;

    if (records && note->count == 1)
        fprintf(file, "record %" PRIu64 "%s", note->offset, gap ? ": " : ", ");
    if (records && note->count > 1)
        fprintf(file, "records %" PRIu64 " to %" PRIu64 "%s", note->offset,
                note->offset + note->count - 1, gap ? ": " : ", ");
    if ((records && !gap) || note->position > 0)
        fprintf(file, "byte %" PRIu64 ": ", note->position);
}

/* What has become of it, where that is not said by its kind alone. */
static const char *outcome(const struct clog_note *note)
{
    switch (note->kind) {
    case CLOG_NOTE_INDEX:
        return note->repaired ? "; rebuilt" : "; rebuilt in memory";
    case CLOG_NOTE_TORN:
        return note->repaired ? "; moved to quarantine/" : "; not served";
    default:
        return "";
    }
}

void notes_format(const char *logdir, const struct clog_note *note, char *line,
                  size_t size)
{
    FILE *file = fmemopen(line, size, "w");

    line[0] = '\0';
    if (!file)
        return;
    fprintf(file, "%s%s%s: ", logdir, note->file[0] != '\0' ? "/" : "",
            note->file);
    print_place(file, note);
    fputs(note->text, file);
    if (note->bytes > 0)
        fprintf(file, " (%" PRIu64 " bytes)", note->bytes);
    fputs(outcome(note), file);
    if (note->error != 0 && note->error != -EUCLEAN)
        fprintf(file, ": %s", strerror(-note->error));
    print_way_on(file, note);
    fclose(file);
    line[size - 1] = '\0';
}

static void print_note(const char *logdir, const struct clog_note *note)
{
    bool refused = note->kind == CLOG_NOTE_REFUSED;
    char line[PATH_MAX + 512];

    notes_format(logdir, note, line, sizeof(line));
    message(refused ? LOG_ERR : LOG_WARNING, "%s", line);
}

void notes_print(const char *logdir, const struct clog_report *report)
{
    for (size_t i = 0; i < report->note_count; i++)
        print_note(logdir, &report->notes[i]);
}

void notes_notice(void *logdir, const struct clog_note *note)
{
    print_note(logdir, note);
}
