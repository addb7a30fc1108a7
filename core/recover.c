/* SPDX-License-Identifier: MIT */
#include "recover.h"

#include "buffer.h"
#include "bytes.h"
#include "quarantine.h"
#include "report.h"
#include "survey.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE ((size_t)256 << 10)

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t slot_count(const struct found *found, enum clog_file file)
{
    return found->sizes[file] / SLOT_SIZE;
}

int recover_load_marks(struct recovery *recovery)
{
    struct io *io = recovery->io;
    struct writer writer;
    struct io_stat root;
    char boot_id[37];
    uint64_t durable;
    bool known;
    int r;

    r = clean_load(io, recovery->root, &recovery->clean);
    if (r < 0 && r != -ENOENT && r != -EUCLEAN)
        return r;
    recovery->has_clean = r == 0;
    if (recovery->has_clean)
        recovery->durable = recovery->clean.next;
    r = durable_load(io, recovery->root, &durable);
    if (r < 0 && r != -ENOENT && r != -EUCLEAN)
        return r;
    if (r == 0)
        recovery->durable = max(recovery->durable, durable);
    r = writer_load(io, recovery->root, &writer);
    if (r < 0 && r != -ENOENT && r != -EUCLEAN)
        return r;
    recovery->has_writer = r != -ENOENT;
    known = r == 0;
    r = io->ops->stat(io, recovery->root, &root);
    if (r < 0)
        return r;
    recovery->same_boot = known && io->ops->boot_id(io, boot_id) == 0 &&
                          strcmp(boot_id, writer.boot_id) == 0 &&
                          writer.dev == root.dev && writer.ino == root.ino;
    return 0;
}

struct progress {
    const struct recovery *recovery;
    uint64_t total;
};

static void on_progress(void *ctx, uint64_t position)
{
    const struct progress *progress = ctx;
    const struct clog_options *options = progress->recovery->options;

    options->progress(options->progress_ctx, position, progress->total);
}

int recover_scan(struct recovery *recovery, const struct found *found,
                 uint64_t limit, struct segment *ret_segment,
                 struct scan *ret_scan)
{
    struct progress progress = {recovery, found->sizes[CLOG_STORE]};
    struct scan_input input = {
        .segment = ret_segment,
        .store_size = found->sizes[CLOG_STORE],
        .index_count = slot_count(found, CLOG_INDEX),
        .stamps_count = slot_count(found, CLOG_STAMPS),
        .limit = limit,
        .progress = recovery->options->progress ? on_progress : NULL,
        .progress_ctx = &progress,
    };
    int r;

    /* One slot more: the last of a file may be there in part. */
    r = segment_open(ret_segment, recovery->io, recovery->segments, found->base,
                     max(input.index_count, input.stamps_count) + 1);
    if (r < 0)
        return r;
    r = scan_segment(&input, ret_scan);
    if (r < 0)
        segment_done(ret_segment);
    else
        recovery->report->scanned += found->sizes[CLOG_STORE];
    return r;
}

/* Notes and counts what is not good among the first count records. */
static void report_runs(struct recovery *recovery, uint64_t base,
                        const struct scan *scan, uint64_t count)
{
    for (size_t k = 0; k < scan->run_count; k++) {
        const struct run *run = &scan->runs[k];
        uint64_t n = run->count;

        if (run->first >= count)
            return;
        if (n > count - run->first)
            n = count - run->first;
        report_run(recovery->report, base, run, n);
        if (run->verdict == VERDICT_PREFIX)
            recovery->report->prefixes += n;
        else if (run->verdict == VERDICT_UNVERIFIED)
            recovery->report->unverified += n;
        else
            recovery->report->rotten += n;
    }
}

static void note_gap(struct recovery *recovery, uint64_t from, uint64_t to)
{
    struct clog_note *note = report_note(
        recovery->report, CLOG_NOTE_GAP, NULL, "segments",
        "records %" PRIu64 " to %" PRIu64 " are lost", from, to - 1);

    note->offset = from;
    note->count = to - from;
    recovery->report->lost += to - from;
}

