/* SPDX-License-Identifier: MIT */
/*
 * hidden - two players that share a number without a lock, each in its turn:
 * what ThreadSanitizer must report, or its silence elsewhere would mean
 * nothing. Succeeds if it does.
 */
#include "turns.h"

#include <stdio.h>
#include <stdlib.h>

static int shared;

static void count(void *ctx)
{
    (void)ctx;
    shared++;
}

static void noticed(void)
{
    _Exit(0);
}

void set_death_callback(void (*callback)(void)) __asm__(
    "__sanitizer_set_death_callback");

int main(void)
{
    struct turns turns = {0};

    set_death_callback(noticed);
    (void)turns_add(&turns, count, NULL);
    (void)turns_add(&turns, count, NULL);
    if (!turns_end(&turns))
        return 1;
    (void)printf("%d, and nothing was reported\n", shared);
    return 1;
}
