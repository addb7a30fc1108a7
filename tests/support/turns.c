/* SPDX-License-Identifier: MIT */
#include "turns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

static _Thread_local struct player *me;

/* --- Hiding ------------------------------------------------------------------
 */

#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif

#ifdef WITH_TSAN
/* NOLINTBEGIN(readability-identifier-naming) */
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);
/* NOLINTEND(readability-identifier-naming) */

void turns_hide(void)
{
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
}

void turns_show(void)
{
    AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}
#else
void turns_hide(void)
{
}

void turns_show(void)
{
}
#endif

/* --- Turns -------------------------------------------------------------------
 *
 * All of this is hidden; the caller sees to it.
 */

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "turns: %s\n", what);
    abort();
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0)
        if (errno != EINTR)
            give_up("a semaphore is broken");
}

/* Gives the turn back, and waits for the next. */
static void stop(struct player *player, enum turns_end state)
{
    player->state = state;
    (void)sem_post(&player->turns->director);
    wait_for(&player->turn);
}

static void come_to(struct player *player, const char *where)
{
    player->where = where;
    player->steps++;
    if (player->left == 0)
        stop(player, TURNS_STANDS);
    else
        player->left--;
}

static void point(const char *where)
{
    if (!me)
        return;
    turns_hide();
    come_to(me, where);
    turns_show();
}

static void *run(void *arg)
{
    struct player *player = arg;

    turns_hide();
    me = player;
    wait_for(&player->turn);
    turns_show();
    player->play(player->ctx);
    turns_hide();
    me = NULL;
    player->state = TURNS_DONE;
    (void)sem_post(&player->turns->director);
    turns_show();
    return NULL;
}

unsigned turns_add(struct turns *turns, void (*play)(void *ctx), void *ctx)
{
    struct player *player = &turns->players[turns->count];

    if (turns->count == 0)
        (void)sem_init(&turns->director, 0, 0);
    *player = (struct player){.play = play, .ctx = ctx, .turns = turns};
    (void)sem_init(&player->turn, 0, 0);
    if (pthread_create(&player->thread, NULL, run, player) != 0)
        give_up("no thread");
    return turns->count++;
}

enum turns_end turns_turn(struct turns *turns, unsigned number, uint64_t points)
{
    struct player *player = &turns->players[number];
    enum turns_end state;

    turns_hide();
    if (player->state != TURNS_DONE) {
        player->left = points;
        (void)sem_post(&player->turn);
        wait_for(&turns->director);
    }
    state = player->state;
    turns_show();
    return state;
}

/* Who waits for some time only has waited that long. */
static bool expire_one(struct turns *turns)
{
    for (unsigned i = 0; i < turns->count; i++) {
        struct player *player = &turns->players[i];

        if (player->cond && player->timed && !player->expired) {
            player->expired = true;
            return true;
        }
    }
    return false;
}

/* A turn for each; whether one of them got anywhere. */
static bool go_round(struct turns *turns, unsigned *ret_done)
{
    bool moved = false;

    *ret_done = 0;
    for (unsigned i = 0; i < turns->count; i++) {
        struct player *player = &turns->players[i];
        bool done = player->state == TURNS_DONE;
        uint64_t before = player->steps;

        if (turns_turn(turns, i, UINT64_MAX) == TURNS_DONE)
            ++*ret_done;
        moved = moved || player->steps > before ||
                (!done && player->state == TURNS_DONE);
    }
    return moved;
}

bool turns_end(struct turns *turns)
{
    unsigned done = 0;
    bool alive = true;

    turns_hide();
    while (alive && done < turns->count)
        alive =
            go_round(turns, &done) || done == turns->count || expire_one(turns);
    turns_show();
    if (!alive)
        return false;
    for (unsigned i = 0; i < turns->count; i++) {
        (void)pthread_join(turns->players[i].thread, NULL);
        (void)sem_destroy(&turns->players[i].turn);
    }
    if (turns->count > 0)
        (void)sem_destroy(&turns->director);
    turns->count = 0;
    return true;
}

