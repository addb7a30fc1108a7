/* SPDX-License-Identifier: MIT */
#include "recovery/decide.h"
#include "segment/stamps.h"

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void evidence_gather(const struct recovery *recovery, const struct found *found,
                     const struct scan *scan, struct evidence *ret_evidence)
{
    *ret_evidence = (struct evidence){
        .durable = max(max(recovery->durable, scan->durable), found->base),
        .same_boot = recovery->same_boot,
        .unread = scan->unread || recovery->unread,
        .store_size = found->sizes[CLOG_STORE],
        .stamps_size = found->sizes[CLOG_STAMPS],
        .index_count = found_slots(found, CLOG_INDEX),
        .stamps_count = found_slots(found, CLOG_STAMPS),
    };
    /* A crash leaves the file there; and where the kernel never died, or no
       writer ever ran, nothing but a hand empties it behind the index. */
    ret_evidence->stamps_missing =
        ret_evidence->store_size > 0 && ret_evidence->stamps_count == 0 &&
        (!found->present[CLOG_STAMPS] || !recovery->has_writer ||
         (recovery->same_boot && ret_evidence->index_count > 0));
}

/*
 * Whether record i, which does not check or is not there, may be the torn end
 * of the last write rather than damage. Below the durable offset nothing is
 * torn. Where the kernel never died, writes that were completed are all there,
 * store before stamps before index: a record that stamps or index know of was
 * written whole.
 */
static bool may_be_torn(const struct evidence *evidence, uint64_t base,
                        uint64_t i)
{
    if (base + i < evidence->durable)
        return false;
    return !evidence->same_boot ||
           (i >= evidence->stamps_count && i >= evidence->index_count);
}

/* The first record of a run that may be torn; the run's end if none. */
static uint64_t first_torn(const struct evidence *evidence, uint64_t base,
                           const struct run *run)
{
    uint64_t end = run->first + run->count;
    uint64_t i = run->first;

    if (run->verdict == VERDICT_PREFIX ||
        (run->verdict == VERDICT_UNVERIFIED && evidence->stamps_missing))
        return end;
    if (evidence->durable > base && evidence->durable - base > i)
        i = evidence->durable - base;
    if (evidence->same_boot && evidence->stamps_count > i)
        i = evidence->stamps_count;
    if (evidence->same_boot && evidence->index_count > i)
        i = evidence->index_count;
    return i < end ? i : end;
}

/* Whether record i's batch goes on in record i + 1. */
static bool goes_on(const struct segment *segment, uint64_t i)
{
    struct stamp stamp;

    return stamps_get(&segment->stamps, i, &stamp) == 0 &&
           (stamp.bits & STAMP_MORE) != 0;
}

/* Whether files end where the scan's last record does, its batch whole. */
static bool ends_well(const struct evidence *evidence, const struct scan *scan,
                      const struct segment *segment)
{
    uint64_t count = scan->extent.count;

    if (scan->extent.end != evidence->store_size)
        return false;
    if (evidence->stamps_missing)
        return true;
    if (evidence->stamps_size > count * SLOT_SIZE)
        return false;
    return count == 0 || count > evidence->stamps_count ||
           !goes_on(segment, count - 1);
}

/* The first record of a torn tail; UINT64_MAX when there is none. What the
   device cannot read is no torn write, and is not to be cut with one: another
   device, or another try, may read it. */
static uint64_t find_torn(const struct evidence *evidence,
                          const struct scan *scan,
                          const struct segment *segment)
{
    if (evidence->unread)
        return UINT64_MAX;
    for (size_t k = 0; k < scan->run_count; k++) {
        const struct run *run = &scan->runs[k];
        uint64_t i = first_torn(evidence, segment->base, run);

        if (i < run->first + run->count)
            return i;
    }
    if (!ends_well(evidence, scan, segment) &&
        may_be_torn(evidence, segment->base, scan->extent.count))
        return scan->extent.count;
    return UINT64_MAX;
}

/* Back to where the batch of record i begins, but not into what is durable:
   that was synced by whole batches. */
static uint64_t batch_start(const struct evidence *evidence,
                            const struct segment *segment, uint64_t i)
{
    while (i > 0 && segment->base + i > evidence->durable &&
           goes_on(segment, i - 1))
        i--;
    return i;
}

/* Whether some record below end is anything but good. */
static bool is_damaged(const struct scan *scan, uint64_t end)
{
    return scan->run_count > 0 && scan->runs[0].first < end;
}

/* Offsets that were given away stay so, also where nothing is left of their
   records. */
static uint64_t next_offset(const struct evidence *evidence,
                            const struct scan *scan,
                            const struct segment *segment,
                            const struct decision *decision)
{
    uint64_t count = decision->keep.count;

    if (evidence->unread)
        count = max(count, 1);
    if (!decision->cut && !ends_well(evidence, scan, segment)) {
        count = max(count, evidence->stamps_count);
        if (evidence->same_boot)
            count = max(count, evidence->index_count);
    }
    return max(segment->base + count, evidence->durable);
}

/* Whether appends may go on in the segment. Where nothing is left of it they
   must: the segment that would be begun instead has the same base. Then next
   is base, for whatever speaks of records that were there also keeps them from
   being cut. */
static bool is_sound(const struct evidence *evidence, const struct scan *scan,
                     const struct segment *segment,
                     const struct decision *decision)
{
    if (evidence->unread ||
        decision->next != segment->base + decision->keep.count)
        return false;
    if (decision->keep.count == 0)
        return true;
    return !is_damaged(scan, decision->keep.count) &&
           (decision->cut || ends_well(evidence, scan, segment)) &&
           !evidence->stamps_missing;
}

void decide_tail(const struct evidence *evidence, const struct scan *scan,
                 const struct segment *segment, struct decision *ret_decision)
{
    uint64_t torn = find_torn(evidence, scan, segment);
    struct decision decision = {.cut = torn != UINT64_MAX,
                                .keep = scan->extent};

    if (decision.cut) {
        decision.keep.count = batch_start(evidence, segment, torn);
        decision.keep.end = scan_position(scan, decision.keep.count);
    }
    decision.next = next_offset(evidence, scan, segment, &decision);
    decision.sound = is_sound(evidence, scan, segment, &decision);
    *ret_decision = decision;
}
