/* SPDX-License-Identifier: MIT */
#include "recovery/directory.h"

#include "io/files.h"
#include "recovery/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names that a directory may hold that is to become a log: those of a log
   that was being made, and what mkfs leaves. */
static int is_foreign(void *ctx, const char *name)
{
    static const char *const known[] = {"segments",
                                        "quarantine",
                                        "lost+found",
                                        METADATA_FORMAT ".new",
                                        METADATA_DURABLE,
                                        METADATA_WRITER,
                                        METADATA_WRITER ".new"};

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(name, known[i]) == 0)
            return 0;
    (void)strncpy(ctx, name, 63);
    return 1;
}

static int check_unmarked(struct recovery *recovery)
{
    struct io_stat st;
    char name[64] = "";
    int r;

    r = io_statat(recovery->io, recovery->root, "segments", &st);
    if (r != -ENOENT)
        return r;
    r = io_list(recovery->io, recovery->root, is_foreign, name);
    if (r > 0)
        return report_refused(
            recovery, NULL, name, -EUCLEAN,
            "not a log's file: the directory is neither a log nor "
            "empty");
    if (r == 0 && (recovery->read_only || recovery->verify))
        return report_refused(recovery, NULL, "", -ENOENT,
                              "there is no log here");
    return r;
}

/* The directory may have just been made, by this run or by one that did not
   get here; its name must be durable before anything in it is. A process
   that may not open the parent did not make the directory in it. */
static int sync_parent(struct recovery *recovery)
{
    struct io *io = recovery->io;
    int parent = io_open(io, recovery->root, "..", O_RDONLY | O_DIRECTORY, 0);
    int r;

    if (parent < 0)
        return parent == -EACCES ? 0 : parent;
    r = io_sync(io, parent);
    io_close(io, parent);
    return r;
}

static int check_format(struct recovery *recovery)
{
    uint64_t position = 0;
    int r = format_check(recovery->io, recovery->root, &position);

    if (r == -EUCLEAN) {
        struct clog_note *note = report_note(
            recovery->report, CLOG_NOTE_REFUSED, NULL, METADATA_FORMAT,
            "not \"clog 1\" and a newline: another version, or "
            "not a log");

        note->position = position;
        note->error = r;
        report_tell(recovery, note, 0);
    }
    if (r < 0 && r != -ENOENT && r != -EUCLEAN)
        return report_refused(recovery, NULL, METADATA_FORMAT, r,
                              "cannot be read");
    if (r != -ENOENT)
        return r;
    r = check_unmarked(recovery);
    if (r < 0 || recovery->read_only)
        return r;
    r = sync_parent(recovery);
    if (r < 0)
        return r;
    return format_write(recovery->io, recovery->root);
}

static int open_segments(struct recovery *recovery)
{
    struct io *io = recovery->io;
    int r = 0;

    if (!recovery->read_only) {
        r = io_mkdir(io, recovery->root, "segments", 0700);
        if (r == 0 || r == -EEXIST)
            r = io_sync(io, recovery->root);
    }
    if (r < 0)
        return r;
    r = io_open(io, recovery->root, "segments", O_RDONLY | O_DIRECTORY, 0);
    if (r == -ENOENT && recovery->read_only)
        return 0;
    if (r == -ENOTDIR || r == -ELOOP)
        return report_refused(recovery, NULL, "segments", -EUCLEAN,
                              "not a directory");
    if (r < 0)
        return r;
    recovery->segments = r;
    /* A copy of a mount's segments has a mount's modes. */
    if (!recovery->read_only)
        io_let_owner_write(io, r);
    return 0;
}

int directory_open(struct recovery *recovery)
{
    int r = check_format(recovery);

    return r < 0 ? r : open_segments(recovery);
}

struct cursor_files {
    struct recovery *recovery;
    int dir;
};

static int note_cursor(struct recovery *recovery, enum clog_note_kind kind,
                       const char *name, int error, const char *what)
{
    char text[sizeof(((struct clog_note *)NULL)->text)];
    struct clog_note *note;

    (void)snprintf(text, sizeof(text), "%.80s: %s", name, what);
    note = report_note(recovery->report, kind, NULL, METADATA_CURSORS, text);
    note->error = error;
    report_tell(recovery, note, 0);
    return 0;
}

/* What lies below a cursor was made durable before the cursor got there. One
   that the device does not give may be well: a log that was opened without it
   would let its consumer begin again. */
