/* SPDX-License-Identifier: MIT */
#include "calls.h"
#include "log/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STREAM   ((size_t)1 << 20) /* bytes of the joined view, at most */
#define OVERHEAD 40u /* bytes of a record's prefix, index entry and stamp */

/* A look at a log. */
struct look {
    struct world *world;
    struct clog *log;
    struct memio *disk; /* that it lies on */
    enum world_after after;
    struct clog_status status;
    uint64_t serials[WORLD_OFFSETS]; /* of [status.oldest, status.next) */
    bool lost; /* a record cannot be read that was not durable, and whose offset
                  is given away since nothing is cut behind damage; or one whose
                  prefix is wrong, with nothing left behind it to tell its
                  length */
};

static uint8_t buffer[STREAM];

static const char *after_name(enum world_after after)
{
    return after == AFTER_CUT    ? "after a power cut"
           : after == AFTER_KILL ? "after a kill"
                                 : "now";
}

/* Notes a problem of the world; returns false. */
__attribute__((format(printf, 2, 3))) static bool problem(
    const struct look *look, const char *format, ...)
{
    char text[WORLD_TEXT];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return world_problem(look->world, "%s: %s", after_name(look->after), text);
}

typedef unsigned long long number; /* for printing */

/* --- What has been asked -----------------------------------------------------
 */

static bool is_under_way(const struct act *act)
{
    return act->began > 0 && act->ended == 0;
}

static bool has_succeeded(const struct act *act)
{
    return act->ended > 0 && act->result >= 0;
}

/* It failed, and with what may have done a part. */
static bool is_in_doubt(const struct world *world, const struct act *act)
{
    return act->ended > 0 && act->result < 0 && world->faulty;
}

static bool may_have_happened(const struct world *world, const struct act *act)
{
    return is_under_way(act) || has_succeeded(act) || is_in_doubt(world, act);
}

/* Records below this have been called durable. */
static uint64_t claimed(const struct world *world)
{
    uint64_t durable = world->durable;

    for (uint64_t i = 0; i < world->act_count; i++) {
        const struct act *act = &world->acts[i];
        uint64_t claim = act->saw_durable;

        if (has_succeeded(act) && (act->call->does & CALL_SYNCS) &&
            act->saw_next > claim)
            claim = act->saw_next;
        if (has_succeeded(act) && (act->call->does & CALL_MOVES) &&
            act->argument > claim)
            claim = act->argument;
        if (claim > durable)
            durable = claim;
    }
    return durable;
}

/* Records below this have been acknowledged. */
static uint64_t acknowledged(const struct world *world)
{
    uint64_t next = world->next;

    for (uint64_t i = 0; i < world->act_count; i++) {
        const struct act *act = &world->acts[i];

        if ((act->call->does & CALL_APPENDS) && has_succeeded(act) &&
            act->offset + act->count > next)
            next = act->offset + act->count;
    }
    return next;
}

/* --- Records -----------------------------------------------------------------
 */

static bool check_known(struct look *look, uint64_t offset, ssize_t n)
{
    struct world *world = look->world;
    const struct world_record *known = &world->records[offset];
    struct clog_record record;
    int r;

    if (known->rotten)
        return n == -EIO ||
               problem(look, "rotten record %llu: %zd", (number)offset, n);
    if (n == -EIO && world->damaged && look->after == AFTER_CUT &&
        (known->misled || offset >= claimed(world))) {
        look->lost = true;
        return true;
    }
    if (n < 0)
        return problem(look, "record %llu: error %zd", (number)offset, n);
    if ((size_t)n != world->tried[known->serial].size ||
        !world_is(known->serial, buffer, (size_t)n))
        return problem(look, "record %llu: wrong bytes", (number)offset);
    r = clog_stat(look->log, offset, 0, &record);
    if (r < 0 || record.length != (uint64_t)n || record.offset != offset)
        return problem(look, "stat of record %llu: %d", (number)offset, r);
    if (record.verifiable == known->unverified)
        return problem(look, "record %llu: stamp there %d", (number)offset,
                       record.verifiable);
    if (record.verifiable && known->time_ns != record.time_ns)
        return problem(look, "record %llu: another time", (number)offset);
    return true;
}

