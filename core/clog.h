/* SPDX-License-Identifier: MIT */
/*
 * clog.h - a commit log in a directory.
 *
 * A log is a sequence of records: 1 byte or more each, numbered by offset
 * from 0, never changed, offsets never used again. Records live in segments,
 * directories named by the offset of their first record; the newest, the
 * active segment, takes appends, the others are sealed. What lies on disk is
 * specified in FORMAT.md.
 *
 *     struct clog *log = NULL;
 *     uint64_t offset;
 *     int r = clog_open("/var/lib/mylog", NULL, NULL, &log);
 *     if (r == 0)
 *             r = clog_append(log, "hello", 5, 0, &offset);
 *     if (r == 0)
 *             r = clog_sync(log, offset + 1);
 *     clog_close(log);
 *
 * Results are 0, a count, or a negative errno. Outputs are called ret_*, come
 * last and are untouched on failure. A struct whose first member is its size
 * is set up by the caller with {.size = sizeof(...)}; a later version of the
 * library may know more members, behind those of this one, and works with
 * either size. A size that cannot be one is EINVAL. Every function may be
 * called from any thread unless its comment says otherwise. A process can hold
 * many logs.
 *
 * Three levels of durability. A record is *acknowledged* when the append has
 * returned: it survives the end of this process, by any signal. It is
 * *durable* when clog_sync() has covered it: it survives a power cut. What is
 * neither may be lost to a power cut, always from the end, and is never
 * replaced by wrong bytes.
 *
 * Errors that have one meaning everywhere:
 *
 *     ENOENT    no record or segment there: at or past next, or below oldest
 *     ESTALE    it was there when it was opened, and has been dropped since
 *     EIO       the record fails its checksum or lies in a lost segment; the
 *               device reported an error; a sync after a failed one
 *     EMSGSIZE  a record over max_record
 *     EROFS     the log takes no appends: opened read-only, or a sync or a
 *               roll-back failed; it stays so until it is opened again
 *     EAGAIN    CLOG_NOWAIT was given and the call would have to wait
 *     ENOSPC, EDQUOT, EFBIG
 *               as the filesystem said; nothing of the append remains
 *
 * The library prints nothing and starts no thread. It installs one SIGBUS
 * handler for the process whenever a log is opened and finds another one: a
 * mapped index that somebody truncates is then an error of the look-up, not
 * the end of the process. Any other SIGBUS goes on to the handler that was
 * there before. A thread that reads from a log has SIGBUS unblocked.
 */
#ifndef CLOG_H
#define CLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Lets a compiler see that parameter n is read too, for its size. */
#ifdef __has_attribute
#if __has_attribute(access)
#define CLOG_READS_SIZE(n) __attribute__((access(read_write, n)))
#endif
#endif
#ifndef CLOG_READS_SIZE
#define CLOG_READS_SIZE(n)
#endif

struct clog; /* an open log */
struct clog_note;
struct clog_view; /* something of it that is open for reading */

/* The largest max_record that may be asked for, in bytes: 64 MiB. */
#define CLOG_RECORD_LIMIT ((uint32_t)64 << 20)

/* Flags of appends, look-ups and reads. */
enum {
    CLOG_NOWAIT = 1 << 0, /* fail with EAGAIN rather than wait for a device */
    /* Reads of the stream go on at damaged records, which read as blanks. */
    CLOG_BLANK_DAMAGED = 1 << 1,
    /* A read of the stream ends where a record does, if one does within it. */
    CLOG_WHOLE = 1 << 2,
};

