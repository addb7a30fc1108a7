/* SPDX-License-Identifier: MIT */
#include "serve/locks.h"

#include "serve/patience.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>

struct lock {
    struct lock *next;
    uint64_t file;
    uint64_t owner;
    bool exclusive;
};

/* A request that waits. It outlives its answer for as long as it is watched
   for interrupts, so it is no part of the lock, which may be gone by then. */
struct lock_waiter {
    TAILQ_ENTRY(lock_waiter) entry;
    struct locks *locks;
    fuse_req_t req;
    struct lock *lock; /* owned until it is held */
    uint64_t since_ns; /* when it came */
    bool waits;        /* it is in the list */
    bool interrupted;
};

TAILQ_HEAD(waiters, lock_waiter);

void locks_start(struct locks *locks)
{
    *locks = (struct locks){0};
    (void)pthread_mutex_init(&locks->lock, NULL);
    TAILQ_INIT(&locks->waiting);
}

/* The caller holds the mutex, from here to grant(). */
static void add(struct locks *locks, struct lock *lock)
{
    lock->next = locks->held;
    locks->held = lock;
}

static const struct lock *find(const struct locks *locks, uint64_t file,
                               uint64_t owner)
{
    const struct lock *lock = locks->held;

    while (lock && (lock->file != file || lock->owner != owner))
        lock = lock->next;
    return lock;
}

static void drop(struct locks *locks, uint64_t file, uint64_t owner)
{
    struct lock **link = &locks->held;
    struct lock *lock;

    while (*link && ((*link)->file != file || (*link)->owner != owner))
        link = &(*link)->next;
    lock = *link;
    if (lock)
        *link = lock->next;
    free(lock);
}

/* Whether a lock that somebody else holds is in the way. */
static bool is_free(const struct locks *locks, const struct lock *wanted)
{
    const struct lock *lock = locks->held;

    while (lock &&
           (lock->file != wanted->file || lock->owner == wanted->owner ||
            !(lock->exclusive || wanted->exclusive)))
        lock = lock->next;
    return !lock;
}

/* Gives file to those who wait for it and can have it. */
static void grant(struct locks *locks, uint64_t file,
                  struct waiters *ret_granted)
{
    struct lock_waiter *waiter, *next;

    for (waiter = TAILQ_FIRST(&locks->waiting); waiter; waiter = next) {
        next = TAILQ_NEXT(waiter, entry);
        if (waiter->lock->file != file || !is_free(locks, waiter->lock))
            continue;
        drop(locks, file, waiter->lock->owner);
        TAILQ_REMOVE(&locks->waiting, waiter, entry);
        waiter->waits = false;
        add(locks, waiter->lock);
        waiter->lock = NULL;
        TAILQ_INSERT_TAIL(ret_granted, waiter, entry);
    }
}

static void free_waiter(struct lock_waiter *waiter)
{
    free(waiter->lock);
    free(waiter);
}

/* Without the mutex: libfuse holds a lock of its own while it interrupts. */
static void answer(struct lock_waiter *waiter, int error)
{
    fuse_req_interrupt_func(waiter->req, NULL, NULL);
    fuse_reply_err(waiter->req, error);
    free_waiter(waiter);
}

static void answer_all(struct waiters *waiters, int error)
{
    struct lock_waiter *waiter;

    while ((waiter = TAILQ_FIRST(waiters)) != NULL) {
        TAILQ_REMOVE(waiters, waiter, entry);
        answer(waiter, error);
    }
}

/* Runs while the request cannot go: one that waits is answered here, one that
   is on its way learns of it. */
static void on_interrupt(fuse_req_t req, void *data)
{
    struct lock_waiter *waiter = data;
    struct locks *locks = waiter->locks;
    bool waits;

    (void)pthread_mutex_lock(&locks->lock);
    waits = waiter->waits;
    if (waits)
        TAILQ_REMOVE(&locks->waiting, waiter, entry);
    waiter->waits = false;
    waiter->interrupted = true;
    (void)pthread_mutex_unlock(&locks->lock);
    if (waits) {
        fuse_reply_err(req, EINTR);
        free_waiter(waiter);
    }
}

static struct lock_waiter *make_waiter(struct locks *locks, fuse_req_t req,
                                       struct lock lock)
{
    struct lock_waiter *waiter = calloc(1, sizeof(*waiter));