static int learn_from_cursor(void *ctx, const char *name)
{
    struct cursor_files *cursors = ctx;
    struct recovery *recovery = cursors->recovery;
    uint64_t offset = 0;
    int r = cursor_load(recovery->io, cursors->dir, name, &offset);

    if (r == 0 && offset > recovery->durable)
        recovery->durable = offset;
    if (r == 0 || (r == -ENOENT && metadata_is_new(name)))
        return 0;
    if (r == -ENOENT)
        return note_cursor(recovery, CLOG_NOTE_FOREIGN, name, 0,
                           "not a cursor; left as it is");
    if (r == -EUCLEAN)
        return note_cursor(recovery, CLOG_NOTE_CURSOR, name, r,
                           "damaged; where it stood is not known");
    recovery->unread = true;
    (void)note_cursor(recovery,
                      recovery->verify ? CLOG_NOTE_CURSOR : CLOG_NOTE_REFUSED,
                      name, r, "cannot be read");
    return recovery->verify ? 0 : r;
}

static int load_cursors(struct recovery *recovery)
{
    struct io *io = recovery->io;
    int dir = io_open(io, recovery->root, METADATA_CURSORS,
                      O_RDONLY | O_DIRECTORY, 0);
    struct cursor_files cursors = {recovery, dir};
    int r;

    if (dir == -ENOTDIR || dir == -ELOOP)
        return report_refused(recovery, NULL, METADATA_CURSORS, -EUCLEAN,
                              "not a directory");
    if (dir < 0)
        return dir == -ENOENT ? 0
                              : report_refused(recovery, NULL, METADATA_CURSORS,
                                               dir, "cannot be opened");
    r = io_list(io, dir, learn_from_cursor, &cursors);
    io_close(io, dir);
    return r;
}

/* The result of loading a file: one that is missing or torn says nothing, and
   one that the device cannot read might have said anything. What else has its
   place is not to be passed over. */
static int check_loaded(struct recovery *recovery, const char *name, int r)
{
    if (r == -EIO)
        recovery->unread = true;
    if (r == 0 || r == -ENOENT || r == -EUCLEAN || r == -EIO)
        return 0;
    return report_refused(recovery, NULL, name, r, "cannot be read");
}

/* Under which kernel and in which directory this is. */
static int learn_owner(struct recovery *recovery)
{
    struct staging_owner *owner = &recovery->owner;
    struct io_stat root;
    int r = io_stat(recovery->io, recovery->root, &root);

    if (r < 0)
        return r;
    owner->dev = root.dev;
    owner->ino = root.ino;
    recovery->owner_error = io_boot_id(recovery->io, owner->boot_id);
    return 0;
}

static int load_durable(struct recovery *recovery)
{
    uint64_t durable = 0;
    int r = durable_load(recovery->io, recovery->root, &durable);

    if (r == 0 && durable > recovery->durable)
        recovery->durable = durable;
    return check_loaded(recovery, METADATA_DURABLE, r);
}

static int load_writer(struct recovery *recovery)
{
    const struct staging_owner *owner = &recovery->owner;
    struct writer writer;
    int r = writer_load(recovery->io, recovery->root, &writer);

    recovery->has_writer = r != -ENOENT;
    recovery->same_boot = r == 0 && recovery->owner_error == 0 &&
                          strcmp(owner->boot_id, writer.boot_id) == 0 &&
                          writer.dev == owner->dev && writer.ino == owner->ino;
    return check_loaded(recovery, METADATA_WRITER, r);
}

int directory_load(struct recovery *recovery)
{
    struct io *io = recovery->io;
    int r = learn_owner(recovery);

    if (r < 0)
        return r;
    r = clean_load(io, recovery->root, &recovery->clean);
    recovery->has_clean = r == 0;
    if (recovery->has_clean)
        recovery->durable = recovery->clean.next;
    r = check_loaded(recovery, METADATA_CLEAN, r);
    if (r == 0)
        r = load_durable(recovery);
    if (r == 0)
        r = load_writer(recovery);
    return r < 0 ? r : load_cursors(recovery);
}

struct bases {
    uint64_t *list; /* owned */
    size_t count, capacity;
};

/* Names as they come, before they are looked at. */
struct names {
    struct bases segments, dropped;
};

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static int add_base(struct bases *bases, uint64_t base)
{
    if (bases->count == bases->capacity) {
        size_t capacity = bases->capacity ? 2 * bases->capacity : 64;
        uint64_t *list = reallocarray(bases->list, capacity, sizeof(*list));

        if (!list)
            return -ENOMEM;
        bases->list = list;
        bases->capacity = capacity;
    }
    bases->list[bases->count++] = base;
    return 0;
}

static void sort(struct bases *bases)
{
    if (bases->count > 0)
        qsort(bases->list, bases->count, sizeof(*bases->list), compare);
}

static int parse_dropped(const char *name, uint64_t *ret_base)
{
    char base[SEGMENT_NAME];

    if (strlen(name) != SEGMENT_NAME - 1 + strlen(SEGMENT_DROPPED) ||
        strcmp(name + SEGMENT_NAME - 1, SEGMENT_DROPPED) != 0)
        return -EINVAL;
    memcpy(base, name, SEGMENT_NAME - 1);
    base[SEGMENT_NAME - 1] = '\0';
    return segment_parse(base, ret_base);
}

