/* SPDX-License-Identifier: MIT */
#include "serve/receive.h"

#include "daemon/thread.h"
#include "serve/pool.h"
#include "serve/request.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* As many requests may take long at a time, less one. */
#define THREADS 8

/* So many ticks without a request, and nobody looks on any more. */
#define IDLE_TICKS 8

/*
 * The receiver, whether its request may take its time, and a number that
 * changes with each request, in one word: the first to change it, the receiver
 * that is done or the one that takes its place, has it.
 */
typedef uint64_t state_t;
#define PASSED      UINT64_C(1)
#define ID_SHIFT    1
#define ID_MASK     UINT64_C(0xff)
#define NUMBER_STEP UINT64_C(0x200)

struct receivers;

struct receiver {
    struct receivers *all;
    unsigned id;
    pthread_t thread;
    _Atomic pid_t tid;
    state_t mine; /* all's state as this one has set it */
};

struct receivers {
    struct fuse_session *session;
    sigset_t signals; /* that are blocked while one receives */
    _Atomic state_t state;
    atomic_bool asleep;   /* the watcher waits for a request */
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t wake;  /* for the watcher; its ticks */
    pthread_cond_t next;  /* for the others that stand by: one may watch */
    bool watched;         /* one of them does */
    bool ended;
    int result;
    struct receiver receivers[THREADS];
};

static _Thread_local struct receiver *self;

static unsigned id_of(state_t state)
{
    return (unsigned)(state >> ID_SHIFT & ID_MASK);
}

/* The state in which that one waits for the next request. */
static state_t received_by(state_t state, unsigned id)
{
    state &= ~(PASSED | ID_MASK << ID_SHIFT);
    return (state + NUMBER_STEP) | (state_t)id << ID_SHIFT;
}

void receive_pass(void)
{
    struct receivers *all;

    if (!self || (self->mine & PASSED) != 0)
        return;
    all = self->all;
    self->mine |= PASSED;
    atomic_store(&all->state, self->mine);
    if (!atomic_load(&all->asleep))
        return;
    (void)pthread_mutex_lock(&all->lock);
    (void)pthread_cond_signal(&all->wake);
    (void)pthread_mutex_unlock(&all->lock);
}

bool receive_replaced(void)
{
    return self && (self->mine & PASSED) != 0 &&
           atomic_load(&self->all->state) != self->mine;
}

/* The request is handled; whether this one still receives. */
static bool take_back(struct receiver *me)
{
    state_t passed = me->mine;

    if ((passed & PASSED) == 0)
        return true;
    me->mine = received_by(passed, me->id);
    return atomic_compare_exchange_strong(&me->all->state, &passed, me->mine);
}

/* Only the receiver may be woken by the signals that end it. */
static void leave_signals(void)
{
    sigset_t ours;

    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGALRM);
    (void)pthread_sigmask(SIG_BLOCK, &ours, NULL);
}

static void take_signals(const struct receivers *all)
{
    (void)pthread_sigmask(SIG_SETMASK, &all->signals, NULL);
}

static void end(struct receivers *all, int result)
{
    (void)pthread_mutex_lock(&all->lock);
    all->ended = true;
    all->result = result;
    (void)pthread_cond_broadcast(&all->wake);
    (void)pthread_cond_broadcast(&all->next);
    (void)pthread_mutex_unlock(&all->lock);
}

/* Receives until the end, or until another one does. */
static void receive(struct receiver *me, struct fuse_buf *buffer)
{
    struct fuse_session *session = me->all->session;
    int r = 0;

    take_signals(me->all);
    while (!fuse_session_exited(session)) {
        r = fuse_session_receive_buf(session, buffer);
        if (r == -EINTR)
            continue;
        if (r <= 0)
            break;
        fuse_session_process_buf(session, buffer);
        if (!take_back(me)) {
            leave_signals();
            return;
        }
    }
    leave_signals();
    end(me->all, r < 0 && r != -EINTR ? r : 0);
}

static struct timespec after_tick(void)
{
    struct timespec then = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &then);
    then.tv_nsec += RECEIVE_TICK_MS * 1000000L;
    if (then.tv_nsec >= 1000000000) {
        then.tv_sec++;
        then.tv_nsec -= 1000000000;
    }
    return then;
}

