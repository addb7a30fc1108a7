/* SPDX-License-Identifier: MIT */
/*
 * A process that uses a log is killed at every storage call that it makes,
 * and its successor at every call of the recovery. Nothing that was
 * acknowledged is lost, and what was not is there whole or not at all.
 */
#include "test.h"

#include "files.h"
#include "killer.h"
#include "log/log.h"
#include "random.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD_SIZE 160 /* the longest record's */
#define BATCH       3

/* What a process says before it dies, in memory shared with its parent. */
struct told {
    uint64_t begun;        /* records handed to the log */
    uint64_t acknowledged; /* of them */
    uint64_t changes;      /* storage calls made that change something */
};

static struct told *told;
static uint64_t kills;

/* Segments of a few records each. */
static const struct clog_options small = {
    .size = sizeof(small),
    .flags = CLOG_CREATE,
    .max_record = RECORD_SIZE,
    .max_store = 400,
    .max_index = 128,
};

/* --- The process that is killed ------------------------------------------- */

static size_t make_record(uint64_t offset, uint8_t data[static RECORD_SIZE])
{
    size_t size = 1 + random_mix(offset, 1) % RECORD_SIZE;

    random_fill(offset, data, size);
    return size;
}

static int append(struct clog *log, size_t count)
{
    uint8_t data[BATCH][RECORD_SIZE];
    struct iovec records[BATCH];
    uint64_t offset;
    int r;

    for (size_t i = 0; i < count; i++)
        records[i] =
            (struct iovec){data[i], make_record(told->begun + i, data[i])};
    told->begun += count;
    r = clog_append_batch(log, records, count, 0, &offset);
    if (r == 0 && offset + count != told->begun)
        r = -ERANGE;
    if (r == 0)
        told->acknowledged = told->begun;
    return r;
}

/* One step of a script: append a record, a batch; sync; open again. */
static int step(struct killer *killer, const char *dir, char what,
                struct clog **log)
{
    int r;

    switch (what) {
    case 'a':
        return append(*log, 1);
    case 'b':
        return append(*log, BATCH);
    case 's':
        return clog_sync(*log, UINT64_MAX);
    default:
        r = clog_close(*log);
        *log = NULL;
        return r < 0 ? r : log_open(&killer->io, dir, &small, NULL, log);
    }
}

static int perform(struct killer *killer, const char *dir, const char *script)
{
    struct clog *log = NULL;
    int r = log_open(&killer->io, dir, &small, NULL, &log);

    for (; r == 0 && *script != '\0'; script++)
        r = step(killer, dir, *script, &log);
    return r < 0 ? r : clog_close(log);
}

/* Runs the script in a process that is killed as killer says; false: it came
   to its end. */
static bool run_killed(const struct killer *killer, const char *dir,
                       const char *script)
{
    struct killer own;
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        killer_init(&own);
        own.at = killer->at;
        own.blow = killer->blow;
        own.boot = killer->boot;
        own.ret_changes = &told->changes;
        _exit(perform(&own, dir, script) < 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        return false;
    }
    assert_int_equal(WTERMSIG(status), SIGKILL);
    kills++;
    return true;
}

/* --- What it left -----------------------------------------------------------
 */

static const char *check_record(struct clog *log, uint64_t offset)
{
    uint8_t want[RECORD_SIZE];
    uint8_t got[RECORD_SIZE];
    size_t size = make_record(offset, want);
    ssize_t n = clog_read(log, offset, got, sizeof(got));

    if (n < 0)
        return "a record cannot be read";
    return (size_t)n == size && memcmp(want, got, size) == 0
               ? NULL
               : "a record is not what was appended";
}

/* Exactly the records of what was told. */
static const char *check_records(struct clog *log, const struct told *what)
{
    struct clog_status status = {.size = sizeof(status)};
    const char *wrong = NULL;

    clog_status(log, &status);
    if (status.next < what->acknowledged)
        return "an acknowledged record is lost";
    if (status.next != what->acknowledged && status.next != what->begun)
        return "a batch is there in part";
    if (status.oldest != 0 || status.records != status.next)
        return "records are missing in the middle";
    if (!status.writable)
        return "the log takes no appends";
    for (uint64_t i = 0; !wrong && i < status.next; i++)
        wrong = check_record(log, i);
    return wrong;
}

/* Opens the log, compares, appends a record, closes; *what is told then. */
static const char *check_once(const char *dir, unsigned boot, bool clean,
                              struct told *what)
{
    struct clog_report report = {0};
    struct clog_status status = {.size = sizeof(status)};
    struct clog *log = NULL;
    struct killer killer;
    const char *wrong;

