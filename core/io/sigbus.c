/* SPDX-License-Identifier: MIT */
#include "io/sigbus.h"

#include "io/io.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

/*
 * A read of a map faults with SIGBUS where the file has been cut short. The
 * one guarded read that a thread is in can be left by a jump; every other
 * SIGBUS goes on to whoever was there first.
 */
static _Thread_local sigjmp_buf *guard;
static struct sigaction old_action;

/* Another handler, put before ours, may have been called with the signal
   blocked, and the jump leaves that one as well. */
static void leave_handler(void)
{
    sigset_t sigbus;

    (void)sigemptyset(&sigbus);
    (void)sigaddset(&sigbus, SIGBUS);
    (void)pthread_sigmask(SIG_UNBLOCK, &sigbus, NULL);
}

static void on_sigbus(int signo, siginfo_t *info, void *context)
{
    if (guard) {
        leave_handler();
        siglongjmp(*guard, 1);
    }
    if (old_action.sa_flags & SA_SIGINFO) {
        old_action.sa_sigaction(signo, info, context);
    } else if (old_action.sa_handler == SIG_DFL ||
               old_action.sa_handler == SIG_IGN) {
        /* The instruction faults again, and then as if we had not been. */
        (void)signal(signo, SIG_DFL);
    } else {
        old_action.sa_handler(signo);
    }
}

void sigbus_install(void)
{
    struct sigaction action = {.sa_sigaction = on_sigbus,
                               .sa_flags = SA_SIGINFO | SA_NODEFER};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGBUS, &action, &old_action);
}

int io_copy_mapped(void *to, const void *from, size_t size)
{
    sigjmp_buf here;

    if (sigsetjmp(here, 0)) {
        guard = NULL;
        return -EIO;
    }
    guard = &here;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    memcpy(to, from, size);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    guard = NULL;
    return 0;
}
