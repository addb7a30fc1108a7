/* SPDX-License-Identifier: MIT */
/*
 * requests - FUSE requests, as a kernel might send them, into the daemon's
 * handlers: no kernel, a real log.
 *
 * As in the kernel's requests, lengths are those of the buffer, numbers are
 * unique, names end with a NUL, and file handles are ones that an open
 * returned. All else is arbitrary. Each request must be answered exactly
 * once, in a minute, with a length that is true.
 */
#include "fuzz.h"

#include "clog.h"
#include "daemon/options.h"
#include "files/handle.h"
#include "files/held.h"
#include "files/mount.h"
#include "files/node.h"
#include "files/text.h"
#include "serve/dispatch.h"
#include "serve/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define UNIQUES    1024                /* numbers of one input */
#define REQUESTS   96                  /* of one input */
#define FILES      8                   /* open at a time */
#define BODY_MAX   ((size_t)(1 << 20)) /* bytes that a write carries */
#define LOG_INPUTS 200                 /* inputs before a fresh log */
#define HEAD       sizeof(struct fuse_in_header)

/* What a request waits for. */
enum wait {
    WAIT_NOTHING, /* no such request, or answered */
    WAIT_ANSWER,
    WAIT_MAYBE, /* interrupts are answered where they come too early, */
    WAIT_GONE,  /* or have been followed by as many other requests */
};

struct host {
    struct options options;
    struct fs fs;
    struct fuse_session *session;
    char dir[4096];
    unsigned inputs;
    /* Of the input that runs. Protected by lock. */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    enum wait waits[UNIQUES];
    unsigned waiting;
    uint64_t base; /* unique number of the input's first request, less one */
    unsigned count;
    uint64_t wanted; /* the request whose answer has the next two */
    uint64_t handle;
    uint64_t node;
};

struct file {
    uint64_t handle, node;
    uint32_t flags;
};

static struct host host = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .answered = PTHREAD_COND_INITIALIZER,
};
static char request[HEAD + 128 + BODY_MAX];

static _Noreturn void wrong(const char *what, uint64_t value)
{
    (void)fprintf(stderr, "requests: %s: %llu\n", what,
                  (unsigned long long)value);
    abort();
}

/* --- Answers
 * ------------------------------------------------------------------ */

/* What look-ups, opens and creations answer. */
static void note_file(const char *data, size_t size)
{
    struct fuse_entry_out entry = {0};
    struct fuse_open_out file = {0};

    if (size >= sizeof(entry)) {
        memcpy(&entry, data, sizeof(entry));
        host.node = entry.nodeid;
        data += sizeof(entry);
        size -= sizeof(entry);
    }
    if (size == sizeof(file)) {
        memcpy(&file, data, sizeof(file));
        host.handle = file.fh;
    }
}

static void note_answer(const struct fuse_out_header *head,
                        const struct iovec *iov, int count)
{
    uint64_t i = head->unique - host.base;

    if (head->unique <= host.base || i >= UNIQUES)
        wrong("an answer to nothing", head->unique);
    if (host.waits[i] == WAIT_NOTHING)
        wrong("a second answer", i);
    if (host.waits[i] == WAIT_ANSWER)
        host.waiting--;
    host.waits[i] = WAIT_NOTHING;
    if (head->error > 0 || head->error < -133)
        wrong("no error number", (uint64_t)-head->error);
    if (count > 1 && head->unique == host.wanted)
        note_file(iov[1].iov_base, iov[1].iov_len);
}

static ssize_t take_answer(int fd, struct iovec *iov, int count, void *userdata)
{
    struct fuse_out_header head;
    size_t size = 0;

    (void)fd;
    (void)userdata;
    for (int i = 0; i < count; i++)
        size += iov[i].iov_len;
    if (iov[0].iov_len < sizeof(head))
        wrong("a short answer", iov[0].iov_len);
    memcpy(&head, iov[0].iov_base, sizeof(head));
    if (head.len != size)
        wrong("an answer of another length", head.len);
    if (head.unique == 0) /* the daemon's own word */
        return (ssize_t)size;
    (void)pthread_mutex_lock(&host.lock);
    note_answer(&head, iov, count);
    (void)pthread_cond_signal(&host.answered);
    (void)pthread_mutex_unlock(&host.lock);
    return (ssize_t)size;
}

