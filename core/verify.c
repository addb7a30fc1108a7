/* SPDX-License-Identifier: MIT */
#include "io/bytes.h"
#include "io/files.h"
#include "log/log.h"
#include "log/sized.h"
#include "recovery/decide.h"
#include "recovery/directory.h"
#include "recovery/quarantine.h"
#include "recovery/repair.h"
#include "recovery/report.h"

#include <errno.h>
#include <fcntl.h>

struct verifier {
    const struct clog_verify_options *options;
    struct clog_options log_options; /* what a recovery wants: progress */
    struct recovery recovery;
    struct clog_report report; /* what is noted before segments are read */
    struct clog_verify_result result;
    uint64_t done, total; /* bytes of stores: before this one, and of all */
    bool torn;            /* the last segment's tail is to be cut */
};

static void tell(struct verifier *v, const struct clog_finding *finding)
{
    v->result.findings++;
    v->result.repaired += finding->repaired;
    if (v->options->finding)
        v->options->finding(v->options->ctx, finding);
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct verifier *v = ctx;

    (void)total;
    v->options->progress(v->options->ctx, v->done + done, v->total);
}

/* A finding's note, made as a report's are, on its own. */
static struct clog_finding make_finding(enum clog_note_kind kind,
                                        const struct found *found,
                                        const char *file, const char *text)
{
    struct clog_report one = {0};
    struct clog_finding finding = {
        .note = *report_note(&one, kind, &found->base, file, "%s", text)};

    clog_report_done(&one);
    return finding;
}

static int write_prefix(struct verifier *v, const struct found *found,
                        const struct scan *scan, uint64_t i, int fd)
{
    struct io *io = v->recovery.io;
    uint64_t position = scan_position(scan, i);
    uint8_t prefix[RECORD_PREFIX];
    ssize_t n = io_read(io, fd, prefix, sizeof(prefix), position, false);
    int r;

    if (n != (ssize_t)sizeof(prefix))
        return n < 0 ? (int)n : -EIO;
    r = quarantine_prefix(io, v->recovery.root, found->base, found->base + i,
                          prefix, sizeof(prefix));
    if (r < 0)
        return r;
    put_be64(prefix, scan_position(scan, i + 1) - position - RECORD_PREFIX);
    return io_write(io, fd, prefix, sizeof(prefix), position);
}

static int write_prefixes(struct verifier *v, const struct found *found,
                          const struct scan *scan, const struct run *run,
                          int dir)
{
    struct io *io = v->recovery.io;
    int fd = io_open_own(io, dir, segment_files[CLOG_STORE], false);
    int r = fd < 0 ? fd : 0;

    for (uint64_t i = 0; r == 0 && i < run->count; i++)
        r = write_prefix(v, found, scan, run->first + i, fd);
    if (r == 0)
        r = io_sync(io, fd);
    io_close(io, fd);
    return r;
}

/* A crash here leaves some prefixes right and some wrong, as a repair that is
   run again finds them; and perhaps a sealed segment writable, which the next
   open mends. */
static int repair_prefixes(struct verifier *v, const struct found *found,
                           const struct scan *scan, const struct run *run)
{
    struct io *io = v->recovery.io;
    int dir = segment_open_writable(io, v->recovery.segments, found->base);
    int r;

    if (dir < 0)
        return dir;
    r = write_prefixes(v, found, scan, run, dir);
    io_close(io, dir);
    if (r == 0 && found->guarded)
        r = segment_guard(io, v->recovery.segments, found->base);
    return r;
}

static int tell_run(struct verifier *v, const struct found *found,
                    const struct scan *scan, const struct run *run,
                    uint64_t count)
{
    static const struct {
        enum clog_note_kind kind;
        const char *text, *remedy;
    } words[] = {
        [VERDICT_PREFIX] = {CLOG_NOTE_PREFIX, "wrong length prefix",
                            "writes it anew, as the checksum has it"},
        [VERDICT_UNVERIFIED] = {CLOG_NOTE_UNVERIFIED, "no stamp",
                                "none: its bytes are served unverified"},
        [VERDICT_BAD] = {CLOG_NOTE_ROT, "checksum mismatch",
                         "none: the record reads as EIO"},
    };
    struct clog_finding finding =
        make_finding(words[run->verdict].kind, found, segment_files[CLOG_STORE],
                     words[run->verdict].text);
    int r = 0;

    finding.note.offset = found->base + run->first;
    finding.note.count = count;
    finding.note.position = run->position;
    finding.remedy = words[run->verdict].remedy;
    finding.repairable = run->verdict == VERDICT_PREFIX;
    if (finding.repairable && v->options->repair)
        r = repair_prefixes(v, found, scan, run);
    finding.repaired = finding.repairable && v->options->repair && r == 0;
    finding.note.error = r;
    tell(v, &finding);
    return r;
}

