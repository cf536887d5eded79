// The nearest number of a precision, as a float, of two equally near the even one: the meaning that
// tensor cores and their conversions are held to.
__device__ __forceinline__ float netc_drop_bits(float x, int drop)
{
    const unsigned int bits = __float_as_uint(x), below = (1u << (drop - 1)) - 1;
    return x == x ? __uint_as_float((bits + below + (bits >> drop & 1)) >> drop << drop) : x;
}

__device__ __forceinline__ float netc_to_tf32(float x) { return netc_drop_bits(x, 13); }
__device__ __forceinline__ float netc_to_bf16(float x) { return netc_drop_bits(x, 16); }

// Below 2^-14 the numbers of f16 are 2^-24 apart, and from 65520 on they are infinite.
__device__ __forceinline__ float netc_to_f16(float x)
{
    const float large = netc_drop_bits(x, 13), small = rintf(x * 16777216.0f) * (1.0f / 16777216.0f);
    const float finite = fabsf(large) > 65504.0f ? copysignf(INFINITY, x) : large;
    return fabsf(x) < 0.00006103515625f ? small : finite;
}
