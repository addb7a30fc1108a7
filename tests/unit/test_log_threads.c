/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "test.h"

/*
 * Several threads append to one log, which rolls all the time, while others
 * sync it, read records, and follow the stream. Threads count what is wrong,
 * since only the test's own thread may fail it.
 */

#define WRITERS 3u
#define RECORDS ((size_t)WRITERS * BATCHES * BATCH) /* of all of them */
#define BATCHES 200u
#define BATCH   3u /* records in each; the text says which it is */
#define TEXT    32

struct crowd {
    struct fixture *fixture;
    atomic_uint wrong;
    atomic_bool done;  /* all writers are */
    uint64_t followed; /* bytes that the follower has read */
    char *stream;      /* owned: what the follower has read */
};

struct writer_thread {
    struct crowd *crowd;
    pthread_t thread;
    unsigned number;
};

static void check(struct crowd *crowd, bool right)
{
    if (!right)
        atomic_fetch_add(&crowd->wrong, 1);
}

static size_t write_text(char text[TEXT], unsigned writer, unsigned batch,
                         unsigned i)
{
    return (size_t)snprintf(text, TEXT, "%u %u %u%.*s\n", writer, batch, i,
                            (int)(batch % 9), "aaaaaaaaa");
}

static void *run_writer(void *arg)
{
    struct writer_thread *writer = arg;
    struct clog *log = writer->crowd->fixture->log;

    for (unsigned batch = 0; batch < BATCHES; batch++) {
        char texts[BATCH][TEXT];
        struct iovec records[BATCH];
        struct clog_record record;
        uint64_t offset = 0;

        for (unsigned i = 0; i < BATCH; i++)
            records[i] = (struct iovec){
                texts[i], write_text(texts[i], writer->number, batch, i)};
        check(writer->crowd,
              clog_append_batch(log, records, BATCH, 0, &offset) == 0);
        if (batch % 16 == 0)
            check(writer->crowd, clog_sync(log, offset + BATCH) == 0);
        check(writer->crowd, clog_stat(log, offset, 0, &record) == 0 &&
                                 record.length == records[0].iov_len);
    }
    return NULL;
}

static void *run_syncer(void *arg)
{
    struct crowd *crowd = arg;

    while (!atomic_load(&crowd->done)) {
        struct clog_status status = fixture_status(crowd->fixture);

        check(crowd, status.durable <= status.next);
        check(crowd, clog_sync(crowd->fixture->log, status.next) == 0);
        check(crowd, fixture_status(crowd->fixture).durable >= status.next);
    }
    return NULL;
}

/* Reads records here and there: they are whole lines, or not there yet. */
static void *run_reader(void *arg)
{
    struct crowd *crowd = arg;
    uint64_t seed = 1;

    while (!atomic_load(&crowd->done)) {
        uint64_t next = fixture_status(crowd->fixture).next;
        char data[TEXT];
        ssize_t n;

        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        if (next == 0)
            continue;
        n = clog_read(crowd->fixture->log, (seed >> 33) % next, data,
                      sizeof(data));
        check(crowd, n > 0 && data[n - 1] == '\n');
        check(crowd, clog_read(crowd->fixture->log, UINT64_MAX - 1, data,
                               sizeof(data)) == -ENOENT);
    }
    return NULL;
}

/* Follows the stream to its end. */
static void *run_follower(void *arg)
{
    struct crowd *crowd = arg;
    struct clog_view *view = NULL;
    size_t room = RECORDS * TEXT;
    bool done = false;

    check(crowd, clog_view_stream(crowd->fixture->log, 0, &view) == 0);
    while (view && !done) {
        ssize_t n;

        done = atomic_load(&crowd->done);
        do {
            n = clog_view_read(view, crowd->stream + crowd->followed,
                               room - crowd->followed, crowd->followed, 0);
            check(crowd, n >= 0);
            if (n > 0)
                crowd->followed += (uint64_t)n;
        } while (n > 0);
    }
    clog_view_close(view);
    return NULL;
}

/* Each writer's records are all there, in its order, batches unbroken. */
static void expect_lines(struct crowd *crowd)
{
    unsigned batches[WRITERS] = {0};
    char *line = crowd->stream;

    for (uint64_t offset = 0; offset < RECORDS; offset += BATCH) {
        unsigned writer = (unsigned)(line[0] - '0');

        assert_in_range(writer, 0, WRITERS - 1);
        for (unsigned i = 0; i < BATCH; i++) {
            char text[TEXT];
            size_t size = write_text(text, writer, batches[writer], i);

            assert_memory_equal(line, text, size);
            fixture_expect(crowd->fixture, offset + i, text);
            line += size;
        }
        batches[writer]++;
    }
    assert_int_equal(line - crowd->stream, crowd->followed);
}

/* Threads that append, sync, read and follow at once see one log. */
static void test_log_threads_at_once_see_one_log(void **state)
{
    void *(*const others[])(void *) = {run_syncer, run_syncer, run_reader,
                                       run_follower};
    struct crowd crowd = {.fixture = *state};
    struct writer_thread writers[WRITERS];
    pthread_t threads[COUNT(others)];

    crowd.stream = calloc(RECORDS, TEXT);
    assert_non_null(crowd.stream);
    crowd.fixture->options.max_store = 1000;
    fixture_open(crowd.fixture);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, others[i], &crowd),
                         0);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer_thread){.crowd = &crowd, .number = i};
        assert_int_equal(
            pthread_create(&writers[i].thread, NULL, run_writer, &writers[i]),
            0);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
    atomic_store(&crowd.done, true);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&crowd.wrong), 0);
    assert_true(fixture_status(crowd.fixture).rolls > 20);
    assert_int_equal(fixture_status(crowd.fixture).read_errors, 0);
    assert_int_equal(fixture_status(crowd.fixture).indexes_rebuilt, 0);
    expect_lines(&crowd);
    fixture_expect_sound(crowd.fixture);
    free(crowd.stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_log_threads_at_once_see_one_log),
    };

    return cmocka_run_group_tests_name("log_threads", tests, NULL, NULL);
}
