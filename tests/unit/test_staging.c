/* SPDX-License-Identifier: MIT */
#include "segment/staging.h"

#include "io/bytes.h"
#include "segment/index.h"
#include "segment/stamps.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "test.h"

#define SIZE STAGING_MIN

static const struct staging_owner owner = {
    .boot_id = "90514555-dd39-4082-a3bb-7f1353c017ae", .dev = 7, .ino = 9};

/* A staging in a directory of its own, and what it has published. */
struct bench {
    int root;
    struct staging staging;
    struct staged state;
};

static void begin(struct fixture *fixture, struct bench *bench, uint64_t base)
{
    *bench = (struct bench){.root = io_open_root(io_posix(), fixture->dir)};
    assert_true(bench->root >= 0);
    assert_int_equal(
        staging_make(&bench->staging, io_posix(), bench->root, SIZE, &owner),
        0);
    bench->state = (struct staged){.base = base, .next = base, .written = base};
    assert_int_equal(staging_publish(&bench->staging, &bench->state), 0);
}

static void end(struct bench *bench)
{
    staging_done(&bench->staging);
    io_close(io_posix(), bench->root);
}

/* Record offset's payload: size bytes that its offset tells. */
static void make_payload(uint64_t offset, uint8_t *to, size_t size)
{
    for (size_t k = 0; k < size; k++)
        to[k] = (uint8_t)(offset * 31 + k);
}

/* Puts and publishes a batch of count records of size bytes each. */
static int append(struct bench *bench, size_t count, size_t size)
{
    struct iovec records[64];
    struct batch batch = {.records = records, .count = count, .time_ns = 5};
    struct staged grown;
    int r;

    assert_true(count <= COUNT(records));
    for (size_t i = 0; i < count; i++) {
        records[i] = (struct iovec){malloc(size), size};
        make_payload(bench->state.next + i, records[i].iov_base, size);
    }
    r = staging_put(&bench->staging, &bench->state, &batch, &grown);
    if (r == 0)
        r = staging_publish(&bench->staging, &grown);
    if (r == 0)
        bench->state = grown;
    for (size_t i = 0; i < count; i++)
        free(records[i].iov_base);
    return r;
}

/* Says that all is in the files. */
static void set_written(struct bench *bench)
{
    bench->state.written = bench->state.next;
    bench->state.written_end = bench->state.end;
    assert_int_equal(staging_publish(&bench->staging, &bench->state), 0);
}

/* Records [written, next) are whole, and of size bytes each. */
static void expect_staged(const struct staging *staging, size_t size)
{
    struct staged state;
    uint8_t frame[4096];
    uint8_t payload[4096];
    uint64_t position;

    assert_int_equal(staging_state(staging, &state), 0);
    position = state.written_end;
    for (uint64_t offset = state.written; offset < state.next; offset++) {
        uint64_t slot = (offset - state.base) * SLOT_SIZE;
        uint8_t stamp[SLOT_SIZE];
        uint8_t entry[SLOT_SIZE];
        struct stamp found;
        crc_t crc;

        assert_int_equal(
            staging_read(staging, (struct staged_file){state.base, CLOG_STORE},
                         frame, 8 + size, position),
            8 + size);
        assert_int_equal(get_be64(frame), size);
        make_payload(offset, payload, size);
        assert_memory_equal(frame + 8, payload, size);
        assert_int_equal(
            staging_read(staging, (struct staged_file){state.base, CLOG_STAMPS},
                         stamp, SLOT_SIZE, slot),
            SLOT_SIZE);
        found = (struct stamp){get_be64(stamp), get_be32(stamp + 8),
                               get_be32(stamp + 12)};
        crc = record_crc_start(offset, position, &found);
        crc = crc_add(crc, payload, size);
        assert_int_equal(record_crc_end(crc, size), found.crc);
        assert_int_equal(
            staging_read(staging, (struct staged_file){state.base, CLOG_INDEX},
                         entry, SLOT_SIZE, slot),
            SLOT_SIZE);
        assert_int_equal(get_be64(entry), offset);
        assert_int_equal(get_be64(entry + 8), position);
        position += 8 + size;
    }
    assert_int_equal(position, state.end);
}