static bool check_new(struct look *look, uint64_t offset, ssize_t n)
{
    const struct world *world = look->world;
    uint64_t serial;

    if (n == -EIO && world->damaged && look->after == AFTER_CUT) {
        look->lost = true;
        return true;
    }
    if (n < 0)
        return problem(look, "new record %llu: error %zd", (number)offset, n);
    serial = world_recognize(world, buffer, (size_t)n);
    if (serial == WORLD_SERIALS || world->tried[serial].size != (size_t)n)
        return problem(look, "new record %llu: wrong bytes", (number)offset);
    if (world->tried[serial].act == WORLD_ACTS)
        return problem(look, "record %llu is an older one", (number)offset);
    look->serials[offset] = serial;
    return true;
}

static bool check_records(struct look *look)
{
    struct world *world = look->world;
    const struct clog_status *status = &look->status;
    struct clog_record record;

    if (status->next > WORLD_OFFSETS || status->oldest > status->next)
        return problem(look, "records [%llu, %llu)", (number)status->oldest,
                       (number)status->next);
    for (uint64_t i = status->oldest; i < status->next; i++) {
        ssize_t n = clog_read(look->log, i, buffer, sizeof(buffer));

        look->serials[i] = world->records[i].serial;
        if (i < world->next ? !check_known(look, i, n) : !check_new(look, i, n))
            return false;
    }
    if (status->oldest > 0 &&
        clog_stat(look->log, status->oldest - 1, 0, &record) != -ENOENT)
        return problem(look, "what was dropped is there");
    return clog_stat(look->log, status->next, 0, &record) == -ENOENT ||
           problem(look, "there is a record at next");
}

/* How many of the act's records are there, from *ret_first on. */
static uint64_t count_records(const struct look *look, const struct act *act,
                              uint64_t *ret_first)
{
    uint64_t from = look->status.oldest;
    uint64_t count = 0;

    if (from < look->world->next)
        from = look->world->next;
    for (uint64_t i = from; i < look->status.next; i++) {
        if (look->serials[i] - act->serial >= act->count)
            continue;
        if (count++ == 0)
            *ret_first = i;
    }
    return count;
}

/* The act's records are where the act says, whole, or not at all. */
static bool check_append(struct look *look, const struct act *act)
{
    const struct clog_status *status = &look->status;
    uint64_t durable = claimed(look->world);
    uint64_t first = 0;
    uint64_t count = count_records(look, act, &first);
    bool may_be_lost = look->after == AFTER_CUT && act->offset >= durable;

    if (count > 0 && !may_have_happened(look->world, act))
        return problem(look, "%s was refused with %d, and its record is there",
                       act->call->name, act->result);
    if (has_succeeded(act) && act->offset + act->count <= status->oldest)
        return true;
    if (has_succeeded(act) && count == 0 && !may_be_lost)
        return problem(look, "%s got offset %llu, and that is lost",
                       act->call->name, (number)act->offset);
    if (count == 0)
        return true;
    if (count != act->count)
        return problem(look, "%s: %llu of %zu records", act->call->name,
                       (number)count, act->count);
    for (uint64_t i = 0; i < count; i++)
        if (look->serials[first + i] != act->serial + i)
            return problem(look, "%s: not in order", act->call->name);
    return !has_succeeded(act) || first == act->offset ||
           problem(look, "%s got offset %llu, and is at %llu", act->call->name,
                   (number)act->offset, (number)first);
}

