/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include "bytes.h"
#include "index.h"
#include "stamps.h"

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
    uint64_t budget;       /* bytes that looking for a way may still read */
    uint64_t by_prefix_to; /* up to this record prefixes are confirmed */
    uint64_t by_index_to;  /* likewise index entries */
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
static int checks_within(struct scanner *s, uint64_t i, uint64_t position,
                         uint64_t length, bool *ret)
{
    *ret = false;
    if (length > s->budget)
        return 0;
    s->budget -= length;
    return checks(s, i, position, length, ret);
}

/* Follows prefixes from record i on, of the given length, to the first that
   checks; the frames up to there are confirmed. *ret_end is the number that
   they lead to at the store's very end, behind the last stamp; 0: neither. */
static int confirm_prefixes(struct scanner *s, uint64_t i, uint64_t position,
                            uint64_t length, uint64_t *ret_end)
{
    bool good = false;
    int r = 0;

    *ret_end = 0;
    while (r == 0 && length > 0 && !good) {
        position += RECORD_PREFIX + length;
        i++;
        if (position == s->in->store_size) {
            *ret_end = i >= s->in->stamps_count ? i : 0;
            return 0;
        }
        r = by_prefix(s, position, &length);
        if (r == 0)
            r = checks_within(s, i, position, length, &good);
    }
    if (r == 0 && good)
        s->by_prefix_to = i;
    return r;
}

/* The same by the index: entries must rise, and one must lead to a record that
   checks. */
static int confirm_entries(struct scanner *s, uint64_t i, uint64_t position)
{
    bool good = false;
    int r = 0;

    while (r == 0 && !good && ++i < s->in->index_count) {
        uint64_t next;
        uint64_t length = 0;

        if (index_get(&s->in->segment->index, s->in->segment->base, i, &next) <
                0 ||
            next <= position || next - position <= RECORD_PREFIX ||
            !fits(s, position, next - position - RECORD_PREFIX))
            return 0;
        position = next;
        r = checks_within(s, i, position, by_index(s, i, position), &good);
        if (r == 0 && !good)
            r = by_prefix(s, position, &length);
        if (r == 0 && !good)
            r = checks_within(s, i, position, length, &good);
    }
    if (r == 0 && good)
        s->by_index_to = i;
    return r;
}

/* Looks in the bytes behind position for the length that the checksum of
   record i fits: there the record's end is, or chance, 1 in 2^32 a byte; so
   what follows must check too, or be the end. 0: there is none. */
static int find_length(struct scanner *s, uint64_t i, uint64_t position,
                       uint64_t *ret_length)
{
    struct stamp stamp;
    uint64_t length = 0;
    uint64_t end = 0;
    crc_t crc;

    if (i >= s->in->stamps_count ||
        stamps_get(&s->in->segment->stamps, i, &stamp) < 0)
        return 0;
    crc = record_crc_start(s->in->segment->base + i, position, &stamp);
    while (fits(s, position, length + 1) && s->budget > 0) {
        const uint8_t *byte = NULL;
        size_t n = 1;
        int r = look(s, position + RECORD_PREFIX + length, 1, &byte, &n);

        if (r < 0)
            return r;
        crc = crc_add(crc, byte, 1);
        length++;
        s->budget--;
        if (record_crc_end(crc, length) != stamp.crc)
            continue;
        r = confirm_prefixes(s, i, position, length, &end);
        if (r < 0)
            return r;
        if (s->by_prefix_to > i || end > i) {
            *ret_length = length;
            return 0;
        }
    }
    return 0;
}

/* The frame of a record that does not check: 0 if nothing confirms it;
 *ret_end as above. */
