/* SPDX-License-Identifier: MIT */
/*
 * clock - a clock that a test sets: loaded before the C library, it adds the
 * seconds that stand in the file named by CLOCK_FILE to the time of day. The
 * other clocks stay as they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
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

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    int r = (int)syscall(SYS_clock_gettime, clock, ret_time);

    if (r == 0 && clock == CLOCK_REALTIME)
        ret_time->tv_sec += seconds();
    return r;
}
