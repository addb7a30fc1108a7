/* SPDX-License-Identifier: MIT */
#include "recovery/metadata.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "clog.h"
#include "fixture.h"
#include "test.h"

static const char golden_writer[] =
    "pid 4711\n"
    "boot 90514555-dd39-4082-a3bb-7f1353c017ae\n"
    "directory 65024 10969538\n";

static const char golden_clean[] = "next 3\n"
                                   "segment 00000000000000000000\n"
                                   "store 37\n"
                                   "index 48\n"
                                   "stamps 48\n"
                                   "crc32c 0ff93bd7\n";

static const uint8_t golden_durable[16] = {0, 0, 0, 0, 0,    0,    0,    3,
                                           0, 0, 0, 0, 0x63, 0x53, 0x05, 0xa9};

struct opened {
    struct fixture *fixture;
    int root;
};

static struct opened open_metadata(void **state)
{
    struct opened opened = {*state, -1};

    opened.root = io_open_root(io_posix(), opened.fixture->dir);
    assert_true(opened.root >= 0);
    return opened;
}

static void save(const struct opened *opened, const char *name,
                 const char *text)
{
    file_save(opened->fixture->dir, name, text, strlen(text));
}

/* format is "clog 1" and a newline. */
static void test_metadata_format_written_is_golden(void **state)
{
    struct opened opened = open_metadata(state);
    uint64_t position = 99;

    assert_int_equal(format_check(io_posix(), opened.root, &position), -ENOENT);
    assert_int_equal(format_write(io_posix(), opened.root), 0);
    assert_true(file_holds(opened.fixture->dir, "format", "clog 1\n", 7));
    assert_int_equal(format_check(io_posix(), opened.root, &position), 0);
    assert_int_equal(position, 99);
    io_close(io_posix(), opened.root);
}

/* Any other format is refused at the byte where it differs. */
static void test_metadata_format_other_is_euclean_at_its_byte(void **state)
{
    static const struct {
        const char *text;
        uint64_t position;
    } others[] = {{"", 0},          {"clog 2\n", 5}, {"clog 1", 6},
                  {"clog 1\nx", 7}, {"glog 1\n", 0}, {"clog 11\n", 6}};
    struct opened opened = open_metadata(state);
    char large[600];

    for (size_t i = 0; i < COUNT(others); i++) {
        uint64_t position = 99;

        save(&opened, "format", others[i].text);
        assert_int_equal(format_check(io_posix(), opened.root, &position),
                         -EUCLEAN);
        assert_int_equal(position, others[i].position);
    }
    memset(large, 'c', sizeof(large));
    file_save(opened.fixture->dir, "format", large, sizeof(large));
    uint64_t position = 99;

    assert_int_equal(format_check(io_posix(), opened.root, &position),
                     -EUCLEAN);
    assert_int_equal(position, 1);
    io_close(io_posix(), opened.root);
}

/* writer is three lines, as FORMAT.md shows them, and reads back. */
static void test_metadata_writer_stored_is_golden(void **state)
{
    struct opened opened = open_metadata(state);
    struct writer writer = {.pid = 4711, .dev = 65024, .ino = 10969538};
    struct writer got = {0};

    strcpy(writer.boot_id, "90514555-dd39-4082-a3bb-7f1353c017ae");
    assert_int_equal(writer_load(io_posix(), opened.root, &got), -ENOENT);
    assert_int_equal(writer_store(io_posix(), opened.root, &writer), 0);
    assert_true(file_holds(opened.fixture->dir, "writer", golden_writer,
                           strlen(golden_writer)));
    assert_int_equal(writer_load(io_posix(), opened.root, &got), 0);
    assert_int_equal(got.pid, 4711);
    assert_string_equal(got.boot_id, writer.boot_id);
    assert_int_equal(got.dev, 65024);
    assert_int_equal(got.ino, 10969538);
    io_close(io_posix(), opened.root);
}

/* A writer that is not exactly what we write vouches for nothing. */
static void test_metadata_writer_other_is_euclean(void **state)
{
    static const char *const others[] = {
        "",
        "pid 4711\n",
        "pid 4711\nboot x\ndirectory 1 2",
        "pid 4711\nboot x\ndirectory 1 2\n\n",
        "pid 04711\nboot x\ndirectory 1 2\n",
        "pid 4711 boot x directory 1 2\n",
        "pid 1\nboot 1234567890123456789012345678901234567\ndirectory 1 2\n",
    };
    struct opened opened = open_metadata(state);
    struct writer got = {.pid = 1};

    for (size_t i = 0; i < COUNT(others); i++) {
        save(&opened, "writer", others[i]);
        assert_int_equal(writer_load(io_posix(), opened.root, &got), -EUCLEAN);
    }
    file_save(opened.fixture->dir, "writer", golden_writer,
              sizeof(golden_writer));
    assert_int_equal(writer_load(io_posix(), opened.root, &got), -EUCLEAN);
    assert_int_equal(got.pid, 1);
    io_close(io_posix(), opened.root);
}

/* clean is six lines, as FORMAT.md shows them, reads back, and goes away. */
static void test_metadata_clean_stored_is_golden(void **state)
{
    struct opened opened = open_metadata(state);
    struct clean clean = {.next = 3, .sizes = {37, 48, 48}};
    struct clean got = {0};

    assert_int_equal(clean_load(io_posix(), opened.root, &got), -ENOENT);
    assert_int_equal(clean_store(io_posix(), opened.root, &clean), 0);
    assert_true(file_holds(opened.fixture->dir, "clean", golden_clean,
                           strlen(golden_clean)));
    assert_int_equal(clean_load(io_posix(), opened.root, &got), 0);
    assert_int_equal(got.next, 3);
    assert_int_equal(got.base, 0);
    assert_int_equal(got.sizes[CLOG_STORE], 37);
    assert_int_equal(got.sizes[CLOG_STAMPS], 48);
    assert_int_equal(clean_remove(io_posix(), opened.root), 0);
    assert_false(file_exists(opened.fixture->dir, "clean"));
    assert_int_equal(clean_remove(io_posix(), opened.root), 0);
    io_close(io_posix(), opened.root);
}

