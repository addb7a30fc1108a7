/* SPDX-License-Identifier: MIT */
#include "log/stage.h"

#include <errno.h>

static bool is_on(const struct stage *stage)
{
    return stage->staging.map && !stage->off;
}

void stage_init(struct stage *stage, struct io *io)
{
    *stage = (struct stage){.io = io, .root = -1};
    atomic_init(&stage->written, UINT64_MAX);
}

/* Lets other threads know how much is staged. */
static void tell(struct stage *stage)
{
    atomic_store(&stage->written, stage->state.written);
    atomic_store_explicit(&stage->bytes,
                          stage->state.end - stage->state.written_end,
                          memory_order_relaxed);
}

/* What an earlier process left must not be believed by the next. */
static int forget(struct stage *stage)
{
    int r = io_unlink(stage->io, stage->root, STAGING_NAME, false);

    return r == -ENOENT ? 0 : r;
}

static int publish(struct stage *stage, const struct staged *state)
{
    int r = staging_publish(&stage->staging, state);

    if (r < 0)
        return r;
    stage->state = *state;
    tell(stage);
    return 0;
}

/* Publishes that all of extent is in the files. */
static int publish_written(struct stage *stage, uint64_t base,
                           const struct extent *extent)
{
    struct staged state = {
        .base = base,
        .next = base + extent->count,
        .end = extent->end,
        .written = base + extent->count,
        .written_end = extent->end,
        .time_ns = stage->state.time_ns,
    };

    return publish(stage, &state);
}

/* Sets room aside behind the extent: for so many records, and bytes of the
   store. */
static int set_aside(struct stage *stage, struct segment *active,
                     const struct extent *extent, const struct extent *more)
{
    uint64_t from = extent->count * SLOT_SIZE;
    uint64_t slots = more->count * SLOT_SIZE;
    int r = io_allocate(stage->io, active->store.fd, extent->end, more->end);

    if (r == 0)
        r = io_allocate(stage->io, active->stamps.fd, from, slots);
    if (r == 0)
        r = io_allocate(stage->io, active->index.fd, from, slots);
    if (r < 0)
        return r;
    stage->room_end = extent->end + more->end;
    stage->room_slots = extent->count + more->count;
    return 0;
}

/* Likewise for twice what the buffer can hold. */
static int set_much_aside(struct stage *stage, struct segment *active,
                          const struct extent *extent)
{
    struct extent more = {2 * stage->staging.slots,
                          2 * stage->staging.store_size};

    return set_aside(stage, active, extent, &more);
}

/* Whether less room might be had. */
static bool is_full(int r)
{
    return r == -ENOSPC || r == -EDQUOT || r == -EFBIG;
}

/* For a batch behind the extent, all of which is in the files: much, or, where
   there is no room for that, just as much as it takes. */
static int set_aside_for(struct stage *stage, struct segment *active,
                         const struct extent *extent,
                         const struct stage_append *append)
{
    struct extent more = {append->batch->count, append->bytes};
    int r = set_much_aside(stage, active, extent);

    if (!is_full(r))
        return r;
    /* What it has been given of it is missed by the other files. */
    stage_release(stage, active, extent);
    r = set_aside(stage, active, extent, &more);
    if (is_full(r))
        stage_release(stage, active, extent);
    return r;
}

static bool has_room(const struct stage *stage, const struct extent *extent,
                     uint64_t bytes, uint64_t count)
{
    return extent->end + bytes <= stage->room_end &&
           extent->count + count <= stage->room_slots;
}

int stage_open(struct stage *stage, size_t size,
               const struct staging_owner *owner, struct segment *active,
               const struct extent *extent)
{
    /* What was in an old one is in the files, and the log goes on. */
    int r = forget(stage);

    if (r < 0 || size == 0)
        return r;
    r = staging_make(&stage->staging, stage->io, stage->root, size, owner);
    if (r == 0)
        r = set_much_aside(stage, active, extent);
    if (r == 0)
        r = publish_written(stage, active->base, extent);
    if (r == 0) {
        segment_use_staging(active, &stage->staging);
        return 0;
    }
    atomic_store(&stage->error, r);
    stage_release(stage, active, extent);
    stage_done(stage);
    return forget(stage);
}

