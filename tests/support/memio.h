/* SPDX-License-Identifier: MIT */
/*
 * memio.h - a disk in memory behind struct io, and what a crash leaves of it.
 *
 * It has directories, files, modes (checked as for an owner who is not root),
 * descriptors, locks and maps. Of each file it knows the bytes that reads see,
 * the bytes that the last successful sync made durable, and each write and
 * truncation since; of each directory likewise its entries. fsync and
 * fdatasync of a file make its bytes and size durable, not its name; fsync
 * also its mode. Only a sync of the directory makes names durable.
 *
 * A kill loses nothing. A power cut keeps what is durable and, by a seeded
 * choice, any of what is not: all, nothing, the first operations, some of
 * them, or for each sector of 512 bytes the contents of any moment since the
 * sync, with any size that the file had since; bytes that were being changed
 * may be garbage. A sector is never torn inside, and garbage never reaches
 * bytes that no write changed: otherwise no file could grow in place.
 * A directory keeps the first operations on it that were not synced, some,
 * all or none; without a journal any of them.
 *
 * Write-back can fail, as Linux fails it: what was to be written is lost for
 * good, reads see it still, and the error is told once to each descriptor of
 * the file, at its next sync; nobody who comes later hears of it. Sectors can
 * be unreadable, the disk can be full, and the page cache cold.
 *
 * Not thread-safe. Whatever is asked of it that it does not offer ends the
 * program, and so does lack of memory.
 */
#ifndef CLOG_TESTS_MEMIO_H
#define CLOG_TESTS_MEMIO_H

#include "io/io.h"
#include "segment/segment.h"

/* A file's limit, in bytes, and that of a map. */
#define MEMIO_FILE_LIMIT ((uint64_t)1 << 20)

/* What a power cut does; the seed decides the details. */
enum memio_loss {
    MEMIO_DROP,    /* nothing survives that is not durable */
    MEMIO_KEEP,    /* everything survives */
    MEMIO_ORDERED, /* the disk stood still at a moment since the sync */
    MEMIO_PREFIX,  /* likewise each file and directory for itself, and its
                      last write only in some of its sectors */
    MEMIO_SOME,    /* some writes survive, others do not */
    MEMIO_SECTORS, /* each sector is of any moment since the sync */
    MEMIO_GARBLED, /* likewise, or garbage */
    MEMIO_ZEROS,   /* sizes survive and bytes do not */
    MEMIO_LOSSES,
};

struct memio;

/* A disk with nothing but its root. */
struct memio *memio_new(void);
void memio_free(struct memio *memio); /* NULL is allowed */

/* The io of the disk; paths have one component, the names in its root. */
struct io *memio_io(struct memio *memio);

/* A disk as it is after its process was killed: the same boot id, unsynced
   changes still unsynced, no descriptors. */
struct memio *memio_kill(const struct memio *memio);

/* A disk as it may be after a power cut: another boot id, all of it durable. */
struct memio *memio_power_cut(const struct memio *memio, enum memio_loss loss,
                              uint64_t seed);

/*
 * Whether the filesystem has a journal, as it has at first. With it, a later
 * sync of a directory writes the names that a failed one has not. Without it
 * names survive a power cut in no order, and those of a failed sync are written
 * only if the directory has changed again.
 */
void memio_set_journal(struct memio *memio, bool journal);

/* Whether directories are as those of an overlay's lower layer: none can be
   renamed, which is EXDEV. */
void memio_set_lower(struct memio *memio, bool lower);

/* How many bytes the disk has, in pages of 4096; 0: without end. A directory
   takes a page, a write is short where the disk is full, and then ENOSPC. */
void memio_set_capacity(struct memio *memio, uint64_t bytes);

/* The bytes that are taken of it. */
uint64_t memio_used(const struct memio *memio);

/*
 * The n-th write-back from now of something of that type, IO_FILE or IO_DIR,
 * that has anything to write fails with that negative errno. n 0: none does.
 */
void memio_fail_write_back(struct memio *memio, enum io_type type, uint64_t n,
                           int error);

/* How many write-backs of something of that type there were. */
uint64_t memio_write_backs(const struct memio *memio, enum io_type type);

/* The kernel writes everything back, of its own accord. */
void memio_write_back(struct memio *memio);

/* What a failed sync does to the file, or without a journal to the names of
   the directory: they stay readable and count as written, and are not durable
   until they are written again. For io that fails a sync by itself. */
void memio_lose(struct io *io, int fd);

/* Whether nothing is in memory: a read that must not wait gets EAGAIN, and no
   map is cached. */
void memio_set_cold(struct memio *memio, bool cold);

/* The clock of io_ops.now and uptime, ns since the epoch; each look advances
   it. */
void memio_set_clock(struct memio *memio, int64_t now);

/*
 * The bytes of the file at path ("log/segments/..."), to look at or to damage
 * behind the log's back; NULL: there is no such file. Valid as long as the
 * disk is. Damage is seen by reads; a power cut would bring back what was
 * durable before it.
 */
uint8_t *memio_bytes(struct memio *memio, const char *path, uint64_t *ret_size);

/* Overwrites bytes of the file, durably. */
void memio_patch(struct memio *memio, const char *path, uint64_t at,
                 const void *data, size_t size);

/* Makes the file, where it is missing, and gives it that size, durably. */
void memio_resize(struct memio *memio, const char *path, uint64_t size);

/*
 * The sector of 512 bytes that has byte at of the file cannot be read any
 * more, until it is written whole: a read ends before it, or is EIO where it
 * begins there, and its page in a map is a SIGBUS. To write a part of it is EIO
 * too: the kernel reads the rest first.
 */
void memio_spoil(struct memio *memio, const char *path, uint64_t at);

/* Removes the file or the directory and all below it, durably. */
void memio_remove(struct memio *memio, const char *path);

/* Calls each for the names in the directory at path, as io_ops.list does.
   Nothing happens where there is no directory. */
int memio_list(struct memio *memio, const char *path, io_list_fn *each,
               void *ctx);

/* Whether quarantine/ of the log keeps exactly these bytes in a file that ends
   in ".store" or ".stamps". */
bool memio_keeps(struct memio *memio, enum clog_file file, const uint8_t *bytes,
                 uint64_t size);

#endif
