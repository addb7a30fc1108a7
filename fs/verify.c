/* SPDX-License-Identifier: MIT */
/*
 * verify.c - clog-verify: checks a log that nobody has open, and mends it.
 */
#include "clog.h"
#include "daemon/printable.h"
#include "daemon/progress.h"
#include "daemon/waiting.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Exit statuses; they add up, as those of fsck(8). */
enum {
    EXIT_CLEAN = 0,
    EXIT_REPAIRED = 1,
    EXIT_DAMAGED = 4,
    EXIT_FAILED = 8,
};

struct verify {
    const char *logdir;
    bool repair;
    bool json;
    uint64_t printed; /* findings */
    struct progress progress;
};

static const char usage[] =
    "Usage: clog-verify [options] LOGDIR\n"
    "Reads the whole commit log in LOGDIR, which must not be mounted, and\n"
    "prints a line for each thing that is wrong with it.\n"
    "\n"
    "  -r, --repair   mend what can be mended without guessing: rebuild an\n"
    "                 index, write a length prefix anew, move a torn tail to\n"
    "                 LOGDIR/quarantine/\n"
    "  -j, --json     print one JSON object instead of lines\n"
    "  -h, --help     print this and exit\n"
    "  -V, --version  print the version and exit\n"
    "\n"
    "Exit status: 0 nothing is wrong, 1 all of it was repaired, 4 damage is\n"
    "left (5: some was repaired), 8 the log could not be checked.\n";

static const char *kind_name(enum clog_note_kind kind)
{
    switch (kind) {
    case CLOG_NOTE_REFUSED:
        return "refused";
    case CLOG_NOTE_TORN:
        return "torn";
    case CLOG_NOTE_ROT:
        return "rot";
    case CLOG_NOTE_GAP:
        return "gap";
    case CLOG_NOTE_UNVERIFIED:
        return "unverified";
    case CLOG_NOTE_INDEX:
        return "index";
    case CLOG_NOTE_PREFIX:
        return "prefix";
    case CLOG_NOTE_READ_ONLY:
        return "read-only";
    case CLOG_NOTE_FOREIGN:
        return "foreign";
    case CLOG_NOTE_CLOCK:
        return "clock";
    case CLOG_NOTE_CURSOR:
        return "cursor";
    }
    return "unknown";
}

/* Records, and the byte in the file; not every finding has a place. */
static void print_place(const struct clog_note *note)
{
    bool torn = note->kind == CLOG_NOTE_TORN;

    if (note->count > 1)
        printf("records %" PRIu64 " to %" PRIu64 ", ", note->offset,
               note->offset + note->count - 1);
    else if (note->count == 1 || torn)
        printf("record %" PRIu64 ", ", note->offset);
    if (note->count > 0 || note->position > 0 || torn)
        printf("byte %" PRIu64 ": ", note->position);
}

static void print_line(const struct verify *verify,
                       const struct clog_finding *finding)
{
    const struct clog_note *note = &finding->note;
    bool failed = finding->repairable && note->error != 0;
    char file[4 * sizeof(note->file) + 1];
    char text[4 * sizeof(note->text) + 1];

    printable(note->file, file, sizeof(file));
    printable(note->text, text, sizeof(text));
    printf("%s/%s: ", verify->logdir, file);
    print_place(note);
    printf("%s", text);
    if (note->bytes > 0)
        printf(" of %" PRIu64 " bytes", note->bytes);
    if (note->error != 0 && note->error != -EUCLEAN && !failed)
        printf(" (%s)", strerror(-note->error));
    if (failed)
        printf("; repair failed: %s\n", strerror(-note->error));
    else if (finding->repaired)
        printf("; repaired\n");
    else
        printf("; repair: %s\n", finding->remedy);
}