/* --- Locks -------------------------------------------------------------------
 *
 * The linker leads the log's calls here.
 */

#define REAL(name) __asm__("__real_" name)
#define WRAP(name) __asm__("__wrap_" name)

int real_mutex_lock(pthread_mutex_t *mutex) REAL("pthread_mutex_lock");
int real_mutex_unlock(pthread_mutex_t *mutex) REAL("pthread_mutex_unlock");
int real_rdlock(pthread_rwlock_t *lock) REAL("pthread_rwlock_rdlock");
int real_wrlock(pthread_rwlock_t *lock) REAL("pthread_rwlock_wrlock");
int real_unlock(pthread_rwlock_t *lock) REAL("pthread_rwlock_unlock");
int real_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
    REAL("pthread_cond_wait");
int real_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                        clockid_t clock, const struct timespec *then)
    REAL("pthread_cond_clockwait");
int real_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                        const struct timespec *then)
    REAL("pthread_cond_timedwait");
int real_cond_signal(pthread_cond_t *cond) REAL("pthread_cond_signal");
int real_cond_broadcast(pthread_cond_t *cond) REAL("pthread_cond_broadcast");

int wrap_mutex_lock(pthread_mutex_t *mutex) WRAP("pthread_mutex_lock");
int wrap_mutex_unlock(pthread_mutex_t *mutex) WRAP("pthread_mutex_unlock");
int wrap_rdlock(pthread_rwlock_t *lock) WRAP("pthread_rwlock_rdlock");
int wrap_wrlock(pthread_rwlock_t *lock) WRAP("pthread_rwlock_wrlock");
int wrap_unlock(pthread_rwlock_t *lock) WRAP("pthread_rwlock_unlock");
int wrap_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
    WRAP("pthread_cond_wait");
int wrap_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                        clockid_t clock, const struct timespec *then)
    WRAP("pthread_cond_clockwait");
int wrap_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                        const struct timespec *then)
    WRAP("pthread_cond_timedwait");
int wrap_cond_signal(pthread_cond_t *cond) WRAP("pthread_cond_signal");
int wrap_cond_broadcast(pthread_cond_t *cond) WRAP("pthread_cond_broadcast");

/* Another player has what this one wants. */
static void wait_turn(void)
{
    turns_hide();
    stop(me, TURNS_WAITS);
    turns_show();
}

static void note_step(void)
{
    turns_hide();
    me->steps++;
    turns_show();
}

/* Calls take(lock) until it is not EBUSY. */
#define TAKE(take, lock)                 \
    __extension__({                      \
        int taken_ = take(lock);         \
                                         \
        if (taken_ == EBUSY) {           \
            do                           \
                wait_turn();             \
            while (take(lock) == EBUSY); \
            note_step();                 \
            taken_ = 0;                  \
        }                                \
        taken_;                          \
    })

int wrap_mutex_lock(pthread_mutex_t *mutex)
{
    if (!me)
        return real_mutex_lock(mutex);
    point("lock");
    return TAKE(pthread_mutex_trylock, mutex);
}

int wrap_mutex_unlock(pthread_mutex_t *mutex)
{
    int r = real_mutex_unlock(mutex);

    point("unlock");
    return r;
}

int wrap_rdlock(pthread_rwlock_t *lock)
{
    if (!me)
        return real_rdlock(lock);
    point("rdlock");
    return TAKE(pthread_rwlock_tryrdlock, lock);
}

int wrap_wrlock(pthread_rwlock_t *lock)
{
    if (!me)
        return real_wrlock(lock);
    point("wrlock");
    return TAKE(pthread_rwlock_trywrlock, lock);
}

int wrap_unlock(pthread_rwlock_t *lock)
{
    int r = real_unlock(lock);

    point("unlock");
    return r;
}

