/* SPDX-License-Identifier: MIT */
/*
 * waiters.h - threads that wait until there is more.
 */
#ifndef CLOG_LOG_WAITERS_H
#define CLOG_LOG_WAITERS_H

#include "log/lock.h"

#include <stdatomic.h>

struct waiters {
    struct mutex lock; /* orders a wake-up and the look before a wait */
    pthread_cond_t more;
    atomic_uint count; /* threads in waiters_wait() */
};

void waiters_init(struct waiters *waiters);
void waiters_done(struct waiters *waiters);

/*
 * Waits until ready(ctx) is true, which is asked first and after each wake-up,
 * under no lock but this one. timeout_ms: negative for ever. ETIMEDOUT.
 */
int waiters_wait(struct waiters *waiters, bool (*ready)(void *ctx), void *ctx,
                 int timeout_ms);

/* Wakes all waiters. To be called after what makes them ready; costs one load
   when there are none. */
void waiters_wake(struct waiters *waiters);

#endif
