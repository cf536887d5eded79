// CUDA C as C++ for a CPU: the compiler puts this in front of an unchanged source.
//
// Only declarations and thin wrappers: the machine is compiled once, apart from any kernel. There
// are no headers of the C library here, for parsing them would cost more time than the kernel.
#pragma once
#define NETC_EMULATED 1

typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __SIZE_TYPE__ size_t;

#define __global__ __attribute__((visibility("default"), noinline, used))
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static __attribute__((section("netc_shared"), used))
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(bytes) __attribute__((aligned(bytes)))

// The line of the CUDA source that calls: the default argument is taken where the call stands.
#define NETC_LINE int line = __builtin_LINE()

// Dynamic shared memory; the device's form is `extern __shared__ __align__(1024) T name[]`.
extern "C" char dynamic_shared[];
#define NETC_DYN_SMEM(T, name) T *const name = (T *)dynamic_shared

#include "vectors.h"
#include "indices.h"
#include "functions.h"
#include "threads.h"
#include "halves.h"
#include "ptx.h"
#include "entry.h"