static bool check_appends(struct look *look)
{
    const struct world *world = look->world;
    uint64_t floor =
        look->after == AFTER_CUT ? claimed(world) : acknowledged(world);

    if (look->status.next < floor)
        return problem(look, "next is %llu, and not at least %llu",
                       (number)look->status.next, (number)floor);
    for (uint64_t i = 0; i < world->act_count; i++)
        if ((world->acts[i].call->does & CALL_APPENDS) &&
            !check_append(look, &world->acts[i]))
            return false;
    return true;
}

/* --- Cursors -----------------------------------------------------------------
 */

/* Whether act may have left the cursor there. */
static bool may_have_left(const struct look *look, const struct act *act,
                          uint64_t at)
{
    if (act->call->does & CALL_REMOVES)
        return at == WORLD_NOWHERE;
    if (act->call->does & CALL_MOVES)
        return at == act->argument;
    /* At oldest; a drop that was under way may not have become durable. */
    return at >= look->world->oldest &&
           (at <= look->status.oldest ||
            (look->world->faulty && look->after == AFTER_CUT));
}

static bool may_stand(const struct look *look, int cursor, uint64_t at)
{
    const struct world *world = look->world;
    bool replaced = false;

    for (uint64_t i = 0; i < world->act_count; i++) {
        const struct act *act = &world->acts[i];

        if (!(act->call->does & CALL_CURSOR) || act->cursor != cursor)
            continue;
        replaced = replaced || has_succeeded(act);
        if (may_have_happened(world, act) && may_have_left(look, act, at))
            return true;
    }
    return !replaced && world->cursors[cursor] == at;
}

/* Whether somebody has moved it to what had been dropped, or is about to be. */
static bool was_moved_back(const struct look *look, int cursor)
{
    for (uint64_t i = 0; i < look->world->act_count; i++) {
        const struct act *act = &look->world->acts[i];

        if ((act->call->does & CALL_MOVES) && act->cursor == cursor &&
            act->argument < look->status.oldest)
            return true;
    }
    return false;
}

static bool check_cursor(struct look *look, int i)
{
    const struct clog_status *status = &look->status;
    struct clog_cursor cursor = {0};
    uint64_t at = WORLD_NOWHERE;
    int r = clog_cursor_get(look->log, world_cursor(i), &cursor);

    if (r < 0 && r != -ENOENT)
        return problem(look, "cursor %d: error %d", i, r);
    if (r == 0)
        at = cursor.offset;
    if (!may_stand(look, i, at))
        return problem(look, "cursor %d is at %lld", i, (long long)at);
    if (r < 0)
        return true;
    if (at > status->next || cursor.lag != status->next - at ||
        cursor.lost != (status->oldest > at ? status->oldest - at : 0))
        return problem(look, "cursor %d at %llu: lag %llu, lost %llu", i,
                       (number)at, (number)cursor.lag, (number)cursor.lost);
    if (cursor.lost > 0 && !look->world->full &&
        (look->world->options.flags & CLOG_KEEP_UNREAD) &&
        !was_moved_back(look, i) &&
        (look->world->cursors[i] == WORLD_NOWHERE ||
         look->world->cursors[i] >= look->world->oldest))
        return problem(look, "cursor %d has lost %llu unread records", i,
                       (number)cursor.lost);
    return true;
}

static bool check_cursors(struct look *look)
{
    for (int i = 0; i < WORLD_CURSORS; i++)
        if (!check_cursor(look, i))
            return false;
    return true;
}

/* --- Drops -------------------------------------------------------------------
 */

/* The segment of the record, as far as is known. */
static uint64_t segment_of(const struct world *world, uint64_t offset)
{
    uint64_t base = world->oldest;

    for (size_t i = 0; i < world->segments; i++)
        if (world->bases[i] <= offset)
            base = world->bases[i];
    return base;
}

