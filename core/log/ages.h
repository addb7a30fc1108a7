/* SPDX-License-Identifier: MIT */
/*
 * ages.h - how old records are, whatever the time of day says.
 *
 * The time of day can be set, and for a moment or for long it is wrong: a
 * machine that has just started, a guest that was asleep, a hand that slipped.
 * What is dropped for its age is gone all the same. So what was appended since
 * the log was opened is as old as the kernel's uptime says, which nobody can
 * set. Of what was there before, only its time is known. How much before the
 * log's last record that was, is believed. That no more has been appended since
 * then, for as long as the time of day says, is believed where it is a minute
 * or less, or else when the log has been open for as long, or for an hour, and
 * the time of day still says so. From the opening on uptime counts here too.
 *
 * Times of day are ns since the epoch, uptimes ns since the kernel started; a
 * time of 0 or less is not known.
 */
#ifndef CLOG_LOG_AGES_H
#define CLOG_LOG_AGES_H

#include "log/lock.h"

#include <stdint.h>

/* What both clocks say. */
struct clocks {
    int64_t now, uptime;
};

struct ages {
    struct clocks opened; /* constant */
    int64_t last_ns;      /* constant: of the last record that was there */
    struct mutex lock;
    int64_t opened_ns; /* protected by lock: the time of day when the log was
                          opened; never more than opened.now */
    bool settled;      /* protected by lock: so it stays */
};

void ages_init(struct ages *ages);
void ages_done(struct ages *ages);

/* A stamp's or a file's time as one here: one that is too late is the end. */
int64_t ages_time(uint64_t time_ns);

/* The log is being opened, and that is the time of its last record. */
void ages_begin(struct ages *ages, const struct clocks *clocks,
                int64_t last_ns);

/* The age in ns of what was appended at that uptime. */
uint64_t ages_since(int64_t uptime, const struct clocks *clocks);

/* The age of what was there when the log was opened, and appended at time_ns:
   by a stamp that holds, or, where there is none or its time was not yet, by
   its file's last change. One that was not yet either is as old as that. */
uint64_t ages_before(struct ages *ages, int64_t time_ns,
                     const struct clocks *clocks);

/* By how much the time of day is ahead of where it was when the log was opened,
   uptime since then taken off; 0: by less than a minute. */
uint64_t ages_ahead(const struct ages *ages, const struct clocks *clocks);

/* By how much what was there before would be older by the time of day than it
   is taken to be; 0: there was nothing. */
uint64_t ages_withheld(struct ages *ages, const struct clocks *clocks);

#endif
