/* SPDX-License-Identifier: MIT */
#include "recovery/replay.h"

#include "recovery/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

static int note(struct recovery *recovery, int error, const char *text)
{
    struct clog_note *note =
        report_note(recovery->report, CLOG_NOTE_ROT, NULL, STAGING_NAME, text);

    note->error = error;
    report_tell(recovery, note, 0);
    return 0;
}

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* From now on the segment has what is staged. */
static void grow(struct found *found, const struct staged *state)
{
    uint64_t slots = (state->next - state->base) * SLOT_SIZE;

    found->sizes[CLOG_STORE] = max(found->sizes[CLOG_STORE], state->end);
    found->sizes[CLOG_STAMPS] = max(found->sizes[CLOG_STAMPS], slots);
    found->sizes[CLOG_INDEX] = max(found->sizes[CLOG_INDEX], slots);
}

static int write_files(struct recovery *recovery, const struct staged *state)
{
    struct segment segment;
    int r = segment_open_active(&segment, recovery->io, recovery->segments,
                                state->base, 0);

    if (r < 0)
        return r;
    r = segment_write_staged(&segment, &recovery->staging, state);
    segment_done(&segment);
    return r;
}

static int replay_into(struct recovery *recovery, struct found *found,
                       const struct staged *state)
{
    int r = -EROFS;

    if (!recovery->read_only)
        r = write_files(recovery, state);
    if (r == -EROFS || r == -ENOSPC || r == -EDQUOT || r == -EFBIG)
        recovery->read_only = true;
    else if (r < 0)
        return r;
    grow(found, state);
    recovery->report->replayed = state->next - state->written;
    return 0;
}

/* Under which kernel this is cannot be told, so neither whether a buffer that
   lies there counts; without one it does not matter. */
static int refuse(struct recovery *recovery)
{
    struct io_stat st;
    int r = io_statat(recovery->io, recovery->root, STAGING_NAME, &st);

    return r == -ENOENT
               ? 0
               : report_refused(recovery, NULL, STAGING_NAME,
                                recovery->owner_error,
                                "whether it is of this kernel cannot be told: "
                                "no boot id");
}

int replay(struct recovery *recovery)
{
    struct found *last =
        recovery->count ? &recovery->found[recovery->count - 1] : NULL;
    struct staged state;
    int r;

    if (recovery->owner_error < 0)
        return refuse(recovery);
    r = staging_load(&recovery->staging, recovery->io, recovery->root,
                     &recovery->owner);
    if (r == 0)
        r = staging_state(&recovery->staging, &state);
    if (r == -ENOENT || r == -ESTALE)
        return 0;
    if (r == -EUCLEAN)
        return note(recovery, r,
                    "the staging buffer's head is damaged: what it held is "
                    "lost");
    if (r < 0)
        return report_refused(recovery, NULL, STAGING_NAME, r,
                              "cannot be read");
    if (state.next == state.written)
        return 0;
    if (!last || last->base != state.base)
        return note(recovery, -EUCLEAN,
                    "its segment is not the last one: what it held is lost");
    return replay_into(recovery, last, &state);
}