/* Where the lowest of the cursors may have been at most. */
static uint64_t highest_lowest(const struct world *world)
{
    uint64_t lowest = UINT64_MAX;

    for (int i = 0; i < WORLD_CURSORS; i++) {
        uint64_t at = world->cursors[i];

        for (uint64_t k = 0; k < world->act_count; k++) {
            const struct act *act = &world->acts[k];

            if (act->began == 0 || !(act->call->does & CALL_CURSOR) ||
                act->cursor != i)
                continue;
            if (act->call->does & CALL_REMOVES)
                at = WORLD_NOWHERE;
            else if ((act->call->does & CALL_MOVES) && act->argument > at)
                at = act->argument;
        }
        if (at < lowest)
            lowest = at;
    }
    return lowest;
}

/* How much there may have been before the last drop: the segment that went
   then, what is known behind it, and what has been appended since. */
static uint64_t most_records(const struct look *look, uint64_t *ret_bytes)
{
    const struct world *world = look->world;
    uint64_t first = segment_of(world, look->status.oldest - 1);
    uint64_t count = 0;
    uint64_t bytes = 0;

    for (uint64_t i = first; i < world->next; i++) {
        bytes += world->tried[world->records[i].serial].size + OVERHEAD;
        count++;
    }
    for (uint64_t i = 0; i < world->act_count; i++) {
        const struct act *act = &world->acts[i];

        for (uint64_t k = 0; act->began > 0 && k < act->count; k++) {
            bytes += world->tried[act->serial + k].size + OVERHEAD;
            count++;
        }
    }
    *ret_bytes = bytes;
    return count;
}

/* Whether some limit may have said that the record goes. */
static bool is_due(const struct look *look, uint64_t offset)
{
    const struct world *world = look->world;
    const struct clog_options *options = &world->options;
    int64_t now = io_now(memio_io(look->disk));
    uint64_t bytes = 0;
    uint64_t records = most_records(look, &bytes);

    if (options->retain_bytes > 0 && bytes > options->retain_bytes)
        return true;
    if (options->retain_records > 0 && records > options->retain_records)
        return true;
    return options->retain_age_ns > 0 && offset < world->next &&
           (uint64_t)now - world->records[offset].time_ns >
               options->retain_age_ns;
}

static bool may_be_dropped(const struct look *look, uint64_t offset)
{
    const struct world *world = look->world;
    bool made_room = world->full && (world->options.flags & CLOG_DROP_OLDEST);

    if ((world->options.flags & CLOG_KEEP_UNREAD) && !made_room &&
        offset >= highest_lowest(world))
        return false;
    for (uint64_t i = 0; i < world->act_count; i++) {
        const struct act *act = &world->acts[i];

        if (act->began == 0)
            continue;
        if ((act->call->does & CALL_DROPS_ONE) &&
            segment_of(world, offset) == act->argument)
            return true;
        if ((act->call->does & CALL_DROPS_DUE) && is_due(look, offset))
            return true;
        if ((act->call->does & CALL_APPENDS) && made_room &&
            !(act->call->does & CALL_TOO_LARGE))
            return true;
    }
    return false;
}

/* Whether it says that it has dropped something, which is durable then. */
static bool has_dropped(const struct act *act)
{
    return has_succeeded(act) &&
           ((act->call->does & CALL_DROPS_ONE) ||
            ((act->call->does & CALL_DROPS_DUE) && act->result > 0));
}

/* Records below this have been dropped, and nothing brings them back. */
static uint64_t gone(const struct look *look)
{
    uint64_t oldest = look->world->oldest;

    for (uint64_t i = 0; i < look->world->act_count; i++) {
        const struct act *act = &look->world->acts[i];

        if ((look->after == AFTER_NOTHING || has_dropped(act)) &&
            act->saw_oldest > oldest)
            oldest = act->saw_oldest;
    }
    return oldest;
}

static bool check_drops(struct look *look)
{
    uint64_t oldest = look->status.oldest;

    if (oldest < gone(look))
        return problem(look, "oldest is %llu, and was %llu", (number)oldest,
                       (number)gone(look));
    for (uint64_t i = look->world->oldest; i < oldest; i++)
        if (!may_be_dropped(look, i))
            return problem(look, "record %llu was dropped", (number)i);
    return true;
}

