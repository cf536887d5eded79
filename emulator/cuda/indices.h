// threadIdx and its kin. They do not change while a thread lives, hence `const`: the compiler asks
// the machine once, and keeps the answer in a register, where no check of memory sees it.
#pragma once

#define NETC_INDEX(NAME)                                             \
    extern "C" unsigned machine_##NAME##_x() __attribute__((const)); \
    extern "C" unsigned machine_##NAME##_y() __attribute__((const)); \
    extern "C" unsigned machine_##NAME##_z() __attribute__((const));
NETC_INDEX(thread)
NETC_INDEX(block)
NETC_INDEX(block_size)
NETC_INDEX(grid_size)

#define NETC_PLACE(NAME) (uint3{machine_##NAME##_x(), machine_##NAME##_y(), machine_##NAME##_z()})
#define threadIdx NETC_PLACE(thread)
#define blockIdx NETC_PLACE(block)
#define blockDim NETC_PLACE(block_size)
#define gridDim NETC_PLACE(grid_size)
static const int warpSize = 32;
