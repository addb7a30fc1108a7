/* SPDX-License-Identifier: MIT */
/*
 * scan.c - the ladder of FORMAT.md, "How a segment is read".
 *
 * Each record is taken by the first rung that holds; next_stamped() is the
 * list. Where a way past damage is found, all records that it leads past are
 * taken at once, so no record has to know what was found out for another.
 *
 * Nothing can make a scan take for ever: a record's own two lengths are tried
 * at a cost that does not depend on them, ways that lead nowhere use up fuel,
 * of which each record that is taken brings some, and the search for a length
 * fails but once, for then the scan is over.
 */
#include "recovery/scan.h"

#include "io/bytes.h"
#include "recovery/reader.h"
#include "segment/index.h"
#include "segment/stamps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TELL   ((uint64_t)256 << 10) /* progress is told each so many bytes */
#define NEAR   4096u /* bytes that are checked without more ado */
#define STEP   64u   /* of fuel: a step, whatever it reads */
#define RETURN 4u    /* of fuel for each byte that is taken */

/* How the next record is found from one that is damaged. */
enum way { BY_PREFIX, BY_INDEX, WAYS };

struct scanner {
    const struct scan_input *in;
    struct scan *out;
    struct reader reader;
    struct stamp stamp; /* the last that was asked for, of record stamp_of */
    uint64_t stamp_of;
    bool has_stamp;
    uint64_t told; /* progress was last told at this position */
    uint64_t index_capacity;
    size_t run_capacity;
    uint64_t fuel[WAYS]; /* bytes that may still be followed in vain */
};

/* Where record i may be, and how it is read there. */
struct spot {
    uint64_t i, position;
    enum reader_window window;
};

/* The length of a record by its prefix and by the index; 0: none. */
struct lengths {
    uint64_t prefix, entry;
};

/* Where a way has led. */
struct lead {
    uint64_t count; /* records to one that checks; 0: to none */
    uint64_t whole; /* records to the store's end, past the last stamp; or 0 */
    uint64_t used;  /* fuel */
};

void scan_done(struct scan *scan)
{
    free(scan->index);
    free(scan->runs);
    *scan = (struct scan){0};
}

uint64_t scan_position(const struct scan *scan, uint64_t i)
{
    if (i >= scan->extent.count)
        return scan->extent.end;
    return get_be64(scan->index + i * SLOT_SIZE + 8);
}

/* What cannot be read is as if it were not there; but it is known of. */
static int pass_unread(struct scanner *s, int r)
{
    if (r != READER_UNREAD)
        return r;
    s->out->unread = true;
    return 0;
}

/* A record's stamp is asked for more than once. */
static int get_stamp(struct scanner *s, uint64_t i, struct stamp *ret)
{
    int r = 0;

    if (!s->has_stamp || s->stamp_of != i)
        r = stamps_get(&s->in->segment->stamps, i, &s->stamp);
    s->has_stamp = r == 0;
    s->stamp_of = i;
    if (r == 0)
        *ret = s->stamp;
    return r;
}

/* Whether a frame of that payload length fits the store at position. */
static bool fits(const struct scanner *s, uint64_t position, uint64_t length)
{
    return length > 0 && length <= CLOG_RECORD_LIMIT &&
           position <= s->in->store_size &&
           s->in->store_size - position >= RECORD_PREFIX &&
           length <= s->in->store_size - position - RECORD_PREFIX;
}

static int by_prefix(struct scanner *s, const struct spot *at, uint64_t *ret)
{
    uint8_t prefix[RECORD_PREFIX] = {0};
    uint64_t length;
    int r;

    *ret = 0;
    if (!fits(s, at->position, 1))
        return 0;
    r = reader_copy(&s->reader, at->window, at->position, prefix,
                    sizeof(prefix));
    length = r < 0 ? 0 : get_be64(prefix);
    if (fits(s, at->position, length))
        *ret = length;
    return pass_unread(s, r);
}

/* The length by where the index has record i + 1. */
static uint64_t by_index(const struct scanner *s, const struct spot *at)
{
    uint64_t next = s->in->store_size;
    uint64_t length;

    if (at->i + 1 < s->in->index_count) {
        if (index_get(&s->in->segment->index, s->in->segment->base, at->i + 1,
                      &next) < 0)
            return 0;
    } else if (at->i + 1 != s->in->index_count) {
        return 0;
    }
    if (next <= at->position || next - at->position <= RECORD_PREFIX)
        return 0;
    length = next - at->position - RECORD_PREFIX;
    return fits(s, at->position, length) ? length : 0;
}