static void note_torn(struct recovery *recovery, const struct found *found,
                      const struct scan *scan, const struct decision *decision)
{
    struct clog_report *report = recovery->report;
    uint64_t bytes = found->sizes[CLOG_STORE] - decision->keep.end;
    uint64_t records = max(scan->extent.count, slot_count(found, CLOG_STAMPS)) -
                       decision->keep.count;
    struct clog_note *note = report_note(
        report, CLOG_NOTE_TORN, &found->base, segment_files[CLOG_STORE],
        recovery->read_only ? "torn tail; not served"
                            : "torn tail; moved to quarantine/");

    note->offset = found->base + decision->keep.count;
    note->count = records;
    note->position = decision->keep.end;
    note->bytes = bytes;
    report->torn_records += records;
    report->torn_bytes += bytes;
}

/* Writing has failed with error: what is served is held in memory. */
static void turn_read_only(struct recovery *recovery, int error,
                           const char *what)
{
    struct clog_note *note = report_note(
        recovery->report, CLOG_NOTE_READ_ONLY, NULL, "",
        "%s failed; nothing was cut, and the log is read-only", what);

    note->error = error;
    recovery->read_only = true;
}

uint64_t index_agrees(const struct slots *index, uint64_t index_size,
                      const struct scan *scan)
{
    uint64_t count = index_size / SLOT_SIZE;
    uint8_t entry[SLOT_SIZE];

    if (count > scan->extent.count)
        count = scan->extent.count;
    for (uint64_t i = 0; i < count; i++)
        if (slots_get(index, i, entry) < 0 ||
            memcmp(entry, scan->index + i * SLOT_SIZE, SLOT_SIZE) != 0)
            return i;
    return count;
}

bool index_fits(const struct slots *index, uint64_t index_size,
                const struct scan *scan)
{
    return index_size == scan->extent.count * SLOT_SIZE &&
           index_agrees(index, index_size, scan) == scan->extent.count;
}

static int write_index(struct io *io, int dir, const struct scan *scan)
{
    uint64_t size = scan->extent.count * SLOT_SIZE;
    int fd =
        io_open(io, dir, segment_files[CLOG_INDEX], O_RDWR | O_CREAT, 0600);
    int r;

    if (fd < 0)
        return fd;
    r = io_truncate(io, fd, size);
    if (r == 0)
        r = io_write(io, fd, scan->index, (size_t)size, 0);
    if (r == 0)
        r = io_sync(io, fd);
    if (r == 0)
        r = io_sync(io, dir);
    io_close(io, fd);
    return r;
}

