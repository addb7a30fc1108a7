/* SPDX-License-Identifier: MIT */
/*
 * main.c - mounts a log and serves it.
 */
#include "clog.h"
#include "daemon/background.h"
#include "daemon/clock.h"
#include "daemon/message.h"
#include "daemon/mountpoint.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/progress.h"
#include "daemon/report.h"
#include "daemon/waiting.h"
#include "files/handle.h"
#include "files/mount.h"
#include "files/text.h"
#include "serve/session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* Exit statuses. */
enum {
    EXIT_USAGE = 1,
    EXIT_LOG = 2,     /* the log cannot be opened */
    EXIT_MOUNT = 3,   /* it cannot be mounted */
    EXIT_START = 4,   /* no memory, threads or background */
    EXIT_SERVE = 5,   /* the connection to the kernel broke */
    EXIT_UNCLEAN = 6, /* something could not be stored at the end */
};

struct daemon {
    struct options options;
    char *logdir;     /* absolute */
    char *mountpoint; /* absolute */
    int parent;       /* pipe to the waiting parent; -1: none */
    struct fs fs;
    struct session *session;
};

static void print_version(void)
{
    printf("clog %s\nlibfuse %s\n", clog_version(), session_library());
}

/* Messages would overwrite a file that got descriptor 1 or 2. */
static int keep_low_fds(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= 2);
    return fd < 0 ? -errno : close(fd);
}

static void print_open_error(const char *logdir,
                             const struct clog_report *report, int r)
{
    char holder[32];

    for (size_t i = 0; i < report->note_count; i++) {
        if (report->notes[i].kind == CLOG_NOTE_REFUSED)
            return; /* notes_print() printed the reason */
    }
    if (r == -EWOULDBLOCK) {
        waiting_holder(logdir, holder, sizeof(holder));
        message(LOG_ERR, "%s: in use by %s", logdir, holder);
    } else {
        message(LOG_ERR, "%s: cannot open the log: %s", logdir, strerror(-r));
    }
}

static unsigned log_flags(const struct options *options)
{
    unsigned flags = options->read_only ? CLOG_READ_ONLY : CLOG_CREATE;

    if (options->drop_oldest)
        flags |= CLOG_DROP_OLDEST;
    if (options->keep_unread)
        flags |= CLOG_KEEP_UNREAD;
    return flags;
}

static void tell_waiting(const char *line)
{
    message(LOG_NOTICE, "%s", line);
}

static void on_progress(void *progress, uint64_t done, uint64_t total)
{
    progress_show(progress, done, total);
    notify_progress("Checking the log", done, total);
}

static int open_log(struct daemon *daemon)
{
    const struct options *o = &daemon->options;
    struct progress progress = {0};
    struct clog_report report = {0};
    struct waiting waiting = {0};
    struct clog_options options = {
        .size = sizeof(options),
        .flags = log_flags(o),
        .max_record = (uint32_t)o->max_record,
        .max_store = o->max_store,
        .max_index = o->max_index,
        .retain_bytes = o->retain_bytes,
        .retain_records = o->retain_records,
        .retain_age_ns = o->retain_age_ns,
        .segment_age_ns = o->segment_age_ns,
        .staging = o->staging,
        .progress = on_progress,
        .progress_ctx = &progress,
        .noticed = notes_notice,
        .noticed_ctx = daemon->logdir,
    };
    int r;

    progress_start(&progress, "clog: checking the log");
    do
        r = clog_open(daemon->logdir, &options, &report, &daemon->fs.log);
    while (r == -EWOULDBLOCK &&
           waiting_again(&waiting, daemon->logdir, tell_waiting));
    progress_clear(&progress);
    notes_print(daemon->logdir, &report);
    if (r < 0)
        print_open_error(daemon->logdir, &report, r);
    clog_report_done(&report);
    return r;
}

static int resolve(const char *path, char **ret_path)
{
    int r = mountpoint_resolve(path, ret_path);

    if (r < 0)
        message(LOG_ERR, "%s: %s", path, strerror(-r));
    return r;
}

/* The mount must not hide the log that it shows. */
static int check_paths(const struct daemon *daemon)
{
    if (!mountpoint_covers(daemon->mountpoint, daemon->logdir))
        return 0;
    message(LOG_ERR, "%s: would be hidden by the mount on %s", daemon->logdir,
            daemon->mountpoint);
    return -EINVAL;
}

static void tell_start(struct daemon *daemon)
{
    const char *given = daemon->options.given;
    struct clog_status status = {.size = sizeof(status)};

    clog_status(daemon->fs.log, &status);
    message(LOG_INFO,
            "%s: serves %" PRIu64 " records, from %" PRIu64 " on, at %s%s%s",
            daemon->logdir, status.records, status.oldest, daemon->mountpoint,
            given ? ", with " : "", given ? given : "");
}