/* Requests are handed over, never fetched. */
static ssize_t fetch(int fd, void *buffer, size_t size, void *userdata)
{
    (void)fd;
    (void)buffer;
    (void)size;
    (void)userdata;
    errno = EAGAIN;
    return -1;
}

static bool is_waiting(unsigned i)
{
    bool waiting;

    (void)pthread_mutex_lock(&host.lock);
    waiting = host.waits[i] == WAIT_ANSWER;
    (void)pthread_mutex_unlock(&host.lock);
    return waiting;
}

static void wait_for_answers(void)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    (void)pthread_mutex_lock(&host.lock);
    while (host.waiting > 0)
        if (pthread_cond_timedwait(&host.answered, &host.lock, &until) != 0)
            wrong("requests without an answer", host.waiting);
    (void)pthread_mutex_unlock(&host.lock);
}

/* --- Requests
 * ----------------------------------------------------------------- */

/* Sends what lies in `request` behind its head. */
static void send_request(uint32_t opcode, uint64_t node, size_t size,
                         enum wait wait)
{
    struct fuse_in_header head = {
        .len = (uint32_t)(HEAD + size),
        .opcode = opcode,
        .nodeid = node,
        .pid = 1,
    };
    struct fuse_buf buffer = {.size = head.len, .mem = request};

    (void)pthread_mutex_lock(&host.lock);
    head.unique = host.base + ++host.count;
    host.waits[host.count] = wait;
    host.waiting += wait == WAIT_ANSWER;
    host.wanted = head.unique;
    host.handle = 0;
    (void)pthread_mutex_unlock(&host.lock);
    memcpy(request, &head, sizeof(head));
    fuse_session_process_buf(host.session, &buffer);
}

/* The handle that the last request was answered with, 0 if none yet. */
static uint64_t answered_handle(void)
{
    uint64_t handle;

    (void)pthread_mutex_lock(&host.lock);
    handle = host.handle;
    host.wanted = 0;
    (void)pthread_mutex_unlock(&host.lock);
    return handle;
}

static size_t put(size_t at, const void *data, size_t size)
{
    memcpy(request + HEAD + at, data, size);
    return at + size;
}

/* Behind at, a name as the kernel would pass it on. */
static size_t put_name(size_t at, struct source *source)
{
    static const char *const names[] = {
        "append",
        "put",
        "log",
        "records",
        "first",
        "last",
        "status",
        "store",
        "index",
        "metrics.prom",
        "0",
        "1",
        "7",
        "segments",
        "stamps",
        "00000000000000000000",
        "007",
        "-1",
        "follow",
        "at",
        "c",
        "offset",
        "18446744073709551615",
        "18446744073709551616",
        "..",
        "cursors",
    };
    char name[256];
    uint8_t choice = take8(source);
    size_t n;

    if (choice < 2 * sizeof(names) / sizeof(names[0])) {
        (void)snprintf(name, sizeof(name), "%s", names[choice / 2]);
        n = strlen(name);
    } else {
        n = 1 + choice % 64U;
        take(source, name, n);
        for (size_t i = 0; i < n; i++)
            if (name[i] == '\0' || name[i] == '/')
                name[i] = 'x';
        name[n] = '\0';
    }
    return put(at, name, n + 1);
}

/* A node that there is, one that there might be, or any number. */
static uint64_t any_node(struct source *source)
{
    uint8_t choice = take8(source);
    uint64_t node = FUSE_ROOT_ID;

    if (choice < 64)
        (void)node_pack(
            (struct node){.kind = (enum node_kind)(1 + choice % NODE_KINDS),
                          .number = take8(source)},
            &node);
    else if (choice < 128)
        node = host.node;
    else if (choice < 160)
        node = take64(source);
    return node;
}

static struct file *any_file(struct file *files, struct source *source)
{
    struct file *file = &files[take8(source) % FILES];

    return file->handle ? file : NULL;
}

/* How many interrupts there were; from here on their answers are welcome. */
static unsigned forget_interrupts(void)
{
    unsigned count = 0;

    (void)pthread_mutex_lock(&host.lock);
    for (unsigned i = 1; i <= host.count; i++) {
        count += host.waits[i] == WAIT_MAYBE;
        if (host.waits[i] == WAIT_MAYBE)
            host.waits[i] = WAIT_GONE;
    }
    (void)pthread_mutex_unlock(&host.lock);
    return count;
}

