// Random numbers as a function of (seed, step, stream, element): Philox4x32-10 of Salmon et al.,
// "Parallel random numbers: as easy as 1, 2, 3" (2011). Nothing is kept from number to number.
#pragma once
#include <math.h>
#include <stdint.h>

typedef struct { uint32_t word[4]; } netc_philox_block;

static inline netc_philox_block netc_philox(uint32_t seed, uint32_t step, uint32_t stream, int64_t counter)
{
    uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32), c2 = step, c3 = stream;
    uint32_t k0 = seed, k1 = 0x6e657463u;
    for (int round = 0; round < 10; round++) {
        const uint64_t left = (uint64_t)0xD2511F53u * c0;
        const uint64_t right = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(right >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)right;
        c2 = (uint32_t)(left >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)left;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (netc_philox_block){{c0, c1, c2, c3}};
}

// In [0, 1), in steps of 2^-24. Four neighbouring elements share a block.
static inline float netc_uniform(int seed, int step, int stream, int64_t element)
{
    const netc_philox_block block = netc_philox((uint32_t)seed, (uint32_t)step, (uint32_t)stream, element / 4);
    return (float)(block.word[element % 4] >> 8) * 5.9604644775390625e-8f;
}

// Mean 0 and variance 1, by Box and Muller: one block for each element.
static inline float netc_normal(int seed, int step, int stream, int64_t element)
{
    const netc_philox_block block = netc_philox((uint32_t)seed, (uint32_t)step, (uint32_t)stream, element);
    const float u = (float)(block.word[0] >> 8) * 5.9604644775390625e-8f;
    const float v = (float)(block.word[1] >> 8) * 5.9604644775390625e-8f;
    return sqrtf(-2.0f * logf(1.0f - u)) * cosf(6.283185307179586f * v);
}