/* --- The whole ---------------------------------------------------------------
 */

/* The joined view, record by record. */
static bool check_stream(struct look *look)
{
    const struct world *world = look->world;
    struct clog_view *view = NULL;
    uint64_t at = 0;
    bool good = true;
    int r = clog_view_stream(look->log, look->status.stream_start, &view);

    if (r < 0)
        return problem(look, "stream: error %d", r);
    for (uint64_t i = look->status.oldest; good && i < look->status.next; i++) {
        size_t size = world->tried[look->serials[i]].size;
        bool rotten = i < world->next && world->records[i].rotten;
        ssize_t n = clog_view_read(view, buffer, size, at, 0);

        if (rotten ? n != -EIO
                   : n != (ssize_t)size ||
                         !world_is(look->serials[i], buffer, size))
            good = problem(look, "stream: record %llu: %zd", (number)i, n);
        at += size;
    }
    if (good && clog_view_size(view) != at)
        good = problem(look, "stream: %llu bytes, not %llu",
                       (number)clog_view_size(view), (number)at);
    clog_view_close(view);
    return good;
}

static int count_name(void *ctx, const char *name)
{
    unsigned *count = ctx;

    (void)name;
    ++*count;
    return 0;
}

/* Segments follow each other, and each has a directory of its own. */
static bool check_segments(struct look *look)
{
    struct clog_segment segment = {0};
    uint64_t next = look->status.oldest;
    unsigned count = 0;
    unsigned directories = 0;

    while (clog_segment(look->log, segment.base + (count > 0), 0, &segment) ==
           0) {
        if (segment.base != next || segment.next < segment.base)
            return problem(look, "segment %llu begins behind %llu",
                           (number)segment.base, (number)next);
        if (look->status.writable &&
            segment.sealed == (segment.base == look->status.active))
            return problem(look, "segment %llu is sealed: %d",
                           (number)segment.base, segment.sealed);
        next = segment.next;
        count++;
    }
    if (next != look->status.next || count != look->status.segments)
        return problem(look, "%u segments up to %llu", count, (number)next);
    (void)memio_list(look->disk, "log/segments", count_name, &directories);
    return directories == count || look->world->faulty ||
           (look->world->options.flags & CLOG_READ_ONLY) ||
           problem(look, "%u segments in %u directories", count, directories);
}

static bool check_counts(struct look *look)
{
    const struct clog_status *status = &look->status;

    if (status->durable > status->next ||
        (status->records != status->next - status->oldest &&
         !look->world->damaged))
        return problem(look, "durable %llu records %llu of [%llu, %llu)",
                       (number)status->durable, (number)status->records,
                       (number)status->oldest, (number)status->next);
    if (status->pinned_segments || status->pinned_bytes)
        return problem(look, "%llu segments are pinned",
                       (number)status->pinned_segments);
    if (look->world->faulty)
        return true;
    if (status->sync_error || (status->read_errors && !look->world->damaged) ||
        (!look->world->damaged && look->after == AFTER_NOTHING &&
         status->indexes_rebuilt + status->prefixes_mended >
             look->world->rebuilt))
        return problem(look, "read errors %llu, indexes rebuilt %llu",
                       (number)status->read_errors,
                       (number)status->indexes_rebuilt);
    return true;
}

/* Whether the record that the waiter wants was there before it gave up. */
static bool was_appended(const struct world *world, const struct act *waiter)
{
    for (uint64_t i = 0; i < world->act_count; i++) {
        const struct act *act = &world->acts[i];

        if ((act->call->does & CALL_APPENDS) && has_succeeded(act) &&
            act->ended < waiter->ended &&
            act->offset + act->count > waiter->argument)
            return true;
    }
    return false;
}

