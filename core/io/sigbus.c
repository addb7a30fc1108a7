/* SPDX-License-Identifier: MIT */
#include "io/sigbus.h"

#include "io/io.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The read of a map that a thread is in, which can be left by a jump. */
struct guard {
    sigjmp_buf leave;
    uintptr_t from, size;
};

static _Thread_local struct guard *guard;
static _Thread_local unsigned passed; /* how often this SIGBUS was passed on */
static _Thread_local bool unblocked;

/* The handlers that were there before ours, each time it was installed: the
   last of them, number n at n % OLD_ACTIONS. */
#define OLD_ACTIONS 8u
static struct sigaction old_actions[OLD_ACTIONS];
static _Atomic unsigned old_count;

static void unblock(void)
{
    sigset_t sigbus;

    (void)sigemptyset(&sigbus);
    (void)sigaddset(&sigbus, SIGBUS);
    (void)pthread_sigmask(SIG_UNBLOCK, &sigbus, NULL);
}

/* What the system does by itself. A fault comes again when this returns; a
   signal that somebody has sent does not. */
static void act_as_default(int signo, const siginfo_t *info)
{
    (void)signal(signo, SIG_DFL);
    unblock();
    if (info->si_code <= 0)
        (void)raise(signo);
}

/* The handler to pass a SIGBUS on to. One that was put before ours, and now is
   behind it, may call ours again: then it is the turn of the one before. */
static struct sigaction next_action(void)
{
    static const struct sigaction none = {.sa_handler = SIG_DFL};

    if (passed >= old_count || passed >= OLD_ACTIONS)
        return none;
    return old_actions[(old_count - 1 - passed) % OLD_ACTIONS];
}

static void pass_on(int signo, siginfo_t *info, void *context)
{
    struct sigaction action = next_action();

    passed++;
    if (action.sa_flags & SA_SIGINFO)
        action.sa_sigaction(signo, info, context);
    else if (action.sa_handler == SIG_DFL ||
             (action.sa_handler == SIG_IGN && info->si_code > 0))
        act_as_default(signo, info);
    else if (action.sa_handler != SIG_IGN)
        action.sa_handler(signo);
    passed--;
}

static bool is_guarded(const siginfo_t *info)
{
    return guard && info->si_code > 0 &&
           (uintptr_t)info->si_addr - guard->from < guard->size;
}

static void on_sigbus(int signo, siginfo_t *info, void *context)
{
    if (!is_guarded(info)) {
        pass_on(signo, info, context);
        return;
    }
    /* Another handler may have been called with the signal blocked, and the
       jump leaves that one as well. */
    unblock();
    siglongjmp(guard->leave, 1);
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_sigbus;
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_sigbus,
                               .sa_flags =
                                   SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    struct sigaction old;

    if (sigaction(SIGBUS, NULL, &old) < 0 || is_ours(&old))
        return;
    old_actions[old_count % OLD_ACTIONS] = old;
    old_count++;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGBUS, &action, NULL);
}

void sigbus_install(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    (void)pthread_mutex_lock(&lock);
    install();
    (void)pthread_mutex_unlock(&lock);
}

/* A thread that blocks SIGBUS would be ended by a fault: it is let through
   from the first use of a map on. To see to it at each would cost more than
   the use. */
int io_guard(const void *map, size_t size, void (*body)(void *ctx), void *ctx)
{
    struct guard here; /* its buffer is too large to be cleared each time */

    here.from = (uintptr_t)map;
    here.size = size;
    if (!unblocked)
        unblock();
    unblocked = true;
    if (sigsetjmp(here.leave, 0)) {
        guard = NULL;
        return -EIO;
    }
    guard = &here;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    body(ctx);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    guard = NULL;
    return 0;
}

struct copy {
    void *to;
    const void *from;
    size_t size;
};

static void copy(void *ctx)
{
    struct copy *copy = ctx;

    memcpy(copy->to, copy->from, copy->size);
}

int io_copy_mapped(void *to, const void *from, size_t size)
{
    return io_guard(from, size, copy, &(struct copy){to, from, size});
}
