/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "recovery/metadata.h"
#include "test.h"

#define RECORDS 40u
#define PATHS   96

/* Forty records in several segments; tests end the log their own way. */
struct bench {
    struct fixture *fixture;
    uint64_t bases[RECORDS + 1]; /* of all segments, and then next */
    size_t segments;
    size_t last; /* the number of the active segment */
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct clog_segment segment = {0};
    void *fixture = NULL;

    assert_non_null(bench);
    assert_int_equal(fixture_setup(&fixture), 0);
    bench->fixture = fixture;
    bench->fixture->options.max_store = 200;
    fixture_open(bench->fixture);
    fixture_fill(bench->fixture, RECORDS);
    for (uint64_t base = 0;
         clog_segment(bench->fixture->log, base, 0, &segment) == 0;
         base = segment.base + 1)
        bench->bases[bench->segments++] = segment.base;
    bench->bases[bench->segments] = RECORDS;
    bench->last = bench->segments - 1;
    assert_in_range(bench->segments, 4, 8);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    void *fixture = bench->fixture;

    (void)fixture_teardown(&fixture);
    free(bench);
    return 0;
}

/* The path of a file of segment number k, below the log's directory. */
struct path {
    char name[PATHS];
};

static struct path path_of(const struct bench *bench, size_t k,
                           const char *file)
{
    struct path path;

    (void)snprintf(path.name, sizeof(path.name), "segments/%020" PRIu64 "%s%s",
                   bench->bases[k], *file ? "/" : "", file);
    return path;
}

/* The position of the record in its segment's store. */
static uint64_t position_of(const struct bench *bench, size_t k,
                            uint64_t offset)
{
    uint64_t position = 0;

    for (uint64_t i = bench->bases[k]; i < offset; i++) {
        char text[FIXTURE_TEXT];

        position += 8 + fixture_text(i, text);
    }
    return position;
}

/* All records but [from, to) read as they were; those are EIO. */
static void expect_all_but(struct bench *bench, uint64_t from, uint64_t to)
{
    fixture_expect_filled(bench->fixture, 0, from);
    for (uint64_t i = from; i < to; i++)
        fixture_expect_error(bench->fixture, i, -EIO);
    fixture_expect_filled(bench->fixture, to, RECORDS);
    fixture_expect_next(bench->fixture, RECORDS);
}

/* --- An orderly and a disorderly end -------------------------------------- */

/* After a clean close nothing is scanned. */
static void test_recover_closed_is_clean(void **state)
{
    struct bench *bench = *state;

    fixture_open(bench->fixture);
    assert_true(fixture_report(bench->fixture)->clean);
    assert_true(fixture_report(bench->fixture)->same_boot);
    assert_int_equal(fixture_report(bench->fixture)->scanned, 0);
    assert_int_equal(fixture_report(bench->fixture)->note_count, 0);
    assert_int_equal(fixture_report(bench->fixture)->segments, bench->segments);
    assert_int_equal(fixture_report(bench->fixture)->records, RECORDS);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    fixture_expect_sound(bench->fixture);
}

/* After a kill every record is there, however often it happens. */
static void test_recover_killed_loses_nothing(void **state)
{
    struct bench *bench = *state;

    for (uint64_t i = 0; i < 5; i++) {
        fixture_kill(bench->fixture);
        fixture_open(bench->fixture);
        assert_false(fixture_report(bench->fixture)->clean);
        assert_true(fixture_report(bench->fixture)->same_boot);
        assert_int_equal(fixture_report(bench->fixture)->note_count, 0);
        assert_true(fixture_report(bench->fixture)->scanned > 0);
        fixture_expect_filled(bench->fixture, 0, RECORDS + i);
        fixture_fill(bench->fixture, 1);
    }
    fixture_expect_sound(bench->fixture);
}

/* Another kernel that finds all of it loses nothing either. */
static void test_recover_power_cut_with_all_there_loses_nothing(void **state)
{
    struct bench *bench = *state;

    fixture_power_cut(bench->fixture);
    fixture_open(bench->fixture);
    assert_false(fixture_report(bench->fixture)->same_boot);
    assert_int_equal(fixture_report(bench->fixture)->note_count, 0);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    assert_int_equal(fixture_status(bench->fixture).durable, RECORDS);
    fixture_expect_sound(bench->fixture);
}

/* A copied log is no longer its writer's, and reads the same. */
static void test_recover_copied_is_not_its_writers(void **state)
{
    struct bench *bench = *state;
    struct fixture copy = *bench->fixture;
    char path[PATHS];

    fixture_kill(bench->fixture);
    (void)snprintf(path, sizeof(path), "%s.copy", bench->fixture->dir);
    directory_copy(bench->fixture->dir, path);
    copy.log = NULL;
    copy.dir = strdup(path);
    fixture_open(&copy);
    assert_false(fixture_report(&copy)->same_boot);
    fixture_expect_filled(&copy, 0, RECORDS);
    fixture_expect_sound(&copy);
    fixture_close(&copy);
    directory_remove(copy.dir);
}

/* --- The index -------------------------------------------------------------
 */

static void index_deleted(const struct bench *bench, size_t k)
{
    file_remove(bench->fixture->dir, path_of(bench, k, "index").name);
}

static void index_emptied(const struct bench *bench, size_t k)
{
    file_resize(bench->fixture->dir, path_of(bench, k, "index").name, 0);
}

static void index_short(const struct bench *bench, size_t k)
{
    file_resize(bench->fixture->dir, path_of(bench, k, "index").name, 21);
}

static void index_long(const struct bench *bench, size_t k)
{
    file_resize(bench->fixture->dir, path_of(bench, k, "index").name, 5000);
}

static void index_garbage(const struct bench *bench, size_t k)
{
    struct path path = path_of(bench, k, "index");

    for (uint64_t i = 0; i < file_size(bench->fixture->dir, path.name); i++)
        file_flip(bench->fixture->dir, path.name, i);
}

static void index_zeroed(const struct bench *bench, size_t k)
{
    struct path path = path_of(bench, k, "index");
    uint64_t size = file_size(bench->fixture->dir, path.name);

    file_resize(bench->fixture->dir, path.name, 0);
    file_resize(bench->fixture->dir, path.name, size);
}

static void index_swapped(const struct bench *bench, size_t k)
{
    struct path path = path_of(bench, k, "index");
    size_t size = 0;
    uint8_t *data = file_load(bench->fixture->dir, path.name, &size);

    file_patch(bench->fixture->dir, path.name, 0, data + 16, 16);
    file_patch(bench->fixture->dir, path.name, 16, data, 16);
    free(data);
}

static void index_of_another(const struct bench *bench, size_t k)
{
    size_t size = 0;
    uint8_t *data =
        file_load(bench->fixture->dir,
                  path_of(bench, k == 0 ? 1 : k - 1, "index").name, &size);

    file_save(bench->fixture->dir, path_of(bench, k, "index").name, data, size);
    free(data);
}

static void position_wrong(const struct bench *bench, size_t k)
{
    file_flip(bench->fixture->dir, path_of(bench, k, "index").name, 31);
}

/* Damages the index of segment k: all reads as before, and afterwards the file
   on disk is what it was. */
