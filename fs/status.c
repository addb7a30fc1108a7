/* SPDX-License-Identifier: MIT */
#include "status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"
#include "handle.h"

enum type {
    GAUGE,   /* goes up and down */
    COUNTER, /* goes up, from the mount or the opening on */
    FLAG,    /* a gauge of 0 and 1: no and yes */
    SECONDS, /* a gauge in ns, shown in seconds since the epoch */
};

struct figure {
    const char *name;
    enum type type;
    uint64_t value;
    const char *help;
};

#define FIGURES_MAX 48

struct figures {
    struct figure items[FIGURES_MAX];
    size_t count;
};

static void add(struct figures *figures, const char *name, enum type type,
                uint64_t value, const char *help)
{
    if (figures->count < FIGURES_MAX)
        figures->items[figures->count++] =
            (struct figure){name, type, value, help};
}

static void add_log(struct figures *f, const struct clog_status *s)
{
    add(f, "oldest", GAUGE, s->oldest, "Offset of the oldest record.");
    add(f, "next", GAUGE, s->next, "Offset that the next record will get.");
    add(f, "durable", GAUGE, s->durable,
        "Records below this offset survive a power cut.");
    add(f, "records", GAUGE, s->records, "Records in the log.");
    add(f, "segments", GAUGE, s->segments, "Segments of the log.");
    add(f, "active", GAUGE, s->active, "Base offset of the active segment.");
    add(f, "bytes", GAUGE, s->payload_bytes, "Bytes of all records.");
    add(f, "stored_bytes", GAUGE, s->stored_bytes,
        "Bytes of all stores, indexes and stamps.");
    add(f, "oldest_time_seconds", SECONDS, s->oldest_time_ns,
        "When the oldest record was appended, 0 if there is none.");
    add(f, "last_time_seconds", SECONDS, s->last_time_ns,
        "When the last record was appended, 0 if there is none.");
}

static void add_events(struct figures *f, const struct clog_status *s)
{
    add(f, "appends", COUNTER, s->appends, "Batches appended.");
    add(f, "appended_records", COUNTER, s->appended, "Records appended.");
    add(f, "appended_bytes", COUNTER, s->appended_bytes,
        "Bytes of records appended.");
    add(f, "append_errors", COUNTER, s->append_errors, "Appends that failed.");
    add(f, "read_errors", COUNTER, s->read_errors,
        "Reads that failed for damage or a device error.");
    add(f, "syncs", COUNTER, s->syncs, "Syncs to the disk.");
    add(f, "rolls", COUNTER, s->rolls,
        "Segments sealed because they are full.");
    add(f, "indexes_rebuilt", COUNTER, s->indexes_rebuilt,
        "Indexes rebuilt, when opening and since.");
    add(f, "prefixes_mended", COUNTER, s->prefixes_mended,
        "Records read in spite of a wrong length prefix.");
}

static void add_door(struct figures *f, const struct append *append)
{
    add(f, "held_lines", GAUGE, append->held_lines,
        "Unfinished lines that are held.");
    add(f, "held_bytes", GAUGE, append->held_bytes,
        "Bytes of unfinished lines that are held.");
    add(f, "lines_lost", COUNTER, append->lines_lost,
        "Unfinished lines that could not be stored when their file was "
        "closed.");
}

static void add_report(struct figures *f, const struct clog_report *r)
{
    add(f, "open_clean", FLAG, r->clean, "The log was closed cleanly before.");
    add(f, "open_same_boot", FLAG, r->same_boot,
        "The last writer ran since the machine was started.");
    add(f, "open_scanned_bytes", GAUGE, r->scanned,
        "Bytes read to check the log when opening it.");
    add(f, "torn_records", GAUGE, r->torn_records,
        "Whole records in torn tails that were cut when opening.");
    add(f, "torn_bytes", GAUGE, r->torn_bytes,
        "Bytes of torn tails that were cut when opening.");
    add(f, "rotten", GAUGE, r->rotten, "Damaged records found when opening.");
    add(f, "lost", GAUGE, r->lost, "Offsets whose segment is missing.");
    add(f, "unverified", GAUGE, r->unverified, "Records without a checksum.");
    add(f, "prefixes", GAUGE, r->prefixes,
        "Wrong length prefixes found when opening.");
    add(f, "indexes", GAUGE, r->indexes, "Indexes rebuilt when opening.");
}

