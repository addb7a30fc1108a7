/* SPDX-License-Identifier: MIT */
#include "daemon/message.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define MANY 20000

/* A process whose standard error is a small pipe. */
struct child {
    pid_t pid;
    int from; /* the pipe */
};

static struct child start(void (*run)(void))
{
    struct child child;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
    child.pid = fork();
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        run();
        _exit(0);
    }
    close(ends[1]);
    child.from = ends[0];
    return child;
}

static void ends_well(const struct child *child)
{
    int status;

    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(child->from);
}

static void say_many(void)
{
    if (message_start() != 0)
        _exit(1);
    for (int i = 0; i < MANY; i++)
        message(LOG_ERR, "message %d", i);
    message_stop();
}

/* It only queues: whoever speaks does not wait for whoever reads. */
static void test_message_nobody_reads(void **state)
{
    struct child child = start(say_many);

    (void)state;
    ends_well(&child);
}

static void say_many_and_wait(void)
{
    if (message_start() != 0)
        _exit(1);
    for (int i = 0; i < MANY; i++)
        message(LOG_ERR, "message %d", i);
    for (int i = 0; i < 20; i++)
        message_flush();
    message_stop();
}

/* What is read is in order, and the rest was counted. */
static void test_message_of_what_was_dropped(void **state)
{
    struct child child = start(say_many_and_wait);
    FILE *from = fdopen(child.from, "r");
    char line[256];
    int said = 0, number, last = -1, dropped = 0;
    bool told = false;

    (void)state;
    assert_non_null(from);
    sleep(1);
    while (fgets(line, sizeof(line), from)) {
        if (sscanf(line, "clog: message %d\n", &number) == 1) {
            assert_true(number > last);
            last = number;
            said++;
        } else {
            assert_int_equal(
                sscanf(line, "clog: %d messages were dropped\n", &number), 1);
            dropped += number;
            told = true;
        }
    }
    assert_true(told);
    assert_int_equal(said + dropped, MANY);
    assert_true(said >= 1000);
    child.from = dup(child.from);
    fclose(from);
    ends_well(&child);
}

static void say_the_same(void)
{
    message(LOG_ERR, "before");
    message(LOG_ERR, "before");
    if (message_start() != 0)
        _exit(1);
    for (int i = 0; i < MANY; i++)
        message(LOG_ERR, "the same");
    message(LOG_ERR, "another\nline");
    message_stop();
}

static void test_message_again_and_again(void **state)
{
    struct child child = start(say_the_same);
    char text[4096] = "";
    size_t size = 0;
    ssize_t n;

    (void)state;
    while ((n = read(child.from, text + size, sizeof(text) - 1 - size)) > 0)
        size += (size_t)n;
    assert_string_equal(text, "clog: before\nclog: before\nclog: the same\n"
                              "clog: another\\x0aline\n"
                              "clog: the same (19999 times more)\n");
    ends_well(&child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_nobody_reads),
        cmocka_unit_test(test_message_of_what_was_dropped),
        cmocka_unit_test(test_message_again_and_again),
    };

    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