static void expect_mended(struct bench *bench, size_t k, bool killed,
                          void (*damage)(const struct bench *bench, size_t k))
{
    struct path path = path_of(bench, k, "index");
    size_t size = 0;
    uint8_t *before = NULL;

    if (killed)
        fixture_kill(bench->fixture);
    else
        fixture_close(bench->fixture);
    before = file_load(bench->fixture->dir, path.name, &size);
    damage(bench, k);
    fixture_open(bench->fixture);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    assert_true(fixture_status(bench->fixture).indexes_rebuilt > 0);
    assert_int_equal(fixture_report(bench->fixture)->torn_bytes, 0);
    assert_int_equal(fixture_status(bench->fixture).segments, bench->segments);
    assert_true(fixture_status(bench->fixture).writable);
    fixture_open(bench->fixture);
    assert_true(file_holds(bench->fixture->dir, path.name, before, size));
    assert_int_equal(file_mode(bench->fixture->dir, path.name),
                     k == bench->last ? 0600 : 0400);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    assert_int_equal(fixture_status(bench->fixture).indexes_rebuilt, 0);
    free(before);
}

static void expect_mended_everywhere(struct bench *bench,
                                     void (*damage)(const struct bench *bench,
                                                    size_t k))
{
    expect_mended(bench, 0, false, damage);
    expect_mended(bench, 1, true, damage);
    expect_mended(bench, bench->last, false, damage);
    expect_mended(bench, bench->last, true, damage);
    fixture_expect_sound(bench->fixture);
}

/* An index that is not there is rebuilt. */
static void test_recover_index_deleted_is_rebuilt(void **state)
{
    expect_mended_everywhere(*state, index_deleted);
}

/* ... or has no bytes, */
static void test_recover_index_emptied_is_rebuilt(void **state)
{
    expect_mended_everywhere(*state, index_emptied);
}

/* ... or too few, */
static void test_recover_index_short_is_rebuilt(void **state)
{
    expect_mended_everywhere(*state, index_short);
}

/* ... or too many, */
static void test_recover_index_long_is_rebuilt(void **state)
{
    expect_mended_everywhere(*state, index_long);
}

/* ... or others, */
static void test_recover_index_garbage_is_rebuilt(void **state)
{
    expect_mended_everywhere(*state, index_garbage);
}

/* ... or none but zeros, */
static void test_recover_index_zeroed_is_rebuilt(void **state)
{
    expect_mended_everywhere(*state, index_zeroed);
}

/* ... or two entries that changed places, */
static void test_recover_index_swapped_is_rebuilt(void **state)
{
    expect_mended_everywhere(*state, index_swapped);
}

/* ... or those of another segment, */
static void test_recover_index_of_another_is_rebuilt(void **state)
{
    expect_mended_everywhere(*state, index_of_another);
}

/* ... or one wrong position. */
static void test_recover_index_position_wrong_is_rebuilt(void **state)
{
    expect_mended_everywhere(*state, position_wrong);
}

/* An index that was wrong when the log was opened is right for what is
   appended after, also once its segment is sealed. */
static void test_recover_index_garbage_then_rolled_reads_right(void **state)
{
    struct fixture *fixture = *state;
    struct bench bench = {.fixture = fixture};

    fixture_open(fixture);
    fixture_fill(fixture, 10);
    fixture_close(fixture);
    index_garbage(&bench, 0);
    fixture->options.max_store = 1000;
    fixture_open(fixture);
    fixture_fill(fixture, 60);
    assert_true(fixture_status(fixture).segments > 1);
    fixture_expect_filled(fixture, 0, 70);
    fixture_open(fixture);
    fixture_expect_filled(fixture, 0, 70);
    assert_int_equal(fixture_status(fixture).indexes_rebuilt, 0);
}

/* --- Stamps ----------------------------------------------------------------
 */

/* A sealed segment without stamps is served, unverified, and says so. */
static void test_recover_sealed_stamps_deleted_is_unverified(void **state)
{
    struct bench *bench = *state;
    struct clog_record record;

    fixture_close(bench->fixture);
    file_remove(bench->fixture->dir, path_of(bench, 1, "stamps").name);
    fixture_open(bench->fixture);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    assert_int_equal(fixture_report(bench->fixture)->unverified,
                     bench->bases[2] - bench->bases[1]);
    assert_int_equal(fixture_note(bench->fixture, CLOG_NOTE_UNVERIFIED)->offset,
                     bench->bases[1]);
    assert_int_equal(
        clog_stat(bench->fixture->log, bench->bases[1], 0, &record), 0);
    assert_false(record.verifiable);
    assert_int_equal(record.crc32c, 0);
    assert_true(record.time_ns > 0);
    fixture_expect_sound(bench->fixture);
}

/* Stamps cut short, not to a whole page: the records whose stamps are gone are
   unverified, and are served; those before them are checked as ever. */
static void test_recover_sealed_stamps_short_is_unverified(void **state)
{
    struct bench *bench = *state;
    struct path stamps = path_of(bench, 1, "stamps");
    uint64_t bad = bench->bases[1];

    fixture_close(bench->fixture);
    file_resize(bench->fixture->dir, stamps.name,
                file_size(bench->fixture->dir, stamps.name) - 24);
    file_flip(bench->fixture->dir, path_of(bench, 1, "store").name, 8);
    bench->fixture->options.flags = CLOG_READ_ONLY;
    for (unsigned k = 0; k < 2; k++) {
        fixture_open(bench->fixture);
        assert_int_equal(fixture_report(bench->fixture)->unverified, 2);
        expect_all_but(bench, bad, bad + 1);
        bench->fixture->options.flags = 0;
    }
    fixture_expect_sound(bench->fixture);
}

/* The same where a scan has to find the records again. */
static void test_recover_sealed_stamps_short_without_index(void **state)
{
    struct bench *bench = *state;
    struct path stamps = path_of(bench, 1, "stamps");

    fixture_close(bench->fixture);
    file_resize(bench->fixture->dir, stamps.name,
                file_size(bench->fixture->dir, stamps.name) - 24);
    fixture_open(bench->fixture);
    file_flip(bench->fixture->dir, path_of(bench, 1, "index").name, 31);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    fixture_expect_sound(bench->fixture);
}

static void expect_last_unverified(struct bench *bench)
{
    fixture_open(bench->fixture);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    assert_int_equal(fixture_report(bench->fixture)->torn_bytes, 0);
    assert_int_equal(fixture_report(bench->fixture)->unverified,
                     RECORDS - bench->bases[bench->last]);
    assert_int_equal(fixture_status(bench->fixture).active, RECORDS);
    fixture_expect_sound(bench->fixture);
}

/* The last segment without stamps is sealed as found, and a new one begun. */
static void test_recover_last_stamps_deleted_is_unverified(void **state)
{
    struct bench *bench = *state;

    fixture_kill(bench->fixture);
    file_remove(bench->fixture->dir,
                path_of(bench, bench->last, "stamps").name);
    expect_last_unverified(bench);
}

/* The same where they were emptied, which no kill does. */
static void test_recover_last_stamps_emptied_is_unverified(void **state)
{
    struct bench *bench = *state;

    fixture_kill(bench->fixture);
    file_resize(bench->fixture->dir, path_of(bench, bench->last, "stamps").name,
                0);
    expect_last_unverified(bench);
}

