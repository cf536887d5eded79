// Random numbers as a function of (seed, step, stream, element): Philox4x32-10 of Salmon et al.,
// "Parallel random numbers: as easy as 1, 2, 3" (2011). Nothing is kept from number to number.
struct netc_philox_block { unsigned int word[4]; };

__device__ __forceinline__ netc_philox_block netc_philox(
    unsigned int seed, unsigned int step, unsigned int stream, long long counter)
{
    unsigned int c0 = (unsigned int)counter, c1 = (unsigned int)(counter >> 32), c2 = step, c3 = stream;
    unsigned int k0 = seed, k1 = 0x6e657463u;
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const unsigned long long left = (unsigned long long)0xD2511F53u * c0;
        const unsigned long long right = (unsigned long long)0xCD9E8D57u * c2;
        c0 = (unsigned int)(right >> 32) ^ c1 ^ k0;
        c1 = (unsigned int)right;
        c2 = (unsigned int)(left >> 32) ^ c3 ^ k1;
        c3 = (unsigned int)left;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    netc_philox_block block;
    block.word[0] = c0;
    block.word[1] = c1;
    block.word[2] = c2;
    block.word[3] = c3;
    return block;
}

// In [0, 1), in steps of 2^-24. Four neighbouring elements share a block; the chosen word goes
// through conditions, so that the block stays in registers.
__device__ __forceinline__ float netc_uniform(int seed, int step, int stream, long long element)
{
    const netc_philox_block block =
        netc_philox((unsigned int)seed, (unsigned int)step, (unsigned int)stream, element / 4);
    const int place = (int)(element % 4);
    const unsigned int low = place == 0 ? block.word[0] : block.word[1];
    const unsigned int high = place == 2 ? block.word[2] : block.word[3];
    return (float)((place < 2 ? low : high) >> 8) * 5.9604644775390625e-8f;
}

// Mean 0 and variance 1, by Box and Muller: one block for each element.
__device__ __forceinline__ float netc_normal(int seed, int step, int stream, long long element)
{
    const netc_philox_block block =
        netc_philox((unsigned int)seed, (unsigned int)step, (unsigned int)stream, element);
    const float u = (float)(block.word[0] >> 8) * 5.9604644775390625e-8f;
    const float v = (float)(block.word[1] >> 8) * 5.9604644775390625e-8f;
    return sqrtf(-2.0f * logf(1.0f - u)) * cosf(6.283185307179586f * v);
}
