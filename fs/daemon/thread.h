/* SPDX-License-Identifier: MIT */
/*
 * thread.h - threads beside the one that receives requests.
 */
#ifndef CLOG_FS_DAEMON_THREAD_H
#define CLOG_FS_DAEMON_THREAD_H

#include <pthread.h>

/*
 * Starts a thread that blocks the signals that end the daemon, so that the
 * receiving thread gets them. EAGAIN.
 */
int thread_start(pthread_t *ret_thread, void *(*run)(void *), void *arg);

/* Makes a condition whose waits with a time go by CLOCK_MONOTONIC. */
void thread_cond_init(pthread_cond_t *cond);

#endif