/* After a clean close nothing is torn, whoever emptied the stamps. */
static void test_recover_clean_stamps_emptied_is_unverified(void **state)
{
    struct bench *bench = *state;

    fixture_close(bench->fixture);
    fixture_power_cut(bench->fixture);
    file_resize(bench->fixture->dir, path_of(bench, bench->last, "stamps").name,
                0);
    expect_last_unverified(bench);
}

/* --- The store -------------------------------------------------------------
 */

/* A byte turned in a sealed segment is EIO for that record alone. */
static void test_recover_sealed_payload_flipped_is_rot(void **state)
{
    struct bench *bench = *state;
    uint64_t offset = bench->bases[1] + 1;

    fixture_close(bench->fixture);
    file_flip(bench->fixture->dir, path_of(bench, 1, "store").name,
              position_of(bench, 1, offset) + 8);
    fixture_open(bench->fixture);
    expect_all_but(bench, offset, offset + 1);
    assert_true(fixture_status(bench->fixture).read_errors >= 1);
    fixture_expect_sound(bench->fixture);
}

/* In the last one, after a kill: rot too, reported, and appends go on in a new
   segment. */
static void test_recover_last_payload_flipped_is_rot(void **state)
{
    struct bench *bench = *state;
    uint64_t offset = RECORDS - 1;
    const struct clog_note *note = NULL;

    fixture_kill(bench->fixture);
    file_flip(bench->fixture->dir, path_of(bench, bench->last, "store").name,
              position_of(bench, bench->last, offset) + 8);
    fixture_open(bench->fixture);
    expect_all_but(bench, offset, offset + 1);
    assert_int_equal(fixture_report(bench->fixture)->rotten, 1);
    note = fixture_note(bench->fixture, CLOG_NOTE_ROT);
    assert_int_equal(note->offset, offset);
    assert_int_equal(note->position, position_of(bench, bench->last, offset));
    assert_string_equal(note->file, path_of(bench, bench->last, "store").name);
    assert_int_equal(fixture_status(bench->fixture).active, RECORDS);
    fixture_expect_sound(bench->fixture);
}

/* After a power cut it is torn where it was not durable, and goes with all
   that follows. */
static void test_recover_unsynced_payload_flipped_is_torn(void **state)
{
    struct bench *bench = *state;
    uint64_t offset = bench->bases[bench->last] + 1;

    fixture_power_cut(bench->fixture);
    file_flip(bench->fixture->dir, path_of(bench, bench->last, "store").name,
              position_of(bench, bench->last, offset) + 8);
    fixture_open(bench->fixture);
    fixture_expect_next(bench->fixture, offset);
    fixture_expect_filled(bench->fixture, 0, offset);
    assert_int_equal(fixture_report(bench->fixture)->torn_records,
                     RECORDS - offset);
    fixture_expect_sound(bench->fixture);
}

/* ... and rot where it was. */
static void test_recover_synced_payload_flipped_is_rot(void **state)
{
    struct bench *bench = *state;
    uint64_t offset = bench->bases[bench->last] + 1;

    assert_int_equal(clog_sync(bench->fixture->log, RECORDS), 0);
    fixture_power_cut(bench->fixture);
    file_flip(bench->fixture->dir, path_of(bench, bench->last, "store").name,
              position_of(bench, bench->last, offset) + 8);
    fixture_open(bench->fixture);
    expect_all_but(bench, offset, offset + 1);
    assert_int_equal(fixture_report(bench->fixture)->torn_bytes, 0);
    fixture_expect_sound(bench->fixture);
}

/* A wrong length prefix is read past, in sealed and active segments. */
static void test_recover_prefix_flipped_reads_right(void **state)
{
    struct bench *bench = *state;
    size_t numbers[] = {0, bench->last};

    fixture_kill(bench->fixture);
    for (size_t n = 0; n < COUNT(numbers); n++) {
        uint64_t offset = bench->bases[numbers[n]] + 1;

        file_flip(bench->fixture->dir, path_of(bench, numbers[n], "store").name,
                  position_of(bench, numbers[n], offset) + 7);
    }
    fixture_open(bench->fixture);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    assert_int_equal(fixture_report(bench->fixture)->prefixes, 1);
    assert_int_equal(fixture_note(bench->fixture, CLOG_NOTE_PREFIX)->offset,
                     bench->bases[bench->last] + 1);
    assert_true(fixture_status(bench->fixture).prefixes_mended >= 2);
    fixture_expect_sound(bench->fixture);
}

/* A sealed store that was cut: what it lost is EIO, and nothing else is. */
static void test_recover_sealed_store_cut_is_eio(void **state)
{
    struct bench *bench = *state;
    uint64_t lost = bench->bases[2] - 2;

    fixture_close(bench->fixture);
    file_resize(bench->fixture->dir, path_of(bench, 1, "store").name,
                position_of(bench, 1, lost) + 3);
    fixture_open(bench->fixture);
    expect_all_but(bench, lost, bench->bases[2]);
    fixture_expect_sound(bench->fixture);
}

/* The last store cut after a clean close, or a kill: its offsets stay given
   away. */
static void test_recover_last_store_cut_keeps_offsets(void **state)
{
    struct bench *bench = *state;

    fixture_close(bench->fixture);
    file_resize(bench->fixture->dir, path_of(bench, bench->last, "store").name,
                position_of(bench, bench->last, RECORDS - 1) + 3);
    fixture_open(bench->fixture);
    expect_all_but(bench, RECORDS - 1, RECORDS);
    fixture_expect_sound(bench->fixture);
    fixture_expect_error(bench->fixture, RECORDS - 1, -EIO);
}

/* After a power cut the end of the store that is not there is torn. */
static void test_recover_unsynced_store_cut_is_torn(void **state)
{
    struct bench *bench = *state;

    fixture_power_cut(bench->fixture);
    file_resize(bench->fixture->dir, path_of(bench, bench->last, "store").name,
                position_of(bench, bench->last, RECORDS - 1) + 3);
    fixture_open(bench->fixture);
    fixture_expect_next(bench->fixture, RECORDS - 1);
    fixture_expect_filled(bench->fixture, 0, RECORDS - 1);
    assert_int_equal(fixture_report(bench->fixture)->torn_bytes, 3);
    assert_int_equal(fixture_report(bench->fixture)->torn_records, 1);
    fixture_expect_sound(bench->fixture);
}

/* Zeros behind the store are cut, kept, and no record is lost. */
static void test_recover_store_grown_with_zeros_is_cut(void **state)
{
    struct bench *bench = *state;
    struct path path = path_of(bench, bench->last, "store");
    uint64_t size = file_size(bench->fixture->dir, path.name);

    for (unsigned k = 0; k < 3; k++) {
        if (k == 0)
            fixture_close(bench->fixture);
        else if (k == 1)
            fixture_kill(bench->fixture);
        else
            fixture_power_cut(bench->fixture);
        file_resize(bench->fixture->dir, path.name, size + 4096);
        fixture_open(bench->fixture);
        fixture_expect_filled(bench->fixture, 0, RECORDS);
        fixture_expect_next(bench->fixture, RECORDS);
        assert_int_equal(fixture_report(bench->fixture)->torn_bytes, 4096);
        assert_int_equal(fixture_report(bench->fixture)->torn_records, 0);
        assert_int_equal(file_size(bench->fixture->dir, path.name), size);
        assert_int_equal(fixture_status(bench->fixture).segments,
                         bench->segments);
    }
    fixture_expect_sound(bench->fixture);
}

