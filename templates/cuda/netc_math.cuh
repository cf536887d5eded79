// What CUDA's own functions leave open: the meaning of NaN in comparisons, and of whole-number
// division. Everything else is the accurate function of the same name; nothing is fast-math.
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fc00000)
#endif

// NaN is the greatest and the least: a maximum or a minimum with it is NaN.
__device__ __forceinline__ float netc_maximum(float a, float b) { return a > b || a != a ? a : b; }
__device__ __forceinline__ float netc_minimum(float a, float b) { return a < b || a != a ? a : b; }
__device__ __forceinline__ bool netc_is_greater(float a, float b) { return a > b || (a != a && b == b); }
__device__ __forceinline__ bool netc_is_less(float a, float b) { return a < b || (a != a && b == b); }
__device__ __forceinline__ bool netc_is_same(float a, float b) { return a == b || (a != a && b != b); }
__device__ __forceinline__ bool netc_is_same(int a, int b) { return a == b; }
__device__ __forceinline__ float netc_relu(float x) { return x < 0.0f ? 0.0f : x; }
__device__ __forceinline__ float netc_sign(float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x; }
__device__ __forceinline__ float netc_sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// Whole-number division that rounds towards minus infinity, and what it leaves.
__device__ __forceinline__ int netc_floor_divide(int a, int b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

__device__ __forceinline__ int netc_remainder_int(int a, int b)
{
    return a - netc_floor_divide(a, b) * b;
}

__device__ __forceinline__ float netc_remainder(float a, float b)
{
    const float left = fmodf(a, b);
    return left != 0.0f && (left < 0.0f) != (b < 0.0f) ? left + b : left;
}

__device__ __forceinline__ float netc_floor_quotient(float a, float b)
{
    // The quotient is rounded, maybe up to the next whole number: 1 / 0.1f is 10, but 9 whole 0.1f.
    if (b == 0.0f) return a / b;
    const float left = fmodf(a, b);
    const float whole = rintf((a - left) / b);
    return left != 0.0f && (left < 0.0f) != (b < 0.0f) ? whole - 1.0f : whole;
}