static void collect(struct fs *fs, struct figures *f,
                    const struct clog_status *s)
{
    f->count = 0;
    add_log(f, s);
    add_events(f, s);
    add_door(f, &fs->append);
    add_report(f, clog_open_report(fs->log));
    add(f, "in_doubt", GAUGE, s->sync_error != 0 ? s->next - s->durable : 0,
        "Records, from durable on, that a failed sync leaves in doubt.");
    add(f, "writable", FLAG, s->writable, "The log takes appends.");
}

static void print_value(FILE *file, const struct figure *figure)
{
    if (figure->type == SECONDS)
        fprintf(file, "%" PRIu64 ".%09" PRIu64 "\n", figure->value / 1000000000,
                figure->value % 1000000000);
    else
        fprintf(file, "%" PRIu64 "\n", figure->value);
}

static void print_lines(FILE *file, const struct figures *figures)
{
    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *figure = &figures->items[i];

        fprintf(file, "%s ", figure->name);
        if (figure->type == FLAG)
            fprintf(file, "%s\n", figure->value != 0 ? "yes" : "no");
        else
            print_value(file, figure);
    }
}

/* Why the log takes no appends, as far as it is known. */
static void print_reason(struct fs *fs, FILE *file,
                         const struct clog_status *status)
{
    const struct clog_report *report = clog_open_report(fs->log);

    if (status->writable)
        return;
    fprintf(file, "read_only_reason ");
    for (size_t i = 0; i < report->note_count; i++) {
        if (report->notes[i].kind == CLOG_NOTE_READ_ONLY) {
            fprintf(file, "%s\n", report->notes[i].text);
            return;
        }
    }
    if (fs->options->read_only)
        fprintf(file, "mounted with -o ro\n");
    else if (status->sync_error != 0)
        fprintf(file, "a sync failed: %s\n", strerror(abs(status->sync_error)));
    else
        fprintf(file, "a failed append could not be undone\n");
}

static void print_status(struct fs *fs, FILE *file)
{
    struct clog_status status;
    struct figures figures;

    clog_status(fs->log, &status);
    collect(fs, &figures, &status);
    print_lines(file, &figures);
    print_reason(fs, file, &status);
    fprintf(file, "version %s\n", clog_version());
}

static void print_head(FILE *file, const char *name, const char *suffix,
                       const char *help, const char *type)
{
    fprintf(file, "# HELP clog_%s%s %s\n", name, suffix, help);
    fprintf(file, "# TYPE clog_%s%s %s\n", name, suffix, type);
    fprintf(file, "clog_%s%s", name, suffix);
}

static void print_metrics(struct fs *fs, FILE *file)
{
    struct clog_status status;
    struct figures figures;

    clog_status(fs->log, &status);
    collect(fs, &figures, &status);
    for (size_t i = 0; i < figures.count; i++) {
        const struct figure *figure = &figures.items[i];
        bool counter = figure->type == COUNTER;

        print_head(file, figure->name, counter ? "_total" : "", figure->help,
                   counter ? "counter" : "gauge");
        fputc(' ', file);
        print_value(file, figure);
    }
    print_head(file, "info", "", "The daemon that serves the log.", "gauge");
    fprintf(file, "{version=\"%s\"} 1\n", clog_version());
}

static int make_text(struct fs *fs, struct handle *handle,
                     void (*print)(struct fs *, FILE *))
{
    FILE *file = open_memstream(&handle->text, &handle->text_size);
    int failed;

    if (file == NULL)
        return -ENOMEM;
    print(fs, file);
    failed = ferror(file);
    return fclose(file) != 0 || failed ? -ENOMEM : 0;
}

int status_open(struct fs *fs, uint64_t number, struct handle *handle)
{
    (void)number;
    return make_text(fs, handle, print_status);
}

int status_open_metrics(struct fs *fs, uint64_t number, struct handle *handle)
{
    (void)number;
    return make_text(fs, handle, print_metrics);
}