/* Nothing is under way any more; what waits for something is interrupted, and
   interrupts that came too early are answered with the next request. */
static void settle(void)
{
    unsigned count = host.count;

    for (unsigned i = 1; i <= count; i++) {
        struct fuse_interrupt_in in = {.unique = host.base + i};

        if (is_waiting(i))
            send_request(FUSE_INTERRUPT, 0, put(0, &in, sizeof(in)),
                         WAIT_MAYBE);
    }
    wait_for_answers();
    for (count = forget_interrupts(); count > 0; count--)
        send_request(FUSE_STATFS, FUSE_ROOT_ID, 0, WAIT_ANSWER);
    wait_for_answers();
}

/* The kernel waits for a file's requests before it releases it. */
static void release(struct file *file)
{
    struct fuse_release_in in = {.fh = file->handle, .flags = file->flags};

    settle();
    send_request(FUSE_RELEASE, file->node, put(0, &in, sizeof(in)),
                 WAIT_ANSWER);
    file->handle = 0;
}

static void open_file(struct file *files, struct source *source)
{
    static const uint32_t flags[] = {
        O_RDONLY,           O_WRONLY, O_WRONLY | O_TRUNC,
        O_WRONLY | O_DSYNC, O_RDWR,   O_WRONLY | O_SYNC};
    struct file *file = &files[take8(source) % FILES];
    struct fuse_open_in in = {.flags = flags[take8(source) % 6]};

    if (file->handle)
        release(file);
    file->node = any_node(source);
    file->flags = in.flags;
    send_request(FUSE_OPEN, file->node, put(0, &in, sizeof(in)), WAIT_ANSWER);
    file->handle = answered_handle();
}

static void write_file(struct file *files, struct source *source)
{
    const struct file *file = any_file(files, source);
    struct fuse_write_in in = {.offset = take64(source)};
    uint8_t kind = take8(source);
    size_t there;

    if (!file)
        return;
    in.fh = file->handle;
    in.flags = file->flags;
    in.size = kind == 255 ? (uint32_t)(take64(source) % (BODY_MAX + 1)) : kind;
    memset(request + HEAD + sizeof(in), 'a' + kind % 3, in.size);
    there = kind < source->size ? kind : source->size;
    if (in.size >= there)
        take(source, request + HEAD + sizeof(in), there);
    (void)put(0, &in, sizeof(in));
    send_request(FUSE_WRITE, file->node, sizeof(in) + in.size, WAIT_ANSWER);
}

static void read_file(struct file *files, struct source *source)
{
    const struct file *file = any_file(files, source);
    struct fuse_read_in in = {0};

    if (!file)
        return;
    in.fh = file->handle;
    in.flags = file->flags;
    in.size = take16(source) * 17U;
    in.offset = take8(source) < 200 ? take16(source) : take64(source);
    send_request(FUSE_READ, file->node, put(0, &in, sizeof(in)), WAIT_ANSWER);
}

static void sync_file(struct file *files, struct source *source)
{
    const struct file *file = any_file(files, source);
    struct fuse_fsync_in in = {.fsync_flags = take8(source)};

    if (!file)
        return;
    in.fh = file->handle;
    send_request(FUSE_FSYNC, file->node, put(0, &in, sizeof(in)), WAIT_ANSWER);
}

static void read_dir(struct source *source)
{
    uint32_t opcode = take8(source) & 1 ? FUSE_READDIR : FUSE_READDIRPLUS;
    struct fuse_read_in in = {0};

    in.size = take16(source);
    in.offset = take8(source) < 200 ? take8(source) : take64(source);
    send_request(opcode, any_node(source), put(0, &in, sizeof(in)),
                 WAIT_ANSWER);
}