/* Flags of clog_open(). */
enum {
    CLOG_READ_ONLY = 1 << 0, /* write nothing at all; shared with others */
    CLOG_CREATE = 1 << 1,    /* make the directory if it is missing */
    /* On a full disk, make room by dropping the oldest segments rather than
       fail with ENOSPC. Segments are rolled at a quarter of the room that the
       log has and could have, so that there is one to drop. Nothing is dropped
       for an append that would not fit all the same, and no segment that
       somebody has a view of, or of a record of it: that would free nothing. */
    CLOG_DROP_OLDEST = 1 << 2,
    /* Drop nothing that a cursor has not read: limits wait, and an append that
       would pass one is ENOSPC; clog_drop() is EBUSY. With CLOG_DROP_OLDEST
       too, limits wait, appends do not, and what is unread goes only on a full
       disk, where there is no other way. */
    CLOG_KEEP_UNREAD = 1 << 3,
};

/*
 * What to open a log with. Zero means the default everywhere but in size, so
 * that `struct clog_options o = {.size = sizeof(o)}` is complete. A value out
 * of range is EINVAL, never quietly mended. E2BIG: size is larger than this
 * library's, and what lies behind is not zero: it asks for what this library
 * does not know.
 */
struct clog_options {
    size_t size;         /* sizeof(struct clog_options) */
    unsigned flags;      /* CLOG_READ_ONLY, CLOG_CREATE, CLOG_DROP_OLDEST,
                            CLOG_KEEP_UNREAD */
    uint32_t max_record; /* bytes in [1, CLOG_RECORD_LIMIT]; 1044480 */
    uint64_t max_store;  /* bytes in [1, 2^62]; a segment's store is rolled
                            before it would pass this; 256 MiB */
    uint64_t max_index;  /* bytes in [16, 2^40]; likewise of its index, down
                            to a multiple of 16; 64 MiB */
    /* Limits; zero is none. The oldest segments are dropped until the log is
       within them; the active one never is, but it is rolled early enough: at
       a quarter of a limit at the latest, also by clog_retain(). A segment that
       is larger than three quarters of a limit of bytes or records, from before
       there was that limit or by one large batch, is dropped when what lies
       behind it reaches the limit: a limit keeps what it allows; or when the
       disk is full, which would let nothing get behind it. */
    uint64_t retain_bytes;   /* of all stores, indexes and stamps */
    uint64_t retain_records; /* at least 4 */
    uint64_t retain_age_ns;  /* of a segment's last record */
    uint64_t segment_age_ns; /* a segment is rolled when its first record is
                                older; a quarter of retain_age_ns */
    /* Ages do not follow the time of day, which may be wrong for a while. What
       was appended since the log was opened is as old as the kernel's uptime
       says. What was there before is as old as its time says, if its checksum
       holds, or its file's where that time is still to come; but that nothing
       was appended for more than a minute before the log was opened, as the
       time of day has it, is believed when the log has been open for as long,
       or for an hour. From the opening on that too ages by the uptime. */
    /* Called now and then while open reads much; NULL for silence. done and
       total are bytes, done in [0, total]. Must not call into the log. */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx; /* borrowed until clog_open() returns */
    /* Called when damage is met while the log is open, that open did not know
       of; from any thread that reads, once for what is found; of records that
       the device cannot read, for the first few of a segment. And, from
       clog_retain(), once, when the log's files have been removed, and when
       ages matter and the time of day was set ahead. Must not call into the
       log. */
    void (*noticed)(void *ctx, const struct clog_note *note);
    void *noticed_ctx; /* borrowed until clog_close() */
    /* Bytes of a staging buffer, a power of two from 64 KiB to 64 MiB; 0: none,
       and each append is written to the files before it returns. With one,
       appends go into it, and from there many at a time to the files. It is a
       file that is mapped and shared, so what is in it outlives the process as
       what is in the files does; only this library finds it there. There is
       none where the filesystem cannot set room aside, or has no room for it:
       see clog_status.staging and staging_error. */
    uint64_t staging;
};

