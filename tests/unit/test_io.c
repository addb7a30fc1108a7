/* SPDX-License-Identifier: MIT */
#include "io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "io/files.h"
#include "test.h"

#define CACHED_SIZE ((size_t)1 << 20) /* more than is asked about at once */
#define MAP_SIZE    ((size_t)8192)    /* two pages */

/* A system that interrupts every other call and does a byte at a time. */
struct lazy {
    struct io io; /* must be first */
    struct io_ops ops;
    unsigned calls;
    ssize_t answer; /* what writes return, if not 1 */
};

static bool interrupts(struct io *io)
{
    return ((struct lazy *)(void *)io)->calls++ % 2 == 0;
}

static ssize_t lazy_readv(struct io *io, struct io_from from,
                          const struct iovec *iov, int count)
{
    struct iovec one = {iov[0].iov_base, 1};

    (void)count;
    if (interrupts(io))
        return -EINTR;
    return io_posix()->ops->readv(io, from, &one, 1);
}

static ssize_t lazy_writev(struct io *io, int fd, const struct iovec *iov,
                           int count, uint64_t position)
{
    struct iovec one = {iov[0].iov_base, 1};
    struct lazy *lazy = (struct lazy *)(void *)io;

    (void)count;
    if (interrupts(io))
        return -EINTR;
    if (lazy->answer != 1)
        return lazy->answer;
    return io_posix()->ops->writev(io, fd, &one, 1, position);
}

static int lazy_truncate(struct io *io, int fd, uint64_t size)
{
    return interrupts(io) ? -EINTR : io_posix()->ops->truncate(io, fd, size);
}

static int lazy_sync(struct io *io, int fd)
{
    return interrupts(io) ? -EINTR : io_posix()->ops->sync(io, fd);
}

static void lazy_init(struct lazy *lazy)
{
    lazy->ops = *io_posix()->ops;
    lazy->ops.readv = lazy_readv;
    lazy->ops.writev = lazy_writev;
    lazy->ops.truncate = lazy_truncate;
    lazy->ops.datasync = lazy_sync;
    lazy->ops.sync = lazy_sync;
    lazy->io.ops = &lazy->ops;
    lazy->calls = 0;
    lazy->answer = 1;
}

static int open_root(void **state)
{
    int root = io_open_root(io_posix(), ((struct fixture *)*state)->dir);

    assert_true(root >= 0);
    return root;
}

static int open_file(int root, const char *name)
{
    int fd = io_open(io_posix(), root, name, O_RDWR | O_CREAT, 0600);

    assert_true(fd >= 0);
    return fd;
}

/* Interrupted and short, a read or write is whole all the same. */
static void test_io_interrupted_and_short_is_whole(void **state)
{
    struct iovec pieces[] = {{(void *)(uintptr_t) "he", 2},
                             {(void *)(uintptr_t) "", 0},
                             {(void *)(uintptr_t) "llo", 3}};
    struct lazy lazy;
    char data[16];
    int root = open_root(state);
    int fd = open_file(root, "file");

    lazy_init(&lazy);
    assert_int_equal(io_writev(&lazy.io, fd, pieces, 3, 2), 0);
    assert_int_equal(
        io_read(&lazy.io, (struct io_from){.fd = fd}, data, sizeof(data)), 7);
    assert_memory_equal(data, "\0\0hello", 7);
    assert_int_equal(io_truncate(&lazy.io, fd, 4), 0);
    assert_int_equal(io_datasync(&lazy.io, fd), 0);
    assert_int_equal(io_sync(&lazy.io, fd), 0);
    assert_int_equal(
        io_read(&lazy.io, (struct io_from){.fd = fd}, data, sizeof(data)), 4);
    io_close(&lazy.io, fd);
    io_close(&lazy.io, root);
}

/* A write that does nothing is an error, not a loop. */
static void test_io_write_of_nothing_is_eio(void **state)
{
    struct lazy lazy;
    int root = open_root(state);
    int fd = open_file(root, "file");

    lazy_init(&lazy);
    lazy.answer = 0;
    assert_int_equal(io_write(&lazy.io, fd, "hello", 5, 0), -EIO);
    lazy.answer = -ENOSPC;
    assert_int_equal(io_write(&lazy.io, fd, "hello", 5, 0), -ENOSPC);
    assert_int_equal(io_write(&lazy.io, fd, "hello", 0, 0), 0);
    io_close(io_posix(), fd);
    io_close(io_posix(), root);
}

