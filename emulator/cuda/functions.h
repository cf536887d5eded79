// Mathematics: the C library's functions under CUDA's names. The device's fast forms are exact
// here.
#pragma once

#define NETC_UNARY(NAME)                      \
    extern "C" double NAME(double) noexcept;  \
    extern "C" float NAME##f(float) noexcept; \
    inline float NAME(float x) { return NAME##f(x); }
#define NETC_BINARY(NAME)                            \
    extern "C" double NAME(double, double) noexcept; \
    extern "C" float NAME##f(float, float) noexcept; \
    inline float NAME(float x, float y) { return NAME##f(x, y); }
NETC_UNARY(exp)
NETC_UNARY(exp2)
NETC_UNARY(expm1) NETC_UNARY(log) NETC_UNARY(log2) NETC_UNARY(log10) NETC_UNARY(log1p)
    NETC_UNARY(sin) NETC_UNARY(cos) NETC_UNARY(tan) NETC_UNARY(asin) NETC_UNARY(acos)
        NETC_UNARY(atan) NETC_UNARY(sinh) NETC_UNARY(cosh) NETC_UNARY(tanh) NETC_UNARY(sqrt)
            NETC_UNARY(cbrt) NETC_UNARY(erf) NETC_UNARY(erfc) NETC_UNARY(floor) NETC_UNARY(ceil)
                NETC_UNARY(trunc) NETC_UNARY(round) NETC_UNARY(rint) NETC_UNARY(nearbyint)
                    NETC_UNARY(fabs) NETC_BINARY(pow) NETC_BINARY(fmod) NETC_BINARY(atan2)
                        NETC_BINARY(fmin) NETC_BINARY(fmax) NETC_BINARY(hypot) NETC_BINARY(copysign)
                            NETC_BINARY(fdim) extern "C" double fma(double, double,
                                                                    double) noexcept;
extern "C" float fmaf(float, float, float) noexcept;
extern "C" double ldexp(double, int) noexcept;
extern "C" float ldexpf(float, int) noexcept;
extern "C" int abs(int) noexcept;
extern "C" int printf(const char *, ...);
extern "C" void *memcpy(void *, const void *, size_t) noexcept;
extern "C" void *memset(void *, int, size_t) noexcept;

#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")

// Macros, because the C library has functions of these very names.
#define __expf(x) expf(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __powf(x, y) powf(x, y)

static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __frcp_rn(float x) { return 1.0f / x; }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }

template <class To, class From> static inline To netc_bits(From from)
{
    static_assert(sizeof(To) == sizeof(From), "the same bits");
    To to;
    __builtin_memcpy(&to, &from, sizeof to);
    return to;
}
static inline int __float_as_int(float x) { return netc_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return netc_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return netc_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return netc_bits<float>(x); }
static inline int __float2int_rn(float x) { return (int)rintf(x); }
static inline int __float2int_rd(float x) { return (int)floorf(x); }
static inline float __int2float_rn(int x) { return (float)x; }

static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline unsigned __umulhi(unsigned a, unsigned b)
{
    return (unsigned)(((uint64_t)a * b) >> 32);
}

static inline int min(int a, int b) { return a < b ? a : b; }
static inline int max(int a, int b) { return a > b ? a : b; }
static inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
static inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
static inline long long min(long long a, long long b) { return a < b ? a : b; }
static inline long long max(long long a, long long b) { return a > b ? a : b; }
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }

template <class T> static inline T __ldg(const T *place) { return *place; }
template <class T> static inline T __ldcs(const T *place) { return *place; }
template <class T> static inline T __ldcg(const T *place) { return *place; }
template <class T> static inline void __stcs(T *place, T value) { *place = value; }
