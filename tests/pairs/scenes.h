/* SPDX-License-Identifier: MIT */
/*
 * scenes.h - what a log is like when two calls meet in it.
 */
#ifndef CLOG_TESTS_SCENES_H
#define CLOG_TESTS_SCENES_H

#include "world.h"

struct scene {
    const char *name;
    /* Calls that meet others, and those that they meet: names between blanks;
       NULL: all. */
    const char *first, *second;
    uint64_t max_store; /* bytes */
    uint64_t retain_bytes, retain_records, retain_age_ns;
    uint64_t cursor;    /* where "first" stands */
    uint64_t passes_ns; /* before the calls meet */
    unsigned flags;     /* of clog_open() */
    unsigned records;   /* that it begins with */
    int error;          /* negative errno of the write-back that fails */
    bool staged;        /* appends go through a buffer */
    bool fails;         /* a write-back does, of a file, or of a directory where
                           the filesystem is unjournaled */
    bool unjournaled;   /* is the filesystem */
    bool is_full;       /* the disk has no room for another segment */
    bool is_cold;       /* nothing is in the page cache */
    bool wrong_index;   /* the second entry of the oldest segment is wrong */
};

/* All of them; the last has no name. */
extern const struct scene scenes[];

/* Makes a world as it is before the scene, its log closed. The caller frees
   its disk. */
void scene_prepare(const struct scene *scene, struct world *ret_world);

/*
 * Sets the scene in a world of its own, whose log is open when this returns,
 * with one record that nobody has synced. Of a scene that fails, the n-th
 * write-back from here on does.
 */
void scene_set(const struct scene *scene, const struct world *prepared,
               uint64_t n, struct world *ret_world);

/* Whether the scene wants those two calls, by their names. */
bool scene_wants(const struct scene *scene, const char *first,
                 const char *second);

#endif