static int lengths_at(struct scanner *s, const struct spot *at,
                      struct lengths *ret)
{
    ret->entry = by_index(s, at);
    return by_prefix(s, at, &ret->prefix);
}

/* Whether the record checks with that length. Of one that is taken whatever
   comes of it, sure, every byte may be read. */
static int checks(struct scanner *s, const struct spot *at, uint64_t length,
                  bool sure, bool *ret)
{
    uint64_t from = at->position + RECORD_PREFIX;
    struct stamp stamp;
    crc_t crc;
    int r;

    *ret = false;
    if (length == 0 || at->i >= s->in->stamps_count)
        return 0;
    if (get_stamp(s, at->i, &stamp) < 0)
        return pass_unread(s, READER_UNREAD);
    crc = record_crc_start(s->in->segment->base + at->i, at->position, &stamp);
    r = sure || length <= NEAR
            ? reader_add(&s->reader, at->window, from, from + length, &crc)
            : reader_add_far(&s->reader, at->window, from, from + length, &crc);
    *ret = r == 0 && record_crc_end(crc, length) == stamp.crc;
    return pass_unread(s, r);
}

/* The one of both lengths with which the record checks; 0 if neither is. */
static int checked_length(struct scanner *s, const struct spot *at,
                          const struct lengths *both, uint64_t *ret)
{
    bool agree = both->prefix == both->entry;
    bool good = false;
    int r =
        checks(s, at, both->prefix, agree && at->window == READER_HERE, &good);

    *ret = good ? both->prefix : 0;
    if (r < 0 || good || agree)
        return r;
    r = checks(s, at, both->entry, false, &good);
    if (good)
        *ret = both->entry;
    return r;
}

static int step(struct scanner *s, enum way way, const struct spot *at,
                uint64_t *ret_length)
{
    if (way == BY_PREFIX)
        return by_prefix(s, at, ret_length);
    *ret_length = by_index(s, at);
    return 0;
}

/* Goes one record on. Returns false where the way ends. */
static int go_on(struct scanner *s, enum way way, struct spot *at,
                 bool *ret_there)
{
    uint64_t length = 0;
    int r = step(s, way, at, &length);

    at->i++;
    at->position += RECORD_PREFIX + length;
    *ret_there = r == 0 && length > 0;
    return r;
}

/* Whether the record there checks, by either of its lengths. */
static int checks_there(struct scanner *s, const struct spot *at, bool *ret)
{
    struct lengths both;
    uint64_t length = 0;
    int r = lengths_at(s, at, &both);

    if (r == 0)
        r = checked_length(s, at, &both, &length);
    *ret = length > 0;
    return r;
}

/* Follows a way from a record on, past at most so many, to one that checks, as
   far as the fuel lasts. A first step is always made. */
static int follow(struct scanner *s, enum way way, struct spot at,
                  uint64_t most, struct lead *ret)
{
    uint64_t first = at.i;
    uint64_t begun = s->reader.ahead;
    bool there = true;
    bool good = false;
    int r = 0;

    *ret = (struct lead){0};
    at.window = READER_AHEAD;
    while (r == 0 && !good && at.i - first < most && ret->used < s->fuel[way]) {
        r = go_on(s, way, &at, &there);
        if (r < 0 || !there)
            break;
        if (at.position == s->in->store_size) {
            if (at.i >= s->in->stamps_count)
                ret->whole = at.i - first;
            break;
        }
        r = checks_there(s, &at, &good);
        ret->used = s->reader.ahead - begun + STEP * (at.i - first);
    }
    if (good)
        ret->count = at.i - first;
    return r;
}

/* A way was followed in vain. */
static void charge(struct scanner *s, enum way way, const struct lead *lead)
{
    uint64_t used = lead->used;

    s->fuel[way] -= used < s->fuel[way] ? used : s->fuel[way];
}

/* Where a damaged record's prefix or the index leads to one that checks. Both
   can lead past records that are whole: the nearer counts, or else the index.
   Where neither leads, *ret_lead is of the prefixes. */
static int find_way(struct scanner *s, const struct spot *at, enum way *ret_way,
                    struct lead *ret_lead)
{
    struct lead leads[WAYS] = {{0}};
    int r = follow(s, BY_INDEX, *at, UINT64_MAX, &leads[BY_INDEX]);
    uint64_t index = leads[BY_INDEX].count;