static void test_staging_published_is_found_by_the_next_process(void **state)
{
    struct bench bench;
    struct staging found;

    begin(*state, &bench, 1000);
    assert_int_equal(append(&bench, 3, 100), 0);
    assert_int_equal(append(&bench, 1, 100), 0);
    assert_int_equal(staging_load(&found, io_posix(), bench.root, &owner), 0);
    expect_staged(&found, 100);
    assert_int_equal(bench.state.next, 1004);
    staging_done(&found);
    end(&bench);
}

/* What was put and not published is not there. */
static void test_staging_unpublished_is_not_there(void **state)
{
    struct iovec record = {"x", 1};
    struct batch batch = {.records = &record, .count = 1};
    struct bench bench;
    struct staged grown;
    uint8_t byte;

    begin(*state, &bench, 0);
    assert_int_equal(append(&bench, 1, 10), 0);
    assert_int_equal(staging_put(&bench.staging, &bench.state, &batch, &grown),
                     0);
    assert_int_equal(grown.next, 2);
    assert_int_equal(staging_read(&bench.staging,
                                  (struct staged_file){0, CLOG_STORE}, &byte, 1,
                                  18),
                     0);
    expect_staged(&bench.staging, 10);
    end(&bench);
}

/* Rings are gone round many times, and records lie across their ends. */
static void test_staging_rings_wrap(void **state)
{
    struct bench bench;

    begin(*state, &bench, 77);
    for (int round = 0; round < 1000; round++) {
        while (staging_has_room(&bench.staging, &bench.state,
                                (uint64_t)3 * 1008, 3))
            assert_int_equal(append(&bench, 3, 1000), 0);
        expect_staged(&bench.staging, 1000);
        set_written(&bench);
    }
    end(&bench);
}

static void test_staging_room_ends_with_either_ring(void **state)
{
    struct bench bench;

    begin(*state, &bench, 0);
    assert_false(staging_fits(&bench.staging, bench.staging.store_size + 1, 1));
    assert_false(staging_fits(&bench.staging, 1, bench.staging.slots + 1));
    assert_true(staging_fits(&bench.staging, bench.staging.store_size,
                             bench.staging.slots));
    for (size_t i = 0; i < bench.staging.slots; i++)
        assert_int_equal(append(&bench, 1, 1), 0);
    assert_false(staging_has_room(&bench.staging, &bench.state, 9, 1));
    expect_staged(&bench.staging, 1);
    set_written(&bench);
    assert_true(staging_has_room(&bench.staging, &bench.state, 9, 1));
    end(&bench);
}

/* Bytes in the files, of another segment, or behind the end are not read. */
static void test_staging_reads_what_is_staged_alone(void **state)
{
    struct bench bench;
    uint8_t bytes[256];

    begin(*state, &bench, 5);
    assert_int_equal(append(&bench, 2, 10), 0);
    set_written(&bench);
    assert_int_equal(append(&bench, 1, 10), 0);
    assert_int_equal(staging_read(&bench.staging,
                                  (struct staged_file){5, CLOG_STORE}, bytes,
                                  256, 0),
                     0);
    assert_int_equal(staging_read(&bench.staging,
                                  (struct staged_file){5, CLOG_STORE}, bytes,
                                  256, 36),
                     18);
    assert_int_equal(staging_read(&bench.staging,
                                  (struct staged_file){5, CLOG_STORE}, bytes,
                                  256, 50),
                     4);
    assert_int_equal(staging_read(&bench.staging,
                                  (struct staged_file){5, CLOG_STORE}, bytes,
                                  256, 54),
                     0);
    assert_int_equal(staging_read(&bench.staging,
                                  (struct staged_file){6, CLOG_STORE}, bytes,
                                  256, 36),
                     0);
    assert_int_equal(staging_read(&bench.staging,
                                  (struct staged_file){5, CLOG_INDEX}, bytes,
                                  256, 32),
                     16);
    end(&bench);
}