static int tell_runs(struct verifier *v, const struct found *found,
                     const struct scan *scan, uint64_t count)
{
    for (size_t k = 0; k < scan->run_count; k++) {
        const struct run *run = &scan->runs[k];
        uint64_t n = run->count;
        int r;

        if (run->first >= count)
            return 0;
        if (n > count - run->first)
            n = count - run->first;
        r = tell_run(v, found, scan, run, n);
        if (r < 0)
            return r;
    }
    return 0;
}

static int tell_index(struct verifier *v, const struct found *found,
                      const struct segment *segment, const struct scan *scan,
                      bool lost, bool sealed)
{
    uint64_t size = found->sizes[CLOG_INDEX];
    uint64_t agrees = index_agrees(&segment->index, size, scan);
    struct clog_finding finding;
    int r = 0;

    if (agrees == scan->extent.count && (lost || size == agrees * SLOT_SIZE))
        return 0;
    finding =
        make_finding(CLOG_NOTE_INDEX, found, segment_files[CLOG_INDEX],
                     !found->present[CLOG_INDEX]             ? "missing"
                     : size < agrees * SLOT_SIZE + SLOT_SIZE ? "ends too early"
                                                             : "wrong entry");
    finding.note.offset = found->base + agrees;
    finding.note.position = agrees * SLOT_SIZE;
    finding.note.count = scan->extent.count - agrees;
    finding.remedy = "rebuilds it from the store";
    finding.repairable = true;
    if (v->options->repair)
        r = repair_index(v->recovery.io, v->recovery.segments, found->base,
                         scan, !lost, sealed);
    finding.repaired = v->options->repair && r == 0;
    finding.note.error = r;
    tell(v, &finding);
    return r;
}

static void tell_torn(struct verifier *v, const struct found *found,
                      const struct decision *decision)
{
    struct clog_finding finding = make_finding(
        CLOG_NOTE_TORN, found, segment_files[CLOG_STORE], "torn tail");

    finding.note.offset = found->base + decision->keep.count;
    finding.note.position = decision->keep.end;
    finding.note.bytes = found->sizes[CLOG_STORE] - decision->keep.end;
    finding.remedy = "moves it to quarantine/";
    finding.repairable = true;
    finding.repaired = v->options->repair;
    v->torn = true;
    tell(v, &finding);
}

static void tell_gap(struct verifier *v, const struct found *found,
                     uint64_t from, uint64_t to)
{
    struct clog_finding finding = make_finding(
        CLOG_NOTE_GAP, found, segment_files[CLOG_STORE], "records lost");

    finding.note.offset = from;
    finding.note.count = to - from;
    finding.note.position = found->extent.end;
    finding.remedy = "none: these offsets read as EIO";
    tell(v, &finding);
}

static void tell_excess(struct verifier *v, const struct found *found,
                        const struct scan *scan)
{
    struct clog_finding finding;

    if (scan->extent.end == found->sizes[CLOG_STORE])
        return;
    finding = make_finding(CLOG_NOTE_ROT, found, segment_files[CLOG_STORE],
                           "bytes behind the last record that can be read");
    finding.note.offset = found->base + scan->extent.count;
    finding.note.position = scan->extent.end;
    finding.note.bytes = found->sizes[CLOG_STORE] - scan->extent.end;
    finding.remedy = "none: they are left as they are";
    tell(v, &finding);
}

/* How many of the first count records are good. */
static uint64_t count_good(const struct scan *scan, uint64_t count)
{
    uint64_t good = count;

    for (size_t k = 0; k < scan->run_count; k++) {
        const struct run *run = &scan->runs[k];

        if (run->first >= count)
            break;
        good -=
            run->count < count - run->first ? run->count : count - run->first;
    }
    return good;
}

/* limit: records up to the next segment's base; of the last one no matter. */
static int verify_scanned(struct verifier *v, struct found *found, bool last,
                          uint64_t limit, const struct segment *segment,
                          struct scan *scan)
{
    struct evidence evidence;
    struct decision decision = {.keep = scan->extent,
                                .next = found->base + limit};
    int r;