/* --- Batches and the quarantine --------------------------------------------
 */

/* A batch of three in a log of two, and the store's sizes around it. */
static uint64_t append_batch(struct fixture *fixture)
{
    fixture_open(fixture);
    fixture_fill(fixture, 2);
    fixture_fill_batch(fixture, 3);
    return fixture_status(fixture).stored_bytes;
}

/* A batch whose last stamp is not there is cut whole, after a power cut. */
static void test_recover_batch_without_end_is_cut_whole(void **state)
{
    struct fixture *fixture = *state;

    (void)append_batch(fixture);
    fixture_power_cut(fixture);
    file_resize(fixture->dir, "segments/00000000000000000000/stamps", 4L * 16);
    fixture_open(fixture);
    fixture_expect_next(fixture, 2);
    fixture_expect_filled(fixture, 0, 2);
    assert_int_equal(fixture_note(fixture, CLOG_NOTE_TORN)->offset, 2);
    fixture_expect_sound(fixture);
}

/* So it is after a kill in the middle of the write of the stamps. */
static void test_recover_batch_killed_in_stamps_is_cut_whole(void **state)
{
    struct fixture *fixture = *state;

    (void)append_batch(fixture);
    fixture_kill(fixture);
    file_resize(fixture->dir, "segments/00000000000000000000/stamps", 3L * 16);
    file_resize(fixture->dir, "segments/00000000000000000000/index", 2L * 16);
    fixture_open(fixture);
    fixture_expect_next(fixture, 2);
    fixture_expect_filled(fixture, 0, 2);
    fixture_expect_sound(fixture);
}

/* A kill between stamps and index leaves the batch, and the index to do. */
static void test_recover_batch_killed_before_index_is_whole(void **state)
{
    struct fixture *fixture = *state;

    (void)append_batch(fixture);
    fixture_kill(fixture);
    file_resize(fixture->dir, "segments/00000000000000000000/index", 3L * 16);
    fixture_open(fixture);
    fixture_expect_filled(fixture, 0, 5);
    assert_int_equal(fixture_report(fixture)->indexes, 1);
    assert_int_equal(fixture_report(fixture)->torn_bytes, 0);
    fixture_expect_sound(fixture);
}

static int on_quarantined(void *ctx, const char *name)
{
    struct path *paths = ctx;

    for (size_t i = 0; i < 3; i++) {
        static const char *const ends[] = {".store", ".stamps", ".note"};

        if (strstr(name, ends[i]))
            (void)snprintf(paths[i].name, sizeof(paths[i].name),
                           "quarantine/%s", name);
    }
    return 0;
}

/* The names of what was kept: store, stamps, note. */
static void find_quarantined(struct fixture *fixture, struct path paths[3])
{
    struct io *io = io_posix();
    int root = io_open_root(io, fixture->dir);
    int dir = io_open(io, root, "quarantine", 0, 0);

    memset(paths, 0, 3 * sizeof(*paths));
    assert_int_equal(io->ops->list(io, dir, on_quarantined, paths), 0);
    for (size_t i = 0; i < 3; i++)
        assert_true(paths[i].name[0]);
    io_close(io, dir);
    io_close(io, root);
}

/* What was cut lies in quarantine/, byte for byte, with a note. */
static void test_recover_torn_is_kept_in_quarantine(void **state)
{
    static const char store_name[] = "segments/00000000000000000000/store";
    struct fixture *fixture = *state;
    struct path paths[3];
    uint8_t *store = NULL;
    uint8_t *stamps = NULL;
    size_t store_size = 0;
    size_t stamps_size = 0;

    (void)append_batch(fixture);
    fixture_power_cut(fixture);
    file_resize(fixture->dir, "segments/00000000000000000000/stamps", 4L * 16);
    store = file_load(fixture->dir, store_name, &store_size);
    stamps = file_load(fixture->dir, "segments/00000000000000000000/stamps",
                       &stamps_size);
    fixture_open(fixture);
    size_t kept = (size_t)file_size(fixture->dir, store_name);

    find_quarantined(fixture, paths);
    assert_true(file_holds(fixture->dir, paths[0].name, store + kept,
                           store_size - kept));
    assert_true(file_holds(fixture->dir, paths[1].name, stamps + 32, 32));
    assert_true(file_holds(fixture->dir, store_name, store, kept));
    assert_int_equal(fixture_note(fixture, CLOG_NOTE_TORN)->bytes,
                     store_size - kept);
    assert_non_null(strstr(paths[0].name, "00000000000000000000.2."));
    free(store);
    free(stamps);
}

/* Where it cannot be kept nothing is cut, and the log is read-only. */
static void test_recover_without_quarantine_is_read_only(void **state)
{
    static const char store_name[] = "segments/00000000000000000000/store";
    struct fixture *fixture = *state;
    uint64_t size = 0;

    (void)append_batch(fixture);
    fixture_power_cut(fixture);
    file_resize(fixture->dir, "segments/00000000000000000000/stamps", 4L * 16);
    size = file_size(fixture->dir, store_name);
    file_save(fixture->dir, "quarantine", "in the way", 10);
    fixture_open(fixture);
    assert_false(fixture_status(fixture).writable);
    assert_true(fixture_report(fixture)->read_only);
    (void)fixture_note(fixture, CLOG_NOTE_READ_ONLY);
    fixture_expect_filled(fixture, 0, 2);
    assert_int_equal(clog_append(fixture->log, "x", 1, 0, NULL), -EROFS);
    assert_int_equal(file_size(fixture->dir, store_name), size);
    file_remove(fixture->dir, "quarantine");
    fixture_open(fixture);
    fixture_expect_next(fixture, 2);
    fixture_expect_sound(fixture);
}

/* A hole behind the last record is kept as one: it takes no room. */
static void test_recover_hole_is_kept_as_a_hole(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = 0;
    struct path paths[3];
    struct stat st;
    char path[3 * PATHS];

    (void)append_batch(fixture);
    fixture_power_cut(fixture);
    before = file_size(fixture->dir, "segments/00000000000000000000/store");
    file_resize(fixture->dir, "segments/00000000000000000000/store",
                before + ((uint64_t)64 << 20));
    fixture_open(fixture);
    assert_int_equal(fixture_report(fixture)->torn_bytes, 64 << 20);
    find_quarantined(fixture, paths);
    (void)snprintf(path, sizeof(path), "%s/%s", fixture->dir, paths[0].name);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 64 << 20);
    assert_in_range(st.st_blocks, 0, 256);
    fixture_expect_sound(fixture);
}

/* Files may say that they are of any size: what is a hole costs nothing. As
   many offsets as stamps count as given away, where nothing may be cut. */