int index_rewrite(struct io *io, int segments, uint64_t base,
                  const struct scan *scan, bool sealed)
{
    char name[SEGMENT_NAME];
    int dir;
    int r = segment_set_writable(io, segments, base, true);

    if (r < 0)
        return r;
    segment_name(base, name);
    dir = io_open(io, segments, name, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return dir;
    r = write_index(io, dir, scan);
    io_close(io, dir);
    if (r == 0 && sealed)
        r = segment_set_writable(io, segments, base, false);
    return r;
}

static void note_index(struct recovery *recovery, const struct found *found,
                       uint64_t count, uint64_t agrees, const char *text)
{
    struct clog_note *note =
        report_note(recovery->report, CLOG_NOTE_INDEX, &found->base,
                    segment_files[CLOG_INDEX], "%s", text);

    note->offset = found->base + agrees;
    note->count = count - agrees;
    note->position = agrees * SLOT_SIZE;
}

/* Brings the index in line with the scan: on disk, or else in memory. */
static int settle_index(struct recovery *recovery, struct found *found,
                        const struct segment *segment, struct scan *scan,
                        bool sealed)
{
    uint64_t agrees =
        index_agrees(&segment->index, found->sizes[CLOG_INDEX], scan);
    int r = -EROFS;

    if (agrees == scan->extent.count &&
        found->sizes[CLOG_INDEX] == agrees * SLOT_SIZE)
        return 0;
    if (!recovery->read_only)
        r = index_rewrite(recovery->io, recovery->segments, found->base, scan,
                          sealed);
    if (r < 0) {
        free(found->index);
        found->index = scan->index;
        scan->index = NULL;
    }
    if (found->extent.count > 0) {
        note_index(recovery, found, scan->extent.count, agrees,
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
    uint64_t count = slot_count(found, CLOG_STAMPS);

    if (count == 0 || count > limit ||
        found->sizes[CLOG_STAMPS] != count * SLOT_SIZE ||
        found->sizes[CLOG_INDEX] != count * SLOT_SIZE ||
        found->sizes[CLOG_STORE] / (RECORD_PREFIX + 1) < count)
        return false;
    return ends_at_store(recovery, found, count);
}

/* Serves a segment that the device does not let be scanned by its sizes. */
static void serve_unread(struct recovery *recovery, struct found *found,
                         uint64_t limit, int error)
{
    uint64_t count = slot_count(found, CLOG_INDEX);

    found->extent.count = count < limit ? count : limit;
    found->extent.end = found->sizes[CLOG_STORE];
    report_note(recovery->report, CLOG_NOTE_ROT, &found->base, "",
                "could not be read to rebuild its index")
        ->error = error;
}

/* Bytes that no record of a sealed segment has: they are not served. */
static void note_excess(struct recovery *recovery, const struct found *found)
{
    if (found->extent.end < found->sizes[CLOG_STORE])
        report_note(recovery->report, CLOG_NOTE_ROT, &found->base,
                    segment_files[CLOG_STORE],
                    "bytes behind the last record; left as they are")
            ->position = found->extent.end;
}

/* A segment that another follows, which begins limit records later. */
static int settle_sealed(struct recovery *recovery, struct found *found,
                         uint64_t limit)
{
    struct segment segment;
    struct scan scan;
    int r;

    found->extent.count = slot_count(found, CLOG_STAMPS);
    found->extent.end = found->sizes[CLOG_STORE];
    if (sizes_fit(recovery, found, limit))
        return 0;
    r = recover_scan(recovery, found, limit, &segment, &scan);
    if (r == -EIO) {
        serve_unread(recovery, found, limit, r);
        return 0;
    }
    if (r < 0)
        return r;
    found->extent = scan.extent;
    report_runs(recovery, found->base, &scan, scan.extent.count);
    note_excess(recovery, found);
    /* Where it cannot be written it is held in memory, and all is well. */
    (void)settle_index(recovery, found, &segment, &scan, true);
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
            (void)segment_set_writable(recovery->io, recovery->segments,
                                       found->base, false);
    }
    return 0;
}

/* Whether the marker of a clean close is of these very files. */
static bool clean_fits(const struct recovery *recovery,
                       const struct found *found)
{
    const struct clean *clean = &recovery->clean;
    uint64_t count = slot_count(found, CLOG_STAMPS);

    return recovery->has_clean && clean->base == found->base &&
           clean->next == found->base + count &&
           clean->sizes[CLOG_STORE] == found->sizes[CLOG_STORE] &&
           clean->sizes[CLOG_STAMPS] == found->sizes[CLOG_STAMPS] &&
           found->sizes[CLOG_STAMPS] == count * SLOT_SIZE &&
           recovery->durable == clean->next;
}

void recover_gather(const struct recovery *recovery, const struct found *found,
                    const struct scan *scan, struct evidence *ret_evidence)
{
    *ret_evidence = (struct evidence){
        .durable = max(max(recovery->durable, scan->durable), found->base),
        .same_boot = recovery->same_boot,
        .store_size = found->sizes[CLOG_STORE],
        .stamps_size = found->sizes[CLOG_STAMPS],
        .index_count = slot_count(found, CLOG_INDEX),
        .stamps_count = slot_count(found, CLOG_STAMPS),
    };
    /* A crash leaves the file there; and where the kernel never died, or no
       writer ever ran, nothing but a hand empties it behind the index. */
    ret_evidence->stamps_missing =
        ret_evidence->store_size > 0 && ret_evidence->stamps_count == 0 &&
        (!found->present[CLOG_STAMPS] || !recovery->has_writer ||
         (recovery->same_boot && ret_evidence->index_count > 0));
}

/* Writes bytes [from, to) of a file again, from what reads show of them. */
static int write_again(struct io *io, int fd, uint64_t from, uint64_t to,
                       struct buffer *buffer)
{
    while (from < to) {
        size_t n = to - from < PIECE ? (size_t)(to - from) : PIECE;
        ssize_t got = io_read(io, fd, buffer->data, n, from, false);
        int r;

        if (got != (ssize_t)n)
            return got < 0 ? (int)got : -EIO;
        r = io_write(io, fd, buffer->data, n, from);
        if (r < 0)
            return r;
        from += n;
    }
    return 0;
}

/* The last segment's files that are cut and made durable. */
struct reopened {
    int dir, store, stamps; /* owned; stamps is -1 where there are none */
};

static int reopen_file(struct recovery *recovery, const struct found *found,
                       int dir, enum clog_file file, int *ret_fd)
{
    int fd;

    if (!found->present[file])
        return 0;
    fd = io_open(recovery->io, dir, segment_files[file], O_RDWR, 0);
    if (fd < 0)
        return fd;
    *ret_fd = fd;
    return 0;
}

static int reopen(struct recovery *recovery, const struct found *found,
                  struct reopened *ret)
{
    char name[SEGMENT_NAME];
    int r = segment_set_writable(recovery->io, recovery->segments, found->base,
                                 true);

    if (r < 0)
        return r;
    segment_name(found->base, name);
    r = io_open(recovery->io, recovery->segments, name, O_RDONLY | O_DIRECTORY,
                0);
    if (r < 0)
        return r;
    ret->dir = r;
    r = reopen_file(recovery, found, ret->dir, CLOG_STORE, &ret->store);
    if (r == 0)
        r = reopen_file(recovery, found, ret->dir, CLOG_STAMPS, &ret->stamps);
    return r;
}

/*
 * After a failed sync the page cache can show what the disk does not have, and
 * syncing it again proves nothing: the pages are clean. So all that is not
 * known to be durable is made dirty first.
 */
static int make_durable(struct io *io, int fd, uint64_t from, uint64_t to)
{
    struct buffer buffer = {0};
    int r;

    if (fd < 0)
        return 0;
    r = buffer_reserve(&buffer, PIECE);
    if (r == 0)
        r = write_again(io, fd, from, to, &buffer);
    if (r == 0)
        r = io_sync(io, fd);
    buffer_done(&buffer);
    return r;
}

static int cut(struct io *io, const struct reopened *files, uint64_t end,
               uint64_t stamps)
{
    int r = 0;

    /* Stamps first: frames without stamps are a torn tail to any recovery,
       stamps without frames are a loss to one under the same kernel. */
    if (files->stamps >= 0)
        r = io_truncate(io, files->stamps, stamps);
    if (r == 0 && files->store >= 0)
        r = io_truncate(io, files->store, end);
    return r;
}

/*
 * A crash leaves the tail in quarantine and in the segment, or cut from some
 * of the files; what is left is judged again, to the same end.
 */
static int apply_cut(struct recovery *recovery, const struct found *found,
                     const struct scan *scan, const struct decision *decision,
                     uint64_t durable)
{
    struct io *io = recovery->io;
    struct reopened files = {-1, -1, -1};
    uint64_t first = durable > found->base ? durable - found->base : 0;
    uint64_t stamps = decision->keep.count * SLOT_SIZE;
    int r = reopen(recovery, found, &files);

    if (first > decision->keep.count)
        first = decision->keep.count;
    /* Stamps may be missing of what is kept: a cut never makes a file grow. */
    if (stamps > found->sizes[CLOG_STAMPS])
        stamps = found->sizes[CLOG_STAMPS];
    if (r == 0 && decision->cut)
        r = cut(io, &files, decision->keep.end, stamps);
    if (r == 0)
        r = make_durable(io, files.store, scan_position(scan, first),
                         decision->keep.end);
    if (r == 0)
        r = make_durable(io, files.stamps, first * SLOT_SIZE, stamps);
    if (r == 0)
        r = io_sync(io, files.dir);
    if (r == 0)
        r = io_sync(io, recovery->segments);
    io_close(io, files.store);
    io_close(io, files.stamps);
    io_close(io, files.dir);
    return r;
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
        r = quarantine_tail(recovery->io, recovery->root, segment, evidence,
                            &decision->keep);
        if (r < 0)
            turn_read_only(recovery, r, step);
    }
    if (decision->cut)
        note_torn(recovery, found, scan, decision);
    if (!recovery->read_only) {
        r = apply_cut(recovery, found, scan, decision, evidence->durable);
        if (r < 0)
            turn_read_only(recovery, r, "making the last segment durable");
    }
    scan->extent = decision->keep;
    if (recovery->read_only)
        return settle_index(recovery, found, segment, scan, false);
    r = settle_index(recovery, found, segment, scan, false);
    if (r < 0)
        turn_read_only(recovery, r, "rebuilding the last segment's index");
    return 0;
}

static int settle_unclean(struct recovery *recovery, struct found *found)
{
    struct segment segment;
    struct scan scan;
    struct evidence evidence;
    struct decision decision;
    int r = recover_scan(recovery, found, UINT64_MAX - found->base, &segment,
                         &scan);

    if (r < 0) {
        report_note(recovery->report, CLOG_NOTE_REFUSED, &found->base, "",
                    "could not be read to recover it")
            ->error = r;
        return r;
    }
    recover_gather(recovery, found, &scan, &evidence);
    recover_decide(&evidence, &scan, &segment, &decision);
    recovery->durable = evidence.durable;
    found->extent = decision.keep;
    report_runs(recovery, found->base, &scan, decision.keep.count);
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
        found->extent.count = slot_count(found, CLOG_STAMPS);
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
            note_gap(recovery, end, next);
    }
}

