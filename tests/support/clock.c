/* SPDX-License-Identifier: MIT */
/*
 * clock - a clock that a test sets: loaded before the C library, it adds the
 * seconds that stand in the file named by CLOCK_FILE to the time of day, by
 * whatever call that is asked for. The other clocks stay as they are; with
 * CLOCK_BOOT in the environment, the time since the machine was started goes
 * along, as if so long had really passed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long seconds(void)
{
    const char *path = getenv("CLOCK_FILE");
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    char text[32] = "";

    if (file == NULL)
        return 0;
    if (fgets(text, sizeof(text), file) == NULL)
        text[0] = '\0';
    fclose(file);
    return strtol(text, NULL, 10);
}

static bool is_set(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
           (clock == CLOCK_BOOTTIME && getenv("CLOCK_BOOT") != NULL);
}

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    int r = (int)syscall(SYS_clock_gettime, clock, ret_time);

    if (r == 0 && is_set(clock))
        ret_time->tv_sec += seconds();
    return r;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_REALTIME, &now);

    (void)zone;
    *ret_time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return r;
}

time_t time(time_t *ret_time)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time != NULL)
        *ret_time = now.tv_sec;
    return now.tv_sec;
}
