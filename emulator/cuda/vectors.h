// Vector types, aligned as on the device: a misaligned float4 is an error here too.
#pragma once

#define NETC_VECTORS(NAME, T, ALIGN2, ALIGN4)                                         \
    struct __attribute__((aligned(ALIGN2))) NAME##2 { T x, y; };                      \
    struct NAME##3 { T x, y, z; };                                                    \
    struct __attribute__((aligned(ALIGN4))) NAME##4 { T x, y, z, w; };                \
    static inline NAME##2 make_##NAME##2(T x, T y) { return NAME##2 {x, y}; }         \
    static inline NAME##3 make_##NAME##3(T x, T y, T z) { return NAME##3 {x, y, z}; } \
    static inline NAME##4 make_##NAME##4(T x, T y, T z, T w) { return NAME##4 {x, y, z, w}; }
NETC_VECTORS(char, signed char, 2, 4)
NETC_VECTORS(uchar, unsigned char, 2, 4)
NETC_VECTORS(short, short, 4, 8)
NETC_VECTORS(ushort, unsigned short, 4, 8)
NETC_VECTORS(int, int, 8, 16)
NETC_VECTORS(uint, unsigned, 8, 16)
NETC_VECTORS(float, float, 8, 16)
NETC_VECTORS(double, double, 16, 16)
NETC_VECTORS(longlong, long long, 16, 16)
NETC_VECTORS(ulonglong, unsigned long long, 16, 16)