/* A whole file is loaded, or none of it. */
static void test_io_load_of_larger_file_is_efbig(void **state)
{
    char data[8];
    int root = open_root(state);

    file_save(((struct fixture *)*state)->dir, "file", "1234567", 7);
    assert_int_equal(io_load(io_posix(), root, "file", data, 8), 7);
    assert_int_equal(io_load(io_posix(), root, "file", data, 7), 7);
    assert_int_equal(io_load(io_posix(), root, "file", data, 6), -EFBIG);
    assert_int_equal(io_load(io_posix(), root, "none", data, 8), -ENOENT);
    io_close(io_posix(), root);
}

/* Replacing leaves the new bytes under the name, and nothing beside it. */
static void test_io_replace_leaves_new_bytes_alone(void **state)
{
    struct fixture *fixture = *state;
    int root = open_root(state);

    file_save(fixture->dir, "file", "old and long", 12);
    file_save(fixture->dir, "file.new", "left by a crash", 15);
    assert_int_equal(io_replace(io_posix(), root, "file", "new", 3), 0);
    assert_true(file_holds(fixture->dir, "file", "new", 3));
    assert_int_equal(directory_count(fixture->dir, "."), 1);
    io_close(io_posix(), root);
}

/* Replacing that fails leaves the old bytes. */
static void test_io_replace_that_fails_leaves_old_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct lazy lazy;
    int root = open_root(state);

    lazy_init(&lazy);
    lazy.answer = -ENOSPC;
    file_save(fixture->dir, "file", "old", 3);
    assert_int_equal(io_replace(&lazy.io, root, "file", "new", 3), -ENOSPC);
    assert_true(file_holds(fixture->dir, "file", "old", 3));
    io_close(io_posix(), root);
}

/* The log's directory may be a symbolic link; nothing below it may. */
static void test_io_symlink_is_followed_for_the_root_alone(void **state)
{
    struct fixture *fixture = *state;
    char link[PATH_MAX];
    int root;

    (void)snprintf(link, sizeof(link), "%s/link", fixture->dir);
    assert_int_equal(symlink(".", link), 0);
    root = io_open_root(io_posix(), link);
    assert_true(root >= 0);
    assert_int_equal(
        io_open(io_posix(), root, "link", O_RDONLY | O_DIRECTORY, 0), -ENOTDIR);
    assert_int_equal(io_open(io_posix(), root, "link", O_RDONLY, 0), -ELOOP);
    io_close(io_posix(), root);
}

/* A path that is no directory, or is none, or is too long is refused. */
static void test_io_root_that_is_no_directory_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[2 * PATH_MAX];

    file_save(fixture->dir, "file", "", 0);
    (void)snprintf(path, sizeof(path), "%s/file", fixture->dir);
    assert_int_equal(io_open_root(io_posix(), path), -ENOTDIR);
    (void)snprintf(path, sizeof(path), "%s/none", fixture->dir);
    assert_int_equal(io_open_root(io_posix(), path), -ENOENT);
    memset(path, 'x', sizeof(path));
    path[PATH_MAX] = '\0';
    assert_int_equal(io_open_root(io_posix(), path), -ENAMETOOLONG);
}

/* A FIFO in a file's place does not block the open. */
static void test_io_fifo_does_not_block(void **state)
{
    struct fixture *fixture = *state;
    int root = open_root(state);
    struct io_stat st;
    int fd;

    assert_int_equal(mkfifoat(root, "fifo", 0600), 0);
    fd = io_open(io_posix(), root, "fifo", O_RDONLY, 0);
    assert_true(fd >= 0);
    assert_int_equal(io_posix()->ops->stat(io_posix(), fd, &st), 0);
    assert_int_equal(st.type, IO_OTHER);
    assert_true(file_exists(fixture->dir, "fifo"));
    io_close(io_posix(), fd);
    io_close(io_posix(), root);
}

static int count_names(void *ctx, const char *name)
{
    assert_string_not_equal(name, ".");
    assert_string_not_equal(name, "..");
    return ++*(int *)ctx == 3 ? 42 : 0;
}

/* Listing passes every name but the dots, and ends when told to. */
static void test_io_list_ends_where_told(void **state)
{
    struct fixture *fixture = *state;
    int root = open_root(state);
    int names = 0;

    file_save(fixture->dir, "a", "", 0);
    file_save(fixture->dir, "b", "", 0);
    assert_int_equal(
        io_posix()->ops->list(io_posix(), root, count_names, &names), 0);
    assert_int_equal(names, 2);
    names = 0;
    file_save(fixture->dir, "c", "", 0);
    file_save(fixture->dir, "d", "", 0);
    assert_int_equal(
        io_posix()->ops->list(io_posix(), root, count_names, &names), 42);
    io_close(io_posix(), root);
}

