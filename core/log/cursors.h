/* SPDX-License-Identifier: MIT */
/*
 * cursors.h - reading positions with names, that survive restarts.
 *
 * One file each, LOGDIR/cursors/NAME; FORMAT.md has its bytes. All of them are
 * held in memory. Nothing here knows the log that they are positions in.
 */
#ifndef CLOG_LOG_CURSORS_H
#define CLOG_LOG_CURSORS_H

#include "clog.h"
#include "io/io.h"
#include "log/durability.h"
#include "log/lock.h"

struct cursor;

struct cursors {
    struct io *io;
    struct durability *durability; /* borrowed: the gate of all syncs */
    int root;                      /* borrowed: the log's directory */
    int dir; /* owned; -1: there was no cursor yet; changes under changing */
    struct mutex changing; /* one change at a time; held while it is made
                              durable. The list changes under it and lock. */
    struct mutex lock;     /* protects what follows; never held in a wait */
    struct cursor *list;   /* owned; ids rise */
    size_t count;
    uint64_t ids; /* given so far */
};

void cursors_init(struct cursors *cursors, struct io *io,
                  struct durability *durability);
void cursors_done(struct cursors *cursors);

/* Loads all cursors in the log's directory, which recovery has made durable. A
   damaged one, which it has noted, stands at 0. */
int cursors_load(struct cursors *cursors, int root);

size_t cursors_count(struct cursors *cursors);

/* The lowest offset that a cursor has yet to read; UINT64_MAX if there is no
   cursor. */
uint64_t cursors_lowest(struct cursors *cursors);

/*
 * As clog_cursor_make() and so on; the caller has looked whether the log may be
 * written, and whether there is that offset. Where a directory cannot be synced
 * the log stops: no later sync could tell which file is there.
 */
int cursors_make(struct cursors *cursors, const char *name, uint64_t offset)
    EXCLUDES(cursors->changing, cursors->lock);
int cursors_remove(struct cursors *cursors, const char *name)
    EXCLUDES(cursors->changing, cursors->lock);
/* back: also where that is below where it stands, otherwise EAGAIN. */
int cursors_move(struct cursors *cursors, const char *name, uint64_t offset,
                 bool back) EXCLUDES(cursors->changing, cursors->lock);

/* As clog_cursor_get() and clog_cursor_after(), but for lag and lost. */
int cursors_get(struct cursors *cursors, const char *name,
                struct clog_cursor *ret_cursor) EXCLUDES(cursors->lock);
int cursors_after(struct cursors *cursors, uint64_t id,
                  struct clog_cursor *ret_cursor) EXCLUDES(cursors->lock);

#endif