/* What acts have seen fits what others had done before they began. */
static bool check_order(struct look *look)
{
    const struct world *world = look->world;

    for (uint64_t i = 0; i < world->act_count; i++) {
        const struct act *later = &world->acts[i];

        for (uint64_t k = 0; k < world->act_count; k++) {
            const struct act *act = &world->acts[k];

            if (!has_succeeded(act) || later->began < act->ended ||
                !(act->call->does & CALL_APPENDS) || later->saw_next == 0)
                continue;
            if (later->saw_next < act->offset + act->count)
                return problem(look, "%s does not see what %s has appended",
                               later->call->name, act->call->name);
        }
        if ((later->call->does & CALL_WAITS_FOR) && later->ended > 0 &&
            later->result == -ETIMEDOUT && was_appended(world, later))
            return problem(look, "a waiter was not woken");
    }
    return true;
}

/* Whether the last of all calls was one that keeps limits, and has. */
static bool has_retained(const struct world *world)
{
    const struct act *last = NULL;
    uint64_t ended = 0;

    for (uint64_t i = 0; i < world->act_count; i++) {
        const struct act *act = &world->acts[i];

        if (act->call->does & CALL_DROPS_DUE)
            last = act;
        else if (!(act->call->does & CALL_READS_ONLY) && act->ended > ended)
            ended = act->ended;
    }
    return last && has_succeeded(last) && last->began > ended;
}

/* Whether all is more than a limit allows; part of it is the oldest segment's,
   and a large one goes when what is behind it reaches the limit. */
static bool is_passed(uint64_t all, uint64_t part, uint64_t limit)
{
    return limit > 0 && all > limit &&
           (part <= limit - limit / 4 || all - part >= limit);
}

/* Whether a cursor stands before next. */
static bool is_unread(struct clog *log, uint64_t next)
{
    struct clog_cursor cursor = {.id = 0};

    for (; clog_cursor_after(log, cursor.id, &cursor) == 0; cursor.id++)
        if (cursor.offset < next)
            return true;
    return false;
}

/* Limits are kept, but for what may not be dropped. */
static bool check_limits(struct look *look)
{
    const struct clog_status *status = &look->status;
    const struct clog_options *options = &look->world->options;
    struct clog_segment oldest = {0};

    if (look->after != AFTER_NOTHING || status->segments == 1 ||
        !has_retained(look->world) ||
        clog_segment(look->log, 0, 0, &oldest) < 0 ||
        ((options->flags & CLOG_KEEP_UNREAD) &&
         is_unread(look->log, oldest.next)))
        return true;
    if (is_passed(status->stored_bytes,
                  oldest.sizes[CLOG_STORE] + oldest.sizes[CLOG_INDEX] +
                      oldest.sizes[CLOG_STAMPS],
                  options->retain_bytes) ||
        is_passed(status->records, oldest.next - oldest.base,
                  options->retain_records))
        return problem(look,
                       "%llu bytes, %llu records after retain, "
                       "limits %llu, %llu",
                       (number)status->stored_bytes, (number)status->records,
                       (number)options->retain_bytes,
                       (number)options->retain_records);
    return true;
}

static bool check(struct look *look)
{
    struct clog_status status = {.size = sizeof(status)};
    struct clog_segment segment;

    /* A call that must not wait leaves what it frees to the next that may. */
    (void)clog_segment(look->log, 0, 0, &segment);
    clog_status(look->log, &status);
    look->status = status;
    if (!check_counts(look) || !check_records(look))
        return false;
    look->world->lost = look->lost;
    return look->lost ||
           (check_appends(look) && check_drops(look) && check_cursors(look) &&
            check_stream(look) && check_segments(look) && check_order(look) &&
            check_limits(look));
}

bool world_check(struct world *world, struct clog *log, enum world_after after)
{
    static struct look look;

    look = (struct look){
        .world = world, .log = log, .disk = world->disk, .after = after};
    for (uint64_t i = 0; i < world->act_count; i++)
        if (world->acts[i].problem[0] != '\0')
            (void)problem(&look, "%s: %s", world->acts[i].call->name,
                          world->acts[i].problem);
    return world->problem[0] == '\0' && check(&look);
}