static void test_recover_huge_holes_are_passed_over(void **state)
{
    static const char *const files[] = {"store", "stamps", "index"};
    struct fixture *fixture = *state;

    (void)alarm(60);
    for (size_t k = 0; k < 2 * COUNT(files); k++) {
        char name[PATHS];

        fixture_open(fixture);
        fixture_fill(fixture, 3);
        if (k % 2)
            fixture_power_cut(fixture);
        else
            fixture_close(fixture);
        (void)snprintf(name, sizeof(name), "segments/00000000000000000000/%s",
                       files[k / 2]);
        file_resize(fixture->dir, name, (uint64_t)1 << 40);
        fixture_open(fixture);
        fixture_expect_filled(fixture, 0, 3);
        fixture_expect_next(fixture, k == 2 ? (uint64_t)1 << 36 : 3);
        fixture_close(fixture);
        file_remove(fixture->dir, "segments");
        file_remove(fixture->dir, "durable");
        file_remove(fixture->dir, "clean");
        file_remove(fixture->dir, "format");
        file_remove(fixture->dir, "writer");
        if (file_exists(fixture->dir, "quarantine"))
            file_remove(fixture->dir, "quarantine");
    }
    (void)alarm(0);
}

/* Where a tail does not fit it stays, and the disk has the room it had. */
static void test_recover_torn_that_does_not_fit_leaves_room(void **state)
{
    struct fixture *fixture = *state;

    (void)append_batch(fixture);
    fixture_power_cut(fixture);
    file_resize(fixture->dir, "segments/00000000000000000000/stamps", 4L * 16);
    fixture->fake.fails = 1;
    fixture_open(fixture);
    assert_false(fixture_status(fixture).writable);
    assert_int_equal(directory_count(fixture->dir, "quarantine"), 0);
    fixture->fake.fails = -1;
    fixture_open(fixture);
    fixture_expect_next(fixture, 2);
    fixture_expect_sound(fixture);
}

/* --- What the device cannot read ------------------------------------------ */

#define BAD_SECTOR 4096u /* its first byte, in a store */
#define BAD_COUNT  600u  /* records */

static uint64_t bad_file; /* the inode of the store that it is in */

/* As a device with a sector that it cannot read. */
static ssize_t read_around(struct io *io, struct io_from from,
                           const struct iovec *iov, int count)
{
    struct stat st;
    uint64_t size = 0;

    (void)io;
    for (int i = 0; i < count; i++)
        size += iov[i].iov_len;
    if (fstat(from.fd, &st) == 0 && st.st_ino == bad_file &&
        from.position < BAD_SECTOR + 512 && from.position + size > BAD_SECTOR)
        return -EIO;
    return io_posix()->ops->readv(io_posix(), from, iov, count);
}

/* Records in one segment, whose store has a bad sector. */
static void fill_around(struct fixture *fixture)
{
    static const char store[] = "segments/00000000000000000000/store";
    struct stat st;
    char path[PATHS];

    fixture_open(fixture);
    fixture_fill(fixture, BAD_COUNT);
    (void)snprintf(path, sizeof(path), "%s/%s", fixture->dir, store);
    assert_int_equal(stat(path, &st), 0);
    bad_file = st.st_ino;
    assert_true(st.st_size > (off_t)2 * BAD_SECTOR);
}

/* All records but those in the bad sector read as they were, nothing is cut,
   and appends go on elsewhere. */
static void expect_all_around(struct fixture *fixture)
{
    uint64_t size =
        file_size(fixture->dir, "segments/00000000000000000000/store");
    uint64_t position = 0;
    uint64_t bad = 0;

    fixture->fake.ops.readv = read_around;
    fixture->options.flags = CLOG_READ_ONLY;
    for (int k = 0; k < 3; k++) {
        fixture_open(fixture);
        position = bad = 0;
        for (uint64_t i = 0; i < BAD_COUNT; i++) {
            char text[FIXTURE_TEXT];
            uint64_t end = position + 8 + fixture_text(i, text);

            if (position < BAD_SECTOR + 512 && end > BAD_SECTOR) {
                fixture_expect_error(fixture, i, -EIO);
                bad++;
            } else {
                fixture_expect(fixture, i, text);
            }
            position = end;
        }
        assert_true(bad > 10);
        fixture_expect_next(fixture, BAD_COUNT);
        fixture->options.flags = 0;
    }
    assert_int_equal(fixture_status(fixture).active, BAD_COUNT);
    assert_false(file_exists(fixture->dir, "quarantine"));
    assert_int_equal(
        file_size(fixture->dir, "segments/00000000000000000000/store"), size);
    fixture_expect_sound(fixture);
}

/* One sector that cannot be read in the last segment costs the records in it,
   after a kill, */
static void test_recover_killed_and_unreadable_serves_the_rest(void **state)
{
    fill_around(*state);
    fixture_kill(*state);
    expect_all_around(*state);
}

/* ... after a power cut, when nothing of it is durable, */
static void test_recover_unsynced_and_unreadable_serves_the_rest(void **state)
{
    fill_around(*state);
    fixture_power_cut(*state);
    expect_all_around(*state);
}

/* ... and where a torn tail is behind it, which then is left there. */
static void test_recover_torn_and_unreadable_serves_the_rest(void **state)
{
    struct fixture *fixture = *state;

    fill_around(fixture);
    fixture_power_cut(fixture);
    file_resize(fixture->dir, "segments/00000000000000000000/store",
                file_size(fixture->dir, "segments/00000000000000000000/store") +
                    30);
    expect_all_around(fixture);
    (void)fixture_note(fixture, CLOG_NOTE_ROT);
}

/* A device that is gone but for the index: what that says is tried. */
static ssize_t read_nothing(struct io *io, struct io_from from,
                            const struct iovec *iov, int count)
{
    struct stat st;

    if (fstat(from.fd, &st) == 0 && st.st_ino == bad_file)
        return -EIO;
    return io_posix()->ops->readv(io, from, iov, count);
}

static void test_recover_unreadable_store_opens(void **state)
{
    struct fixture *fixture = *state;

    fill_around(fixture);
    fixture_power_cut(fixture);
    fixture->fake.ops.readv = read_nothing;
    fixture_open(fixture);
    fixture_expect_next(fixture, BAD_COUNT);
    fixture_expect_error(fixture, 7, -EIO);
    fixture->fake.ops.readv = io_posix()->ops->readv;
    fixture_open(fixture);
    fixture_expect_filled(fixture, 0, BAD_COUNT);
    fixture_expect_sound(fixture);
}

/* --- Segments --------------------------------------------------------------
 */

/* A segment missing in the middle is a gap that everything passes by. */
static void test_recover_middle_missing_is_gap(void **state)
{
    struct bench *bench = *state;
    uint64_t from = bench->bases[1];
    uint64_t to = bench->bases[2];

    fixture_close(bench->fixture);
    file_remove(bench->fixture->dir, path_of(bench, 1, "").name);
    fixture_open(bench->fixture);
    expect_all_but(bench, from, to);
    assert_int_equal(fixture_report(bench->fixture)->lost, to - from);
    assert_int_equal(fixture_note(bench->fixture, CLOG_NOTE_GAP)->count,
                     to - from);
    assert_int_equal(fixture_status(bench->fixture).records,
                     RECORDS - (to - from));
    assert_int_equal(clog_seek(bench->fixture->log, from), to);
    assert_int_equal(clog_seek(bench->fixture->log, from - 1), from - 1);
    fixture_expect_sound(bench->fixture);
}

