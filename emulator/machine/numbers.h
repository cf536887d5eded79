// The numbers that tensor cores multiply, as floats, and where swizzles put them.
#pragma once
#include <stdint.h>
#include <string.h>

enum Number { TF32, BF16, F16 }; // as ptx.h counts them

inline float as_float(uint32_t bits)
{
    float number;
    memcpy(&number, &bits, 4);
    return number;
}

inline float from_bf16(uint16_t bits) { return as_float((uint32_t)bits << 16); }

// The tensor core does not read the low 13 bits.
inline float from_tf32(uint32_t bits) { return as_float(bits & 0xffffe000u); }

inline float from_f16(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
    const float size = exponent == 0    ? (float)fraction * 0x1p-24f
                       : exponent == 31 ? (fraction ? __builtin_nanf("") : __builtin_inff())
                                        : __builtin_ldexpf((float)(fraction | 0x400), exponent - 25);
    return bits & 0x8000 ? -size : size;
}

// Pieces of 16 bytes change places within lines of `span` bytes, so that a column of eight lines
// meets all banks; 16 leaves them where they are. An offset is one from a multiple of 1024.
inline uint64_t swizzled(uint64_t offset, int span)
{
    return offset ^ (offset >> 7 & (uint64_t)(span / 16 - 1)) << 4;
}
