/* SPDX-License-Identifier: MIT */
/*
 * slots.h - a file of fixed 16-byte slots: written by appending, read through
 * a memory map.
 *
 * Slot i lies at i * 16, so that a look-up is one multiplication. The map is
 * read-only and shared with the page cache: a write is seen through it at
 * once, and no store through a pointer can ever reach the file. The map of a
 * file that grows may be larger than it; what is not there reads as EIO.
 *
 * How many slots count is not known here: the appender knows it.
 * slots_get() and slots_read() may run in any thread while another appends.
 */
#ifndef CLOG_SEGMENT_SLOTS_H
#define CLOG_SEGMENT_SLOTS_H

#include "clog.h"
#include "io/io.h"
#include "segment/slot.h"
#include "segment/staging.h"

#include <stddef.h>
#include <stdint.h>

struct slots {
    struct io *io;
    const struct staging *staging; /* borrowed; has slots that are not in the
                                      file yet; NULL: none */
    struct staged_file name;       /* for staging */
    int fd;                        /* owned; -1 when nothing is to be written */
    const uint8_t *map;            /* owned; NULL when the file has no bytes */
    size_t map_size;               /* bytes */
    uint8_t *memory;    /* owned; slots that stand for those of the file */
    size_t memory_size; /* bytes */
};

/*
 * Takes fd over, on failure too, and maps map_size bytes of it (0: none).
 * With keep it is kept open for slots_write(); otherwise it is closed, and the
 * map ends where the file does now.
 */
int slots_open(struct slots *slots, struct io *io, int fd, size_t map_size,
               bool keep);

/* Slots in memory alone, for a log that may not be written: takes over memory,
   from malloc(3), of size bytes, whatever the file holds. */
void slots_use(struct slots *slots, uint8_t *memory, size_t size);

void slots_done(struct slots *slots);

/* Maps at least size bytes. No other thread may use slots meanwhile. */
int slots_reserve(struct slots *slots, size_t size);

/* Writes size bytes of slots to the file from byte at on. */
int slots_write(struct slots *slots, const uint8_t *data, size_t size,
                uint64_t at);

/* Whole slots that can be asked for; of a file that grows, more than it has. */
uint64_t slots_count(const struct slots *slots);

/* Copies slot i. EIO: the file does not have it. */
int slots_get(const struct slots *slots, uint64_t i, uint8_t ret[SLOT_SIZE]);

/* Whether slots [i, i + count) can be copied without waiting for a device. */
bool slots_cached(const struct slots *slots, uint64_t i, uint64_t count);

/* Copies size bytes from byte at on. EIO: the file does not have them all. */
int slots_read(const struct slots *slots, void *data, size_t size, uint64_t at);

#endif