static int on_name(void *ctx, const char *name)
{
    struct names *names = ctx;
    uint64_t base;

    if (parse_dropped(name, &base) == 0)
        return add_base(&names->dropped, base);
    return segment_parse(name, &base) == 0 ? add_base(&names->segments, base)
                                           : 0;
}

static void note_dropped(struct recovery *recovery, uint64_t base, int error,
                         const char *what)
{
    char name[SEGMENT_NAME];
    char path[64];
    struct clog_note *note;

    segment_name(base, name);
    (void)snprintf(path, sizeof(path), "segments/%s%s", name, SEGMENT_DROPPED);
    note = report_note(recovery->report, CLOG_NOTE_FOREIGN, NULL, path, what);
    note->error = error;
    report_tell(recovery, note, 0);
}

/* What is left of a dropped segment is in nobody's way: why it stays is noted,
   and the next open tries again. */
static int finish_drop(struct recovery *recovery, uint64_t base)
{
    /* Its name first: the segment must not come back without its files. */
    int r = io_sync_names(recovery->io, recovery->segments);

    if (r < 0)
        return r;
    r = segment_remove_dropped(recovery->io, recovery->segments, base);
    if (r == -ENOTEMPTY || r == -EEXIST)
        note_dropped(recovery, base, 0,
                     "has files that are not the log's; left there");
    else if (r < 0)
        note_dropped(recovery, base, r, "is dropped, and cannot be removed");
    return 0;
}

/* Only the oldest segment is ever dropped: a mark beside another one is none.
 */
static int settle_dropped(struct recovery *recovery, struct names *names)
{
    struct bases *segments = &names->segments;
    int r = 0;

    for (size_t k = 0; r == 0 && k < names->dropped.count; k++) {
        uint64_t base = names->dropped.list[k];
        bool oldest = segments->count > 0 && segments->list[0] == base;
        bool there = segments->count > 0 &&
                     bsearch(&base, segments->list, segments->count,
                             sizeof(base), compare);

        if (there &&
            segment_is_marked(recovery->io, recovery->segments, base)) {
            if (!oldest) {
                note_dropped(recovery, base, 0,
                             "is beside a segment that is not the oldest");
                continue;
            }
            memmove(segments->list, segments->list + 1,
                    --segments->count * sizeof(base));
        }
        if (!recovery->read_only)
            r = finish_drop(recovery, base);
    }
    return r;
}

static int measure_file(struct recovery *recovery, int dir, struct found *found,
                        int file)
{
    struct io_stat st;
    int r = io_statat(recovery->io, dir, segment_files[file], &st);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    if (st.type != IO_FILE)
        return report_refused(recovery, &found->base, segment_files[file],
                              -EUCLEAN, "not a regular file");
    found->present[file] = true;
    found->sizes[file] = st.size;
    if (!segment_is_guarded(&st))
        found->guarded = false;
    if (file == CLOG_STORE)
        found->time_ns = st.time_ns > 0 ? (uint64_t)st.time_ns : 0;
    return 0;
}

static int measure(struct recovery *recovery, struct found *found)
{
    struct io *io = recovery->io;
    struct io_stat st;
    int dir = segment_open_dir(io, recovery->segments, found->base);
    int r;

    if (dir == -ENOTDIR || dir == -ELOOP)
        return report_refused(recovery, &found->base, "", -EUCLEAN,
                              "not a directory");
    if (dir < 0)
        return report_refused(recovery, &found->base, "", dir,
                              "cannot be read");
    r = io_stat(io, dir, &st);
    found->guarded = r == 0 && (st.mode & 0700) == 0700;
    for (int file = CLOG_STORE; r == 0 && file <= CLOG_STAMPS; file++)
        r = measure_file(recovery, dir, found, file);
    io_close(io, dir);
    return r;
}

static int measure_all(struct recovery *recovery, const struct bases *bases)
{
    int r = 0;

    if (bases->count == 0)
        return 0;
    recovery->found = calloc(bases->count, sizeof(struct found));
    if (!recovery->found)
        return -ENOMEM;
    recovery->count = bases->count;
    for (size_t i = 0; r == 0 && i < bases->count; i++) {
        recovery->found[i].base = bases->list[i];
        r = measure(recovery, &recovery->found[i]);
    }
    return r;
}

int directory_list(struct recovery *recovery)
{
    struct names names = {0};
    int r = 0;

    if (recovery->segments >= 0)
        r = io_list(recovery->io, recovery->segments, on_name, &names);
    sort(&names.segments);
    sort(&names.dropped);
    if (r == 0)
        r = settle_dropped(recovery, &names);
    if (r == 0)
        r = measure_all(recovery, &names.segments);
    free(names.segments.list);
    free(names.dropped.list);
    return r;
}
