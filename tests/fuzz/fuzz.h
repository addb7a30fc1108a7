/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzz targets share: the entry that libFuzzer calls, and
 * an input that is taken apart piece by piece.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes seed number i into data and returns its size; 0: there are no more.
   data has room for SEED_MAX bytes. */
#define SEED_MAX 4096
size_t fuzz_seed(unsigned i, uint8_t *data);

/* The rest of an input. At its end it is all zeros. */
struct source {
    const uint8_t *data;
    size_t size;
};

/* Copies n bytes out of it. */
static inline void take(struct source *source, void *ret, size_t n)
{
    size_t there = n < source->size ? n : source->size;

    memset(ret, 0, n);
    if (there > 0)
        memcpy(ret, source->data, there);
    source->data += there;
    source->size -= there;
}

static inline uint8_t take8(struct source *source)
{
    uint8_t value;

    take(source, &value, sizeof(value));
    return value;
}

static inline uint16_t take16(struct source *source)
{
    uint16_t value;

    take(source, &value, sizeof(value));
    return value;
}

static inline uint64_t take64(struct source *source)
{
    uint64_t value;

    take(source, &value, sizeof(value));
    return value;
}

#endif
