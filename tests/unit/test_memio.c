/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fixture.h"
#include "memio.h"
#include "test.h"

/* The disk in memory does what disks and Linux do. */

static int make_file(struct memio *disk, const char *name)
{
    int fd = io_open(memio_io(disk), AT_FDCWD, name, O_RDWR | O_CREAT, 0600);

    assert_true(fd >= 0);
    return fd;
}

static void write_at(struct memio *disk, int fd, const char *text,
                     uint64_t position)
{
    assert_int_equal(io_write(memio_io(disk), fd, text, strlen(text), position),
                     0);
}

/* What the disk has of the file after the power was cut and nothing survived
   that was not durable. */
static void expect_durable(struct memio *disk, const char *name,
                           const char *text)
{
    struct memio *after = memio_power_cut(disk, MEMIO_DROP, 1);
    uint64_t size = 0;
    const uint8_t *bytes = memio_bytes(after, name, &size);

    assert_true((bytes != NULL) == (text != NULL));
    if (text) {
        assert_int_equal(size, strlen(text));
        assert_memory_equal(bytes, text, size);
    }
    memio_free(after);
}

static int open_root(struct memio *disk)
{
    int root = io_open(memio_io(disk), AT_FDCWD, "..", O_RDONLY, 0);

    assert_true(root >= 0);
    return root;
}

/* A lost write is told once to each descriptor that was open, and a later sync
   that succeeds writes none of it. */
static void test_memio_tells_an_error_once(void **state)
{
    struct memio *disk = memio_new();
    struct io *io = memio_io(disk);
    int first = make_file(disk, "file");
    int second = make_file(disk, "file");
    int later;
    char data[4];

    (void)state;
    assert_int_equal(io_sync(io, open_root(disk)), 0);
    write_at(disk, first, "lost", 0);
    memio_fail_write_back(disk, IO_FILE, 1, -EIO);
    assert_int_equal(io_datasync(io, first), -EIO);
    assert_int_equal(io_datasync(io, first), 0);
    assert_int_equal(io_datasync(io, second), -EIO);
    later = make_file(disk, "file");
    assert_int_equal(io_datasync(io, later), 0);
    assert_int_equal(io_read(io, (struct io_from){.fd = first}, data, 4), 4);
    assert_memory_equal(data, "lost", 4);
    expect_durable(disk, "file", "");
    write_at(disk, first, "kept", 0);
    assert_int_equal(io_datasync(io, later), 0);
    expect_durable(disk, "file", "kept");
    memio_free(disk);
}

/* An error that nobody was told of waits for who opens the file next, also in
   another process. */
static void test_memio_keeps_an_error_that_nobody_knows(void **state)
{
    struct memio *disk = memio_new();
    struct memio *killed;
    int fd = make_file(disk, "file");

    (void)state;
    write_at(disk, fd, "lost", 0);
    memio_fail_write_back(disk, IO_FILE, 1, -ENOSPC);
    memio_write_back(disk);
    killed = memio_kill(disk);
    fd = make_file(killed, "file");
    assert_int_equal(io_sync(memio_io(killed), fd), -ENOSPC);
    memio_free(killed);
    memio_free(disk);
}

static void sync_names(bool journal, const char *want)
{
    struct memio *disk = memio_new();
    struct io *io = memio_io(disk);
    int root = open_root(disk);

    memio_set_journal(disk, journal);
    (void)make_file(disk, "file");
    memio_fail_write_back(disk, IO_DIR, 1, -EIO);
    assert_int_equal(io_sync(io, root), -EIO);
    assert_int_equal(io_sync(io, root), 0);
    expect_durable(disk, "file", want);
    (void)make_file(disk, "another");
    assert_int_equal(io_sync(io, root), 0);
    expect_durable(disk, "file", "");
    memio_free(disk);
}

/* A directory whose sync failed: a journal has its names, and nothing else. */
static void test_memio_loses_names_without_a_journal(void **state)
{
    (void)state;
    sync_names(true, "");
    sync_names(false, NULL);
}

/* A sector that cannot be read ends a read before it and is a fault in a map,
   until it is written. */
static void test_memio_has_sectors_that_cannot_be_read(void **state)
{
    struct memio *disk = memio_new();
    struct io *io = memio_io(disk);
    int fd = make_file(disk, "file");
    const void *map = NULL;
    char text[2049];
    char data[2048];

    (void)state;
    fixture_take_sigbus();
    memset(text, 'x', 2048);
    text[2048] = '\0';
    write_at(disk, fd, text, 0);
    memio_spoil(disk, "file", 1024);
    assert_int_equal(io_read(io, (struct io_from){.fd = fd}, data, 1024), 1024);
    assert_int_equal(
        io_read(io, (struct io_from){.fd = fd, .position = 1024}, data, 1024),
        -EIO);
    assert_int_equal(
        io_read(io, (struct io_from){.fd = fd, .position = 1536}, data, 512),
        512);
    assert_int_equal(io_map(io, fd, 4096, &map), 0);
    assert_int_equal(io_copy_mapped(data, map, 1), -EIO);
    text[512] = '\0';
    write_at(disk, fd, text, 1024);
    assert_int_equal(io_read(io, (struct io_from){.fd = fd}, data, 2048), 2048);
    assert_int_equal(io_copy_mapped(data, map, 1), 0);
    memio_free(disk);
}

/* A full disk takes what there is room for, until something goes. */
static void test_memio_can_be_full(void **state)
{
    struct memio *disk = memio_new();
    struct io *io = memio_io(disk);
    int fd = make_file(disk, "file");
    struct io_space space;
    char data[9000] = {0};

    (void)state;
    memio_set_capacity(disk, 12288);
    assert_int_equal(io_space(io, fd, &space), 0);
    assert_int_equal(space.blocks_available, 2);
    assert_int_equal(io_write(io, fd, data, sizeof(data), 0), -ENOSPC);
    assert_int_equal(io_truncate(io, fd, 4096), 0);
    assert_int_equal(io_mkdir(io, AT_FDCWD, "dir", 0700), 0);
    assert_int_equal(io_mkdir(io, AT_FDCWD, "other", 0700), -ENOSPC);
    assert_int_equal(io_unlink(io, AT_FDCWD, "file", false), 0);
    assert_int_equal(io_mkdir(io, AT_FDCWD, "other", 0700), -ENOSPC);
    io_close(io, fd);
    assert_int_equal(io_mkdir(io, AT_FDCWD, "other", 0700), 0);
    memio_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memio_tells_an_error_once),
        cmocka_unit_test(test_memio_keeps_an_error_that_nobody_knows),
        cmocka_unit_test(test_memio_loses_names_without_a_journal),
        cmocka_unit_test(test_memio_has_sectors_that_cannot_be_read),
        cmocka_unit_test(test_memio_can_be_full),
    };

    return cmocka_run_group_tests_name("memio", tests, NULL, NULL);
}