/* What a note of the report is about. */
enum clog_note_kind {
    CLOG_NOTE_REFUSED,    /* why clog_open() failed */
    CLOG_NOTE_TORN,       /* a torn tail was cut, and kept in quarantine/ */
    CLOG_NOTE_ROT,        /* damage that was left as it is: EIO when read */
    CLOG_NOTE_GAP,        /* offsets whose segment is missing: EIO */
    CLOG_NOTE_UNVERIFIED, /* records without stamps: served, unchecked */
    CLOG_NOTE_INDEX,      /* an index was rebuilt */
    CLOG_NOTE_PREFIX,     /* a length prefix is wrong, and is known better */
    CLOG_NOTE_READ_ONLY,  /* why the log takes no appends */
    CLOG_NOTE_FOREIGN,    /* not the log's, and left as it is */
    CLOG_NOTE_CLOCK,      /* the time of day was set far ahead */
    CLOG_NOTE_CURSOR,     /* a cursor that does not say where it stands */
};

/* One thing that open found, in the words of its file and place. */
struct clog_note {
    enum clog_note_kind kind;
    char file[64];     /* path below the log's directory, "" for itself */
    uint64_t offset;   /* first record concerned */
    uint64_t count;    /* records concerned; 0: none, or not known */
    uint64_t position; /* byte in file where it goes wrong */
    uint64_t bytes;    /* bytes cut; 0 where nothing was cut */
    int error;         /* negative errno, 0 if there was none */
    bool repaired;     /* what it is about has been mended on disk */
    char text[160];    /* what is wrong, without a newline */
};

/*
 * What open found and did. Filled whether open succeeds or not; release it
 * with clog_report_done(). Notes are bounded at 1000, the counts are not.
 */
struct clog_report {
    uint64_t segments;     /* segments found */
    uint64_t records;      /* records from oldest to next, gaps not counted */
    uint64_t scanned;      /* bytes of stores that were read */
    uint64_t torn_records; /* whole records in torn tails that were cut */
    uint64_t torn_bytes;   /* bytes of torn tails that were cut */
    uint64_t rotten;       /* records that read as EIO */
    uint64_t lost;         /* offsets in gaps */
    uint64_t unverified;   /* records without a stamp */
    uint64_t prefixes;     /* wrong length prefixes that are known better */
    uint64_t indexes;      /* indexes rebuilt */
    uint64_t replayed;     /* records that a killed process left staged */
    bool clean;            /* the last close was clean and its marker fits */
    bool same_boot;        /* the last writer ran under this very kernel */
    bool read_only;        /* the log takes no appends */
    struct clog_note *notes;
    size_t note_count;
};

void clog_report_done(struct clog_report *report);

/*
 * Opens the log in directory path. Without CLOG_READ_ONLY it is locked for
 * this process alone, recovered, and takes appends; with it, it is shared
 * with other read-only openers and nothing is written, whatever its state.
 * options and report may be NULL; both are borrowed for the call.
 *
 * May wait long: an unclean log's active segment is read whole.
 *
 * EWOULDBLOCK: another process holds it (clog_holder() tells which). ENOENT:
 * no directory and no CLOG_CREATE, or no parent. ENOTDIR, EACCES, EINVAL and
 * E2BIG (options). EUCLEAN: it is not a log, or not of a version known here;
 * the report's CLOG_NOTE_REFUSED names the file and the byte. On failure the
 * directory is as it was, except for a recovery that was under way, which
 * the next open goes on with.
 */
int clog_open(const char *path, const struct clog_options *options,
              struct clog_report *report, struct clog **ret_log);

/*
 * Reads the process id of the last writer that opened the log in path.
 * ENOENT: nobody has.
 */
int clog_writer(const char *path, pid_t *ret_pid);

/*
 * Finds a process that has the log in path open. ENOENT: none has, or the
 * kernel does not show it to this process.
 */
int clog_holder(const char *path, pid_t *ret_pid);

/*
 * Makes everything durable, marks the log clean if that worked, and frees
 * log, whatever is returned: the first error. NULL is 0. No other call may be
 * running or follow, and every view must be closed. May wait.
 */
int clog_close(struct clog *log);

