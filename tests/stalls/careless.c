/* SPDX-License-Identifier: MIT */
/*
 * careless.c - linked into a daemon, it does by itself, in the thread that
 * receives requests, what would be given to others, and nobody else receives
 * meanwhile: it waits, and everybody with it.
 */
#include "serve/pool.h"
#include "serve/receive.h"

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker names them so. */

void __wrap_pool_add(struct pool *pool, struct job *job);
void __wrap_pool_add_urgent(struct pool *pool, struct job *job);
void __wrap_receive_pass(void);

void __wrap_pool_add(struct pool *pool, struct job *job)
{
    (void)pool;
    job->run(job);
}

void __wrap_pool_add_urgent(struct pool *pool, struct job *job)
{
    (void)pool;
    job->run(job);
}

void __wrap_receive_pass(void)
{
}
/* NOLINTEND(bugprone-reserved-identifier) */
