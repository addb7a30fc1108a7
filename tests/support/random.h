/* SPDX-License-Identifier: MIT */
/*
 * random.h - numbers that depend on a seed alone, so that a failure can be
 * seen again. The generator is splitmix64: any 64 bits are a good state.
 */
#ifndef CLOG_TESTS_RANDOM_H
#define CLOG_TESTS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t random_next(struct rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A number in [0, limit); limit is not 0. */
static inline uint64_t random_below(struct rng *rng, uint64_t limit)
{
    return random_next(rng) % limit;
}

/* One seed out of two. */
static inline uint64_t random_mix(uint64_t a, uint64_t b)
{
    struct rng rng = {a};

    rng.state = random_next(&rng) ^ b;
    return random_next(&rng);
}

/* Fills data with size bytes that depend on seed alone. */
static inline void random_fill(uint64_t seed, void *data, size_t size)
{
    struct rng rng = {seed};
    uint8_t *bytes = data;
    uint64_t word = 0;

    for (size_t i = 0; i < size; i++) {
        word = i % 8 ? word >> 8 : random_next(&rng);
        bytes[i] = (uint8_t)word;
    }
}

#endif
