/* SPDX-License-Identifier: MIT */
#include "log/presence.h"

#include "log/cache.h"
#include "log/segments.h"
#include "recovery/metadata.h"
#include "recovery/report.h"

#include <errno.h>
#include <stdio.h>

#define PATH_SIZE (sizeof("segments/") + SEGMENT_NAME + sizeof("/store"))

/* Whether the part's store has lost its name. */
static bool is_removed(struct clog *log, const struct part *part,
                       const struct segment *files)
{
    char base[SEGMENT_NAME];
    char path[PATH_SIZE];
    struct io_stat st;

    segment_name(part->base, base);
    (void)snprintf(path, sizeof(path), "segments/%s/%s", base,
                   segment_files[CLOG_STORE]);
    if (io_statat(log->io, log->root, path, &st) == -ENOENT)
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