    killer_init(&killer);
    killer.boot = boot;
    if (log_open(&killer.io, dir, &small, &report, &log) < 0)
        return "the log cannot be opened";
    wrong = check_records(log, what);
    if (!wrong && (report.rotten || report.lost || report.unverified))
        wrong = "damage is reported";
    if (!wrong && clean && (!report.clean || report.note_count > 0))
        wrong = "recovery left something to do";
    clog_status(log, &status);
    what->begun = what->acknowledged = status.next;
    *told = *what;
    if (!wrong && append(log, 1) < 0)
        wrong = "a record cannot be appended";
    *what = *told;
    clog_report_done(&report);
    if (clog_close(log) < 0 && !wrong)
        wrong = "the log cannot be closed";
    return wrong;
}

/* Three opens in a row; NULL: all is well. */
static const char *check(const char *dir, unsigned boot, struct told what)
{
    const char *wrong = check_once(dir, boot, false, &what);

    if (!wrong)
        wrong = check_once(dir, boot, true, &what);
    if (!wrong)
        wrong = check_once(dir, boot + 1, true, &what);
    return wrong;
}

/* --- The tests --------------------------------------------------------------
 */

static char *base; /* a directory for copies */

static char *path_of(const char *name)
{
    char *path = NULL;

    assert_true(asprintf(&path, "%s/%s", base, name) > 0);
    return path;
}

static char *copy_as(const char *from, const char *name)
{
    char *path = path_of(name);

    directory_copy(from, path);
    return path;
}

static void complain(const char *wrong, const struct killer *killer,
                     const char *where)
{
    if (wrong)
        fail_msg("%s: %s: kill %llu, blow %d, boot %u", where, wrong,
                 (unsigned long long)killer->at, (int)killer->blow,
                 killer->boot);
}

/* The recovery of the log in dir, killed at each call that finds the directory
   changed since the kill before. */
static void kill_recovery(const char *dir, const struct told *what,
                          enum blow blow, unsigned boot)
{
    struct killer killer = {.at = 1, .blow = blow, .boot = boot};
    uint64_t changes = UINT64_MAX;
    bool killed = true;

    for (; killed; killer.at++) {
        char *copy = copy_as(dir, "second");

        *told = *what;
        killed = run_killed(&killer, copy, "");
        if (told->changes != changes)
            complain(check(copy, boot, *what), &killer, "recovery");
        changes = told->changes;
        directory_remove(copy);
    }
}

/* What is left is looked at by the same kernel and by another one. */
static void look(const char *dir, const struct told *what,
                 const struct killer *killer)
{
    char *copy = copy_as(dir, "other");

    complain(check(copy, 1, *what), killer, "another kernel");
    directory_remove(copy);
    complain(check(dir, 0, *what), killer, "the same kernel");
}

static void look_deep(const char *dir, const struct told *what)
{
    for (int blow = BLOW_BEFORE; blow <= BLOW_HALF; blow++) {
        kill_recovery(dir, what, (enum blow)blow, 0);
        kill_recovery(dir, what, (enum blow)blow, 1);
    }
}

static void assert_survives(const char *script, enum blow blow, bool deep)
{
    struct killer killer = {.at = 1, .blow = blow};
    struct told before = {.changes = UINT64_MAX};
    bool killed = true;

    for (; killed; killer.at++) {
        char *dir = path_of("first");
        struct told what;

        *told = (struct told){0};
        killed = run_killed(&killer, dir, script);
        what = *told;
        if (access(dir, F_OK) < 0) { /* killed before it was made */
            free(dir);
            continue;
        }
        if (deep && memcmp(&what, &before, sizeof(what)) != 0)
            look_deep(dir, &what);
        before = what;
        look(dir, &what, &killer);
        directory_remove(dir);
    }
    print_message("# %llu kills so far\n", (unsigned long long)kills);
}

static const char long_script[] = "absabbsaRabasbRbsaab";
static const char short_script[] = "asbRb";

static void test_before_every_call(void **state)
{
    (void)state;
    assert_survives(long_script, BLOW_BEFORE, false);
}

static void test_half_way_through_every_write(void **state)
{
    (void)state;
    assert_survives(long_script, BLOW_HALF, false);
}

static void test_after_every_call(void **state)
{
    (void)state;
    assert_survives(long_script, BLOW_AFTER, false);
}

static void test_again_within_the_recovery(void **state)
{
    (void)state;
    assert_survives(short_script, BLOW_BEFORE, true);
}

static void test_again_after_half_a_write(void **state)
{
    (void)state;
    assert_survives(short_script, BLOW_HALF, true);
}

/* A log whose writer was killed after the script, and which then got damaged
   as the letters say. */