/* The oldest missing: the log begins with the next one. */
static void test_recover_oldest_missing_begins_later(void **state)
{
    struct bench *bench = *state;

    fixture_close(bench->fixture);
    file_remove(bench->fixture->dir, path_of(bench, 0, "").name);
    fixture_open(bench->fixture);
    assert_int_equal(fixture_status(bench->fixture).oldest, bench->bases[1]);
    fixture_expect_error(bench->fixture, 0, -ENOENT);
    fixture_expect_filled(bench->fixture, bench->bases[1], RECORDS);
    assert_int_equal(fixture_report(bench->fixture)->lost, 0);
    fixture_expect_sound(bench->fixture);
}

/* The last missing: its offsets were durable, and are not given again. */
static void test_recover_last_missing_gives_no_offset_again(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(clog_sync(bench->fixture->log, RECORDS), 0);
    fixture_kill(bench->fixture);
    file_remove(bench->fixture->dir, path_of(bench, bench->last, "").name);
    fixture_open(bench->fixture);
    expect_all_but(bench, bench->bases[bench->last], RECORDS);
    assert_int_equal(fixture_status(bench->fixture).active, RECORDS);
    fixture_expect_sound(bench->fixture);
}

/* All segments gone: the log is empty, and next is what it was. */
static void test_recover_all_missing_gives_no_offset_again(void **state)
{
    struct bench *bench = *state;

    fixture_close(bench->fixture);
    file_remove(bench->fixture->dir, "segments");
    fixture_open(bench->fixture);
    fixture_expect_next(bench->fixture, RECORDS);
    fixture_expect_error(bench->fixture, 0, -ENOENT);
    fixture_expect_sound(bench->fixture);
}

/* A copy of segments/ alone, with a mount's modes, is the same log. */
static void test_recover_copy_of_segments_is_the_log(void **state)
{
    static const char *const files[] = {"", "store", "index", "stamps"};
    struct bench *bench = *state;
    char path[2 * PATHS];

    fixture_kill(bench->fixture);
    file_remove(bench->fixture->dir, "format");
    file_remove(bench->fixture->dir, "writer");
    file_remove(bench->fixture->dir, "durable");
    for (size_t k = 0; k < bench->segments; k++)
        for (size_t f = 0; f < COUNT(files); f++) {
            (void)snprintf(path, sizeof(path), "%s/%s", bench->fixture->dir,
                           path_of(bench, k, files[f]).name);
            assert_int_equal(chmod(path, f == 0 ? 0555 : 0444), 0);
        }
    fixture_open(bench->fixture);
    assert_int_equal(fixture_report(bench->fixture)->note_count, 0);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    assert_true(file_holds(bench->fixture->dir, "format", "clog 1\n", 7));
    fixture_expect_sound(bench->fixture);
}

/* A crash in a roll leaves an empty next segment, which takes the appends. */
static void test_recover_roll_begun_is_ended(void **state)
{
    struct bench *bench = *state;
    char path[2 * PATHS];

    fixture_kill(bench->fixture);
    (void)snprintf(path, sizeof(path), "%s/%s", bench->fixture->dir,
                   path_of(bench, bench->segments, "").name);
    assert_int_equal(mkdir(path, 0700), 0);
    fixture_open(bench->fixture);
    assert_int_equal(fixture_report(bench->fixture)->note_count, 0);
    assert_int_equal(fixture_status(bench->fixture).active, RECORDS);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    fixture_expect_sound(bench->fixture);
    assert_int_equal(file_mode(bench->fixture->dir,
                               path_of(bench, bench->last, "store").name),
                     0400);
}

/* Sealed files that a crash left writable are made read-only. */
static void test_recover_sealed_writable_is_guarded(void **state)
{
    struct bench *bench = *state;
    char path[2 * PATHS];

    fixture_kill(bench->fixture);
    (void)snprintf(path, sizeof(path), "%s/%s", bench->fixture->dir,
                   path_of(bench, 0, "store").name);
    assert_int_equal(chmod(path, 0600), 0);
    fixture_open(bench->fixture);
    assert_int_equal(
        file_mode(bench->fixture->dir, path_of(bench, 0, "store").name), 0400);
    assert_int_equal(file_mode(bench->fixture->dir, path_of(bench, 0, "").name),
                     0700);
}

/* --- Marks that speak of other files -------------------------------------- */

/* A copy at the same inode of another device is not its writer's. */
static void test_recover_on_another_device_is_not_its_writers(void **state)
{
    struct bench *bench = *state;
    const char *dir = bench->fixture->dir;
    struct writer writer;
    int root = io_open_root(io_posix(), dir);

    fixture_kill(bench->fixture);
    assert_int_equal(writer_load(io_posix(), root, &writer), 0);
    writer.dev++;
    assert_int_equal(writer_store(io_posix(), root, &writer), 0);
    fixture_open(bench->fixture);
    assert_false(fixture_report(bench->fixture)->same_boot);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    fixture_kill(bench->fixture);
    fixture_open(bench->fixture);
    assert_true(fixture_report(bench->fixture)->same_boot);
    io_close(io_posix(), root);
}

/* A marker of a clean close is not believed where stamps have grown. */
static void test_recover_closed_then_stamps_grown_is_not_clean(void **state)
{
    struct bench *bench = *state;
    struct path stamps = path_of(bench, bench->last, "stamps");

    fixture_close(bench->fixture);
    file_resize(bench->fixture->dir, stamps.name,
                file_size(bench->fixture->dir, stamps.name) + 5);
    fixture_open(bench->fixture);
    assert_false(fixture_report(bench->fixture)->clean);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    fixture_expect_sound(bench->fixture);
}

/* Nor where it tells of half a stamp itself. */
static void test_recover_clean_of_half_a_stamp_is_not_clean(void **state)
{
    struct bench *bench = *state;
    struct path stamps = path_of(bench, bench->last, "stamps");
    int root = io_open_root(io_posix(), bench->fixture->dir);
    struct clean clean;

    fixture_close(bench->fixture);
    assert_int_equal(clean_load(io_posix(), root, &clean), 0);
    clean.sizes[CLOG_STAMPS] += 5;
    assert_int_equal(clean_store(io_posix(), root, &clean), 0);
    io_close(io_posix(), root);
    file_resize(bench->fixture->dir, stamps.name, clean.sizes[CLOG_STAMPS]);
    fixture_open(bench->fixture);
    assert_false(fixture_report(bench->fixture)->clean);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    fixture_expect_sound(bench->fixture);
}

/* Nor where more was durable than it knows of: those offsets are gone. */
static void test_recover_durable_beyond_clean_is_not_clean(void **state)
{
    struct bench *bench = *state;
    int root = io_open_root(io_posix(), bench->fixture->dir);
    int fd;

    fixture_close(bench->fixture);
    fd = io_open(io_posix(), root, "durable", O_RDWR | O_CREAT, 0600);
    assert_int_equal(durable_write(io_posix(), fd, RECORDS + 7), 0);
    io_close(io_posix(), fd);
    io_close(io_posix(), root);
    fixture_open(bench->fixture);
    assert_false(fixture_report(bench->fixture)->clean);
    assert_int_equal(fixture_report(bench->fixture)->lost, 7);
    fixture_expect_next(bench->fixture, RECORDS + 7);
    fixture_expect_filled(bench->fixture, 0, RECORDS);
    fixture_expect_error(bench->fixture, RECORDS + 6, -EIO);
    fixture_expect_sound(bench->fixture);
}

/* Segments restored from a copy that ends below a cursor: what the cursor has
   seen was given away, and is lost, and its reader misses nothing after. */