/* Requests whose arguments are a plain structure of arbitrary bytes. */
static const struct {
    size_t size;
    uint32_t opcode;
    unsigned names; /* behind it */
} plain[] = {
    {0, FUSE_LOOKUP, 1},
    {0, FUSE_LOOKUP, 1},
    {sizeof(struct fuse_getattr_in), FUSE_GETATTR, 0},
    {sizeof(struct fuse_setattr_in), FUSE_SETATTR, 0},
    {0, FUSE_READLINK, 0},
    {0, FUSE_SYMLINK, 2},
    {sizeof(struct fuse_mknod_in), FUSE_MKNOD, 1},
    {sizeof(struct fuse_mkdir_in), FUSE_MKDIR, 1},
    {0, FUSE_UNLINK, 1},
    {0, FUSE_RMDIR, 1},
    {sizeof(struct fuse_rename_in), FUSE_RENAME, 2},
    {sizeof(struct fuse_rename2_in), FUSE_RENAME2, 2},
    {sizeof(struct fuse_link_in), FUSE_LINK, 1},
    {0, FUSE_STATFS, 0},
    {sizeof(struct fuse_access_in), FUSE_ACCESS, 0},
    {sizeof(struct fuse_getxattr_in), FUSE_GETXATTR, 1},
    {sizeof(struct fuse_getxattr_in), FUSE_LISTXATTR, 0},
    {0, FUSE_REMOVEXATTR, 1},
    {sizeof(struct fuse_open_in), FUSE_OPENDIR, 0},
    {sizeof(struct fuse_fsync_in), FUSE_FSYNCDIR, 0},
    {sizeof(struct fuse_fallocate_in), FUSE_FALLOCATE, 0},
    {sizeof(struct fuse_lseek_in), FUSE_LSEEK, 0},
    {sizeof(struct fuse_poll_in), FUSE_POLL, 0},
    {sizeof(struct fuse_bmap_in), FUSE_BMAP, 0},
};

/* Their file handles, where they have one, are none: the daemon must not
   look at them. */
static void send_plain(struct source *source)
{
    size_t i = take8(source) % (sizeof(plain) / sizeof(plain[0]));
    uint64_t node = any_node(source);
    size_t size = plain[i].size;

    take(source, request + HEAD, size);
    for (unsigned k = 0; k < plain[i].names; k++)
        size = put_name(size, source);
    send_request(plain[i].opcode, node, size, WAIT_ANSWER);
}

static void create_file(struct file *files, struct source *source)
{
    struct file *file = &files[take8(source) % FILES];
    struct fuse_create_in in = {.flags = O_WRONLY | O_CREAT | take16(source)};
    uint64_t parent = any_node(source);

    if (file->handle)
        release(file);
    file->flags = in.flags;
    send_request(FUSE_CREATE, parent, put_name(put(0, &in, sizeof(in)), source),
                 WAIT_ANSWER);
    file->handle = answered_handle();
    file->node = host.node;
}

static void interrupt(struct source *source)
{
    struct fuse_interrupt_in in = {.unique = host.base + take8(source)};

    send_request(FUSE_INTERRUPT, 0, put(0, &in, sizeof(in)), WAIT_MAYBE);
}

static void forget(struct source *source)
{
    struct fuse_forget_in in = {.nlookup = take8(source)};

    send_request(FUSE_FORGET, any_node(source), put(0, &in, sizeof(in)),
                 WAIT_NOTHING);
}

static void send_one(struct file *files, struct source *source)
{
    struct file *file;

    switch (take8(source) % 13) {
    case 0:
    case 1:
        open_file(files, source);
        break;
    case 2:
    case 3:
    case 4:
        write_file(files, source);
        break;
    case 5:
        read_file(files, source);
        break;
    case 6:
        sync_file(files, source);
        break;
    case 7:
        read_dir(source);
        break;
    case 8:
        file = any_file(files, source);
        if (file)
            release(file);
        break;
    case 9:
        interrupt(source);
        break;
    case 10:
        forget(source);
        break;
    case 11:
        create_file(files, source);
        break;
    default:
        send_plain(source);
    }
}

/* --- The mount
 * ---------------------------------------------------------------- */

#ifdef PLANTED
/* The control: a handler that writes past its memory. */
static void planted_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    volatile char *end = malloc(24);

    if (end)
        end[strlen(name)] = '\0';
    free((void *)end);
    ops_table.lookup(req, parent, name);
}
#endif

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_log(void)
{
    if (host.dir[0] != '\0')
        (void)nftw(host.dir, remove_one, 16, FTW_PHYS | FTW_DEPTH);
}

static void make_session(void)
{
    static struct fuse_lowlevel_ops ops;
    static const struct fuse_custom_io io = {.writev = take_answer,
                                             .read = fetch};
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);

    ops = ops_table;
#ifdef PLANTED
    ops.lookup = planted_lookup;