/* Copying from a map whose file was cut is an error where it was cut, and the
   thread can go on copying. */
static void test_io_copy_of_cut_map_is_eio(void **state)
{
    struct fixture *fixture = *state;
    int root = open_root(state);
    int fd = open_file(root, "file");
    const void *map = NULL;
    char byte = 'x';

    fixture_take_sigbus();
    assert_int_equal(io_write(io_posix(), fd, "hello", 5, 0), 0);
    assert_int_equal(io_posix()->ops->map(io_posix(), fd, MAP_SIZE, &map), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(io_copy_mapped(&byte, (const char *)map + 4096, 1),
                         -EIO);
        assert_int_equal(io_copy_mapped(&byte, (const char *)map + 1, 1), 0);
        assert_int_equal(byte, 'e');
    }
    file_resize(fixture->dir, "file", 0);
    assert_int_equal(io_copy_mapped(&byte, map, 1), -EIO);
    io_posix()->ops->unmap(io_posix(), map, MAP_SIZE);
    io_close(io_posix(), fd);
    io_close(io_posix(), root);
}

/* Bytes of a map are in memory once they have been looked at; those of a hole
   that nobody has read are not. */
static void test_io_cached_is_what_is_in_memory(void **state)
{
    struct fixture *fixture = *state;
    int root = open_root(state);
    int fd = open_file(root, "file");
    const char *map = NULL;
    char byte;

    fixture_take_sigbus();
    file_resize(fixture->dir, "file", CACHED_SIZE);
    assert_int_equal(
        io_map(io_posix(), fd, CACHED_SIZE, (const void **)(const void *)&map),
        0);
    assert_false(io_cached(io_posix(), map, CACHED_SIZE));
    for (size_t at = 0; at < CACHED_SIZE; at += 4096)
        assert_int_equal(io_copy_mapped(&byte, map + at, 1), 0);
    assert_true(io_cached(io_posix(), map, CACHED_SIZE));
    assert_true(io_cached(io_posix(), map + 4095, 2));
    assert_true(io_cached(io_posix(), map + CACHED_SIZE - 1, 1));
    file_resize(fixture->dir, "file", CACHED_SIZE / 2);
    assert_false(io_cached(io_posix(), map, CACHED_SIZE));
    assert_true(io_cached(io_posix(), map, CACHED_SIZE / 2));
    io_unmap(io_posix(), map, CACHED_SIZE);
    io_close(io_posix(), fd);
    io_close(io_posix(), root);
}

static volatile bool sent; /* a SIGBUS that is no fault */

static void on_foreign_sigbus(int signo)
{
    (void)signo;
    _exit(sent ? 42 : 43);
}

/* Runs what in a child; returns how it ended. */
static int in_child(int (*what)(const void *map), const void *map)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(what(map));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* A map of a file that is shorter; the caller unmaps it. */
static const void *cut_map(int fd)
{
    const void *map = NULL;

    assert_int_equal(io_write(io_posix(), fd, "hello", 5, 0), 0);
    assert_int_equal(io_posix()->ops->map(io_posix(), fd, MAP_SIZE, &map), 0);
    return map;
}

static bool is_eio(const void *map)
{
    char byte;

    return io_copy_mapped(&byte, (const char *)map + 4096, 1) == -EIO;
}

static int raise_after_handler(const void *map)
{
    (void)map;
    (void)signal(SIGBUS, on_foreign_sigbus);
    (void)io_posix();
    sent = true;
    (void)raise(SIGBUS);
    return 1;
}

/* A SIGBUS that is not ours goes to the handler that was there before, */
static void test_io_foreign_sigbus_goes_on(void **state)
{
    int status;

    (void)state;
    status = in_child(raise_after_handler, NULL);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static int raise_after_default(const void *map)
{
    (void)map;
    (void)signal(SIGBUS, SIG_DFL);
    (void)io_posix();
    (void)raise(SIGBUS);
    return 1;
}

/* ... or ends the process, where there was none, */
static void test_io_foreign_sigbus_ends_the_process(void **state)
{
    int status;

    (void)state;
    status = in_child(raise_after_default, NULL);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
}

static int raise_after_ignored(const void *map)
{
    (void)signal(SIGBUS, SIG_IGN);
    (void)io_posix();
    (void)raise(SIGBUS);
    return !is_eio(map);
}

/* ... or nothing happens, where it was ignored; and the guard stays. */
static void test_io_foreign_sigbus_leaves_the_guard(void **state)
{
    int root = open_root(state);
    int fd = open_file(root, "file");
    const void *map = cut_map(fd);

    assert_int_equal(in_child(raise_after_ignored, map), 0);
    io_posix()->ops->unmap(io_posix(), map, MAP_SIZE);
    io_close(io_posix(), fd);
    io_close(io_posix(), root);
}

static void *copy_with_signals_blocked(void *map)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
    return is_eio(map) ? map : NULL;
}