static int wait_cond(pthread_cond_t *cond, pthread_mutex_t *mutex, bool timed)
{
    bool expired;

    (void)real_mutex_unlock(mutex);
    turns_hide();
    me->cond = cond;
    me->timed = timed;
    me->expired = false;
    while (me->cond && !me->expired)
        stop(me, TURNS_WAITS);
    expired = me->cond != NULL;
    me->cond = NULL;
    me->steps++;
    turns_show();
    (void)TAKE(pthread_mutex_trylock, mutex);
    return expired ? ETIMEDOUT : 0;
}

int wrap_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return me ? wait_cond(cond, mutex, false) : real_cond_wait(cond, mutex);
}

int wrap_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                        clockid_t clock, const struct timespec *then)
{
    return me ? wait_cond(cond, mutex, true)
              : real_cond_clockwait(cond, mutex, clock, then);
}

int wrap_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                        const struct timespec *then)
{
    return me ? wait_cond(cond, mutex, true)
              : real_cond_timedwait(cond, mutex, then);
}

/* Those who wait for cond, or only the first of them, do so no more. */
static void rouse(const pthread_cond_t *cond, bool all)
{
    struct turns *turns = me->turns;

    turns_hide();
    for (unsigned i = 0; i < turns->count; i++) {
        if (turns->players[i].cond != cond)
            continue;
        turns->players[i].cond = NULL;
        if (!all)
            break;
    }
    turns_show();
}

int wrap_cond_signal(pthread_cond_t *cond)
{
    if (me)
        rouse(cond, false);
    return real_cond_signal(cond);
}

int wrap_cond_broadcast(pthread_cond_t *cond)
{
    if (me)
        rouse(cond, true);
    return real_cond_broadcast(cond);
}

/* --- The io ------------------------------------------------------------------
 */

static _Thread_local bool forbidden;
static _Thread_local const char *waited;

void turns_forbid_waiting(bool is_forbidden)
{
    forbidden = is_forbidden;
}

const char *turns_waited(void)
{
    const char *call = waited;

    waited = NULL;
    return call;
}

static void note_call(const char *call, bool waits)
{
    if (waits && forbidden && !waited)
        waited = call;
    point(call);
}

static struct io *below(struct io *io)
{
    return ((struct turns_io *)(void *)io)->below;
}