#endif
    if (fuse_opt_add_arg(&args, "clog") < 0)
        wrong("no memory", 0);
    host.session = fuse_session_new(&args, &ops, sizeof(ops), &host.fs);
    fuse_opt_free_args(&args);
    if (!host.session ||
        fuse_session_custom_io(host.session, &io, eventfd(0, EFD_CLOEXEC)) != 0)
        wrong("no session", 0);
}

static void greet(void)
{
    struct fuse_init_in in = {.major = 7,
                              .minor = 38,
                              .flags = UINT32_MAX & ~(uint32_t)FUSE_INIT_EXT};

    send_request(FUSE_INIT, 0, put(0, &in, sizeof(in)), WAIT_ANSWER);
}

static void make_log(void)
{
    struct clog_options options = {
        .size = sizeof(options), .max_store = 8192, .max_index = 4096};
    const char *base = getenv("TMPDIR");
    int r;

    (void)snprintf(host.dir, sizeof(host.dir), "%s/clog-fuzz.XXXXXX",
                   base ? base : "/tmp");
    if (!mkdtemp(host.dir))
        wrong("no directory", (uint64_t)errno);
    r = clog_open(host.dir, &options, NULL, &host.fs.log);
    for (int i = 0; r == 0 && i < 300; i++)
        r = clog_append(host.fs.log, "some record\n", 12, 0, NULL);
    if (r < 0)
        wrong("no log", (uint64_t)-r);
}

static void start(void)
{
    char *argv[] = {"clog", "-omax_held=100K", "log", "mount", NULL};
    struct fs *fs = &host.fs;

    if (options_parse(4, argv, &host.options) < 0)
        wrong("no options", 0);
    *fs = (struct fs){.options = &host.options, .started_ns = 1};
    (void)pthread_mutex_init(&fs->handles_lock, NULL);
    make_log();
    fs->logdir = host.dir;
    held_init(&fs->held, fs->log, fs->logdir, host.options.max_held);
    make_session();
    if (work_start(fs, host.session, &fs->work) < 0)
        wrong("no threads", 0);
    greet();
}

static void stop(void)
{
    struct fs *fs = &host.fs;

    if (!fs->work)
        return;
    work_stop(fs->work);
    fs->work = NULL;
    handle_finish_all(fs);
    handle_close_all(fs);
    text_forget_all(fs);
    held_done(&fs->held);
    if (clog_close(fs->log) < 0)
        wrong("close", 0);
    fuse_session_destroy(host.session);
    options_done(&host.options);
    remove_log();
}

static void begin_input(void)
{
    host.base += UNIQUES;
    host.count = 0;
    memset(host.waits, 0, sizeof(host.waits));
    if (host.inputs == 0 && host.base == UNIQUES)
        (void)atexit(stop);
    if (host.inputs++ % LOG_INPUTS == 0) {
        stop();
        start();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source source = {data, size};
    struct file files[FILES] = {0};

    begin_input();
    for (int i = 0; i < REQUESTS && source.size > 0; i++)
        send_one(files, &source);
    for (int i = 0; i < FILES; i++)
        if (files[i].handle)
            release(&files[i]);
    settle();
    return 0;
}

/* An append and its reading, a put with a sync, a walk over names. */
size_t fuzz_seed(unsigned i, uint8_t *data)
{
    static const struct {
        uint8_t bytes[96];
        size_t size;
    } seeds[] = {
        {{0, 0, 1,   1,   0,   2,   0,   0,  0, 0, 0, 0, 0, 0,
          0, 6, 'h', 'e', 'l', 'l', 'o', 10, 6, 0, 0, 8, 0},
         27},
        {{0, 1, 3, 2,   0, 2, 1, 0, 0, 0, 0, 0,
          0, 0, 0, 255, 9, 9, 9, 0, 0, 0, 0, 0},
         24},
        {{11,  0, 0, 0, 0, 11,  0,   200, 6, 11, 2,
          200, 0, 0, 7, 0, 255, 255, 0,   0, 200},
         21},
        {{0, 2, 0, 3, 0, 5, 2, 255, 0, 0, 0, 0, 0, 8, 2}, 15},
        {{11, 0, 200, 255, 'x', 'y'}, 66},
    };

    if (i >= sizeof(seeds) / sizeof(seeds[0]))
        return 0;
    memcpy(data, seeds[i].bytes, seeds[i].size);
    return seeds[i].size;
}
