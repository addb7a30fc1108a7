/* SPDX-License-Identifier: MIT */
/*
 * patience.h - requests that wait while the kernel does not.
 *
 * Where the sysctls fs.fuse.default_request_timeout or max_request_timeout are
 * set, the kernel ends the connection of a daemon that leaves a request without
 * an answer for so long. A request that waits for something that may never
 * come must be answered before.
 */
#ifndef CLOG_FS_SERVE_PATIENCE_H
#define CLOG_FS_SERVE_PATIENCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct patience {
    /* Answers all that wait since then, by patience_now(), or longer. */
    void (*end)(void *ctx, uint64_t since_ns);
    void *ctx;
    uint64_t limit_ns; /* 0: the kernel waits for ever, and nothing is done */
    bool started;
    bool stopping; /* protected by lock */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
};

/*
 * How long a request may wait, in ns: half of what the kernel waits, whose
 * default and maximum are in seconds; 0 is none, of all three.
 */
uint64_t patience_limit(uint64_t by_default, uint64_t at_most);

/* The clock that it goes by, in ns. */
uint64_t patience_now(void);

/* Calls end now and then, in a thread of its own, if there is a limit. ctx is
   borrowed until patience_stop(). On failure nothing is left. EAGAIN. */
int patience_start(struct patience *patience,
                   void (*end)(void *ctx, uint64_t since_ns), void *ctx);

/* All zero is left alone. */
void patience_stop(struct patience *patience);

#endif