static void test_recover_cursor_beyond_the_end_keeps_offsets(void **state)
{
    struct bench *bench = *state;
    struct fixture *fixture = bench->fixture;
    struct clog_cursor cursor;

    assert_int_equal(clog_cursor_make(fixture->log, "job"), 0);
    assert_int_equal(clog_cursor_move(fixture->log, "job", RECORDS), 0);
    fixture_close(fixture);
    file_remove(fixture->dir, path_of(bench, bench->last, "").name);
    file_remove(fixture->dir, "clean");
    file_remove(fixture->dir, "durable");
    file_save(fixture->dir, "cursors/note", "not a cursor", 12);
    fixture_open(fixture);
    expect_all_but(bench, bench->bases[bench->last], RECORDS);
    assert_int_equal(fixture_report(fixture)->lost,
                     RECORDS - bench->bases[bench->last]);
    fixture_fill(fixture, 3);
    assert_int_equal(clog_cursor_get(fixture->log, "job", &cursor), 0);
    assert_int_equal(cursor.lag, 3);
    file_remove(fixture->dir, "cursors/note");
    fixture_expect_sound(fixture);
}

static int map_little(struct io *io, int fd, size_t size, const void **ret)
{
    return size > (size_t)1 << 30 ? -ENOMEM
                                  : io_posix()->ops->map(io, fd, size, ret);
}

/* An index may have any size: it is derived. */
static void test_recover_index_of_any_size_is_rebuilt(void **state)
{
    struct bench *bench = *state;

    fixture_kill(bench->fixture);
    bench->fixture->fake.ops.map = map_little;
    file_resize(bench->fixture->dir, path_of(bench, 0, "index").name,
                (uint64_t)4 << 40);
    file_resize(bench->fixture->dir, path_of(bench, bench->last, "index").name,
                (uint64_t)4 << 40);
    bench->fixture->options.flags = CLOG_READ_ONLY;
    for (int k = 0; k < 2; k++) {
        fixture_open(bench->fixture);
        fixture_expect_filled(bench->fixture, 0, RECORDS);
        assert_int_equal(fixture_report(bench->fixture)->indexes, 2);
        bench->fixture->options.flags = 0;
    }
    assert_in_range(file_size(bench->fixture->dir,
                              path_of(bench, bench->last, "index").name),
                    1, 4096);
    fixture_expect_sound(bench->fixture);
}

/* Stamps emptied where no writer ever ran were there: all is served. */
static void test_recover_copy_with_stamps_emptied_is_unverified(void **state)
{
    struct bench *bench = *state;
    const char *dir = bench->fixture->dir;

    fixture_power_cut(bench->fixture);
    file_remove(dir, "writer");
    file_resize(dir, path_of(bench, bench->last, "stamps").name, 0);
    fixture_open(bench->fixture);
    assert_int_equal(fixture_report(bench->fixture)->unverified,
                     RECORDS - bench->bases[bench->last]);
    fixture_expect_next(bench->fixture, RECORDS);
    fixture_expect_sound(bench->fixture);
}

/* Nothing but the log's one segment has its base: it is not dropped, and what
   is appended to it is there after the next open. */
static void expect_one_owner(struct fixture *fixture, uint64_t first)
{
    struct clog_status status = fixture_status(fixture);

    assert_int_equal(status.next, first);
    assert_true(status.writable);
    fixture_fill(fixture, 20);
    assert_int_equal(clog_sync(fixture->log, first + 20), 0);
    assert_int_equal(clog_drop(fixture->log, status.active), -EBUSY);
    fixture_open(fixture);
    fixture_expect_filled(fixture, first, first + 20);
    fixture_expect_sound(fixture);
}

/* What a power cut leaves of a fresh segment, copied to where no writer ran:
   appends go on in it. */
static void test_recover_copy_of_zeros_is_the_active_segment(void **state)
{
    static const char *const stores[] = {"\0\0\0\0\0\0\0\0\0\0", "\0\0\0\5he"};
    struct fixture *fixture = *state;

    for (size_t k = 0; k < COUNT(stores); k++) {
        fixture_open(fixture);
        fixture_close(fixture);
        file_remove(fixture->dir, "writer");
        file_remove(fixture->dir, "clean");
        file_remove(fixture->dir, "durable");
        file_remove(fixture->dir, "segments/00000000000000000000/stamps");
        file_save(fixture->dir, "segments/00000000000000000000/store",
                  stores[k], k == 0 ? 10 : 6);
        fixture_open(fixture);
        assert_int_equal(fixture_status(fixture).segments, 1);
        expect_one_owner(fixture, 0);
        fixture_close(fixture);
        file_remove(fixture->dir, "segments");
        file_remove(fixture->dir, "clean");
        file_remove(fixture->dir, "durable");
    }
}

/* Where the kernel lived and nothing can be read of the records that were
   there, none of their offsets is given again. */
static void test_recover_zeroed_under_same_boot_goes_on_behind(void **state)
{
    static const char segment[] = "segments/00000000000000000000";
    struct fixture *fixture = *state;
    static const char zeros[400];

    fixture_open(fixture);
    fixture_fill(fixture, 9);
    fixture_kill(fixture);
    file_remove(fixture->dir, "durable");
    file_save(fixture->dir, "segments/00000000000000000000/store", zeros, 300);
    file_save(fixture->dir, "segments/00000000000000000000/index", zeros, 144);
    file_save(fixture->dir, "segments/00000000000000000000/stamps", zeros, 0);
    fixture_open(fixture);
    assert_int_equal(fixture_note(fixture, CLOG_NOTE_GAP)->count, 9);
    assert_int_equal(fixture_status(fixture).segments, 2);
    assert_int_equal(file_mode(fixture->dir, segment) & 0777, 0700);
    expect_one_owner(fixture, 9);
    fixture_expect_error(fixture, 0, -EIO);
}

/* Stamps that a power cut left without a store are torn. */
static void test_recover_unsynced_store_missing_is_torn(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    fixture_fill(fixture, 3);
    fixture_power_cut(fixture);
    file_remove(fixture->dir, "segments/00000000000000000000/store");
    fixture_open(fixture);
    assert_int_equal(fixture_report(fixture)->torn_records, 3);
    fixture_expect_next(fixture, 0);
    fixture_expect_sound(fixture);
}

struct told {
    uint64_t calls, done, total;
};

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct told *told = ctx;

    assert_true(done > told->done && done <= total);
    told->calls++;
    told->done = done;
    told->total = total;
}

/* A long scan tells how far it is; a clean log has none. */
static void test_recover_killed_tells_progress(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    char *data = calloc(1, 100000);

    assert_non_null(data);
    fixture->options.progress = on_progress;
    fixture->options.progress_ctx = &told;
    fixture_open(fixture);
    for (uint64_t i = 0; i < 8; i++)
        assert_int_equal(clog_append(fixture->log, data, 100000, 0, NULL), 0);
    free(data);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(told.calls, 0);
    fixture_kill(fixture);
    fixture_open(fixture);
    assert_in_range(told.calls, 2, 8);
    assert_int_equal(told.total, 8 * 100008);
}

/* --- Reading without writing ------------------------------------------------
 */

