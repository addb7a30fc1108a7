/* SPDX-License-Identifier: MIT */
/*
 * main.c - a fuzz target without a fuzzer.
 *
 *     TARGET FILE...          runs the files
 *     TARGET                  runs the seeds
 *     TARGET --seeds DIR      writes the seeds into DIR, as files
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    static uint8_t data[1 << 20];
    size_t size;

    if (!file) {
        perror(path);
        return 1;
    }
    size = fread(data, 1, sizeof(data), file);
    (void)fclose(file);
    return LLVMFuzzerTestOneInput(data, size);
}

static int save_seed(const char *dir, unsigned i, const uint8_t *data,
                     size_t size)
{
    char path[4096];
    FILE *file;
    int r;

    (void)snprintf(path, sizeof(path), "%s/seed%u", dir, i);
    file = fopen(path, "wb");
    if (!file) {
        perror(path);
        return 1;
    }
    r = fwrite(data, 1, size, file) != size;
    return fclose(file) != 0 || r;
}

int main(int argc, char **argv)
{
    uint8_t data[SEED_MAX];
    unsigned seeds = 0;
    int r = 0;
    size_t size;

    if (argc > 1 && strcmp(argv[1], "--seeds") != 0) {
        for (int i = 1; i < argc; i++)
            r |= run_file(argv[i]);
        return r;
    }
    while ((size = fuzz_seed(seeds, data)) > 0) {
        r |= argc == 3 ? save_seed(argv[2], seeds, data, size)
                       : LLVMFuzzerTestOneInput(data, size);
        seeds++;
    }
    (void)printf("%u seeds\n", seeds);
    return r;
}