static int copy_in_thread(const void *map)
{
    pthread_t thread;
    void *result = NULL;

    if (pthread_create(&thread, NULL, copy_with_signals_blocked,
                       (void *)(uintptr_t)map) != 0)
        return 1;
    (void)pthread_join(thread, &result);
    return result ? 0 : 2;
}

/* A thread that blocks all signals, as those beside a signalfd do, gets an
   error as well. */
static void test_io_copy_with_signals_blocked_is_eio(void **state)
{
    int root = open_root(state);
    int fd = open_file(root, "file");
    const void *map = cut_map(fd);

    assert_int_equal(in_child(copy_in_thread, map), 0);
    io_posix()->ops->unmap(io_posix(), map, MAP_SIZE);
    io_close(io_posix(), fd);
    io_close(io_posix(), root);
}

static int replace_handler(const void *map)
{
    (void)io_posix();
    (void)signal(SIGBUS, on_foreign_sigbus);
    (void)io_posix();
    if (!is_eio(map))
        return 1;
    sent = true;
    (void)raise(SIGBUS);
    return 2;
}

/* Whoever opens a log after another handler was put there is guarded again. */
static void test_io_guard_is_put_back(void **state)
{
    int root = open_root(state);
    int fd = open_file(root, "file");
    const void *map = cut_map(fd);
    int status = in_child(replace_handler, map);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    io_posix()->ops->unmap(io_posix(), map, MAP_SIZE);
    io_close(io_posix(), fd);
    io_close(io_posix(), root);
}

static struct sigaction chained;

static void on_chaining_sigbus(int signo, siginfo_t *info, void *context)
{
    chained.sa_sigaction(signo, info, context);
}

/* Faults twice behind a handler that passes SIGBUS on, as other runtimes do;
   0: both were errors. */
static int fault_twice(const void *map)
{
    struct sigaction action = {.sa_sigaction = on_chaining_sigbus,
                               .sa_flags = SA_SIGINFO};
    char byte;
    int wrong = sigaction(SIGBUS, &action, &chained);

    for (int i = 0; i < 2; i++)
        wrong |= io_copy_mapped(&byte, (const char *)map + 4096, 1) != -EIO;
    return wrong;
}

/* A handler that was put before ours, and calls it, has SIGBUS blocked while
   it runs: after a fault it must not stay so, or the next one is the end. */
static void test_io_copy_behind_a_chaining_handler_is_eio_again(void **state)
{
    int root = open_root(state);
    int fd = open_file(root, "file");
    const void *map = cut_map(fd);

    assert_int_equal(in_child(fault_twice, map), 0);
    io_posix()->ops->unmap(io_posix(), map, MAP_SIZE);
    io_close(io_posix(), fd);
    io_close(io_posix(), root);
}

static int chain_both_ways(const void *map)
{
    struct sigaction action = {.sa_sigaction = on_chaining_sigbus,
                               .sa_flags = SA_SIGINFO};

    (void)signal(SIGBUS, on_foreign_sigbus);
    (void)io_posix();
    (void)sigaction(SIGBUS, &action, &chained);
    (void)io_posix();
    if (!is_eio(map))
        return 1;
    sent = true;
    (void)raise(SIGBUS);
    return 2;
}

/* Where each of two handlers passes on to the other, the one that was there
   first ends it. */
static void test_io_handlers_in_a_circle_end(void **state)
{
    int root = open_root(state);
    int fd = open_file(root, "file");
    const void *map = cut_map(fd);
    int status = in_child(chain_both_ways, map);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    io_posix()->ops->unmap(io_posix(), map, MAP_SIZE);
    io_close(io_posix(), fd);
    io_close(io_posix(), root);
}