void stage_done(struct stage *stage)
{
    staging_done(&stage->staging);
}

int stage_flush(struct stage *stage, struct segment *active)
{
    int r;

    if (!is_on(stage) || stage->state.written == stage->state.next)
        return 0;
    r = segment_flush(active, &stage->staging, &stage->state);
    if (r == 0)
        tell(stage);
    return r;
}

/*
 * A page of the buffer cannot be written to. What is staged is written to the
 * files, and from now on appends go there. The map stays, for those who read
 * from it. A kill before the name is gone lets the next process replay what
 * the files have already.
 */
static int turn_off(struct stage *stage, struct segment *active)
{
    int r = segment_write_staged(active, &stage->staging, &stage->state);

    if (r < 0)
        return r;
    stage->off = true;
    atomic_store(&stage->error, -EIO);
    atomic_store(&stage->written, UINT64_MAX);
    atomic_store(&stage->bytes, 0);
    return forget(stage);
}

/* Makes room for a batch: in the buffer, and in the files behind it. */
static int make_room(struct stage *stage, struct segment *active,
                     const struct extent *extent,
                     const struct stage_append *append)
{
    size_t count = append->batch->count;
    int r;

    if (staging_has_room(&stage->staging, &stage->state, append->bytes,
                         count) &&
        has_room(stage, extent, append->bytes, count))
        return 0;
    if (append->nowait)
        return -EAGAIN;
    r = stage_flush(stage, active);
    if (r == 0 && !has_room(stage, extent, append->bytes, count))
        r = set_aside_for(stage, active, extent, append);
    return r;
}

static int put(struct stage *stage, struct segment *active,
               const struct extent *extent, const struct stage_append *append,
               struct extent *ret_extent)
{
    struct staged grown;
    int r = segment_reserve(active, extent->count + append->batch->count);

    if (r == 0)
        r = make_room(stage, active, extent, append);
    if (r < 0)
        return r;
    r = staging_put(&stage->staging, &stage->state, append->batch, &grown);
    if (r == 0)
        r = publish(stage, &grown);
    if (r == 0)
        *ret_extent = (struct extent){grown.next - grown.base, grown.end};
    return r;
}

int stage_append(struct stage *stage, struct segment *active,
                 const struct extent *extent, const struct stage_append *append,
                 struct appended *ret)
{
    bool fits = is_on(stage) && staging_fits(&stage->staging, append->bytes,
                                             append->batch->count);
    int r;

    if (fits) {
        r = put(stage, active, extent, append, &ret->extent);
        if (r == -EIO && turn_off(stage, active) < 0)
            ret->remains = REMAINS_MORE;
        return r;
    }
    if (append->nowait && stage->state.written < stage->state.next)
        return -EAGAIN;
    r = stage_flush(stage, active);
    if (r == 0)
        r = segment_append(active, extent, append->batch, append->scratch, ret);
    if (r < 0 || !is_on(stage))
        return r;
    /* The batch is in the files; without a buffer it would have been, too. */
    if (publish_written(stage, active->base, &ret->extent) < 0 &&
        turn_off(stage, active) < 0)
        ret->remains = REMAINS_MORE;
    return 0;
}

int stage_follow(struct stage *stage, struct segment *active)
{
    int r;

    if (!is_on(stage))
        return 0;
    segment_use_staging(active, &stage->staging);
    r = publish_written(stage, active->base, &(struct extent){0});
    if (r < 0)
        return turn_off(stage, active);
    /* If there is no room the next append says so. */
    stage->room_end = stage->room_slots = 0;
    return 0;
}

void stage_release(struct stage *stage, struct segment *sealed,
                   const struct extent *extent)
{
    uint64_t slots = extent->count * SLOT_SIZE;

    if (!stage->staging.map)
        return;
    (void)io_truncate(stage->io, sealed->store.fd, extent->end);
    (void)io_truncate(stage->io, sealed->stamps.fd, slots);
    (void)io_truncate(stage->io, sealed->index.fd, slots);
}