    if (!waiter)
        return NULL;
    waiter->locks = locks;
    waiter->req = req;
    waiter->since_ns = patience_now();
    waiter->lock = malloc(sizeof(lock));
    if (!waiter->lock) {
        free(waiter);
        return NULL;
    }
    *waiter->lock = lock;
    return waiter;
}

/* Takes the lock, or lets the waiter wait: then it returns 1. */
static int take(struct locks *locks, struct lock_waiter *waiter, bool wait)
{
    const struct lock *old =
        find(locks, waiter->lock->file, waiter->lock->owner);

    if (old && old->exclusive == waiter->lock->exclusive)
        return 0;
    drop(locks, waiter->lock->file, waiter->lock->owner);
    if (is_free(locks, waiter->lock)) {
        add(locks, waiter->lock);
        waiter->lock = NULL;
        return 0;
    }
    if (!wait)
        return -EWOULDBLOCK;
    if (waiter->interrupted)
        return -EINTR;
    if (locks->stopping)
        return -ENOTCONN;
    waiter->waits = true;
    TAILQ_INSERT_TAIL(&locks->waiting, waiter, entry);
    return 1;
}

/* A lock that is changed may let others in. */
static void lock_file(struct locks *locks, struct lock_waiter *waiter,
                      bool wait)
{
    struct waiters granted = TAILQ_HEAD_INITIALIZER(granted);
    uint64_t file = waiter->lock->file;
    int r;

    if (wait)
        fuse_req_interrupt_func(waiter->req, on_interrupt, waiter);
    (void)pthread_mutex_lock(&locks->lock);
    r = take(locks, waiter, wait);
    grant(locks, file, &granted);
    (void)pthread_mutex_unlock(&locks->lock);
    if (r <= 0)
        answer(waiter, -r);
    answer_all(&granted, 0);
}

void locks_release(struct locks *locks, uint64_t file, uint64_t owner)
{
    struct waiters granted = TAILQ_HEAD_INITIALIZER(granted);

    (void)pthread_mutex_lock(&locks->lock);
    drop(locks, file, owner);
    grant(locks, file, &granted);
    (void)pthread_mutex_unlock(&locks->lock);
    answer_all(&granted, 0);
}

void locks_set(struct locks *locks, fuse_req_t req, uint64_t file,
               uint64_t owner, int operation)
{
    const struct lock lock = {
        .file = file,
        .owner = owner,
        .exclusive = (operation & LOCK_EX) != 0,
    };
    struct lock_waiter *waiter = NULL;

    if ((operation & LOCK_UN) != 0) {
        locks_release(locks, file, owner);
        fuse_reply_err(req, 0);
        return;
    }
    waiter = make_waiter(locks, req, lock);
    if (!waiter)
        fuse_reply_err(req, ENOMEM);
    else
        lock_file(locks, waiter, (operation & LOCK_NB) == 0);
}

/* Those that wait since then come first. Not EINTR: without a signal the kernel
   would make it an error of its own, 512, which means nothing to programs. */
void locks_end(struct locks *locks, uint64_t since_ns)
{
    struct waiters late = TAILQ_HEAD_INITIALIZER(late);
    struct lock_waiter *waiter;
    int error;

    (void)pthread_mutex_lock(&locks->lock);
    error = locks->stopping ? ENOTCONN : EWOULDBLOCK;
    while ((waiter = TAILQ_FIRST(&locks->waiting)) != NULL &&
           waiter->since_ns <= since_ns) {
        TAILQ_REMOVE(&locks->waiting, waiter, entry);
        waiter->waits = false;
        TAILQ_INSERT_TAIL(&late, waiter, entry);
    }
    (void)pthread_mutex_unlock(&locks->lock);
    answer_all(&late, error);
}

void locks_stop(struct locks *locks)
{
    (void)pthread_mutex_lock(&locks->lock);
    locks->stopping = true;
    (void)pthread_mutex_unlock(&locks->lock);
    locks_end(locks, UINT64_MAX);
}

void locks_done(struct locks *locks)
{
    struct lock *lock;

    while ((lock = locks->held) != NULL) {
        locks->held = lock->next;
        free(lock);
    }
}