static void test_staging_of_another_kernel_is_refused(void **state)
{
    struct staging_owner other = owner;
    struct staging found = {0};
    struct bench bench;

    begin(*state, &bench, 0);
    other.boot_id[0] = 'a';
    assert_int_equal(staging_load(&found, io_posix(), bench.root, &other),
                     -ESTALE);
    other = owner;
    other.ino++;
    assert_int_equal(staging_load(&found, io_posix(), bench.root, &other),
                     -ESTALE);
    assert_null(found.map);
    end(&bench);
}

/* Each bit of the head: refused, or it did not count. */
static void test_staging_damaged_head_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct bench bench;
    size_t refused = 0;

    begin(fixture, &bench, 0);
    assert_int_equal(append(&bench, 2, 10), 0);
    for (size_t bit = 0; bit < 8 * (size_t)512; bit++) {
        struct staging found = {0};
        struct staged now = {0};
        int r;

        bench.staging.map[bit / 8] ^= (uint8_t)(1 << bit % 8);
        r = staging_load(&found, io_posix(), bench.root, &owner);
        if (r == 0) {
            assert_int_equal(staging_state(&found, &now), 0);
            assert_int_equal(now.next, 2);
            expect_staged(&found, 10);
        } else {
            refused++;
        }
        assert_true(r == 0 || r == -ESTALE || r == -EUCLEAN);
        staging_done(&found);
        bench.staging.map[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(refused > 800);
    end(&bench);
}

static void test_staging_cut_short_is_an_error_not_a_signal(void **state)
{
    struct bench bench;
    struct staged now;
    int fd;

    begin(*state, &bench, 0);
    fixture_take_sigbus();
    fd = io_open(io_posix(), bench.root, STAGING_NAME, 2, 0);
    assert_int_equal(io_truncate(io_posix(), fd, 0), 0);
    io_close(io_posix(), fd);
    assert_int_equal(append(&bench, 1, 10), -EIO);
    assert_int_equal(staging_state(&bench.staging, &now), -EIO);
    end(&bench);
}

/*
 * A kill between any two instructions of an append: a child makes it step by
 * step, and after each step the file is what a kill there would leave.
 */
static void step_through(struct bench *bench)
{
    struct staging found;
    struct staged now;
    uint64_t steps = 0;
    uint64_t before = 0;
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        (void)raise(SIGSTOP);
        _exit(append(bench, 3, 40) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    while (WIFSTOPPED(status)) {
        if (steps++ % 7 == 0 || before == 0) {
            assert_int_equal(
                staging_load(&found, io_posix(), bench->root, &owner), 0);
            assert_int_equal(staging_state(&found, &now), 0);
            assert_true(now.next == 4 || now.next == 7);
            assert_true(now.next >= before);
            before = now.next;
            expect_staged(&found, 40);
            staging_done(&found);
        }
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(steps > 300);
    assert_int_equal(before, 7);
}

static void test_staging_kill_at_any_instruction(void **state)
{
    struct bench bench;

    begin(*state, &bench, 0);
    assert_int_equal(append(&bench, 4, 40), 0);
    step_through(&bench);
    end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_staging_published_is_found_by_the_next_process),
        FIXTURE_TEST(test_staging_unpublished_is_not_there),
        FIXTURE_TEST(test_staging_rings_wrap),
        FIXTURE_TEST(test_staging_room_ends_with_either_ring),
        FIXTURE_TEST(test_staging_reads_what_is_staged_alone),
        FIXTURE_TEST(test_staging_of_another_kernel_is_refused),
        FIXTURE_TEST(test_staging_damaged_head_is_refused),
        FIXTURE_TEST(test_staging_cut_short_is_an_error_not_a_signal),
        FIXTURE_TEST(test_staging_kill_at_any_instruction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