/*
 * Appends one record of size bytes, or count records, all or nothing: a batch
 * has consecutive offsets, becomes readable at once, lies in one segment, and
 * survives a crash whole or not at all. *ret_offset is the first one's.
 * data is borrowed for the call; ret_offset may be NULL. flags: CLOG_NOWAIT.
 *
 * Acknowledged when it returns. It waits where the append must roll first: a
 * roll makes the full segment durable. EINVAL: an empty record or an empty
 * batch. EUCLEAN: the next segment's name is taken in the log's directory, by
 * something that this log has not made. On any error nothing is appended.
 */
int clog_append(struct clog *log, const void *data, size_t size, unsigned flags,
                uint64_t *ret_offset);
int clog_append_batch(struct clog *log, const struct iovec *records,
                      size_t count, unsigned flags, uint64_t *ret_offset);

/*
 * Appends one record if it gets that very offset. EEXIST: another record has
 * it. EPERM: offset is above next.
 */
int clog_append_at(struct clog *log, uint64_t offset, const void *data,
                   size_t size, unsigned flags);

/*
 * Waits until record offset has been appended. timeout_ms: -1 for ever.
 * ETIMEDOUT.
 */
int clog_wait(struct clog *log, uint64_t offset, int timeout_ms);

/*
 * Applies the limits that the log was opened with: drops what passes them, and
 * rolls the active segment where that is old or large. To be called again and
 * again, at least each second, where limits are to be kept on an idle log too;
 * appends alone do not drop. May wait. Returns how many segments were dropped.
 * An error does not keep what could be dropped from being dropped.
 *
 * A segment of 16 MiB or more that is a third full is synced here beside the
 * appends, and rolled a little before it is full; so the append that would have
 * had to do all that waits for less.
 *
 * It also looks whether the active segment has been removed by somebody, with
 * the log's directory or without. ESTALE: it has, and what is appended would be
 * gone with the process; so the log is read-only from here on.
 */
int clog_retain(struct clog *log);

/*
 * Drops the segment with that base. EBUSY: it is the active one, or not the
 * oldest, or a cursor has not read all of it (CLOG_KEEP_UNREAD). ENOENT. EROFS.
 * An open view of it or of a record of it stays readable; the stream reads
 * ESTALE there. Durable when it returns. Needs no free space.
 */
int clog_drop(struct clog *log, uint64_t base);

/*
 * The offset of the first record appended at or after time_ns, ns since the
 * epoch; of records with equal times the lowest. ENOENT: there is none yet.
 * flags: CLOG_NOWAIT.
 */
int clog_find(struct clog *log, uint64_t time_ns, unsigned flags,
              uint64_t *ret_offset);

/* The longest name of a cursor, in bytes. */
#define CLOG_CURSOR_NAME 200

/* A reading position with a name, that survives restarts. */
struct clog_cursor {
    uint64_t id; /* one more for each cursor made, for as long as it is open */
    char name[CLOG_CURSOR_NAME + 1];
    uint64_t offset; /* of the next record to read */
    uint64_t lag;    /* next - offset */
    uint64_t lost;   /* records dropped before they were read */
    bool damaged;    /* its file is, and none of the three is known: 0. With
                        CLOG_KEEP_UNREAD it has read nothing. It can be moved
                        and removed. */
};

/*
 * Makes a cursor at oldest, durably. EEXIST. EINVAL: name is empty, begins
 * with a dot, ends in ".new", or has a slash. ENAMETOOLONG. EROFS.
 */
int clog_cursor_make(struct clog *log, const char *name);

/* Forgets it, durably. ENOENT. EROFS. */
int clog_cursor_remove(struct clog *log, const char *name);

/*
 * Moves it; nothing else ever does. When this returns the move is durable, and
 * every record below it is, so that no crash can give its offset to another.
 * EINVAL: offset is above next. ENOENT. EROFS. May wait.
 */
int clog_cursor_move(struct clog *log, const char *name, uint64_t offset);

