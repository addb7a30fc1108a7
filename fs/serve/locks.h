/* SPDX-License-Identifier: MIT */
/*
 * locks.h - flock(2) on files of the mount.
 *
 * The kernel keeps such locks by node, and a file that grows has a new node for
 * each look-up. So the daemon keeps them, by inode number, which stays. As of
 * flock(2): an owner is an open file, shared by dup(2) and fork(2); a lock that
 * is changed is given up first, and is gone when another one is in the way of
 * what was asked for instead.
 *
 * Any thread may call these.
 */
#ifndef CLOG_FS_SERVE_LOCKS_H
#define CLOG_FS_SERVE_LOCKS_H

#include "serve/request.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct lock;
struct lock_waiter;

struct locks {
    pthread_mutex_t lock; /* protects what is below */
    struct lock *held;
    TAILQ_HEAD(, lock_waiter) waiting; /* in the order they came */
    bool stopping;
};

void locks_start(struct locks *locks);

/*
 * Does for owner what operation, flock(2)'s, says of the file with that inode
 * number, and answers req: at once, or when the lock is free. EWOULDBLOCK with
 * LOCK_NB; EINTR; ENOMEM.
 */
void locks_set(struct locks *locks, fuse_req_t req, uint64_t file,
               uint64_t owner, int operation);

/* The last descriptor of owner is closed. */
void locks_release(struct locks *locks, uint64_t file, uint64_t owner);

/* Answers those that wait since then, by patience_now(), or longer:
   EWOULDBLOCK. */
void locks_end(struct locks *locks, uint64_t since_ns);

/* Answers all that wait: ENOTCONN. */
void locks_stop(struct locks *locks);

/* After locks_stop(). All zero is left alone. */
void locks_done(struct locks *locks);

#endif
