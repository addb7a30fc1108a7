/* SPDX-License-Identifier: MIT */
/*
 * lock.h - locks whose use clang checks.
 *
 * A function that wants a lock held says so in its declaration, and clang's
 * -Wthread-safety refuses a call of it without that lock, a lock that is taken
 * twice, and one that is still held at the end. To other compilers the words
 * mean nothing. What belongs to a lock is said where the lock is declared;
 * their order is in log.h.
 */
#ifndef CLOG_LOG_LOCK_H
#define CLOG_LOG_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#ifdef __clang__
#define LOCK_SAYS(x) __attribute__((x))
#else
#define LOCK_SAYS(x)
#endif

/* Of a function: the caller holds these locks; only for reading; does not hold
   them. */
#define REQUIRES(...)        LOCK_SAYS(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) LOCK_SAYS(requires_shared_capability(__VA_ARGS__))
#define EXCLUDES(...)        LOCK_SAYS(locks_excluded(__VA_ARGS__))

/* Of a function: it takes a lock, takes it for reading, takes it if it returns
   true, gives it back. */
#define ACQUIRES(...)        LOCK_SAYS(acquire_capability(__VA_ARGS__))
#define ACQUIRES_SHARED(...) LOCK_SAYS(acquire_shared_capability(__VA_ARGS__))
#define TRIES(...)           LOCK_SAYS(try_acquire_capability(true, __VA_ARGS__))
#define RELEASES(...)        LOCK_SAYS(release_generic_capability(__VA_ARGS__))

/* Of a function: what it does with locks is not looked at. */
#define UNCHECKED LOCK_SAYS(no_thread_safety_analysis)

struct LOCK_SAYS(capability("mutex")) mutex {
    pthread_mutex_t pthread;
};

struct LOCK_SAYS(capability("rwlock")) rwlock {
    pthread_rwlock_t pthread;
};

static inline void mutex_init(struct mutex *mutex)
{
    (void)pthread_mutex_init(&mutex->pthread, NULL);
}

static inline void mutex_done(struct mutex *mutex)
{
    (void)pthread_mutex_destroy(&mutex->pthread);
}

static inline void mutex_lock(struct mutex *mutex) ACQUIRES(*mutex) UNCHECKED
{
    (void)pthread_mutex_lock(&mutex->pthread);
}

static inline bool mutex_trylock(struct mutex *mutex) TRIES(*mutex) UNCHECKED
{
    return pthread_mutex_trylock(&mutex->pthread) == 0;
}

static inline void mutex_unlock(struct mutex *mutex) RELEASES(*mutex) UNCHECKED
{
    (void)pthread_mutex_unlock(&mutex->pthread);
}

/* For mutex_wait(): its moments are of CLOCK_MONOTONIC. */
static inline void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attr);
    (void)pthread_condattr_destroy(&attr);
}

/* Gives the mutex back, waits, takes it again. until is a moment of
   CLOCK_MONOTONIC; NULL: for ever. Returns 0 or ETIMEDOUT. */
static inline int mutex_wait(struct mutex *mutex, pthread_cond_t *cond,
                             const struct timespec *until) REQUIRES(*mutex)
{
    return until ? pthread_cond_timedwait(cond, &mutex->pthread, until)
                 : pthread_cond_wait(cond, &mutex->pthread);
}

/* Readers are many and short; a writer does not wait for all of them, if the C
   library can be told so. */
static inline void rwlock_init(struct rwlock *rwlock)
{
    pthread_rwlockattr_t attr;

    (void)pthread_rwlockattr_init(&attr);
#ifdef __GLIBC__
    (void)pthread_rwlockattr_setkind_np(
        &attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
    (void)pthread_rwlock_init(&rwlock->pthread, &attr);
    (void)pthread_rwlockattr_destroy(&attr);
}

static inline void rwlock_done(struct rwlock *rwlock)
{
    (void)pthread_rwlock_destroy(&rwlock->pthread);
}

static inline void rwlock_read(struct rwlock *rwlock)
    ACQUIRES_SHARED(*rwlock) UNCHECKED
{
    (void)pthread_rwlock_rdlock(&rwlock->pthread);
}

static inline void rwlock_write(struct rwlock *rwlock)
    ACQUIRES(*rwlock) UNCHECKED
{
    (void)pthread_rwlock_wrlock(&rwlock->pthread);
}

static inline void rwlock_unlock(struct rwlock *rwlock)
    RELEASES(*rwlock) UNCHECKED
{
    (void)pthread_rwlock_unlock(&rwlock->pthread);
}

#endif