/* ENOENT. */
int clog_cursor_get(struct clog *log, const char *name,
                    struct clog_cursor *ret_cursor);

/* The cursor with the lowest id at or above id. ENOENT: there is none. */
int clog_cursor_after(struct clog *log, uint64_t id,
                      struct clog_cursor *ret_cursor);

/*
 * Makes every record below upto durable (upto over next means next). Calls
 * that run at the same time share one pair of fdatasyncs. Appends and reads
 * go on meanwhile. May wait. EIO, ENOSPC ...: the device refused; the log is
 * read-only from here on and records at or above status.durable are in doubt;
 * unless what is staged could not be written to the files, which may be tried
 * again, as clog_flush() may: status.writable tells. EROFS: the log is
 * read-only, and not all of them are known to be durable.
 */
int clog_sync(struct clog *log, uint64_t upto);

/*
 * Writes what is staged to the files, for those who look at these and not at
 * the log; so call it when nothing has been appended for a moment. Not
 * durable, and needed for nothing else: reads know what is staged, and syncs,
 * rolls and clog_close() flush by themselves. ENOSPC, EIO ...: nothing is lost,
 * and it may be tried again.
 */
int clog_flush(struct clog *log);

/* What was dropped, by cause; since the log was opened. */
struct clog_drops {
    uint64_t segments, records, bytes; /* of all causes; bytes of all files */
    uint64_t by_bytes, by_records, by_age, by_full, by_hand; /* segments */
};

/* The log at one moment. Counts of events are since it was opened. */
struct clog_status {
    size_t size;             /* sizeof(struct clog_status); set by the caller */
    uint64_t oldest;         /* first retained offset */
    uint64_t next;           /* next record's offset; oldest: log is empty */
    uint64_t durable;        /* records below this survive a power cut */
    uint64_t active;         /* base of the active segment */
    uint64_t segments;       /* segments, the active one included */
    uint64_t records;        /* next - oldest, less what is in gaps */
    uint64_t payload_bytes;  /* of all records */
    uint64_t stored_bytes;   /* of all stores, indexes and stamps */
    uint64_t stream_start;   /* position of oldest in the joined view */
    uint64_t stream_end;     /* the joined view's end */
    uint64_t appends;        /* batches appended */
    uint64_t appended;       /* records appended */
    uint64_t appended_bytes; /* payload bytes appended */
    uint64_t append_errors;  /* appends that failed, CLOG_NOWAIT's aside */
    uint64_t syncs;          /* pairs of fdatasyncs made */
    uint64_t rolls;
    uint64_t read_errors;     /* reads that ended in EIO */
    uint64_t indexes_rebuilt; /* at open and since */
    uint64_t prefixes_mended; /* records read past a wrong prefix */
    uint64_t oldest_time_ns;  /* append times, ns since the epoch; 0: empty */
    uint64_t last_time_ns;
    struct clog_drops drops;
    uint64_t pinned_segments; /* dropped, and still open somewhere */
    uint64_t pinned_bytes;    /* of their stores */
    uint64_t cursors;
    uint64_t staging; /* bytes of the staging buffer; 0: there is none */
    uint64_t staged;  /* bytes of the store in it that are not in the files */
    int sync_error;   /* the failed sync's errno; ESTALE: the log's files were
                         removed, see clog_retain(); 0 */
    bool writable;    /* the log takes appends */
    /* By how much the time of day was set ahead since the log was opened, ns;
       0: by less than a minute. Nothing ages by that. */
    uint64_t clock_ahead_ns;
    /* By how much what was there when the log was opened would be older by the
       time of day than it is taken to be, ns; see retain_age_ns. */
    uint64_t age_withheld_ns;
    /* Why there is no staging buffer though one was asked for: EOPNOTSUPP where
       the filesystem cannot set room aside, ENOSPC, EIO ...; 0. */
    int staging_error;
};

/*
 * Fills ret_status, as much of it as its size has room for; size itself, and
 * members that this library does not know, stay as they are. EINVAL: size is
 * none.
 */