    if (r == 0)
        r = follow(s, BY_PREFIX, *at, index > 0 ? index - 1 : UINT64_MAX,
                   &leads[BY_PREFIX]);
    *ret_way = index > 0 && leads[BY_PREFIX].count == 0 ? BY_INDEX : BY_PREFIX;
    *ret_lead = leads[*ret_way];
    for (enum way way = 0; way < WAYS; way++)
        if (way != *ret_way || ret_lead->count == 0)
            charge(s, way, &leads[way]);
    return r;
}

static int add_run(struct scanner *s, enum verdict verdict, uint64_t i,
                   uint64_t position)
{
    struct scan *out = s->out;
    struct run *last = out->run_count ? &out->runs[out->run_count - 1] : NULL;

    if (last && last->verdict == verdict && last->first + last->count == i) {
        last->count++;
        return 0;
    }
    if (out->run_count == s->run_capacity) {
        size_t capacity = s->run_capacity ? 2 * s->run_capacity : 16;
        struct run *runs =
            reallocarray(out->runs, capacity, sizeof(struct run));

        if (!runs)
            return -ENOMEM;
        out->runs = runs;
        s->run_capacity = capacity;
    }
    out->runs[out->run_count++] = (struct run){verdict, i, 1, position};
    return 0;
}

static int add_entry(struct scanner *s, uint64_t i, uint64_t position)
{
    if (i == s->index_capacity) {
        uint64_t capacity = s->index_capacity ? 2 * s->index_capacity : 1024;
        uint8_t *index = reallocarray(s->out->index, capacity, SLOT_SIZE);

        if (!index)
            return -ENOMEM;
        s->out->index = index;
        s->index_capacity = capacity;
    }
    index_put(s->out->index + i * SLOT_SIZE, s->in->segment->base + i,
              position);
    return 0;
}

static void learn_from_stamp(struct scanner *s, uint64_t i)
{
    struct stamp stamp;
    uint64_t durable;

    if (get_stamp(s, i, &stamp) < 0)
        return;
    durable = stamp_durable(&stamp, s->in->segment->base + i);
    if (durable > s->out->durable)
        s->out->durable = durable;
    if (stamp.time_ns > s->out->time_ns)
        s->out->time_ns = stamp.time_ns;
}

static int add_record(struct scanner *s, enum verdict verdict)
{
    uint64_t i = s->out->extent.count;
    uint64_t position = s->out->extent.end;
    int r = add_entry(s, i, position);

    if (r == 0 && verdict != VERDICT_GOOD)
        r = add_run(s, verdict, i, position);
    if (r < 0)
        return r;
    s->out->good += verdict == VERDICT_GOOD;
    s->out->prefixes += verdict == VERDICT_PREFIX;
    s->out->unverified += verdict == VERDICT_UNVERIFIED;
    s->out->bad += verdict == VERDICT_BAD;
    if (verdict == VERDICT_GOOD || verdict == VERDICT_PREFIX)
        learn_from_stamp(s, i);
    return 0;
}

static void tell_progress(struct scanner *s, uint64_t position)
{
    if (!s->in->progress || position - s->told < TELL)
        return;
    s->told = position;
    s->in->progress(s->in->progress_ctx, position);
}

/* Takes the next record, whose frame is known. */
static int take(struct scanner *s, enum verdict verdict, uint64_t length)
{
    struct extent *extent = &s->out->extent;
    int r = add_record(s, verdict);

    if (r < 0)
        return r;
    extent->count++;
    extent->end += RECORD_PREFIX + length;
    for (int way = 0; way < WAYS; way++)
        s->fuel[way] += STEP + RETURN * (RECORD_PREFIX + length);
    s->reader.here = extent->end;
    tell_progress(s, extent->end);
    return 0;
}

/* Takes count damaged records, whose frames are where the way leads. */
static int take_all(struct scanner *s, enum way way, uint64_t count)
{
    const struct extent *extent = &s->out->extent;
    int r = 0;

    while (r == 0 && count-- > 0 && extent->count < s->in->limit) {
        struct spot at = {extent->count, extent->end, READER_HERE};
        uint64_t length = 0;

        r = step(s, way, &at, &length);
        if (r == 0)
            r = take(s,
                     at.i < s->in->stamps_count ? VERDICT_BAD
                                                : VERDICT_UNVERIFIED,
                     length);
    }
    return r;
}

/* Whether the record before ends there: where the store does, the last stamp
   behind it, or where a record checks, or prefixes lead on to either. */
static int ends_there(struct scanner *s, const struct spot *at, bool *ret)
{
    struct lead lead = {0};
    int r = 0;

    *ret = at->position == s->in->store_size && at->i >= s->in->stamps_count;
    if (!*ret)
        r = checks_there(s, at, ret);
    if (r < 0 || *ret)
        return r;
    r = follow(s, BY_PREFIX, *at, UINT64_MAX, &lead);
    charge(s, BY_PREFIX, &lead);
    *ret = lead.count > 0 || lead.whole > 0;
    return r;
}

