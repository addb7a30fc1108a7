/* SPDX-License-Identifier: MIT */
#include "daemon/message.h"

#include "daemon/clock.h"
#include "daemon/printable.h"
#include "daemon/repeats.h"
#include "daemon/thread.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* A damaged segment can cause a thousand messages at once. */
#define LINES   1024 /* queued at the most */
#define WAIT_MS 2000 /* for a reader that reads nothing */

struct line {
    STAILQ_ENTRY(line) next;
    int priority;
    char text[];
};

STAILQ_HEAD(lines, line);

static atomic_bool to_syslog;
static atomic_bool left_stderr;

static struct {
    pthread_mutex_t lock; /* protects all below but thread */
    pthread_cond_t wake;  /* there is a line, or stopping is set */
    pthread_cond_t idle;  /* all is printed */
    struct lines lines;
    unsigned count;   /* of lines */
    unsigned dropped; /* not reported yet */
    struct repeats repeats;
    bool started;  /* lines are queued */
    bool printing; /* the thread prints a line that it took */
    bool stopping;
    bool stopped; /* the thread has ended */
    pthread_t thread;
} queue = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .lines = STAILQ_HEAD_INITIALIZER(queue.lines),
};

void message_to_syslog(void)
{
    openlog("clog", LOG_PID, LOG_DAEMON);
    atomic_store(&to_syslog, true);
}

void message_leave_stderr(void)
{
    atomic_store(&left_stderr, true);
}

/* Uses no stream of stdio: exit() would wait for a thread that writes to it. */
static void print_on_stderr(const char *text)
{
    struct iovec parts[] = {
        {(char[]){"clog: "}, strlen("clog: ")},
        {(char *)text, strlen(text)},
        {(char[]){"\n"}, 1},
    };
    ssize_t n = writev(STDERR_FILENO, parts, 3);

    (void)n; /* nobody is left to tell */
}

/* May wait for ever. */
static void print(int priority, const char *text)
{
    if (atomic_load(&to_syslog))
        syslog(priority, "%s", text);
    if (!atomic_load(&left_stderr))
        print_on_stderr(text);
}

/* Waits on cond, with the lock, until due_ms at the latest. */
static int wait_until(pthread_cond_t *cond, int64_t due_ms)
{
    struct timespec due = {.tv_sec = (time_t)(due_ms / 1000),
                           .tv_nsec = (long)(due_ms % 1000) * 1000000};

    if (due_ms == INT64_MAX)
        return pthread_cond_wait(cond, &queue.lock);
    return pthread_cond_timedwait(cond, &queue.lock, &due);
}

static struct line *make_line(int priority, const char *text)
{
    size_t size = strlen(text) + 1;
    struct line *line = malloc(sizeof(*line) + size);

    if (line) {
        line->priority = priority;
        memcpy(line->text, text, size);
    }
    return line;
}

/* Queues text, with the lock. */
static void add(int priority, const char *text)
{
    struct line *line = queue.count < LINES ? make_line(priority, text) : NULL;

    if (!line) {
        queue.dropped++;
        return;
    }
    STAILQ_INSERT_TAIL(&queue.lines, line, next);
    queue.count++;
    (void)pthread_cond_signal(&queue.wake);
}

/* Queues the counts of dropped and repeated messages that are due. */
static void add_counts(void)
{
    struct repeat repeat;
    char text[PATH_MAX + 1100];

    while (queue.count < LINES &&
           repeats_take(&queue.repeats,
                        queue.stopping ? INT64_MAX : clock_run_ms(), &repeat)) {
        snprintf(text, sizeof(text), "%s (%u times more)", repeat.text,
                 repeat.count);
        add(repeat.priority, text);
        free(repeat.text);
    }
    if (queue.dropped > 0 && queue.count == 0) {
        snprintf(text, sizeof(text), "%u messages were dropped", queue.dropped);
        queue.dropped = 0;
        add(LOG_WARNING, text);
    }
}

/* The next line to print, with the lock; NULL: the end. */
static struct line *take(void)
{
    struct line *line;

    for (;;) {
        add_counts();
        line = STAILQ_FIRST(&queue.lines);
        if (line || queue.stopping)
            break;
        (void)pthread_cond_broadcast(&queue.idle);
        (void)wait_until(&queue.wake, repeats_due(&queue.repeats));
    }
    if (line) {
        STAILQ_REMOVE_HEAD(&queue.lines, next);
        queue.count--;
    }
    return line;
}

static void *work(void *arg)
{
    struct line *line;

    (void)pthread_mutex_lock(&queue.lock);
    while ((line = take()) != NULL) {
        queue.printing = true;
        (void)pthread_mutex_unlock(&queue.lock);
        print(line->priority, line->text);
        free(line);
        (void)pthread_mutex_lock(&queue.lock);
        queue.printing = false;
    }
    queue.stopped = true;
    (void)pthread_cond_broadcast(&queue.idle);
    (void)pthread_mutex_unlock(&queue.lock);
    return arg;
}

int message_start(void)
{
    int r;

    thread_cond_init(&queue.wake);
    thread_cond_init(&queue.idle);
    r = thread_start(&queue.thread, work, NULL);
    (void)pthread_mutex_lock(&queue.lock);
    queue.started = r == 0;
    (void)pthread_mutex_unlock(&queue.lock);
    return r;
}

static bool is_idle(void)
{
    return queue.stopped || (!queue.stopping && !queue.printing &&
                             queue.count == 0 && queue.dropped == 0);
}

/* Waits until the thread has nothing to print, with the lock. */
static void wait_for_idle(void)
{
    int64_t due_ms = clock_run_ms() + WAIT_MS;

    while (!is_idle() && wait_until(&queue.idle, due_ms) != ETIMEDOUT)
        ;
}

void message_flush(void)
{
    (void)pthread_mutex_lock(&queue.lock);
    if (queue.started)
        wait_for_idle();
    (void)pthread_mutex_unlock(&queue.lock);
}

void message_stop(void)
{
    bool stopped;

    (void)pthread_mutex_lock(&queue.lock);
    if (!queue.started) {
        (void)pthread_mutex_unlock(&queue.lock);
        return;
    }
    queue.stopping = true;
    (void)pthread_cond_signal(&queue.wake);
    wait_for_idle();
    stopped = queue.stopped;
    (void)pthread_mutex_unlock(&queue.lock);
    /* A thread that still waits ends with the process. */
    if (stopped)
        (void)pthread_join(queue.thread, NULL);
}

void message_list(int priority, const char *format, va_list list)
{
    char raw[PATH_MAX + 512];
    char text[PATH_MAX + 1024];
    size_t length;
    bool started;

    vsnprintf(raw, sizeof(raw), format, list);
    length = strlen(raw);
    if (length > 0 && raw[length - 1] == '\n')
        raw[length - 1] = '\0';
    printable(raw, text, sizeof(text));
    (void)pthread_mutex_lock(&queue.lock);
    started = queue.started;
    if (started &&
        repeats_admit(&queue.repeats, priority, text, clock_run_ms()))
        add(priority, text);
    else if (started) /* the thread must learn when the count is due */
        (void)pthread_cond_signal(&queue.wake);
    (void)pthread_mutex_unlock(&queue.lock);
    if (!started)
        print(priority, text);
}

void message(int priority, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    message_list(priority, format, list);
    va_end(list);
}
