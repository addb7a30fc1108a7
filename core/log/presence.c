/* SPDX-License-Identifier: MIT */
#include "log/presence.h"

#include "log/cache.h"
#include "log/segments.h"
#include "recovery/metadata.h"
#include "recovery/report.h"

#include <errno.h>

static bool is_missing(struct io *io, int dir, const char *name)
{
    struct io_stat st;

    return io_statat(io, dir, name, &st) == -ENOENT;
}

/* Whether the part's store has lost its name, or a directory on the way there
   has. files are those of the active segment, or of one sealed meanwhile. */
static bool is_removed(struct clog *log, const struct part *part,
                       const struct segment *files)
{
    char base[SEGMENT_NAME];
    struct io_stat st;

    segment_name(part->base, base);
    if (is_missing(log->io, log->root, "segments") ||
        is_missing(log->io, log->dir, base) ||
        (files->dir >= 0 &&
         is_missing(log->io, files->dir, segment_files[CLOG_STORE])))
        return true;
    return io_stat(log->io, files->store.fd, &st) == 0 && st.links == 0;
}

/* One that has been sealed meanwhile may have been dropped as well. */
static bool is_active(struct clog *log, const struct part *part)
{
    struct part *active = NULL;
    bool same =
        segments_find_active(&log->segments, &active) == 0 && active == part;

    segments_put(&log->segments, active);
    return same;
}

static void tell(struct clog *log, const struct part *part)
{
    struct clog_report report = {0};

    if (log->options.noticed)
        log->options.noticed(
            log->options.noticed_ctx,
            report_note(&report, CLOG_NOTE_READ_ONLY, &part->base,
                        segment_files[CLOG_STORE],
                        "removed while the log was open: it takes no more "
                        "appends, and what is in it is gone once it is "
                        "closed"));
    clog_report_done(&report);
}

int presence_check(struct clog *log)
{
    struct segment *files = NULL;
    struct part *part = NULL;
    bool removed = false;
    int r = segments_find_active(&log->segments, &part);

    if (r == 0)
        r = cache_pin(&log->segments.cache, part, true, &files);
    if (r == 0) {
        removed = is_removed(log, part, files) && is_active(log, part);
        cache_unpin(&log->segments.cache, files);
    }
    if (removed) {
        durability_stop(&log->durability, -ESTALE);
        tell(log, part);
    }
    segments_put(&log->segments, part);
    return removed ? -ESTALE : 0;
}