/* Waits for a tick; or for a request, once there has been none for some. The
   caller holds the lock, here and below. */
static void wait_tick(struct receivers *all, state_t seen, unsigned idle)
{
    struct timespec then = after_tick();

    if (idle < IDLE_TICKS) {
        (void)pthread_cond_timedwait(&all->wake, &all->lock, &then);
        return;
    }
    atomic_store(&all->asleep, true);
    if (atomic_load(&all->state) == seen)
        (void)pthread_cond_wait(&all->wake, &all->lock);
    atomic_store(&all->asleep, false);
}

/* Whether the thread sleeps, rather than runs or waits for a processor. */
static bool sleeps(const struct receiver *receiver)
{
    char path[64];
    char text[128] = "";
    const char *state;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%ld/stat",
                   (long)receiver->tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, text, sizeof(text) - 1) < 0)
            text[0] = '\0';
        (void)close(fd);
    }
    /* Its name, in parentheses, comes before. If nobody knows, it may. */
    state = strrchr(text, ')');
    return !state || state[1] == '\0' || state[2] != 'R';
}

/* Looks on until a request has slept for longer than a tick, and then receives
   in the place of the one that handles it; false: the end. */
static bool watch(struct receiver *me)
{
    struct receivers *all = me->all;
    state_t seen = atomic_load(&all->state);
    unsigned idle = 0;

    while (!all->ended) {
        state_t state;

        wait_tick(all, seen, idle);
        state = atomic_load(&all->state);
        idle = state == seen ? idle + 1 : 0;
        if (state != seen || (state & PASSED) == 0 ||
            !sleeps(&all->receivers[id_of(state)])) {
            seen = state;
            continue;
        }
        me->mine = received_by(state, me->id);
        if (atomic_compare_exchange_strong(&all->state, &state, me->mine))
            return true;
    }
    return false;
}

/* Stands by until it is this one that receives; false: the end. */
static bool stand_by(struct receiver *me)
{
    struct receivers *all = me->all;
    bool receives = false;

    (void)pthread_mutex_lock(&all->lock);
    while (all->watched && !all->ended)
        (void)pthread_cond_wait(&all->next, &all->lock);
    if (!all->ended) {
        all->watched = true;
        receives = watch(me);
        all->watched = false;
        (void)pthread_cond_signal(&all->next);
    }
    (void)pthread_mutex_unlock(&all->lock);
    return receives;
}

static void *run(void *arg)
{
    struct receiver *me = arg;
    struct fuse_buf buffer = {0};
    bool receives = id_of(me->mine) == me->id;

    self = me;
    me->tid = gettid();
    if (!receives)
        receives = stand_by(me);
    while (receives) {
        receive(me, &buffer);
        receives = stand_by(me);
    }
    self = NULL;
    free(buffer.mem);
    scratch_free();
    return NULL;
}

static int start(struct receivers *all, unsigned *started)
{
    int r = 0;

    for (*started = 0; r == 0 && *started < THREADS; *started += r == 0) {
        struct receiver *receiver = &all->receivers[*started];

        *receiver = (struct receiver){.all = all, .id = *started};
        if (*started > 0)
            r = thread_start(&receiver->thread, run, receiver);
    }
    return r;
}

int receive_all(struct fuse_session *session)
{
    struct receivers all = {.session = session};
    unsigned started = 0;
    int r;

    (void)pthread_sigmask(SIG_SETMASK, NULL, &all.signals);
    (void)pthread_mutex_init(&all.lock, NULL);
    thread_cond_init(&all.wake);
    (void)pthread_cond_init(&all.next, NULL);
    r = start(&all, &started);
    if (r == 0) {
        (void)run(&all.receivers[0]);
        take_signals(&all);
    } else {
        end(&all, r);
    }
    while (started > 1)
        (void)pthread_join(all.receivers[--started].thread, NULL);
    (void)pthread_cond_destroy(&all.next);
    (void)pthread_cond_destroy(&all.wake);
    (void)pthread_mutex_destroy(&all.lock);
    return all.result;
}