/* Looks in the bytes behind the prefix for the length that the checksum fits:
   there the record's end is, or chance, 1 in 2^32 a byte; so what follows must
   confirm it. */
static int find_length(struct scanner *s, const struct spot *at,
                       uint64_t *ret_length)
{
    struct spot next = {at->i + 1, at->position + RECORD_PREFIX, READER_AHEAD};
    uint64_t length = 0;
    bool found = false;
    struct stamp stamp;
    crc_t crc;
    int r = 0;

    if (get_stamp(s, at->i, &stamp) < 0)
        return 0;
    crc = record_crc_start(s->in->segment->base + at->i, at->position, &stamp);
    while (r == 0 && !found && fits(s, at->position, length + 1)) {
        r = reader_add(&s->reader, at->window, next.position, next.position + 1,
                       &crc);
        length++;
        next.position++;
        if (r == 0 && record_crc_end(crc, length) == stamp.crc)
            r = ends_there(s, &next, &found);
    }
    if (found)
        *ret_length = length;
    return pass_unread(s, r);
}

/* The next record, which has a stamp. Where none is taken is the end of what
   can be read. */
static int next_stamped(struct scanner *s)
{
    struct spot at = {s->out->extent.count, s->out->extent.end, READER_HERE};
    struct lengths both = {0};
    struct lead lead = {0};
    enum way way = BY_PREFIX;
    uint64_t length = 0;
    int r = lengths_at(s, &at, &both);

    if (r == 0)
        r = checked_length(s, &at, &both, &length);
    if (r == 0 && length > 0 && length == both.prefix) /* 1 */
        return take(s, VERDICT_GOOD, length);
    if (r == 0 && length > 0) /* 2 */
        return take(s, VERDICT_PREFIX, length);
    if (r == 0 && both.prefix > 0 && both.prefix == both.entry) /* 3 */
        return take(s, VERDICT_BAD, both.prefix);
    if (r == 0)
        r = find_way(s, &at, &way, &lead);
    if (r == 0 && lead.count > 0) /* 4 */
        return take_all(s, way, lead.count);
    length = 0;
    if (r == 0)
        r = find_length(s, &at, &length);
    if (r == 0 && length > 0) /* 5 */
        return take(s, VERDICT_PREFIX, length);
    if (r == 0 && lead.whole > 0) /* 6 */
        return take_all(s, BY_PREFIX, lead.whole);
    return r; /* 7 */
}

/* The next record, which has none: what prefix and index agree on is served. */
static int next_unstamped(struct scanner *s)
{
    struct spot at = {s->out->extent.count, s->out->extent.end, READER_HERE};
    struct lengths both = {0};
    struct lengths behind = {0};
    int r = lengths_at(s, &at, &both);

    if (r < 0 || (both.prefix == 0 && both.entry == 0))
        return r;
    if (both.prefix == 0)
        return take(s, VERDICT_BAD, both.entry);
    /* They differ: the one whose next record is where it says. */
    if (both.entry > 0 && both.prefix != both.entry) {
        struct spot next = {at.i + 1, at.position + RECORD_PREFIX + both.entry,
                            READER_AHEAD};

        r = lengths_at(s, &next, &behind);
    }
    if (r < 0)
        return r;
    if (behind.entry > 0 && behind.prefix == behind.entry)
        return take(s, VERDICT_BAD, both.entry);
    return take(s, VERDICT_UNVERIFIED, both.prefix);
}

static int walk(struct scanner *s)
{
    const struct extent *extent = &s->out->extent;
    uint64_t count = UINT64_MAX;
    int r = 0;

    while (r == 0 && extent->count != count &&
           extent->end < s->in->store_size && extent->count < s->in->limit) {
        count = extent->count;
        r = count < s->in->stamps_count ? next_stamped(s) : next_unstamped(s);
    }
    return r;
}

int scan_segment(const struct scan_input *input, struct scan *ret_scan)
{
    struct scan scan = {0};
    struct scanner s = {.in = input, .out = &scan};
    int r;

    reader_init(&s.reader, &input->segment->store, input->store_size);
    for (int way = 0; way < WAYS; way++)
        s.fuel[way] = RETURN * input->store_size + TELL;
    r = walk(&s);
    reader_done(&s.reader);
    if (r < 0)
        scan_done(&scan);
    else
        *ret_scan = scan;
    return r;
}
