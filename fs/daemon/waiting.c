/* SPDX-License-Identifier: MIT */
#include "daemon/waiting.h"

#include "clog.h"
#include "daemon/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

#define TELL_MS 1000
#define OVER_MS 10000

void waiting_holder(const char *logdir, char *text, size_t size)
{
    pid_t pid;

    if (clog_holder(logdir, &pid) == 0)
        snprintf(text, size, "process %ld", (long)pid);
    else
        snprintf(text, size, "another process");
}

bool waiting_again(struct waiting *waiting, const char *logdir,
                   void (*tell)(const char *line))
{
    const struct timespec pause = {.tv_nsec = 20000000};
    char line[PATH_MAX + 64];
    char holder[32];
    int64_t waited_ms;

    if (waiting->began_ms == 0)
        waiting->began_ms = clock_run_ms();
    waited_ms = clock_run_ms() - waiting->began_ms;
    if (waited_ms >= OVER_MS)
        return false;
    if (waited_ms >= TELL_MS && !waiting->told) {
        waiting->told = true;
        waiting_holder(logdir, holder, sizeof(holder));
        snprintf(line, sizeof(line), "%s: waiting for %s, which has it open",
                 logdir, holder);
        tell(line);
    }
    (void)nanosleep(&pause, NULL);
    return true;
}