/* Names on disk may have any bytes: escapes those that JSON does not allow. */
static void print_string(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void print_json(const struct verify *verify,
                       const struct clog_finding *finding)
{
    const struct clog_note *note = &finding->note;

    printf("%s\n  {\"kind\": \"%s\", \"file\": ",
           verify->printed > 0 ? "," : "", kind_name(note->kind));
    print_string(note->file);
    printf(", \"offset\": %" PRIu64 ", \"count\": %" PRIu64
           ", \"position\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"text\": ",
           note->offset, note->count, note->position, note->bytes);
    print_string(note->text);
    printf(", \"remedy\": ");
    print_string(finding->remedy);
    printf(", \"repairable\": %s, \"repaired\": %s}",
           finding->repairable ? "true" : "false",
           finding->repaired ? "true" : "false");
}

static void on_finding(void *ctx, const struct clog_finding *finding)
{
    struct verify *verify = ctx;

    progress_clear(&verify->progress);
    if (verify->json)
        print_json(verify, finding);
    else
        print_line(verify, finding);
    verify->printed++;
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct verify *verify = ctx;

    progress_show(&verify->progress, done, total);
}

static void print_summary(const struct verify *verify,
                          const struct clog_verify_result *result)
{
    if (verify->json)
        printf("%s],\n \"segments\": %" PRIu64 ", \"records\": %" PRIu64
               ", \"good\": %" PRIu64 ", \"bytes\": %" PRIu64
               ", \"next\": %" PRIu64 ", \"clean\": %s"
               ", \"found\": %" PRIu64 ", \"repaired\": %" PRIu64 "}\n",
               verify->printed > 0 ? "\n" : "", result->segments,
               result->records, result->good, result->bytes, result->next,
               result->clean ? "true" : "false", result->findings,
               result->repaired);
    else
        printf("%s: %" PRIu64 " segments, %" PRIu64 " records, %" PRIu64
               " of them good; %" PRIu64 " findings, %" PRIu64 " repaired\n",
               verify->logdir, result->segments, result->records, result->good,
               result->findings, result->repaired);
}

static void print_error(const struct verify *verify, int r)
{
    char holder[32];

    waiting_holder(verify->logdir, holder, sizeof(holder));
    if (r == -EWOULDBLOCK)
        fprintf(stderr, "clog-verify: %s: in use by %s; unmount it first\n",
                verify->logdir, holder);
    else if (r == -EUCLEAN)
        fprintf(stderr, "clog-verify: %s: not a log\n", verify->logdir);
    else
        fprintf(stderr, "clog-verify: %s: %s\n", verify->logdir, strerror(-r));
}

static void tell_waiting(const char *line)
{
    fprintf(stderr, "clog-verify: %s\n", line);
}

static int run(struct verify *verify)
{
    struct clog_verify_options options = {
        .size = sizeof(options),
        .repair = verify->repair,
        .finding = on_finding,
        .progress = on_progress,
        .ctx = verify,
    };
    struct clog_verify_result result = {.size = sizeof(result)};
    struct waiting waiting = {0};
    int r;

    progress_start(&verify->progress, "clog-verify");
    if (verify->json)
        printf("{\"findings\": [");
    do
        r = clog_verify(verify->logdir, &options, &result);
    while (r == -EWOULDBLOCK &&
           waiting_again(&waiting, verify->logdir, tell_waiting));
    progress_clear(&verify->progress);
    if (r == 0 || verify->json)
        print_summary(verify, &result);
    if (r < 0) {
        print_error(verify, r);
        return EXIT_FAILED;
    }
    return (result.repaired > 0 ? EXIT_REPAIRED : 0) |
           (result.findings > result.repaired ? EXIT_DAMAGED : 0);
}

static int wrong_usage(const char *what)
{
    fprintf(stderr,
            "clog-verify: %s\nTry 'clog-verify --help' for more "
            "information.\n",
            what);
    return EXIT_FAILED;
}

/* Reads the command line. Returns -1 to go on, or the exit status. */
static int parse(int argc, char **argv, struct verify *verify)
{
    static const struct option options[] = {
        {"repair", no_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "rjhV", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(usage, stdout);
            return EXIT_CLEAN;
        }
        if (c == 'V') {
            printf("clog-verify %s\n", clog_version());
            return EXIT_CLEAN;
        }
        if (c == '?')
            return wrong_usage("unknown option");
        verify->repair |= c == 'r';
        verify->json |= c == 'j';
    }
    if (optind + 1 != argc)
        return wrong_usage(optind < argc ? "too many arguments"
                                         : "missing LOGDIR");
    verify->logdir = argv[optind];
    return -1;
}

int main(int argc, char **argv)
{
    struct verify verify = {0};
    int status = parse(argc, argv, &verify);

    if (status < 0)
        status = run(&verify);
    if (fflush(stdout) != 0)
        return EXIT_FAILED;
    return status;
}
