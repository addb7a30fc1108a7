/* SPDX-License-Identifier: MIT */
#include "segment/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "test.h"

static const uint8_t three[] = "0123456789abcdef"
                               "ghijklmnopqrstuv"
                               "wxyzABCDEFGHIJKL";

static int open_file(struct fixture *fixture)
{
    int root = io_open_root(io_posix(), fixture->dir);
    int fd = io_open(io_posix(), root, "slots", O_RDWR | O_CREAT, 0600);

    assert_true(fd >= 0);
    io_close(io_posix(), root);
    return fd;
}

static void open_slots(struct fixture *fixture, struct slots *slots,
                       size_t map_size)
{
    assert_int_equal(
        slots_open(slots, io_posix(), open_file(fixture), map_size, true), 0);
}

/* Slot i lies at byte i * 16. */
static void test_slots_written_lie_at_their_place(void **state)
{
    struct slots slots;
    uint8_t slot[SLOT_SIZE];

    open_slots(*state, &slots, 4096);
    assert_int_equal(slots_write(&slots, three, 48, 0), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(slots_get(&slots, i, slot), 0);
        assert_memory_equal(slot, three + 16 * i, 16);
    }
    slots_done(&slots);
    assert_true(
        file_holds(((struct fixture *)*state)->dir, "slots", three, 48));
}

/* A map larger than its file shows what is written later. */
static void test_slots_mapped_ahead_show_later_writes(void **state)
{
    struct slots slots;
    uint8_t slot[SLOT_SIZE];

    open_slots(*state, &slots, 1 << 16);
    assert_int_equal(slots_write(&slots, three, 16, 4080), 0);
    assert_int_equal(slots_get(&slots, 255, slot), 0);
    assert_memory_equal(slot, three, 16);
    assert_int_equal(slots_write(&slots, three + 16, 16, 4096), 0);
    assert_int_equal(slots_get(&slots, 256, slot), 0);
    assert_memory_equal(slot, three + 16, 16);
    slots_done(&slots);
}

/* What the file does not have is an error, not the end of the process. */
static void test_slots_behind_the_file_are_eio(void **state)
{
    struct slots slots;
    uint8_t slot[SLOT_SIZE];

    fixture_take_sigbus();
    open_slots(*state, &slots, 1 << 16);
    assert_int_equal(slots_write(&slots, three, 48, 0), 0);
    assert_int_equal(slots_get(&slots, 4096 / 16, slot), -EIO);
    assert_int_equal(slots_get(&slots, (1 << 16) / 16, slot), -EIO);
    assert_int_equal(slots_get(&slots, (1 << 16) / 16 + 1, slot), -EIO);
    assert_int_equal(slots_get(&slots, UINT64_MAX / 16, slot), -EIO);
    assert_int_equal(slots_get(&slots, UINT64_MAX, slot), -EIO);
    assert_int_equal(slots_get(&slots, 2, slot), 0);
    slots_done(&slots);
}

/* A file that is cut below its map is an error where it is cut. */
static void test_slots_truncated_under_the_map_are_eio(void **state)
{
    struct fixture *fixture = *state;
    uint8_t page[4096] = {0};
    uint8_t slot[SLOT_SIZE];
    struct slots slots;

    fixture_take_sigbus();
    open_slots(fixture, &slots, 12288);
    for (uint64_t at = 0; at < 12288; at += 4096)
        assert_int_equal(slots_write(&slots, page, sizeof(page), at), 0);
    assert_int_equal(slots_get(&slots, 600, slot), 0);
    file_resize(fixture->dir, "slots", 4096);
    assert_int_equal(slots_get(&slots, 600, slot), -EIO);
    assert_int_equal(slots_read(&slots, page, sizeof(page), 4000), -EIO);
    assert_int_equal(slots_get(&slots, 255, slot), 0);
    slots_done(&slots);
}

/* Without a file there are no slots, and it is safe to ask. */
static void test_slots_without_file_are_empty(void **state)
{
    struct slots slots;
    uint8_t slot[SLOT_SIZE];

    (void)state;
    assert_int_equal(slots_open(&slots, io_posix(), -1, 0, false), 0);
    assert_int_equal(slots_get(&slots, 0, slot), -EIO);
    slots_done(&slots);
    slots_done(&slots);
}

/* Reserving maps more, and keeps what was there. */
static void test_slots_reserved_hold_more(void **state)
{
    struct slots slots;
    uint8_t slot[SLOT_SIZE];

    open_slots(*state, &slots, 16);
    assert_int_equal(slots_write(&slots, three, 48, 0), 0);
    assert_int_equal(slots_get(&slots, 1, slot), -EIO);
    assert_int_equal(slots_reserve(&slots, 48), 0);
    assert_int_equal(slots_get(&slots, 2, slot), 0);
    assert_memory_equal(slot, three + 32, 16);
    assert_int_equal(slots_reserve(&slots, 16), 0);
    assert_int_equal(slots.map_size, 48);
    slots_done(&slots);
}

/* Slots in memory stand for those of the file. */
static void test_slots_in_memory_hide_the_file(void **state)
{
    struct slots slots;
    uint8_t slot[SLOT_SIZE];
    uint8_t *memory = malloc(16);

    open_slots(*state, &slots, 48);
    assert_int_equal(slots_write(&slots, three, 48, 0), 0);
    assert_non_null(memory);
    memcpy(memory, three + 32, 16);
    slots_use(&slots, memory, 16);
    assert_int_equal(slots_get(&slots, 0, slot), 0);
    assert_memory_equal(slot, three + 32, 16);
    assert_int_equal(slots_get(&slots, 1, slot), -EIO);
    slots_done(&slots);
}

/* Slots in memory, and those that are not there, are never waited for. */
static void test_slots_cached_asks_for_their_bytes_alone(void **state)
{
    struct fixture *fixture = *state;
    struct slots slots;
    uint8_t *memory = malloc(16);

    assert_int_equal(
        slots_open(&slots, &fixture->fake.io, open_file(fixture), 48, true), 0);
    assert_int_equal(slots_write(&slots, three, 48, 0), 0);
    assert_true(slots_cached(&slots, 0, 3));
    fake_set_cold(&fixture->fake, true);
    assert_false(slots_cached(&slots, 0, 1));
    assert_false(slots_cached(&slots, 2, 100));
    assert_true(slots_cached(&slots, 3, 1));
    assert_true(slots_cached(&slots, UINT64_MAX, 1));
    assert_non_null(memory);
    memcpy(memory, three, 16);
    slots_use(&slots, memory, 16);
    assert_true(slots_cached(&slots, 0, 1));
    fake_set_cold(&fixture->fake, false);
    slots_done(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_slots_written_lie_at_their_place),
        FIXTURE_TEST(test_slots_mapped_ahead_show_later_writes),
        FIXTURE_TEST(test_slots_behind_the_file_are_eio),
        FIXTURE_TEST(test_slots_truncated_under_the_map_are_eio),
        cmocka_unit_test(test_slots_without_file_are_empty),
        FIXTURE_TEST(test_slots_reserved_hold_more),
        FIXTURE_TEST(test_slots_in_memory_hide_the_file),
        FIXTURE_TEST(test_slots_cached_asks_for_their_bytes_alone),
    };

    return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
