/* SPDX-License-Identifier: MIT */
/*
 * status.c - the files `status` and `metrics.prom`: how the log is.
 *
 * The same figures twice: lines of a key and a value, and the text format of
 * Prometheus.
 */
#include "files/mount.h"
#include "files/text.h"

#include "daemon/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum type {
    GAUGE,   /* goes up and down */
    COUNTER, /* goes up, from the mount or the opening on */
    FLAG,    /* a gauge of 0 and 1: no and yes */
    SECONDS, /* a gauge in ns, shown in seconds */
};

struct figure {
    const char *name;
    enum type type;
    uint64_t value;
    const char *help;
    const char *cause; /* one of several of this name, side by side; NULL */
};

#define FIGURES_MAX 80

struct figures {
    struct figure items[FIGURES_MAX];
    size_t count;
};

static void add(struct figures *figures, const char *name, enum type type,
                uint64_t value, const char *help)
{
    if (figures->count < FIGURES_MAX)
        figures->items[figures->count++] =
            (struct figure){name, type, value, help, NULL};
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

static void add_door(struct figures *f, const struct held *held)
{
    add(f, "held_lines", GAUGE, held->held_lines,
        "Unfinished lines that are held.");
    add(f, "held_bytes", GAUGE, held->held_bytes,
        "Bytes of unfinished lines that are held.");
    add(f, "lines_lost", COUNTER, held->lines_lost,
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
    add(f, "replayed", GAUGE, r->replayed,
        "Records that a killed daemon had left in the staging buffer.");
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

static void add_limits(struct figures *f, const struct options *o)
{
    add(f, "retain_bytes", GAUGE, o->retain_bytes,
        "Limit of stored bytes, 0 if there is none.");
    add(f, "retain_records", GAUGE, o->retain_records,
        "Limit of records, 0 if there is none.");
    add(f, "retain_age_seconds", SECONDS, o->retain_age_ns,
        "Limit of a segment's age, 0 if there is none.");
    add(f, "segment_age_seconds", SECONDS, o->segment_age_ns,
        "Age at which a segment is sealed, 0 if none was given.");
    add(f, "drop_oldest", FLAG, o->drop_oldest,
        "On a full disk, the oldest segment is dropped.");
    add(f, "keep_unread", FLAG, o->keep_unread,
        "What a cursor has not read is not dropped.");
}

static void add_drops(struct figures *f, const struct clog_status *s)
{
    const struct clog_drops *drops = &s->drops;
    const struct figure causes[] = {
        {.cause = "bytes", .value = drops->by_bytes},
        {.cause = "records", .value = drops->by_records},
        {.cause = "age", .value = drops->by_age},
        {.cause = "full", .value = drops->by_full},
        {.cause = "hand", .value = drops->by_hand},
    };

    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        add(f, "drops", COUNTER, causes[i].value,
            "Segments dropped, by what made it necessary.");
        f->items[f->count - 1].cause = causes[i].cause;
    }
    add(f, "dropped_records", COUNTER, drops->records, "Records dropped.");
    add(f, "dropped_bytes", COUNTER, drops->bytes,
        "Bytes of stores, indexes and stamps dropped.");
    add(f, "pinned_segments", GAUGE, s->pinned_segments,
        "Segments that are dropped and still open somewhere.");
    add(f, "pinned_bytes", GAUGE, s->pinned_bytes, "Bytes of their stores.");
}

static uint64_t free_bytes(const struct fs *fs)
{
    struct clog_space space;

    return clog_space(fs->log, &space) == 0
               ? space.blocks_available * space.block_size
               : 0;
}

static void collect(struct fs *fs, struct figures *f,
                    const struct clog_status *s)
{
    f->count = 0;
    add_log(f, s);
    add_events(f, s);
    add_door(f, &fs->held);
    add_report(f, clog_open_report(fs->log));
    add_limits(f, fs->options);
    add_drops(f, s);
    add(f, "cursors", GAUGE, s->cursors, "Reading positions with a name.");
    add(f, "following", GAUGE, fs->following,
        "Reads that wait for the next record.");
    add(f, "in_doubt", GAUGE, s->sync_error != 0 ? s->next - s->durable : 0,
        "Records, from durable on, that a failed sync leaves in doubt.");
    add(f, "uptime_seconds", SECONDS,
        clock_ns(CLOCK_BOOTTIME) - fs->started_up_ns,
        "How long the log has been served.");
    add(f, "free_bytes", GAUGE, free_bytes(fs),
        "Bytes that the filesystem below has for the log.");
    add(f, "staging_bytes", GAUGE, s->staging,
        "Size of the staging buffer, 0 if there is none.");
    add(f, "staged_bytes", GAUGE, s->staged,
        "Bytes of the store in it that are not in the log's files yet.");
    add(f, "clock_ahead_seconds", SECONDS, s->clock_ahead_ns,
        "By how much the clock was set ahead since the log was opened.");
    add(f, "age_withheld_seconds", SECONDS, s->age_withheld_ns,
        "By how much records from before would be older by the clock.");
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

        fprintf(file, "%s%s%s ", figure->name, figure->cause ? "_by_" : "",
                figure->cause ? figure->cause : "");
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
    else if (status->sync_error == ESTALE)
        fprintf(file, "its files were removed\n");
    else if (status->sync_error != 0)
        fprintf(file, "a sync failed: %s\n", strerror(abs(status->sync_error)));
    else
        fprintf(file, "a failed append could not be undone\n");
}

/* Why there is no staging buffer though one was asked for. */
static void print_staging(struct fs *fs, FILE *file,
                          const struct clog_status *status)
{
    if (fs->options->staging > 0 && status->staging == 0 &&
        status->staging_error != 0)
        fprintf(file, "staging_reason %s\n", strerror(status->staging_error));
}

/* A cursor's name, in printable ASCII; other bytes, and those of stop, as xNN
   behind escape. */
static void print_name(FILE *file, const char *name, const char *stop,
                       const char *escape)
{
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0';
         c++) {
        if (*c < ' ' || *c > '~' || strchr(stop, *c) != NULL)
            fprintf(file, "%sx%02x", escape, *c);
        else
            fputc(*c, file);
    }
}

static void print_cursors(struct fs *fs, FILE *file)
{
    struct clog_cursor cursor;
    uint64_t id = 0;

    for (; clog_cursor_after(fs->log, id, &cursor) == 0; id = cursor.id + 1) {
        fprintf(file, "cursor ");
        print_name(file, cursor.name, " \\", "\\");
        fprintf(file, " offset %" PRIu64 " lag %" PRIu64 " lost %" PRIu64 "\n",
                cursor.offset, cursor.lag, cursor.lost);
    }
}

static int print_status(struct fs *fs, struct node node, FILE *file)
{
    struct clog_status status = {.size = sizeof(status)};
    struct figures figures;

    (void)node;
    clog_status(fs->log, &status);
    collect(fs, &figures, &status);
    print_lines(file, &figures);
    print_cursors(fs, file);
    print_staging(fs, file, &status);
    print_reason(fs, file, &status);
    fputs("log ", file);
    print_name(file, fs->logdir, "\\", "\\");
    fputs("\noptions ", file);
    print_name(file, fs->options->given ? fs->options->given : "-", "\\", "\\");
    fprintf(file, "\npid %ld\nversion %s\n", (long)getpid(), clog_version());
    return 0;
}

static void print_head(FILE *file, const char *name, const char *suffix,
                       const char *help, const char *type)
{
    fprintf(file, "# HELP clog_%s%s %s\n", name, suffix, help);
    fprintf(file, "# TYPE clog_%s%s %s\n", name, suffix, type);
}

/* The name of a series of this log; the caller closes its labels. */
static void print_series(struct fs *fs, FILE *file, const char *name)
{
    fprintf(file, "clog_%s{log=\"", name);
    print_name(file, fs->logdir, "\"\\", "\\\\");
    fputc('"', file);
}

static void print_figure(struct fs *fs, FILE *file, const struct figure *figure,
                         bool first)
{
    bool counter = figure->type == COUNTER;
    const char *suffix = counter ? "_total" : "";
    char name[64];

    if (first)
        print_head(file, figure->name, suffix, figure->help,
                   counter ? "counter" : "gauge");
    snprintf(name, sizeof(name), "%s%s", figure->name, suffix);
    print_series(fs, file, name);
    if (figure->cause)
        fprintf(file, ",cause=\"%s\"", figure->cause);
    fputs("} ", file);
    print_value(file, figure);
}

/* One figure of all cursors. */
static void print_cursor_metric(struct fs *fs, FILE *file, const char *name,
                                const char *help, size_t place)
{
    struct clog_cursor cursor;
    uint64_t id = 0;

    print_head(file, name, "", help, "gauge");
    for (; clog_cursor_after(fs->log, id, &cursor) == 0; id = cursor.id + 1) {
        print_series(fs, file, name);
        fputs(",name=\"", file);
        print_name(file, cursor.name, "\"\\", "\\\\");
        fprintf(file, "\"} %" PRIu64 "\n",
                *(const uint64_t *)((const char *)&cursor + place));
    }
}

static void print_cursor_metrics(struct fs *fs, FILE *file)
{
    print_cursor_metric(fs, file, "cursor_offset",
                        "Offset that the cursor reads next.",
                        offsetof(struct clog_cursor, offset));
    print_cursor_metric(fs, file, "cursor_lag",
                        "Records from the cursor to the end of the log.",
                        offsetof(struct clog_cursor, lag));
    print_cursor_metric(fs, file, "cursor_lost",
                        "Records that were dropped before they were read.",
                        offsetof(struct clog_cursor, lost));
}

static int print_metrics(struct fs *fs, struct node node, FILE *file)
{
    struct clog_status status = {.size = sizeof(status)};
    struct figures figures;

    (void)node;
    clog_status(fs->log, &status);
    collect(fs, &figures, &status);
    for (size_t i = 0; i < figures.count; i++) {
        const struct figure *figure = &figures.items[i];

        print_figure(fs, file, figure,
                     i == 0 || strcmp(figure[-1].name, figure->name) != 0);
    }
    if (status.cursors > 0)
        print_cursor_metrics(fs, file);
    print_head(file, "info", "", "The daemon that serves the log.", "gauge");
    print_series(fs, file, "info");
    fprintf(file, ",version=\"%s\"} 1\n", clog_version());
    return 0;
}

const struct kind status_kind = {
    .name = "status",
    .parent = NODE_ROOT,
    .mode = S_IFREG | 0444,
    .text = print_status,
    .apart = apart_always,
    .open = text_open,
    .close = text_close,
    .read = text_read,
};

const struct kind metrics_kind = {
    .name = "metrics.prom",
    .parent = NODE_ROOT,
    .mode = S_IFREG | 0444,
    .text = print_metrics,
    .apart = apart_always,
    .open = text_open,
    .close = text_close,
    .read = text_read,
};
