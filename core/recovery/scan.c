/* SPDX-License-Identifier: MIT */
#include "recovery/scan.h"

#include "io/bytes.h"
#include "segment/index.h"
#include "segment/stamps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW ((size_t)256 << 10) /* bytes of the store read at a time */

struct scanner {
    const struct scan_input *in;
    struct scan *out;
    uint8_t *window; /* owned; holds bytes [start, start + held) */
    uint64_t start;
    size_t held;
    uint64_t reported; /* progress was last told at this position */
    uint64_t index_capacity;
    size_t run_capacity;
    uint64_t prefix_budget; /* bytes that prefixes which lead nowhere may still
                               make it read */
    uint64_t length_budget; /* likewise the search for a length */
    uint64_t by_prefix_to;  /* up to this record prefixes are confirmed */
    uint64_t by_index_to;   /* likewise index entries */
    uint64_t no_entry_to;   /* from below here entries lead to none that checks
                             */
};

/* A record's frame. */
struct frame {
    uint64_t i, position;
    uint64_t prefix, entry; /* the length by prefix and by index; 0: none */
    uint64_t length;        /* what it is taken to be; 0: it is not known */
    enum verdict verdict;
};

/* Prefixes to follow, from the frame of a record on. */
struct chain {
    uint64_t i, position, length; /* of that record */
    uint64_t before;              /* not as far as this record */
    uint64_t *budget;
    uint64_t to;  /* found: the first record that checks, or the number at the
                     store's very end, behind the last stamp; 0: neither */
    bool checked; /* it is the former */
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

/* The bytes at position, at least 1 and at most size of them, in *ret_size.
   The caller has checked that they lie in the store. */
static int look(struct scanner *s, uint64_t position, size_t size,
                const uint8_t **ret, size_t *ret_size)
{
    ssize_t n;

    if (position < s->start || position >= s->start + s->held ||
        (size <= WINDOW && position + size > s->start + s->held)) {
        n = store_read(&s->in->segment->store, s->window, WINDOW, position,
                       false);
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        s->start = position;
        s->held = (size_t)n;
    }
    *ret = s->window + (position - s->start);
    *ret_size = (size_t)(s->start + s->held - position);
    if (*ret_size > size)
        *ret_size = size;
    return 0;
}

/* Whether a frame of that payload length fits the store at position. */
static bool fits(const struct scanner *s, uint64_t position, uint64_t length)
{
    return length > 0 && length <= CLOG_RECORD_LIMIT &&
           position <= s->in->store_size &&
           s->in->store_size - position >= RECORD_PREFIX &&
           length <= s->in->store_size - position - RECORD_PREFIX;
}

/* The length by the prefix at position, 0 if it is impossible. */
static int by_prefix(struct scanner *s, uint64_t position, uint64_t *ret)
{
    const uint8_t *bytes = NULL;
    size_t n = 0;
    uint64_t length;
    int r;

    *ret = 0;
    if (!fits(s, position, 1))
        return 0;
    r = look(s, position, RECORD_PREFIX, &bytes, &n);
    if (r < 0 || n < RECORD_PREFIX)
        return r < 0 ? r : -EIO;
    length = get_be64(bytes);
    *ret = fits(s, position, length) ? length : 0;
    return 0;
}

/* The length by where the index has record i + 1, 0 if it does not say. */
static uint64_t by_index(const struct scanner *s, uint64_t i, uint64_t position)
{
    uint64_t next = s->in->store_size;
    uint64_t length;

    if (i + 1 < s->in->index_count) {
        if (index_get(&s->in->segment->index, s->in->segment->base, i + 1,
                      &next) < 0)
            return 0;
    } else if (i + 1 != s->in->index_count) {
        return 0;
    }
    if (next <= position || next - position <= RECORD_PREFIX)
        return 0;
    length = next - position - RECORD_PREFIX;
    return fits(s, position, length) ? length : 0;
}

/* Whether the payload at position checks for record i with that length. */
static int checks(struct scanner *s, uint64_t i, uint64_t position,
                  uint64_t length, bool *ret)
{
    struct stamp stamp;
    crc_t crc;
    uint64_t left = length;

    *ret = false;
    if (length == 0 || i >= s->in->stamps_count ||
        stamps_get(&s->in->segment->stamps, i, &stamp) < 0)
        return 0;
    crc = record_crc_start(s->in->segment->base + i, position, &stamp);
    while (left > 0) {
        const uint8_t *bytes = NULL;
        size_t n = left < WINDOW ? (size_t)left : WINDOW;
        int r =
            look(s, position + RECORD_PREFIX + length - left, n, &bytes, &n);

        if (r < 0)
            return r;
        crc = crc_add(crc, bytes, n);
        left -= n;
    }
    *ret = record_crc_end(crc, length) == stamp.crc;
    return 0;
}

/* The same while looking for a way: nothing checks once the budget is gone, so
   that no damage can make a scan take for ever. */
static int checks_within(struct scanner *s, uint64_t *budget, uint64_t i,
                         uint64_t position, uint64_t length, bool *ret)
{
    *ret = false;
    if (length > *budget)
        return 0;
    *budget -= length;
    return checks(s, i, position, length, ret);
}

/* Follows prefixes to the first record that checks, or to the store's end. */
static int follow_prefixes(struct scanner *s, struct chain *chain)
{
    uint64_t i = chain->i;
    uint64_t position = chain->position;
    uint64_t length = chain->length;
    int r = 0;

    while (r == 0 && !chain->checked && length > 0 &&
           length <= *chain->budget && i + 1 < chain->before) {
        position += RECORD_PREFIX + length;
        i++;
        if (position == s->in->store_size) {
            chain->to = i >= s->in->stamps_count ? i : 0;
            return 0;
        }
        r = by_prefix(s, position, &length);
        if (r == 0)
            r = checks_within(s, chain->budget, i, position, length,
                              &chain->checked);
    }
    chain->to = chain->checked ? i : 0;
    return r;
}

/* Where the index has record i, if that can be behind position. */
static bool next_entry(const struct scanner *s, uint64_t i, uint64_t position,
                       uint64_t *ret_next)
{
    return index_get(&s->in->segment->index, s->in->segment->base, i,
                     ret_next) == 0 &&
           *ret_next > position && *ret_next - position > RECORD_PREFIX &&
           fits(s, position, *ret_next - position - RECORD_PREFIX);
}

/* Follows the index: entries must rise, and one must lead to a record that
   checks; those up to there are confirmed. No entry is followed twice, so what
   prefixes cost is not to keep the index from being asked. */
static int follow_entries(struct scanner *s, uint64_t i, uint64_t position)
{
    bool good = false;
    int r = 0;

    if (i < s->no_entry_to)
        return 0;
    while (r == 0 && !good && ++i < s->in->index_count &&
           next_entry(s, i, position, &position)) {
        uint64_t prefix = 0;
        uint64_t entry = by_index(s, i, position);

        r = checks(s, i, position, entry, &good);
        if (r == 0 && !good)
            r = by_prefix(s, position, &prefix);
        if (r == 0 && !good && prefix != entry)
            r = checks_within(s, &s->prefix_budget, i, position, prefix, &good);
    }
    if (good)
        s->by_index_to = i;
    else
        s->no_entry_to = i - 1; /* the first step was from this position */
    return r;
}

/* Looks in the bytes behind the prefix for the length that the checksum fits:
   there the record's end is, or chance, 1 in 2^32 a byte; so what follows must
   check too, or be the end. */
static int find_length(struct scanner *s, struct frame *f)
{
    struct chain chain = {.i = f->i,
                          .position = f->position,
                          .before = UINT64_MAX,
                          .budget = &s->length_budget};
    struct stamp stamp;
    crc_t crc;
    int r = 0;

    if (stamps_get(&s->in->segment->stamps, f->i, &stamp) < 0)
        return 0;
    crc = record_crc_start(s->in->segment->base + f->i, f->position, &stamp);
    while (r == 0 && chain.to == 0 && s->length_budget > 0 &&
           fits(s, f->position, chain.length + 1)) {
        const uint8_t *byte = NULL;
        size_t n = 1;

        r = look(s, f->position + RECORD_PREFIX + chain.length, 1, &byte, &n);
        if (r < 0)
            return r;
        crc = crc_add(crc, byte, 1);
        chain.length++;
        s->length_budget--;
        if (record_crc_end(crc, chain.length) == stamp.crc)
            r = follow_prefixes(s, &chain);
    }
    if (r < 0 || chain.to == 0)
        return r;
    f->length = chain.length;
    f->verdict = VERDICT_PREFIX;
    s->by_prefix_to = chain.to;
    return 0;
}

/* The frame of a record that does not check, by what confirms it; *ret_end is
   where else its prefix leads. Prefixes and entries alike can lead past records
   that are whole to one that checks: the nearer one counts. */
static int frame_damaged(struct scanner *s, struct frame *f, uint64_t *ret_end)
{
    struct chain chain = {.i = f->i,
                          .position = f->position,
                          .length = f->prefix,
                          .before = UINT64_MAX,
                          .budget = &s->prefix_budget};
    int r = 0;

    f->verdict = VERDICT_BAD;
    if (f->prefix == f->entry || f->i < s->by_prefix_to)
        f->length = f->prefix;
    else if (f->i < s->by_index_to)
        f->length = f->entry;
    if (f->length > 0)
        return 0;
    if (f->entry > 0)
        r = follow_entries(s, f->i, f->position);
    if (f->i < s->by_index_to)
        chain.before = s->by_index_to;
    if (r == 0)
        r = follow_prefixes(s, &chain);
    if (r < 0)
        return r;
    if (chain.checked) {
        f->length = f->prefix;
        s->by_prefix_to = chain.to;
    } else if (f->i < s->by_index_to) {
        f->length = f->entry;
    } else {
        *ret_end = chain.to;
    }
    return 0;
}

/* Takes length for the frame's if the checksum fits. */
static int try_length(struct scanner *s, struct frame *f, uint64_t length)
{
    bool good = false;
    int r = checks(s, f->i, f->position, length, &good);

    if (r < 0 || !good)
        return r;
    f->length = length;
    f->verdict = length == f->prefix ? VERDICT_GOOD : VERDICT_PREFIX;
    if (length != f->prefix)
        s->by_prefix_to = 0; /* those are other frames */
    return 0;
}

/*
 * Tries the lengths that prefix and index say. The index's sum to no more than
 * the store's size, and so do prefixes that are good; others may say anything,
 * and where they say more than the index they come last and have a budget.
 */
static int try_both(struct scanner *s, struct frame *f)
{
    bool longer = f->entry > 0 && f->entry < f->prefix;
    int r = try_length(s, f, longer ? f->entry : f->prefix);

    if (r < 0 || f->length > 0 || f->prefix == f->entry)
        return r;
    if (!longer)
        return try_length(s, f, f->entry);
    if (f->prefix > s->prefix_budget)
        return 0;
    r = try_length(s, f, f->prefix);
    if (f->length == 0)
        s->prefix_budget -= f->prefix;
    return r;
}

/* A record that has a stamp. */
static int frame_stamped(struct scanner *s, struct frame *f)
{
    uint64_t end = 0;
    int r = try_both(s, f);

    if (r == 0 && f->length == 0)
        r = frame_damaged(s, f, &end);
    if (r == 0 && f->length == 0)
        r = find_length(s, f);
    if (r < 0 || f->length > 0 || end == 0)
        return r;
    /* Nothing speaks for these prefixes but where they end. */
    f->length = f->prefix;
    f->verdict = VERDICT_BAD;
    s->by_prefix_to = end;
    return 0;
}

/* A record without one: what prefix and index agree on is served. */
static int frame_unstamped(struct scanner *s, struct frame *f)
{
    uint64_t behind = f->position + RECORD_PREFIX + f->entry;
    uint64_t prefix = 0;
    uint64_t entry;
    int r;

    f->verdict = f->prefix ? VERDICT_UNVERIFIED : VERDICT_BAD;
    f->length = f->prefix ? f->prefix : f->entry;
    if (f->prefix == f->entry || f->prefix == 0 || f->entry == 0)
        return 0;
    /* They differ: the one whose next record is where it says. */
    entry = by_index(s, f->i + 1, behind);
    if (entry == 0)
        return 0;
    r = by_prefix(s, behind, &prefix);
    if (r == 0 && prefix == entry) {
        f->length = f->entry;
        f->verdict = VERDICT_BAD;
    }
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

    if (stamps_get(&s->in->segment->stamps, i, &stamp) < 0)
        return;
    durable = stamp_durable(&stamp, s->in->segment->base + i);
    if (durable > s->out->durable)
        s->out->durable = durable;
    if (stamp.time_ns > s->out->time_ns)
        s->out->time_ns = stamp.time_ns;
}

static int add_record(struct scanner *s, uint64_t i, uint64_t position,
                      enum verdict verdict)
{
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
    if (!s->in->progress || position - s->reported < WINDOW)
        return;
    s->reported = position;
    s->in->progress(s->in->progress_ctx, position);
}

static int walk(struct scanner *s)
{
    struct extent *extent = &s->out->extent;

    while (extent->end < s->in->store_size && extent->count < s->in->limit) {
        struct frame f = {.i = extent->count, .position = extent->end};
        int r = by_prefix(s, f.position, &f.prefix);

        f.entry = by_index(s, f.i, f.position);
        if (r == 0)
            r = f.i < s->in->stamps_count ? frame_stamped(s, &f)
                                          : frame_unstamped(s, &f);
        if (r == 0 && f.length == 0)
            return 0;
        if (r == 0)
            r = add_record(s, f.i, f.position, f.verdict);
        if (r < 0)
            return r;
        extent->count++;
        extent->end += RECORD_PREFIX + f.length;
        tell_progress(s, extent->end);
    }
    return 0;
}

int scan_segment(const struct scan_input *input, struct scan *ret_scan)
{
    struct scan scan = {0};
    struct scanner s = {.in = input, .out = &scan};
    int r;

    s.prefix_budget = 8 * input->store_size + WINDOW;
    s.length_budget = s.prefix_budget;
    s.window = malloc(WINDOW);
    if (!s.window)
        return -ENOMEM;
    r = walk(&s);
    free(s.window);
    if (r < 0)
        scan_done(&scan);
    else
        *ret_scan = scan;
    return r;
}