    evidence_gather(&v->recovery, found, scan, &evidence);
    if (last)
        decide_tail(&evidence, scan, segment, &decision);
    r = tell_runs(v, found, scan, decision.keep.count);
    /* A torn tail's entries go when it does. */
    if (r == 0 && !decision.cut)
        r = tell_index(v, found, segment, scan,
                       decision.next > found->base + decision.keep.count,
                       !last);
    if (decision.cut)
        tell_torn(v, found, &decision);
    else
        tell_excess(v, found, scan);
    found->extent = decision.keep;
    if (last)
        v->result.next = decision.next;
    v->result.records += decision.keep.count;
    v->result.good += count_good(scan, decision.keep.count);
    return r;
}

static int verify_segment(struct verifier *v, size_t k)
{
    struct found *found = &v->recovery.found[k];
    bool last = k + 1 == v->recovery.count;
    uint64_t limit = (last ? UINT64_MAX : found[1].base) - found->base;
    struct segment segment;
    struct scan scan;
    int r = recovery_scan(&v->recovery, found, limit, &segment, &scan);

    if (r < 0)
        return r;
    r = verify_scanned(v, found, last, limit, &segment, &scan);
    if (r == 0 && !last && found->extent.count < limit)
        tell_gap(v, found, found->base + found->extent.count, found[1].base);
    if (r == 0 && last && v->result.next > found->base + found->extent.count)
        tell_gap(v, found, found->base + found->extent.count, v->result.next);
    scan_done(&scan);
    segment_done(&segment);
    v->done += found->sizes[CLOG_STORE];
    v->result.bytes += found->sizes[CLOG_STORE];
    return r;
}

/* Why it is no log is a finding like others. */
static void tell_refused(struct verifier *v)
{
    for (size_t k = 0; k < v->report.note_count; k++) {
        struct clog_finding finding = {.note = v->report.notes[k],
                                       .remedy = "none"};

        tell(v, &finding);
    }
}

static int verify_all(struct verifier *v)
{
    struct recovery *recovery = &v->recovery;
    int r = directory_open(recovery);

    if (r == 0)
        r = directory_load(recovery);
    if (r == 0)
        r = directory_list(recovery);
    tell_refused(v);
    if (r < 0)
        return r;
    v->result.segments = recovery->count;
    v->result.clean = recovery->has_clean;
    v->result.next = recovery->durable;
    for (size_t k = 0; k < recovery->count; k++)
        v->total += recovery->found[k].sizes[CLOG_STORE];
    for (size_t k = 0; r == 0 && k < recovery->count; k++)
        r = verify_segment(v, k);
    return r;
}

static int verify_locked(struct verifier *v)
{
    struct recovery *recovery = &v->recovery;
    int r = io_lock(recovery->io, recovery->root, true);

    if (r == 0)
        r = verify_all(v);
    clog_report_done(&v->report);
    recovery_done(recovery);
    return r == -EAGAIN ? -EWOULDBLOCK : r;
}

/* Moving a torn tail away is what an open does. */
static int cut_tail(struct io *io, const char *path)
{
    struct clog *log = NULL;
    int r = log_open(io, path, NULL, NULL, &log);

    return r < 0 ? r : clog_close(log);
}

int log_verify(struct io *io, const char *path,
               const struct clog_verify_options *options,
               struct clog_verify_result *ret_result)
{
    struct clog_verify_options taken = {0};
    struct verifier v = {
        .options = &taken,
        .recovery = {.io = io, .segments = -1, .read_only = true},
    };
    int r = options ? sized_take(options, sizeof(taken), &taken) : 0;

    if (r == 0 && ret_result->size < sizeof(ret_result->size))
        r = -EINVAL;
    if (r == 0)
        r = io_open_root(io, path);
    if (r < 0)
        return r;
    v.recovery.root = r;
    v.recovery.options = &v.log_options;
    v.recovery.report = &v.report;
    v.log_options.progress = taken.progress ? on_progress : NULL;
    v.log_options.progress_ctx = &v;
    r = verify_locked(&v);
    io_close(io, v.recovery.root);
    if (r == 0 && taken.repair && v.torn)
        r = cut_tail(io, path);
    if (r == 0 || r == -EUCLEAN)
        (void)sized_give(&v.result, sizeof(v.result), ret_result);
    return r;
}

int clog_verify(const char *path, const struct clog_verify_options *options,
                struct clog_verify_result *ret_result)
{
    return log_verify(io_posix(), path, options, ret_result);
}