int clog_status(struct clog *log, struct clog_status *ret_status)
    CLOG_READS_SIZE(2);

/* What open found; borrowed, valid until clog_close(). */
const struct clog_report *clog_open_report(const struct clog *log);

/* The bound on a record's length, in bytes. */
uint32_t clog_max_record(const struct clog *log);

/* Free and total bytes of the filesystem below the log. */
struct clog_space {
    uint64_t block_size;
    uint64_t blocks, blocks_free, blocks_available; /* in block_size */
    uint64_t records_available; /* records of one byte that would fit */
};
int clog_space(struct clog *log, struct clog_space *ret_space);

/* A record without its bytes. */
struct clog_record {
    uint64_t offset;
    uint64_t length;   /* of the payload, in bytes */
    uint64_t time_ns;  /* when it was appended, ns since the epoch */
    uint64_t segment;  /* base offset of its segment */
    uint64_t position; /* of its length prefix in the segment's store */
    uint32_t crc32c;   /* its stamp's checksum; 0 without a stamp */
    bool verifiable;   /* there is a stamp */
};

/*
 * Looks record offset up, by index and stamp alone: nothing is read from the
 * store and nothing is checked. An index entry that is impossible is mended
 * first; one that is wrong and possible gives a wrong length until the record
 * is opened or read, which mends it: clog_view_size() is right. ENOENT, EIO (in
 * a gap). flags: CLOG_NOWAIT.
 */
int clog_stat(struct clog *log, uint64_t offset, unsigned flags,
              struct clog_record *ret);

/* The first offset at or after offset that lies in no gap; next at the end. */
uint64_t clog_seek(struct clog *log, uint64_t offset);

/*
 * Reads record offset whole into data and checks it. Returns its length.
 * EMSGSIZE: it is longer than size. May wait.
 */
ssize_t clog_read(struct clog *log, uint64_t offset, void *data, size_t size);

/* The files of a segment. */
enum clog_file { CLOG_STORE, CLOG_INDEX, CLOG_STAMPS };

struct clog_segment {
    uint64_t base;         /* offset of its first record, and its name */
    uint64_t next;         /* one past its last record */
    uint64_t sizes[3];     /* by enum clog_file: logical size in bytes */
    uint64_t time_ns;      /* of its last record whose checksum holds, or the
                              next segment's first; else of its file */
    uint64_t stream_start; /* its first byte's position in the joined view */
    bool sealed;
};

/*
 * The first segment whose base is at or after base. ENOENT: there is none.
 * flags: CLOG_NOWAIT.
 */
int clog_segment(struct clog *log, uint64_t base, unsigned flags,
                 struct clog_segment *ret);

/* Where a record's payload lies in the joined view: the bytes [start, end). */
struct clog_span {
    uint64_t offset; /* the record's */
    uint64_t start, end;
};

/*
 * The record that holds the byte at that position of the joined view, by the
 * index alone. ENOENT: position is at or past the end. ESTALE: it has been
 * dropped. flags: CLOG_NOWAIT.
 */
int clog_stream_find(struct clog *log, uint64_t position, unsigned flags,
                     struct clog_span *ret_span);

/*
 * The position at which record offset begins in the joined view. Where there
 * is no such record it is that of the first one after it: of the oldest, if
 * offset has been dropped, of the one behind the gap that it lies in; the end
 * of the view, at or past next. flags: CLOG_NOWAIT.
 */
int clog_stream_position(struct clog *log, uint64_t offset, unsigned flags,
                         uint64_t *ret_position);

