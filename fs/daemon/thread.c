/* SPDX-License-Identifier: MIT */
#include "daemon/thread.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

int thread_start(pthread_t *ret_thread, void *(*run)(void *), void *arg)
{
    sigset_t ours;
    sigset_t before;
    int r;

    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGALRM);
    (void)pthread_sigmask(SIG_BLOCK, &ours, &before);
    r = pthread_create(ret_thread, NULL, run, arg);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

void thread_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attr);
    (void)pthread_condattr_destroy(&attr);
}