static void tell_end(struct daemon *daemon)
{
    struct clog_status status = {.size = sizeof(status)};

    clog_status(daemon->fs.log, &status);
    message(LOG_INFO,
            "%s: ends: %" PRIu64 " records were appended, %" PRIu64
            " dropped; the next is %" PRIu64,
            daemon->logdir, status.appended, status.drops.records, status.next);
}

/* Starts the threads and leaves the terminal. */
static int start(struct daemon *daemon)
{
    int r = session_start(daemon->session);

    if (r == 0 && daemon->parent >= 0) {
        message_flush();
        r = background_ready(daemon->parent);
        if (r == 0)
            message_leave_stderr();
    }
    if (r == 0) {
        notify("READY=1\nSTATUS=Serving");
        tell_start(daemon);
    } else {
        message(LOG_ERR, "%s: cannot start serving: %s", daemon->logdir,
                strerror(-r));
    }
    return r;
}

static int serve(struct daemon *daemon)
{
    int r = session_serve(daemon->session);

    if (r == -ECONNABORTED)
        message(LOG_ERR, "%s: the connection to the kernel was aborted",
                daemon->mountpoint);
    else if (r < 0)
        message(LOG_ERR, "%s: reading requests: %s", daemon->mountpoint,
                strerror(-r));
    return r < 0 ? EXIT_SERVE : EXIT_SUCCESS;
}

/* Does everything up to serving. Returns an exit status. */
static int set_up(struct daemon *daemon)
{
    struct fs *fs = &daemon->fs;
    if (resolve(daemon->options.mountpoint, &daemon->mountpoint) < 0 ||
        mountpoint_prepare(daemon->mountpoint) < 0)
        return EXIT_MOUNT;
    if (resolve(daemon->options.logdir, &daemon->logdir) < 0)
        return EXIT_LOG;
    if (check_paths(daemon) < 0 || mountpoint_look(daemon->mountpoint) < 0)
        return EXIT_MOUNT;
    if (open_log(daemon) < 0)
        return EXIT_LOG;
    fs->options = &daemon->options;
    fs->started_ns = clock_ns(CLOCK_REALTIME);
    fs->started_up_ns = clock_ns(CLOCK_BOOTTIME);
    fs->logdir = daemon->logdir;
    held_init(&fs->held, fs->log, fs->logdir, daemon->options.max_held);
    /* From here on, the reader of the messages may wait for the mount. */
    if (message_start() < 0)
        return EXIT_START;
    if (session_mount(fs, daemon->logdir, daemon->mountpoint,
                      &daemon->session) < 0)
        return EXIT_MOUNT;
    return start(daemon) < 0 ? EXIT_START : EXIT_SUCCESS;
}

/*
 * Answers requests that wait, stores lines that are held and closes the log
 * before it unmounts: when the mount is gone, the log is complete.
 */
static int tear_down(struct daemon *daemon, int status)
{
    struct fs *fs = &daemon->fs;
    int r;

    notify("STOPPING=1\nSTATUS=Closing the log");
    session_stop(daemon->session);
    if (fs->log)
        handle_finish_all(fs);
    if (status == EXIT_SUCCESS && fs->held.lines_lost > 0)
        status = EXIT_UNCLEAN;
    handle_close_all(fs);
    text_forget_all(fs);
    held_done(&fs->held);
    if (fs->log && daemon->session)
        tell_end(daemon);
    r = clog_close(fs->log);
    if (r < 0)
        message(LOG_ERR, "%s: cannot close the log: %s", daemon->logdir,
                strerror(-r));
    if (r < 0 && status == EXIT_SUCCESS)
        status = EXIT_UNCLEAN;
    session_end(daemon->session);
    free(daemon->logdir);
    free(daemon->mountpoint);
    return status;
}

static int run(struct daemon *daemon)
{
    int status;

    if (!daemon->options.foreground) {
        int r = background_start(&daemon->parent);

        if (r < 0) {
            message(LOG_ERR, "cannot fork: %s", strerror(-r));
            return EXIT_START;
        }
        message_to_syslog();
    }
    notify_connect();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    status = set_up(daemon);
    if (status == EXIT_SUCCESS)
        status = serve(daemon);
    status = tear_down(daemon, status);
    message_stop();
    return status;
}

int main(int argc, char **argv)
{
    struct daemon daemon = {
        .parent = -1,
        .fs.handles_lock = PTHREAD_MUTEX_INITIALIZER,
    };
    int status = EXIT_SUCCESS;

    if (keep_low_fds() < 0)
        return EXIT_START;
    /* A lock or a pipe of its starter would be held for as long as it
       serves. */
    (void)syscall(SYS_close_range, 3, ~0u, 0);
    session_log_to_message();
    if (options_parse(argc, argv, &daemon.options) < 0)
        status = EXIT_USAGE;
    else if (daemon.options.help)
        options_usage(stdout);
    else if (daemon.options.version)
        print_version();
    else if (!daemon.options.fake)
        status = run(&daemon);
    options_done(&daemon.options);
    return status;
}