static char *make_damaged(const char *script, const char *damage)
{
    struct killer killer = {0};
    char *dir = path_of("damaged");
    static const char segment[] = "segments/00000000000000000000";
    char name[64];

    *told = (struct told){0};
    (void)run_killed(&killer, dir, script);
    file_remove(dir, "clean");
    for (; *damage != '\0'; damage++) {
        (void)snprintf(name, sizeof(name), "%s/%s", segment,
                       *damage == 's' || *damage == 'p' ? "store"
                       : *damage == 'i'                 ? "index"
                                                        : "stamps");
        if (*damage == 's')
            file_flip(dir, name, 10); /* in the first record's payload */
        else if (*damage == 'p')
            file_flip(dir, name, 5); /* in its prefix */
        else if (*damage == 'g')
            file_remove(dir, segment);
        else
            file_remove(dir, name);
    }
    return dir;
}

/* All that is seen of the log, one line a record; caller frees. */
static char *see(const char *dir, unsigned boot)
{
    struct clog_status status = {.size = sizeof(status)};
    struct clog *log = NULL;
    struct killer killer;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    killer_init(&killer);
    killer.boot = boot;
    assert_non_null(out);
    assert_int_equal(log_open(&killer.io, dir, &small, NULL, &log), 0);
    clog_status(log, &status);
    for (uint64_t i = 0; i < status.next; i++) {
        uint8_t data[RECORD_SIZE];
        ssize_t n = clog_read(log, i, data, sizeof(data));

        (void)fprintf(out, "%zd ", n);
        for (ssize_t k = 0; k < n; k++)
            (void)fprintf(out, "%02x", data[k]);
        (void)fputc('\n', out);
    }
    (void)fprintf(out, "stream %llu\n", (unsigned long long)status.stream_end);
    assert_int_equal(clog_close(log), 0);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_same_end(const char *damaged, enum blow blow, unsigned boot,
                            const char *want)
{
    struct killer killer = {.at = 1, .blow = blow, .boot = boot};
    bool killed = true;

    for (; killed; killer.at++) {
        char *copy = copy_as(damaged, "second");
        char *got;

        killed = run_killed(&killer, copy, "");
        got = see(copy, boot);
        assert_string_equal(got, want);
        free(got);
        directory_remove(copy);
    }
}

/* A recovery that finds damage is killed at each call; who comes after it
   sees what there would be to see had it not been killed. */
static void test_recovery_of_damage(void **state)
{
    static const char *const damages[] = {"",  "s",  "p",  "i", "t",
                                          "g", "pi", "it", "sp"};
    static const char *const scripts[] = {"aaa", "babbab"};

    (void)state;
    for (size_t i = 0; i < COUNT(damages) * COUNT(scripts); i++) {
        const char *script = scripts[i % COUNT(scripts)];
        char *dir = make_damaged(script, damages[i / COUNT(scripts)]);

        for (unsigned boot = 0; boot < 2; boot++) {
            char *copy = copy_as(dir, "other");
            char *want = see(copy, boot);

            assert_same_end(dir, BLOW_BEFORE, boot, want);
            assert_same_end(dir, BLOW_HALF, boot, want);
            free(want);
            directory_remove(copy);
        }
        directory_remove(dir);
    }
    print_message("# %llu kills so far\n", (unsigned long long)kills);
}

/* For a process that acknowledges before it writes: the tests notice. */
static void test_late_writes_are_noticed(void **state)
{
    struct killer killer = {.at = 1, .blow = BLOW_BEFORE};
    uint64_t noticed = 0;
    bool killed = true;

    (void)state;
    for (; killed; killer.at++) {
        char *dir = path_of("first");

        *told = (struct told){0};
        killed = run_killed(&killer, dir, long_script);
        if (access(dir, F_OK) < 0) {
            free(dir);
            continue;
        }
        noticed += check(dir, 0, *told) != NULL;
        directory_remove(dir);
    }
    print_message("# %llu of %llu kills noticed\n", (unsigned long long)noticed,
                  (unsigned long long)kills);
    assert_true(noticed > 10);
}

static int set_up(void **state)
{
    (void)state;
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 0);
    told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(told != MAP_FAILED);
    base = directory_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    directory_remove(base);
    print_message("# %llu kills\n", (unsigned long long)kills);
    return munmap(told, sizeof(*told));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_every_call),
        cmocka_unit_test(test_half_way_through_every_write),
        cmocka_unit_test(test_after_every_call),
        cmocka_unit_test(test_recovery_of_damage),
        cmocka_unit_test(test_again_within_the_recovery),
        cmocka_unit_test(test_again_after_half_a_write),
    };
    const struct CMUnitTest controls[] = {
        cmocka_unit_test(test_late_writes_are_noticed),
    };

    if (argc == 2 && strcmp(argv[1], "--control") == 0)
        return cmocka_run_group_tests(controls, set_up, tear_down);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
