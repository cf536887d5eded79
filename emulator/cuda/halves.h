// __half and __nv_bfloat16: 16 bits in memory, arithmetic in float and rounded once, as the
// hardware.
//
// Aggregates on purpose: with a constructor, every __shared__ array of them would be guarded.
#pragma once

static inline float netc_from_half(uint16_t bits)
{
    const unsigned exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
    if (exponent == 0) return (bits & 0x8000 ? -1.0f : 1.0f) * (float)fraction * 0x1p-24f;
    const unsigned wide = exponent == 31 ? 0x7f800000u : (exponent + 112) << 23;
    return __uint_as_float((unsigned)(bits & 0x8000) << 16 | wide | fraction << 13);
}

// To the nearest, of two equally near the even one.
static inline uint16_t netc_to_half(float x)
{
    const unsigned sign = __float_as_uint(x) >> 16 & 0x8000;
    unsigned bits = __float_as_uint(x) & 0x7fffffff;
    if (bits > 0x7f800000u) return (uint16_t)(sign | 0x7e00);
    if (bits >= 0x477ff000u) return (uint16_t)(sign | 0x7c00);
    if (bits < 0x38800000u)
        return (uint16_t)(sign | (unsigned)rintf(__uint_as_float(bits) * 0x1p24f));
    bits += 0xfff + (bits >> 13 & 1);
    return (uint16_t)(sign | ((bits - 0x38000000u) >> 13));
}

static inline float netc_from_bfloat(uint16_t bits)
{
    return __uint_as_float((unsigned)bits << 16);
}

static inline uint16_t netc_to_bfloat(float x)
{
    const unsigned bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

struct __align__(2) __half {
    uint16_t x;
    operator float() const { return netc_from_half(x); }
};
struct __align__(2) __nv_bfloat16 {
    uint16_t x;
    operator float() const { return netc_from_bfloat(x); }
};
struct __align__(4) __half2 {
    __half x, y;
};
struct __align__(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
};
typedef __half half;
typedef __nv_bfloat16 nv_bfloat16;

static inline float __half2float(__half x) { return x; }
static inline __half __float2half(float x) { return __half{netc_to_half(x)}; }
static inline __half __float2half_rn(float x) { return __half{netc_to_half(x)}; }
static inline float __bfloat162float(__nv_bfloat16 x) { return x; }
static inline __nv_bfloat16 __float2bfloat16(float x) { return __nv_bfloat16{netc_to_bfloat(x)}; }
static inline __nv_bfloat16 __float2bfloat16_rn(float x)
{
    return __nv_bfloat16{netc_to_bfloat(x)};
}
static inline float2 __half22float2(__half2 v) { return float2{v.x, v.y}; }
static inline float2 __bfloat1622float2(__nv_bfloat162 v) { return float2{v.x, v.y}; }
static inline __half2 __floats2half2_rn(float a, float b)
{
    return __half2{__float2half(a), __float2half(b)};
}
static inline __nv_bfloat162 __floats2bfloat162_rn(float a, float b)
{
    return __nv_bfloat162{__float2bfloat16(a), __float2bfloat16(b)};
}
static inline __half2 __hadd2(__half2 a, __half2 b)
{
    return __floats2half2_rn((float)a.x + b.x, (float)a.y + b.y);
}
static inline __half2 __hmul2(__half2 a, __half2 b)
{
    return __floats2half2_rn((float)a.x * b.x, (float)a.y * b.y);
}
static inline __half2 __hfma2(__half2 a, __half2 b, __half2 c)
{
    return __floats2half2_rn(fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y));
}