/* The clock is the system's, and the boot id has 36 characters. */
static void test_io_clocks_and_boot_id_are_the_systems(void **state)
{
    struct timespec now;
    char boot_id[37] = "";

    (void)state;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    assert_in_range(io_posix()->ops->now(io_posix()) / 1000000000,
                    now.tv_sec - 1, now.tv_sec + 60);
    assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &now), 0);
    assert_in_range(io_uptime(io_posix()) / 1000000000, now.tv_sec,
                    now.tv_sec + 60);
    assert_int_equal(io_posix()->ops->boot_id(io_posix(), boot_id), 0);
    assert_int_equal(strlen(boot_id), 36);
}

/* A file with another name is copied before it is written to: the other keeps
   its bytes, and holes stay holes. */
static void test_files_own_copies_what_others_have(void **state)
{
    struct fixture *fixture = *state;
    char path[2][256];
    struct stat st;
    int root = io_open_root(io_posix(), fixture->dir);
    int fd;

    file_save(fixture->dir, "file", "head", 4);
    file_resize(fixture->dir, "file", (uint64_t)64 << 20);
    file_patch(fixture->dir, "file", ((uint64_t)64 << 20) - 4, "tail", 4);
    (void)snprintf(path[0], sizeof(path[0]), "%s/file", fixture->dir);
    (void)snprintf(path[1], sizeof(path[1]), "%s/other", fixture->dir);
    assert_int_equal(chmod(path[0], 0440), 0);
    assert_int_equal(link(path[0], path[1]), 0);
    fd = io_open_own(io_posix(), root, "file", true);
    assert_true(fd >= 0);
    assert_int_equal(io_write(io_posix(), fd, "HEAD", 4, 0), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(st.st_size, (int64_t)64 << 20);
    assert_in_range(st.st_blocks, 1, 1024);
    assert_int_equal(st.st_mode & 0777, 0640);
    io_close(io_posix(), fd);
    assert_int_equal(stat(path[1], &st), 0);
    assert_int_equal(st.st_mode & 0777, 0440);
    assert_int_equal(truncate(path[1], 4), 0);
    assert_true(file_holds(fixture->dir, "other", "head", 4));
    assert_false(file_exists(fixture->dir, "file.new"));
    io_close(io_posix(), root);
}

/* What is no regular file is neither read whole nor written to. */
static void test_files_fifo_is_euclean(void **state)
{
    struct fixture *fixture = *state;
    char path[256];
    char data[8];
    int root = io_open_root(io_posix(), fixture->dir);
    int fd;

    (void)snprintf(path, sizeof(path), "%s/fifo", fixture->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(io_load(io_posix(), root, "fifo", data, 8), -EUCLEAN);
    assert_int_equal(io_open_own(io_posix(), root, "fifo", true), -EUCLEAN);
    fd = io_make(io_posix(), root, "fifo");
    assert_true(fd >= 0);
    io_close(io_posix(), fd);
    assert_int_equal(file_size(fixture->dir, "fifo"), 0);
    io_close(io_posix(), root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_io_interrupted_and_short_is_whole),
        FIXTURE_TEST(test_io_write_of_nothing_is_eio),
        FIXTURE_TEST(test_io_load_of_larger_file_is_efbig),
        FIXTURE_TEST(test_io_replace_leaves_new_bytes_alone),
        FIXTURE_TEST(test_io_replace_that_fails_leaves_old_bytes),
        FIXTURE_TEST(test_io_symlink_is_followed_for_the_root_alone),
        FIXTURE_TEST(test_io_root_that_is_no_directory_is_refused),
        FIXTURE_TEST(test_io_fifo_does_not_block),
        FIXTURE_TEST(test_io_list_ends_where_told),
        FIXTURE_TEST(test_io_copy_of_cut_map_is_eio),
        FIXTURE_TEST(test_io_cached_is_what_is_in_memory),
        FIXTURE_TEST(test_files_own_copies_what_others_have),
        FIXTURE_TEST(test_files_fifo_is_euclean),
        cmocka_unit_test(test_io_foreign_sigbus_goes_on),
        cmocka_unit_test(test_io_foreign_sigbus_ends_the_process),
        FIXTURE_TEST(test_io_foreign_sigbus_leaves_the_guard),
        FIXTURE_TEST(test_io_copy_with_signals_blocked_is_eio),
        FIXTURE_TEST(test_io_guard_is_put_back),
        FIXTURE_TEST(test_io_handlers_in_a_circle_end),
        FIXTURE_TEST(test_io_copy_behind_a_chaining_handler_is_eio_again),
        cmocka_unit_test(test_io_clocks_and_boot_id_are_the_systems),
    };

    return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