/*
 * A view is something that can be read at any position, like an open file:
 *
 * - a record. Its bytes are checked against its stamp at the first read.
 * - the stream: all records' payloads end to end, from stream position origin
 *   to the end of the log, growing. origin lies in [status.stream_start,
 *   status.stream_end]; stream positions never change while the log is open.
 *   Every record is checked before bytes of it are delivered. Records in
 *   gaps are not there.
 * - a file of a segment, raw and unchecked, at its logical size.
 *
 * A view holds a reference to its segment, no file descriptor. Calls on one
 * view must not overlap; views of one log are independent of each other.
 * Opening: ENOENT, EIO (in a gap), ENOMEM. flags: CLOG_NOWAIT; the others do
 * not wait.
 */
int clog_view_record(struct clog *log, uint64_t offset, unsigned flags,
                     struct clog_view **ret_view);
int clog_view_stream(struct clog *log, uint64_t origin,
                     struct clog_view **ret_view);
int clog_view_segment(struct clog *log, uint64_t base, enum clog_file file,
                      struct clog_view **ret_view);

/* The view's size at this moment, in bytes. */
uint64_t clog_view_size(const struct clog_view *view);

/*
 * Reads up to size bytes at position into data. Returns how many; 0 at the
 * end and past it. Fewer than size only at the end, before a record that
 * fails its check, where CLOG_NOWAIT got a part, or with CLOG_WHOLE. EIO: the
 * record at position fails its check. ESTALE: it has been dropped. flags:
 * CLOG_NOWAIT, CLOG_BLANK_DAMAGED, CLOG_WHOLE.
 *
 * With CLOG_BLANK_DAMAGED a record of the stream that fails its check, or that
 * the device cannot read, does not end the read: its bytes are spaces and the
 * last of them a newline, so that what is behind it lies where it did, and one
 * line stands for it. Where it was, options.noticed or the report of open has
 * said. EIO is then that no index says where records begin.
 */
ssize_t clog_view_read(struct clog_view *view, void *data, size_t size,
                       uint64_t position, unsigned flags);

/* NULL is allowed. May wait: the last view of a dropped segment frees its
   space. */
void clog_view_close(struct clog_view *view);

/* Closes it unless that would wait. EAGAIN: it would, and the view is open. */
int clog_view_try_close(struct clog_view *view);

/* One thing that clog_verify() found. */
struct clog_finding {
    struct clog_note note;
    const char *remedy; /* what a repair does, or why there is none */
    bool repairable;    /* a repair mends it without guessing */
    bool repaired;      /* ... and has */
};

struct clog_verify_options {
    size_t size; /* sizeof(struct clog_verify_options) */
    bool repair;
    /* Called for each finding, in order of segment; borrowed for the call. */
    void (*finding)(void *ctx, const struct clog_finding *finding);
    /* Called now and then; done in [0, total], bytes of all stores. */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};

struct clog_verify_result {
    size_t size; /* sizeof(struct clog_verify_result); set by the caller */
    uint64_t segments;
    uint64_t records; /* whose place is known */
    uint64_t good;    /* of them, those whose bytes match their checksum */
    uint64_t bytes;   /* of stores that were read */
    uint64_t next;    /* the log's next offset */
    uint64_t findings, repaired; /* findings; those that were repaired */
    bool clean;                  /* the last close was clean */
};

/*
 * Reads every byte of the log in directory path, which nobody may have open
 * (EWOULDBLOCK), and reports what is wrong. With repair it mends what can be
 * mended without guessing: an index is rebuilt, a wrong length prefix written
 * anew, a torn tail moved to quarantine/; no byte that may be somebody's is
 * destroyed: what is overwritten or cut is in quarantine/ first. Without, it
 * writes nothing. progress and finding may be NULL, and so may options, which
 * is a look without either. May wait long.
 *
 * EUCLEAN: it is not a log; the reason was reported as a finding. EIO: the
 * device could not be read. EINVAL, E2BIG: as of clog_open()'s options.
 */
int clog_verify(const char *path, const struct clog_verify_options *options,
                struct clog_verify_result *ret_result) CLOG_READS_SIZE(3);

/* The library's version, as "1.2.3". */
const char *clog_version(void);

#ifdef __cplusplus
}
#endif

#endif