static int frame_damaged(struct scanner *s, uint64_t i, uint64_t position,
                         uint64_t prefix, uint64_t entry, uint64_t *ret_length,
                         uint64_t *ret_end)
{
    int r = 0;

    *ret_length = 0;
    *ret_end = 0;
    if (prefix == entry || i < s->by_prefix_to)
        *ret_length = prefix;
    else if (i < s->by_index_to)
        *ret_length = entry;
    if (*ret_length > 0)
        return 0;
    if (prefix > 0)
        r = confirm_prefixes(s, i, position, prefix, ret_end);
    if (r == 0 && i < s->by_prefix_to) {
        *ret_length = prefix;
        return 0;
    }
    if (r == 0 && entry > 0)
        r = confirm_entries(s, i, position);
    if (r == 0 && i < s->by_index_to)
        *ret_length = entry;
    return r;
}

/* A record that has a stamp. */
static int frame_stamped(struct scanner *s, uint64_t i, uint64_t position,
                         uint64_t *ret_length, enum verdict *ret_verdict)
{
    uint64_t entry = by_index(s, i, position);
    uint64_t prefix = 0;
    uint64_t end = 0;
    bool good = false;
    int r = by_prefix(s, position, &prefix);

    if (r == 0)
        r = checks(s, i, position, prefix, &good);
    *ret_length = prefix;
    *ret_verdict = VERDICT_GOOD;
    if (r < 0 || good)
        return r;
    if (entry != prefix)
        r = checks(s, i, position, entry, &good);
    *ret_length = entry;
    *ret_verdict = VERDICT_PREFIX;
    if (r < 0 || good)
        return r;
    r = frame_damaged(s, i, position, prefix, entry, ret_length, &end);
    *ret_verdict = VERDICT_BAD;
    if (r < 0 || *ret_length > 0)
        return r;
    *ret_verdict = VERDICT_PREFIX;
    r = find_length(s, i, position, ret_length);
    if (r < 0 || *ret_length > 0 || end <= i)
        return r;
    /* Nothing speaks for these prefixes but where they end. */
    *ret_verdict = VERDICT_BAD;
    *ret_length = prefix;
    s->by_prefix_to = end;
    return 0;
}

/* A record without one: what prefix and index agree on is served. */
static int frame_unstamped(struct scanner *s, uint64_t i, uint64_t position,
                           uint64_t *ret_length, enum verdict *ret_verdict)
{
    uint64_t entry = by_index(s, i, position);
    uint64_t prefix = 0;
    int r = by_prefix(s, position, &prefix);

    *ret_verdict = prefix ? VERDICT_UNVERIFIED : VERDICT_BAD;
    *ret_length = prefix ? prefix : entry;
    if (r < 0 || prefix == entry || prefix == 0 || entry == 0)
        return r;
    /* They differ: the one whose next record is where it says. */
    if (by_index(s, i + 1, position + RECORD_PREFIX + entry) > 0) {
        uint64_t next = 0;

        r = by_prefix(s, position + RECORD_PREFIX + entry, &next);
        if (r == 0 && next > 0 &&
            next == by_index(s, i + 1, position + RECORD_PREFIX + entry)) {
            *ret_length = entry;
            *ret_verdict = VERDICT_BAD;
        }
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
        uint64_t length = 0;
        enum verdict verdict = VERDICT_BAD;
        int r = extent->count < s->in->stamps_count
                    ? frame_stamped(s, extent->count, extent->end, &length,
                                    &verdict)
                    : frame_unstamped(s, extent->count, extent->end, &length,
                                      &verdict);

        if (r == 0 && length == 0)
            return 0;
        if (r == 0)
            r = add_record(s, extent->count, extent->end, verdict);
        if (r < 0)
            return r;
        extent->count++;
        extent->end += RECORD_PREFIX + length;
        tell_progress(s, extent->end);
    }
    return 0;
}

int scan_segment(const struct scan_input *input, struct scan *ret_scan)
{
    struct scan scan = {0};
    struct scanner s = {.in = input, .out = &scan};
    int r;

    s.budget = 8 * input->store_size + WINDOW;
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
