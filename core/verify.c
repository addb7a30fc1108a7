/* SPDX-License-Identifier: MIT */
#include "log/log.h"
#include "log/sized.h"
#include "recovery/recover.h"

#include <errno.h>

/* What a repair does about what a note is about. */
static const struct {
    const char *remedy;
    bool repairable;
} remedies[] = {
    [CLOG_NOTE_REFUSED] = {"none", false},
    [CLOG_NOTE_TORN] = {"moves it to quarantine/", true},
    [CLOG_NOTE_ROT] = {"none: what is damaged reads as EIO", false},
    [CLOG_NOTE_GAP] = {"none: these offsets read as EIO", false},
    [CLOG_NOTE_UNVERIFIED] = {"none: it is served unverified", false},
    [CLOG_NOTE_INDEX] = {"rebuilds it from the store", true},
    [CLOG_NOTE_PREFIX] = {"writes it anew, as the checksum has it", true},
    [CLOG_NOTE_READ_ONLY] = {"none", false},
    [CLOG_NOTE_FOREIGN] = {"none: it is not the log's", false},
    [CLOG_NOTE_CLOCK] = {"none", false},
    [CLOG_NOTE_CURSOR] = {"none: move the cursor, or remove it", false},
};

struct verifier {
    const struct clog_verify_options *options;
    struct clog_verify_result *result;
    int failed; /* negative errno of the first repair that failed */
};

/* What is not the log's is told, and is nothing wrong with it. */
static void on_note(void *ctx, const struct clog_note *note)
{
    struct verifier *v = ctx;
    struct clog_finding finding = {
        .note = *note,
        .remedy = remedies[note->kind].remedy,
        .repairable = remedies[note->kind].repairable,
        .repaired = note->repaired,
    };

    if (v->options->repair && v->failed == 0 &&
        (finding.repairable || note->kind == CLOG_NOTE_READ_ONLY))
        v->failed = note->error;
    v->result->findings += note->kind != CLOG_NOTE_FOREIGN;
    v->result->repaired += note->repaired;
    if (v->options->finding)
        v->options->finding(v->options->ctx, &finding);
}

static int verify_locked(struct recovery *recovery,
                         struct clog_verify_result *result)
{
    int r = io_lock(recovery->io, recovery->root, true);

    if (r == -EAGAIN)
        return -EWOULDBLOCK;
    if (r == 0)
        r = recover(recovery);
    result->segments = recovery->count;
    result->records = recovery->report->records;
    result->good = recovery->good;
    result->bytes = recovery->report->scanned;
    result->next = recovery->next;
    result->clean = recovery->has_clean;
    return r;
}

static int verify(struct io *io, const char *path,
                  const struct clog_verify_options *options,
                  struct clog_verify_result *result)
{
    struct verifier v = {.options = options, .result = result};
    struct clog_options progress = {.progress = options->progress,
                                    .progress_ctx = options->ctx};
    struct clog_report report = {0};
    struct recovery recovery = {
        .io = io,
        .segments = -1,
        .root = io_open_root(io, path),
        .read_only = !options->repair,
        .verify = true,
        .options = &progress,
        .report = &report,
        .noted = on_note,
        .noted_ctx = &v,
    };
    int r;

    if (recovery.root < 0)
        return recovery.root;
    r = verify_locked(&recovery, result);
    recovery_done(&recovery);
    clog_report_done(&report);
    io_close(io, recovery.root);
    return r < 0 ? r : v.failed;
}

int log_verify(struct io *io, const char *path,
               const struct clog_verify_options *options,
               struct clog_verify_result *ret_result)
{
    struct clog_verify_options taken = {0};
    struct clog_verify_result result = {0};
    int r = options ? sized_take(options, sizeof(taken), &taken) : 0;

    if (r == 0 && ret_result->size < sizeof(ret_result->size))
        r = -EINVAL;
    if (r == 0)
        r = verify(io, path, &taken, &result);
    if (r == 0 || r == -EUCLEAN)
        (void)sized_give(&result, sizeof(result), ret_result);
    return r;
}

int clog_verify(const char *path, const struct clog_verify_options *options,
                struct clog_verify_result *ret_result)
{
    return log_verify(io_posix(), path, options, ret_result);
}
