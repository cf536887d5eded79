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

// exp(x + low) = scale * (1 + more) * 2^-up: scale = 2^(n + up), where n * log(2) is nearest to x, and more
// = exp(x + low - n * log(2)) - 1, by the polynomial of its degree with the least greatest error. `low` is
// less than x can hold, `up` keeps the scale in range. Added to 1.5 * 2^23 a float is rounded to a whole
// number, which its last bits then hold.
static inline float netc_exp_parts(float x, float low, float up, float *more)
{
    const float round = 12582912.0f + 127.0f + up;
    const float shifted = x * 1.44269504f + round;
    const float n = shifted - round;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.98458816e-4f;
    p = p * r + 1.39408919e-3f;
    p = p * r + 8.33338965e-3f;
    p = p * r + 4.16663587e-2f;
    p = p * r + 1.66666657e-1f;
    p = p * r + 0.5f;
    *more = (p * (r * r) + low) + r;
    return netc_from_bits((int32_t)((uint32_t)netc_to_bits(shifted) << 23));
}

// exp(x): 2 ulp. The power of two is applied in two parts, so that results near the ends of the range,
// which is left below -104 and above 89, stay right.
static inline float netc_exp(float x)
{
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    float more;
    const float scale = netc_exp_parts(x, -0.0f, x > 0.0f ? -64.0f : 64.0f, &more);
    return (scale * more + scale) * (x > 0.0f ? 0x1p64f : 0x1p-64f);
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

// tanh(x) = -m / (2 + m) with m = exp(-2 |x|) - 1, which does not cancel near zero: 3 ulp.
static inline float netc_tanh(float x)
{
    float y = -2.0f * fabsf(x), more;
    y = y < -20.0f ? -20.0f : y;  // from here on the result is 1
    const float scale = netc_exp_parts(y, -0.0f, 0.0f, &more);
    const float m = scale * more + (scale - 1.0f);
    return copysignf(m / (2.0f + m), x);
}

// erf(x) = 1 - exp(-x - q(x) * x), where q fits the logarithm of what is left to 1, so that the result has
// the least greatest error; without the 1 that would cancel near zero: 2 ulp. From 4 on the result is 1.
static inline float netc_erf(float x)
{
    const float size = fabsf(x), t = size > 4.0f ? 4.0f : size;
    float q = -9.24998312e-6f;
    q = q * t + 1.17582720e-4f;
    q = q * t - 6.32617914e-4f;
    q = q * t + 1.66660477e-3f;
    q = q * t - 1.59944175e-4f;
    q = q * t - 1.91533305e-2f;
    q = q * t + 1.02777913e-1f;
    q = q * t + 6.36619389e-1f;
    q = q * t + 1.28379226e-1f;
    const float y = q * t + t, low = q * t + (t - y);  // what y leaves out
    float more;
    const float scale = netc_exp_parts(-y, -low, 0.0f, &more);
    return copysignf(scale * more + (scale - 1.0f), x);
}

// 1 / (1 + exp(-x)), from the exponential that cannot overflow: 3 ulp, and 0 only where that is nearest.
static inline float netc_sigmoid(float x)
{
    float y = -fabsf(x), more;
    y = y < -104.0f ? -104.0f : y;
    const float scale = netc_exp_parts(y, -0.0f, 64.0f, &more);
    const float small = (scale * more + scale) * 0x1p-64f;
    return (x < 0.0f ? small : 1.0f) / (1.0f + small);
}
