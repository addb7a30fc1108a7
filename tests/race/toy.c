/* SPDX-License-Identifier: MIT */
/*
 * toy - two threads that race, and a library call between them: what
 * ThreadSanitizer must report, or its silence elsewhere would mean nothing.
 */
#include "clog.h"

#include <pthread.h>
#include <stdio.h>

static struct clog_status status = {.size = sizeof(status)};

static void *look(void *arg)
{
    clog_status(arg, &status);
    return NULL;
}

int main(int argc, char **argv)
{
    struct clog_options options = {.size = sizeof(options),
                                   .flags = CLOG_CREATE};
    struct clog *log = NULL;
    pthread_t threads[2];

    if (argc != 2 || clog_open(argv[1], &options, NULL, &log) < 0)
        return 2;
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, look, log) != 0)
            return 2;
    for (int i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    (void)printf("next %llu\n", (unsigned long long)status.next);
    return clog_close(log) < 0;
}