/* Makes a call below, behind a point. */
#define MAKE(type, waits, call, ...)                   \
    do {                                               \
        struct io *lower = below(io);                  \
        type result;                                   \
                                                       \
        note_call(#call, waits);                       \
        turns_hide();                                  \
        result = lower->ops->call(lower, __VA_ARGS__); \
        turns_show();                                  \
        return result;                                 \
    } while (0)

static int turned_open(struct io *io, int dir, const char *name, int flags,
                       mode_t mode)
{
    MAKE(int, true, open, dir, name, flags, mode);
}

static int turned_close(struct io *io, int fd)
{
    MAKE(int, false, close, fd);
}

static ssize_t turned_readv(struct io *io, struct io_from from,
                            const struct iovec *iov, int count)
{
    bool waits = !from.nowait;

    MAKE(ssize_t, waits, readv, from, iov, count);
}

/* A write waits for memory at most, and is how appends that may not wait are
   made; so is the truncation that undoes one. */
static ssize_t turned_writev(struct io *io, int fd, const struct iovec *iov,
                             int count, uint64_t position)
{
    MAKE(ssize_t, false, writev, fd, iov, count, position);
}

static int turned_truncate(struct io *io, int fd, uint64_t size)
{
    MAKE(int, false, truncate, fd, size);
}

static int turned_datasync(struct io *io, int fd)
{
    MAKE(int, true, datasync, fd);
}

static int turned_sync(struct io *io, int fd)
{
    MAKE(int, true, sync, fd);
}

static int turned_stat(struct io *io, int fd, struct io_stat *ret)
{
    MAKE(int, false, stat, fd, ret);
}

static int turned_statat(struct io *io, int dir, const char *name,
                         struct io_stat *ret)
{
    MAKE(int, true, statat, dir, name, ret);
}

static int turned_chmod(struct io *io, int fd, mode_t mode)
{
    MAKE(int, true, chmod, fd, mode);
}

static int turned_mkdir(struct io *io, int dir, const char *name, mode_t mode)
{
    MAKE(int, true, mkdir, dir, name, mode);
}

static int turned_unlink(struct io *io, int dir, const char *name,
                         bool directory)
{
    MAKE(int, true, unlink, dir, name, directory);
}

static int turned_rename(struct io *io, int dir, const char *from,
                         const char *to)
{
    MAKE(int, true, rename, dir, from, to);
}

/* Each name is given to the caller outside of the call below. */
struct listing {
    io_list_fn *each;
    void *ctx;
};

static int list_outside(void *ctx, const char *name)
{
    struct listing *listing = ctx;
    int r;

    turns_show();
    r = listing->each(listing->ctx, name);
    turns_hide();
    return r;
}

static int turned_list(struct io *io, int dir, io_list_fn *each, void *ctx)
{
    struct listing listing = {each, ctx};

    MAKE(int, true, list, dir, list_outside, &listing);
}

static int turned_lock(struct io *io, int fd, bool exclusive)
{
    MAKE(int, false, lock, fd, exclusive);
}

static int turned_space(struct io *io, int fd, struct io_space *ret)
{
    MAKE(int, false, space, fd, ret);
}

static int turned_map(struct io *io, int fd, size_t size, const void **ret)
{
    MAKE(int, false, map, fd, size, ret);
}

static void turned_unmap(struct io *io, const void *map, size_t size)
{
    struct io *lower = below(io);

    point("unmap");
    turns_hide();
    lower->ops->unmap(lower, map, size);
    turns_show();
}

static int turned_map_shared(struct io *io, int fd, size_t size, void **ret)
{
    MAKE(int, false, map_shared, fd, size, ret);
}

static int turned_allocate(struct io *io, int fd, uint64_t from, uint64_t size)
{
    MAKE(int, false, allocate, fd, from, size);
}

static bool turned_cached(struct io *io, const void *from, size_t size)
{
    MAKE(bool, false, cached, from, size);
}

static int64_t turned_clock(struct io *io, int64_t (*clock)(struct io *io))
{
    int64_t time_ns;

    turns_hide();
    time_ns = clock(below(io));
    turns_show();
    return time_ns;
}

static int64_t turned_now(struct io *io)
{
    point("now");
    return turned_clock(io, below(io)->ops->now);
}

static int64_t turned_uptime(struct io *io)
{
    point("uptime");
    return turned_clock(io, below(io)->ops->uptime);
}

static int turned_boot_id(struct io *io, char ret[static 37])
{
    MAKE(int, true, boot_id, ret);
}

static const struct io_ops turned_ops = {
    .open = turned_open,
    .close = turned_close,
    .readv = turned_readv,
    .writev = turned_writev,
    .truncate = turned_truncate,
    .datasync = turned_datasync,
    .sync = turned_sync,
    .stat = turned_stat,
    .statat = turned_statat,
    .chmod = turned_chmod,
    .mkdir = turned_mkdir,
    .unlink = turned_unlink,
    .rename = turned_rename,
    .list = turned_list,
    .lock = turned_lock,
    .space = turned_space,
    .map = turned_map,
    .unmap = turned_unmap,
    .map_shared = turned_map_shared,
    .allocate = turned_allocate,
    .cached = turned_cached,
    .now = turned_now,
    .uptime = turned_uptime,
    .boot_id = turned_boot_id,
};

void turns_io_init(struct turns_io *io, struct io *to)
{
    *io = (struct turns_io){.io = {&turned_ops}, .below = to};
}