/* Opens read-only; nothing on disk is another afterwards. */
static void expect_untouched(struct bench *bench, uint64_t readable)
{
    char *before = directory_picture(bench->fixture->dir);
    char *after = NULL;

    bench->fixture->options.flags = CLOG_READ_ONLY;
    fixture_open(bench->fixture);
    fixture_expect_filled(bench->fixture, 0, readable);
    assert_false(fixture_status(bench->fixture).writable);
    assert_int_equal(clog_append(bench->fixture->log, "x", 1, 0, NULL), -EROFS);
    fixture_close(bench->fixture);
    bench->fixture->options.flags = 0;
    after = directory_picture(bench->fixture->dir);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* A read-only open writes nothing, whatever it finds, and serves it all. */
static void test_recover_read_only_writes_nothing(void **state)
{
    struct bench *bench = *state;

    fixture_close(bench->fixture);
    expect_untouched(bench, RECORDS);
    fixture_open(bench->fixture);
    fixture_kill(bench->fixture);
    expect_untouched(bench, RECORDS);
    index_garbage(bench, 0);
    index_deleted(bench, 1);
    index_short(bench, bench->last);
    expect_untouched(bench, RECORDS);
    file_resize(bench->fixture->dir, path_of(bench, bench->last, "store").name,
                file_size(bench->fixture->dir,
                          path_of(bench, bench->last, "store").name) +
                    100);
    expect_untouched(bench, RECORDS);
    fixture_power_cut(bench->fixture);
    file_flip(bench->fixture->dir, path_of(bench, bench->last, "store").name,
              position_of(bench, bench->last, RECORDS - 1) + 8);
    file_remove(bench->fixture->dir, "durable");
    expect_untouched(bench, RECORDS - 1);
}

/* Any number of readers share a log, and no writer comes between. */
static void test_recover_read_only_is_shared(void **state)
{
    struct bench *bench = *state;
    struct fixture others[3];

    fixture_close(bench->fixture);
    for (size_t i = 0; i < COUNT(others); i++) {
        others[i] = *bench->fixture;
        others[i].options.flags = CLOG_READ_ONLY;
        fixture_open(&others[i]);
        fixture_expect_filled(&others[i], 0, RECORDS);
    }
    assert_int_equal(fixture_try(bench->fixture, NULL), -EWOULDBLOCK);
    for (size_t i = 0; i < COUNT(others); i++)
        fixture_close(&others[i]);
    fixture_open(bench->fixture);
    assert_int_equal(fixture_try(&others[0], NULL), -EWOULDBLOCK);
}

#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
    BENCH_TEST(test_recover_closed_is_clean),
    BENCH_TEST(test_recover_killed_loses_nothing),
    BENCH_TEST(test_recover_power_cut_with_all_there_loses_nothing),
    BENCH_TEST(test_recover_copied_is_not_its_writers),
    BENCH_TEST(test_recover_index_deleted_is_rebuilt),
    BENCH_TEST(test_recover_index_emptied_is_rebuilt),
    BENCH_TEST(test_recover_index_short_is_rebuilt),
    BENCH_TEST(test_recover_index_long_is_rebuilt),
    BENCH_TEST(test_recover_index_garbage_is_rebuilt),
    BENCH_TEST(test_recover_index_zeroed_is_rebuilt),
    BENCH_TEST(test_recover_index_swapped_is_rebuilt),
    BENCH_TEST(test_recover_index_of_another_is_rebuilt),
    BENCH_TEST(test_recover_index_position_wrong_is_rebuilt),
    FIXTURE_TEST(test_recover_index_garbage_then_rolled_reads_right),
    BENCH_TEST(test_recover_sealed_stamps_deleted_is_unverified),
    BENCH_TEST(test_recover_sealed_stamps_short_is_unverified),
    BENCH_TEST(test_recover_sealed_stamps_short_without_index),
    BENCH_TEST(test_recover_last_stamps_deleted_is_unverified),
    BENCH_TEST(test_recover_last_stamps_emptied_is_unverified),
    BENCH_TEST(test_recover_clean_stamps_emptied_is_unverified),
    BENCH_TEST(test_recover_sealed_payload_flipped_is_rot),
    BENCH_TEST(test_recover_last_payload_flipped_is_rot),
    BENCH_TEST(test_recover_unsynced_payload_flipped_is_torn),
    BENCH_TEST(test_recover_synced_payload_flipped_is_rot),
    BENCH_TEST(test_recover_prefix_flipped_reads_right),
    BENCH_TEST(test_recover_sealed_store_cut_is_eio),
    BENCH_TEST(test_recover_last_store_cut_keeps_offsets),
    BENCH_TEST(test_recover_unsynced_store_cut_is_torn),
    BENCH_TEST(test_recover_store_grown_with_zeros_is_cut),
    FIXTURE_TEST(test_recover_batch_without_end_is_cut_whole),
    FIXTURE_TEST(test_recover_batch_killed_in_stamps_is_cut_whole),
    FIXTURE_TEST(test_recover_batch_killed_before_index_is_whole),
    FIXTURE_TEST(test_recover_torn_is_kept_in_quarantine),
    FIXTURE_TEST(test_recover_without_quarantine_is_read_only),
    FIXTURE_TEST(test_recover_hole_is_kept_as_a_hole),
    FIXTURE_TEST(test_recover_huge_holes_are_passed_over),
    FIXTURE_TEST(test_recover_torn_that_does_not_fit_leaves_room),
    FIXTURE_TEST(test_recover_killed_and_unreadable_serves_the_rest),
    FIXTURE_TEST(test_recover_unsynced_and_unreadable_serves_the_rest),
    FIXTURE_TEST(test_recover_torn_and_unreadable_serves_the_rest),
    FIXTURE_TEST(test_recover_unreadable_store_opens),
    BENCH_TEST(test_recover_middle_missing_is_gap),
    BENCH_TEST(test_recover_oldest_missing_begins_later),
    BENCH_TEST(test_recover_last_missing_gives_no_offset_again),
    BENCH_TEST(test_recover_all_missing_gives_no_offset_again),
    BENCH_TEST(test_recover_copy_of_segments_is_the_log),
    BENCH_TEST(test_recover_roll_begun_is_ended),
    BENCH_TEST(test_recover_sealed_writable_is_guarded),
    BENCH_TEST(test_recover_on_another_device_is_not_its_writers),
    BENCH_TEST(test_recover_closed_then_stamps_grown_is_not_clean),
    BENCH_TEST(test_recover_clean_of_half_a_stamp_is_not_clean),
    BENCH_TEST(test_recover_durable_beyond_clean_is_not_clean),
    BENCH_TEST(test_recover_cursor_beyond_the_end_keeps_offsets),
    BENCH_TEST(test_recover_index_of_any_size_is_rebuilt),
    BENCH_TEST(test_recover_copy_with_stamps_emptied_is_unverified),
    FIXTURE_TEST(test_recover_unsynced_store_missing_is_torn),
    FIXTURE_TEST(test_recover_copy_of_zeros_is_the_active_segment),
    FIXTURE_TEST(test_recover_zeroed_under_same_boot_goes_on_behind),
    FIXTURE_TEST(test_recover_killed_tells_progress),
    BENCH_TEST(test_recover_read_only_writes_nothing),
    BENCH_TEST(test_recover_read_only_is_shared),
};

int main(void)
{
    return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