/* --- Crashes -----------------------------------------------------------------
 */

static bool check_report(struct look *look, const struct clog_report *report)
{
    if (look->world->damaged ||
        (!report->rotten && !report->lost && !report->unverified &&
         !report->prefixes && !report->read_only))
        return true;
    return problem(look,
                   "reported: rotten %llu lost %llu unverified %llu "
                   "prefixes %llu read-only %d",
                   (number)report->rotten, (number)report->lost,
                   (number)report->unverified, (number)report->prefixes,
                   report->read_only);
}

/* Records below next are there if the power is cut now, whatever an earlier
   sync has lost. */
static bool check_durable(struct look *look, uint64_t next)
{
    struct memio *cut = memio_power_cut(look->disk, MEMIO_DROP, 1);
    struct clog_status status = {.size = sizeof(status)};
    struct clog *log = NULL;
    bool good = true;
    int r = log_open(memio_io(cut), "log", &look->world->options, NULL, &log);

    if (r < 0) {
        good = problem(look, "open once more: error %d", r);
    } else {
        clog_status(log, &status);
        if (status.next < next || status.oldest > look->status.oldest)
            good = problem(look, "%llu was called durable; left: [%llu, %llu)",
                           (number)next, (number)status.oldest,
                           (number)status.next);
        log_abandon(log);
    }
    memio_free(cut);
    return good;
}

static int close_log(struct look *look)
{
    int r = clog_close(look->log);

    look->log = NULL;
    return r;
}

/* It takes a record, makes it durable, and opens again as it was closed. */
static bool check_use(struct look *look)
{
    struct clog_options options = {.size = sizeof(options), .max_index = 4096};
    struct clog_report report = {0};
    uint64_t offset = 0;
    int r = close_log(look);

    if (r == 0)
        r = log_open(memio_io(look->disk), "log", &options, NULL, &look->log);
    if (r == 0)
        r = clog_append(look->log, "more", 4, 0, &offset);
    if (r == 0 && offset != look->status.next)
        r = -ERANGE;
    if (r == 0)
        r = clog_sync(look->log, offset + 1);
    if (r == 0 && !check_durable(look, offset + 1))
        return false;
    if (r == 0)
        r = close_log(look);
    if (r < 0)
        return problem(look, "it cannot be used: error %d", r);
    r = log_open(memio_io(look->disk), "log", &options, &report, &look->log);
    if (r == 0 && (!report.clean || report.note_count > 0) &&
        !look->world->damaged)
        r = -EUCLEAN;
    clog_report_done(&report);
    return r == 0 || problem(look, "the second open is not clean: %d", r);
}

/* Takes disk over. */
static bool check_disk(struct world *world, struct memio *disk,
                       enum world_after after)
{
    static struct look look;
    struct clog_report report = {0};
    bool good;
    int r;

    look = (struct look){.world = world, .disk = disk, .after = after};
    memio_set_capacity(disk, 0);
    r = log_open(memio_io(disk), "log", &world->options, &report, &look.log);
    if (r < 0) {
        look.log = NULL;
        good = problem(&look, "open: error %d", r);
    } else {
        good = check_report(&look, &report) && check(&look) &&
               check_durable(&look, look.status.durable) && check_use(&look);
    }
    clog_report_done(&report);
    if (look.log)
        log_abandon(look.log);
    memio_free(disk);
    return good;
}

bool world_check_kill(struct world *world)
{
    return check_disk(world, memio_kill(world->disk), AFTER_KILL);
}

bool world_check_cut(struct world *world, enum memio_loss loss, uint64_t seed)
{
    return check_disk(world, memio_power_cut(world->disk, loss, seed),
                      AFTER_CUT);
}
