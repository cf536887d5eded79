// Functions of one float that a compiler can turn into vector code: no branches, no tables, no errno.
// NaN stays NaN everywhere. Errors are given in units in the last place (ulp) of the result.
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Both values are known before the choice: a choice between loads could not become vector code.
static inline float netc_where(int condition, float a, float b) { return condition ? a : b; }

static inline float netc_maximum(float a, float b) { return a > b || a != a ? a : b; }
static inline float netc_minimum(float a, float b) { return a < b || a != a ? a : b; }
static inline int netc_is_greater(float a, float b) { return !(a <= b) && b == b; }
static inline int netc_is_less(float a, float b) { return !(a >= b) && b == b; }
static inline float netc_relu(float x) { return x < 0.0f ? 0.0f : x; }
static inline float netc_sign(float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x; }

// Whole numbers wrap around, where C leaves open what happens.
static inline int netc_add(int a, int b) { return (int)((unsigned)a + (unsigned)b); }
static inline int netc_subtract(int a, int b) { return (int)((unsigned)a - (unsigned)b); }
static inline int netc_multiply(int a, int b) { return (int)((unsigned)a * (unsigned)b); }
static inline int netc_absolute(int a) { return a < 0 ? netc_subtract(0, a) : a; }

// Whole-number division that rounds towards minus infinity, and what it leaves; both 0 for a divisor
// of 0. The processor stops a program that divides by 0, or the least number by -1.
static inline int netc_floor_divide(int a, int b)
{
    if (b == 0) return 0;
    if (b == -1) return netc_subtract(0, a);
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
static inline int netc_remainder_int(int a, int b)
{
    if (b == 0 || b == -1) return 0;
    const int left = a % b;
    return left != 0 && (left < 0) != (b < 0) ? left + b : left;
}
static inline float netc_remainder(float a, float b)
{
    const float left = fmodf(a, b);
    return left != 0.0f && (left < 0.0f) != (b < 0.0f) ? left + b : left;
}
static inline float netc_floor_quotient(float a, float b)
{
    // The quotient is rounded, maybe up to the next whole number: 1 / 0.1f is 10, but 9 whole 0.1f.
    if (b == 0.0f) return a / b;
    const float left = fmodf(a, b);
    const float whole = rintf((a - left) / b);
    return left != 0.0f && (left < 0.0f) != (b < 0.0f) ? whole - 1.0f : whole;
}

static inline float netc_from_bits(int32_t bits)
{
    float number;
    memcpy(&number, &bits, 4);
    return number;
}

static inline int32_t netc_to_bits(float number)
{
    int32_t bits;
    memcpy(&bits, &number, 4);
    return bits;
}

// x with `drop` bits of its fraction rounded away: to the nearest, of two equally near the even one.
static inline float netc_drop_bits(float x, int drop)
{
    const uint32_t bits = (uint32_t)netc_to_bits(x), half = (1u << (drop - 1)) - 1;
    const uint32_t nearest = (bits + half + (bits >> drop & 1)) >> drop << drop;
    return x == x ? netc_from_bits((int32_t)nearest) : x;
}

// The nearest number of a precision, as a float. Below 2^-14 the numbers of f16 are 2^-24 apart.
static inline float netc_to_tf32(float x) { return netc_drop_bits(x, 13); }
static inline float netc_to_bf16(float x) { return netc_drop_bits(x, 16); }
static inline float netc_to_f16(float x)
{
    const float large = netc_drop_bits(x, 13), small = rintf(x * 0x1p24f) * 0x1p-24f;
    const float finite = fabsf(large) > 65504.0f ? copysignf(INFINITY, x) : large;
    return fabsf(x) < 0x1p-14f ? small : finite;
}

// `count` neighbours, each rounded.
static inline void netc_copy_tf32(float *to, const float *from, int count)
{
    for (int i = 0; i < count; i++) to[i] = netc_to_tf32(from[i]);
}
static inline void netc_copy_bf16(float *to, const float *from, int count)
{
    for (int i = 0; i < count; i++) to[i] = netc_to_bf16(from[i]);
}
static inline void netc_copy_f16(float *to, const float *from, int count)
{
    for (int i = 0; i < count; i++) to[i] = netc_to_f16(from[i]);
}

// exp(x) = 2^n * exp(r) with |r| <= log(2) / 2 and a polynomial for exp(r): 2 ulp.
// The power of two is applied in two halves, so that results near the ends of the range stay right.
static inline float netc_exp(float x)
{
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    const float n = rintf(x * 1.44269504f);
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const int32_t whole = (int32_t)n;
    const int32_t half = whole >> 1;
    return p * netc_from_bits((half + 127) << 23) * netc_from_bits((whole - half + 127) << 23);
}

// log(x) = e * log(2) + log(m) with m in [sqrt(1/2), sqrt(2)): 2 ulp; -inf at 0, NaN below.
static inline float netc_log(float x)
{
    const int tiny = x < 1.17549435e-38f;
    const float scaled = tiny ? x * 8388608.0f : x;
    const int32_t bits = netc_to_bits(scaled) - 0x3f3504f3;
    const float e = (float)((bits >> 23) - (tiny ? 23 : 0));
    const float m = netc_from_bits((bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
    const float z = m * m;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    const float body = m + (p * m * z + e * -2.12194440e-4f - 0.5f * z);
    const float result = body + e * 0.693359375f;
    const float special = x > 0.0f ? x : x == 0.0f ? -INFINITY : NAN;
    return x > 0.0f && x < INFINITY ? result : special;
}

// tanh(x): an odd polynomial near zero, where 1 - 2 / (exp(2x) + 1) would cancel: 3 ulp. From 10 on the
// result is 1, and the exponential needs no care for its ends; its own errors shrink as it grows.
static inline float netc_tanh(float x)
{
    const float size = fabsf(x);
    const float z = x * x;
    float p = 1.643757143e-2f;
    p = p * z - 5.267180853e-2f;
    p = p * z + 1.332072498e-1f;
    p = p * z - 3.333294663e-1f;
    const float small = p * z * size + size;
    const float twice = 2.0f * (size > 10.0f ? 10.0f : size);
    const float n = rintf(twice * 1.44269504f);
    const float r = twice - n * 0.693147181f;
    float e = 8.312501577e-3f;
    e = e * r + 4.189033275e-2f;
    e = e * r + 1.666711539e-1f;
    e = e * r + 4.999923030e-1f;
    e = e * (r * r) + r + 1.0f;
    const float large = 1.0f - 2.0f / (e * netc_from_bits(((int32_t)n + 127) << 23) + 1.0f);
    return copysignf(size < 0.55f ? small : large, x);
}

// erf(x): near zero x + x * p(x^2), farther out 1 - exp(q(x)), where q fits the logarithm of what is left
// to 1. Both polynomials are fitted to the least greatest error: 2 ulp. From 4 on the result is 1.
static inline float netc_erf(float x)
{
    const float size = fabsf(x);
    const float z = x * x;
    float p = -5.8620629196e-4f;
    p = p * z + 4.9675021477e-3f;
    p = p * z - 2.6748860131e-2f;
    p = p * z + 1.1281320527e-1f;
    p = p * z - 3.7612445910e-1f;
    p = p * z + 1.2837914230e-1f;
    const float small = p * size + size;
    const float t = size > 4.0f ? 4.0f : size;
    float q = 1.9150653330e-4f;
    q = q * t - 2.9995646997e-3f;
    q = q * t + 2.2052095247e-2f;
    q = q * t - 1.0356709980e-1f;
    q = q * t - 6.3759979602e-1f;
    q = q * t - 1.1274262342f;
    q = q * t - 2.5640884837e-4f;
    const float large = 1.0f - netc_exp(q);
    return copysignf(size < 0.95f ? small : large, x);
}

// 1 / (1 + exp(-x)), from the exponential that cannot overflow: 3 ulp, and 0 only where that is nearest.
static inline float netc_sigmoid(float x)
{
    const float small = netc_exp(-fabsf(x));
    return (x < 0.0f ? small : 1.0f) / (1.0f + small);
}