/* The marks that speak for this run. `writer` makes the next open trust that
   completed writes are all there, so nothing may precede it that is not. */
static int write_marks(struct recovery *recovery)
{
    struct io *io = recovery->io;
    struct writer writer = {.pid = getpid()};
    struct io_stat st;
    int r = io->ops->stat(io, recovery->root, &st);

    writer.dev = st.dev;
    writer.ino = st.ino;
    if (r == 0 && io->ops->boot_id(io, writer.boot_id) < 0)
        (void)strcpy(writer.boot_id, "unknown");
    if (r == 0)
        r = writer_store(io, recovery->root, &writer);
    if (r == 0)
        r = clean_remove(io, recovery->root);
    return r;
}

int recover(struct recovery *recovery)
{
    int r;

    recovery->segments = -1;
    r = survey_root(recovery);
    if (r == 0)
        r = recover_load_marks(recovery);
    if (r == 0)
        r = survey_segments(recovery);
    if (r == 0)
        r = settle_all_sealed(recovery);
    if (r == 0)
        r = settle_last(recovery);
    if (r == 0 && !recovery->read_only)
        r = write_marks(recovery);
    if (r < 0)
        return r;
    report_totals(recovery);
    /* What was only read may be in the page cache alone. */
    if (!recovery->read_only)
        recovery->durable = recovery->next;
    return 0;
}

void recover_done(struct recovery *recovery)
{
    for (size_t k = 0; k < recovery->count; k++)
        free(recovery->found[k].index);
    free(recovery->found);
    recovery->found = NULL;
    recovery->count = 0;
    if (recovery->io)
        io_close(recovery->io, recovery->segments);
    recovery->segments = -1;
}
