/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line.
 */
#ifndef CLOG_FS_DAEMON_OPTIONS_H
#define CLOG_FS_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct options {
    char *logdir;     /* as given; freed by options_done() */
    char *mountpoint; /* likewise */
    char *given;      /* all that stood behind -o, joined by commas; NULL: none;
                         likewise */
    bool help;
    bool version;
    bool fake; /* check the command line, and end */
    bool foreground;
    bool debug; /* foreground is set too */
    bool read_only;
    bool allow_other;
    bool sync_always;
    uint64_t sync_seconds; /* between syncs; 0: none */
    uint64_t max_store;    /* bytes; 0: the library's default, and below */
    uint64_t max_index;
    uint64_t max_record;
    uint64_t max_held;     /* bytes */
    uint64_t staging;      /* bytes of the buffer; 0: none */
    uint64_t retain_bytes; /* limits; 0: none, and below */
    uint64_t retain_records;
    uint64_t retain_age_ns;
    uint64_t segment_age_ns;
    bool drop_oldest;  /* on a full disk, drop rather than fail */
    bool keep_unread;  /* drop nothing that a cursor has not read */
    bool skip_damaged; /* streams go on at damaged records */
    uint64_t uid;
    uint64_t gid;
    uint64_t umask;
};

/*
 * Reads the command line. Prints on stderr what is wrong with it. EINVAL: it is
 * wrong. ENOMEM. The caller releases ret_options, also on failure.
 */
int options_parse(int argc, char **argv, struct options *ret_options);

void options_done(struct options *options);

/* Whether the log rolls by age or drops segments. */
bool options_retain(const struct options *options);

/*
 * Name i, from 0, of the options of the command line, with its value where
 * that is a word; NULL behind the last. Words for fstab alone are left out.
 */
const char *options_name(size_t i);

/* Prints the text of --help. */
void options_usage(FILE *file);

/*
 * Reads a number: digits of base, 8 or 10, alone. Where sized is true one of
 * K, M, G, T and P may stand behind them, powers of 1024, and with it a
 * fraction before it, which is rounded down to a byte. EINVAL: it is
 * something else, or out of [min, max].
 */
int options_number(const char *text, unsigned base, bool sized, uint64_t min,
                   uint64_t max, uint64_t *ret_number);

/*
 * Reads a duration: a number of seconds, or one with s, m, h, d or w behind
 * it, and a fraction then. *ret_ns is in ns. EINVAL: it is none, or out of
 * [1 second, 36500 days].
 */
int options_duration(const char *text, uint64_t *ret_ns);

/* Read a user or a group, by number, or by a name of the system's databases.
   EINVAL: there is none. */
int options_user(const char *text, uint64_t *ret_uid);
int options_group(const char *text, uint64_t *ret_gid);

#endif
