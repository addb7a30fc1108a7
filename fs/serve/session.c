/* SPDX-License-Identifier: MIT */
#include "serve/session.h"

#include "daemon/message.h"
#include "daemon/mountpoint.h"
#include "daemon/options.h"
#include "files/mount.h"
#include "serve/dispatch.h"
#include "serve/greeting.h"
#include "serve/ops.h"
#include "serve/receive.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

struct session {
    struct fs *fs;
    struct fuse_session *fuse;
    const char *mountpoint;  /* NULL: not mounted */
    struct mountpoint_id id; /* of its mount; device 0: not known */
};

/* For the signal handler. */
static struct fuse_session *signalled;
static volatile sig_atomic_t signal_came;

/*
 * A signal may come just before the loop waits for the next request, which
 * would then be the first to notice; so it comes again every second.
 */
static void on_signal(int signal_number)
{
    (void)signal_number;
    signal_came = 1;
    fuse_session_exit(signalled);
    alarm(1);
}

static const int end_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGALRM};

#define END_SIGNALS (sizeof(end_signals) / sizeof(end_signals[0]))

/* A signal that was ignored when clog was started is still ignored. */
static void handle_signals(struct fuse_session *session)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;

    signalled = session;
    signal(SIGALRM, SIG_DFL);
    for (size_t i = 0; i < END_SIGNALS; i++) {
        sigaction(end_signals[i], NULL, &before);
        if (before.sa_handler != SIG_IGN)
            sigaction(end_signals[i], &action, NULL);
    }
}

static void ignore_signals(void)
{
    for (size_t i = 0; i < END_SIGNALS; i++)
        signal(end_signals[i], SIG_IGN);
}

static void log_fuse(enum fuse_log_level level, const char *format,
                     va_list list)
{
    if (level == FUSE_LOG_DEBUG)
        vfprintf(stderr, format, list);
    else
        message_list((int)level, format, list);
}

void session_log_to_message(void)
{
    fuse_set_log_func(log_fuse);
}

const char *session_library(void)
{
    return fuse_pkgversion();
}

static int add_option(char **options, const char *name, const char *value)
{
    char *option = NULL;
    int r;

    if (asprintf(&option, "%s%s", name, value) < 0)
        return -ENOMEM;
    r = fuse_opt_add_opt_escaped(options, option) < 0 ? -ENOMEM : 0;
    free(option);
    return r;
}

static int mount_options(const struct options *o, const char *logdir,
                         char **ret_options)
{
    char *options = NULL;
    int r = add_option(&options, "default_permissions", "");

    if (r == 0)
        r = add_option(&options, "nosuid", "");
    if (r == 0)
        r = add_option(&options, "nodev", "");
    if (r == 0)
        r = add_option(&options, "noexec", "");
    if (r == 0)
        r = add_option(&options, "subtype=", "clog");
    if (r == 0)
        r = add_option(&options, "fsname=", logdir);
    if (r == 0 && o->read_only)
        r = add_option(&options, "ro", "");
    if (r == 0 && o->allow_other)
        r = add_option(&options, "allow_other", "");
    if (r == 0 && o->debug)
        r = add_option(&options, "debug", "");
    if (r < 0)
        free(options);
    else
        *ret_options = options;
    return r;
}

static int make(struct session *session, const char *logdir)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    char *options = NULL;
    int r = mount_options(session->fs->options, logdir, &options);

    if (r == 0 && (fuse_opt_add_arg(&args, "clog") < 0 ||
                   fuse_opt_add_arg(&args, "-o") < 0 ||
                   fuse_opt_add_arg(&args, options) < 0))
        r = -ENOMEM;
    if (r == 0) {
        session->fuse =
            fuse_session_new(&args, &ops_table, sizeof(ops_table), session->fs);
        r = session->fuse ? 0 : -EINVAL;
    }
    fuse_opt_free_args(&args);
    free(options);
    return r;
}

int session_mount(struct fs *fs, const char *logdir, const char *mountpoint,
                  struct session **ret_session)
{
    struct session *session = calloc(1, sizeof(*session));
    int r;

    if (!session)
        return -ENOMEM;
    session->fs = fs;
    r = make(session, logdir);
    if (r == 0)
        handle_signals(session->fuse);
    if (r == 0 && fuse_session_mount(session->fuse, mountpoint) < 0)
        r = -EIO;
    if (r == 0) {
        session->mountpoint = mountpoint;
        (void)mountpoint_identify(mountpoint, &session->id);
        r = greeting_complete(session->fuse);
    }
    if (r < 0) {
        ignore_signals();
        session_end(session);
        return r;
    }
    *ret_session = session;
    return 0;
}

int session_start(struct session *session)
{
    return work_start(session->fs, session->fuse, &session->fs->work);
}

/* Whether what lies uppermost on the mountpoint is this mount. */
static bool is_on_top(const struct session *session)
{
    struct mountpoint_id top;

    if (session->id.device == 0)
        return true;
    return mountpoint_identify(session->mountpoint, &top) == 0 &&
           top.mount == session->id.mount && top.device == session->id.device;
}

int session_serve(struct session *session)
{
    int r = receive_all(session->fuse);

    /* libfuse does not tell an unmount from an abort, which leaves the mount.
     */
    if (r == 0 || r == -ECONNABORTED)
        r = !signal_came && is_on_top(session) &&
                    mountpoint_is_dead(session->mountpoint)
                ? -ECONNABORTED
                : 0;
    return r;
}

void session_stop(struct session *session)
{
    ignore_signals();
    if (session)
        work_stop(session->fs->work);
}

/*
 * libfuse unmounts the uppermost mount on the path, whatever it is, and nothing
 * if the connection is gone, by an unmount or by an abort.
 */
static void unmount(struct session *session)
{
    bool mine = is_on_top(session);

    /* libfuse frees its copy of the path only when it unmounts. */
    if (!mine && mountpoint_exists(&session->id)) {
        message(LOG_WARNING,
                "%s: something else is mounted over the log: the log's mount "
                "stays below it and answers nothing",
                session->mountpoint);
        return;
    }
    fuse_session_unmount(session->fuse);
    if (mine && is_on_top(session) && mountpoint_is_dead(session->mountpoint))
        (void)mountpoint_detach(session->mountpoint);
}

void session_end(struct session *session)
{
    if (!session)
        return;
    if (session->mountpoint)
        unmount(session);
    if (session->fuse)
        fuse_session_destroy(session->fuse);
    free(session);
}