/* Whatever bit of clean is turned, it is refused. */
static void test_metadata_clean_flipped_anywhere_is_euclean(void **state)
{
    struct opened opened = open_metadata(state);
    struct clean got = {.next = 77};

    for (uint64_t i = 0; i < strlen(golden_clean); i++) {
        save(&opened, "clean", golden_clean);
        file_flip(opened.fixture->dir, "clean", i);
        assert_int_equal(clean_load(io_posix(), opened.root, &got), -EUCLEAN);
        file_resize(opened.fixture->dir, "clean", i);
        assert_int_equal(clean_load(io_posix(), opened.root, &got), -EUCLEAN);
    }
    assert_int_equal(got.next, 77);
    io_close(io_posix(), opened.root);
}

/* durable is 16 bytes, as FORMAT.md shows them, rewritten in place. */
static void test_metadata_durable_written_is_golden(void **state)
{
    struct opened opened = open_metadata(state);
    uint64_t offset = 0;
    int fd;

    assert_int_equal(durable_load(io_posix(), opened.root, &offset), -ENOENT);
    fd = io_open(io_posix(), opened.root, "durable", O_RDWR | O_CREAT, 0600);
    assert_int_equal(durable_write(io_posix(), fd, UINT64_MAX), 0);
    assert_int_equal(durable_load(io_posix(), opened.root, &offset), 0);
    assert_int_equal(offset, UINT64_MAX);
    assert_int_equal(durable_write(io_posix(), fd, 3), 0);
    assert_true(file_holds(opened.fixture->dir, "durable", golden_durable,
                           sizeof(golden_durable)));
    assert_int_equal(durable_load(io_posix(), opened.root, &offset), 0);
    assert_int_equal(offset, 3);
    io_close(io_posix(), fd);
    io_close(io_posix(), opened.root);
}

/* Torn, short, long or flipped, durable says nothing. */
static void test_metadata_durable_damaged_is_euclean(void **state)
{
    struct opened opened = open_metadata(state);
    const char *dir = opened.fixture->dir;
    uint64_t offset = 77;

    for (uint64_t i = 0; i < 16; i++) {
        file_save(dir, "durable", golden_durable, 16);
        file_flip(dir, "durable", i);
        assert_int_equal(durable_load(io_posix(), opened.root, &offset),
                         -EUCLEAN);
        file_save(dir, "durable", golden_durable, i);
        assert_int_equal(durable_load(io_posix(), opened.root, &offset),
                         -EUCLEAN);
    }
    file_save(dir, "durable", golden_durable, 16);
    file_resize(dir, "durable", 17);
    assert_int_equal(durable_load(io_posix(), opened.root, &offset), -EUCLEAN);
    file_resize(dir, "durable", 0);
    file_resize(dir, "durable", 16);
    assert_int_equal(durable_load(io_posix(), opened.root, &offset), -EUCLEAN);
    assert_int_equal(offset, 77);
    io_close(io_posix(), opened.root);
}

/* A cursor is two lines, as FORMAT.md shows them, and reads back. */
static void test_metadata_cursor_stored_reads_back(void **state)
{
    struct opened opened = open_metadata(state);
    uint64_t offset = 77;

    assert_int_equal(cursor_load(io_posix(), opened.root, "c", &offset),
                     -ENOENT);
    assert_int_equal(offset, 77);
    assert_int_equal(cursor_store(io_posix(), opened.root, "c", UINT64_MAX), 0);
    assert_int_equal(cursor_load(io_posix(), opened.root, "c", &offset), 0);
    assert_int_equal(offset, UINT64_MAX);
    io_close(io_posix(), opened.root);
}

/* Whatever bit of a cursor is turned, wherever it ends, it is refused. */
static void test_metadata_cursor_damaged_is_euclean(void **state)
{
    struct opened opened = open_metadata(state);
    const char *dir = opened.fixture->dir;
    uint64_t offset = 77;
    uint64_t size;

    assert_int_equal(cursor_store(io_posix(), opened.root, "c", 1234), 0);
    size = file_size(dir, "c");
    for (uint64_t i = 0; i < size; i++) {
        assert_int_equal(cursor_store(io_posix(), opened.root, "c", 1234), 0);
        file_flip(dir, "c", i);
        assert_int_equal(cursor_load(io_posix(), opened.root, "c", &offset),
                         -EUCLEAN);
        file_resize(dir, "c", i);
        assert_int_equal(cursor_load(io_posix(), opened.root, "c", &offset),
                         -EUCLEAN);
    }
    assert_int_equal(offset, 77);
    io_close(io_posix(), opened.root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_metadata_format_written_is_golden),
        FIXTURE_TEST(test_metadata_format_other_is_euclean_at_its_byte),
        FIXTURE_TEST(test_metadata_writer_stored_is_golden),
        FIXTURE_TEST(test_metadata_writer_other_is_euclean),
        FIXTURE_TEST(test_metadata_clean_stored_is_golden),
        FIXTURE_TEST(test_metadata_clean_flipped_anywhere_is_euclean),
        FIXTURE_TEST(test_metadata_durable_written_is_golden),
        FIXTURE_TEST(test_metadata_durable_damaged_is_euclean),
        FIXTURE_TEST(test_metadata_cursor_stored_reads_back),
        FIXTURE_TEST(test_metadata_cursor_damaged_is_euclean),
    };

    return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
