// The twins of the device functions that are inline PTX on the device: the same names and meaning.
#pragma once

extern "C" {
void machine_named_barrier(int number, int count, int line);
void machine_named_arrive(int number, int count, int line);
void machine_mma(int kind, float *d, const unsigned *a, const unsigned *b, int line);
void machine_ldmatrix(unsigned *registers, const void *row, int count, int is_transposed, int line);
void machine_copy_async(void *target, const void *source, int bytes, int source_bytes, int line);
void machine_copy_commit();
void machine_copy_wait(int kept);
void machine_mbarrier_init(uint64_t *, int count, int line);
void machine_mbarrier_arrive(uint64_t *, int bytes, int line);
void machine_mbarrier_wait(uint64_t *, int parity, int line);
void machine_tma_load(void *target, const void *map, uint64_t *mbarrier, int column, int row,
                      int line);
void machine_mbarrier_fence_init();
void machine_fence_proxy();
void machine_wgmma(int kind, float *d, int columns, uint64_t a, uint64_t b, int adds, int line);
void machine_wgmma_fence(int line);
void machine_wgmma_commit(int line);
void machine_wgmma_wait(int kept, int line);
unsigned machine_elect(int line);
}

// --- named barriers of part of a block
static inline void netc_bar_sync(int number, int count, NETC_LINE)
{
    machine_named_barrier(number, count, line);
}
static inline void netc_bar_arrive(int number, int count, NETC_LINE)
{
    machine_named_arrive(number, count, line);
}

// --- tensor cores of a warp
static inline void netc_mma_m16n8k8_tf32(float (&d)[4], const unsigned (&a)[4],
                                         const unsigned (&b)[2], NETC_LINE)
{
    machine_mma(0, d, a, b, line);
}
static inline void netc_mma_m16n8k16_bf16(float (&d)[4], const unsigned (&a)[4],
                                          const unsigned (&b)[2], NETC_LINE)
{
    machine_mma(1, d, a, b, line);
}
static inline void netc_mma_m16n8k16_f16(float (&d)[4], const unsigned (&a)[4],
                                         const unsigned (&b)[2], NETC_LINE)
{
    machine_mma(2, d, a, b, line);
}
// Two 16-bit numbers in one word, the first in the low half.
static inline unsigned netc_pack_bf16(float low, float high)
{
    return netc_to_bfloat(low) | (unsigned)netc_to_bfloat(high) << 16;
}
static inline unsigned netc_pack_f16(float low, float high)
{
    return netc_to_half(low) | (unsigned)netc_to_half(high) << 16;
}
// To the nearest tf32, of two equally near the one farther from zero (cvt.rna).
static inline unsigned netc_cvt_tf32(float x)
{
    return (__float_as_uint(x) + 0x1000u) & 0xffffe000u;
}
static inline void netc_ldmatrix_x4(unsigned (&r)[4], const void *row, NETC_LINE)
{
    machine_ldmatrix(r, row, 4, 0, line);
}
static inline void netc_ldmatrix_x4_trans(unsigned (&r)[4], const void *row, NETC_LINE)
{
    machine_ldmatrix(r, row, 4, 1, line);
}
static inline void netc_ldmatrix_x2_trans(unsigned (&r)[2], const void *row, NETC_LINE)
{
    machine_ldmatrix(r, row, 2, 1, line);
}

// --- cp.async
static inline void netc_cp_async16(void *target, const void *source, NETC_LINE)
{
    machine_copy_async(target, source, 16, 16, line);
}
static inline void netc_cp_async4(void *target, const void *source, NETC_LINE)
{
    machine_copy_async(target, source, 4, 4, line);
}
static inline void netc_cp_async16_zfill(void *target, const void *source, int bytes, NETC_LINE)
{
    machine_copy_async(target, source, 16, bytes, line);
}
static inline void netc_cp_async_commit() { machine_copy_commit(); }
template <int kept> static inline void netc_cp_async_wait() { machine_copy_wait(kept); }

// --- mbarriers and TMA
struct __align__(64) netc_tensor_map {
    uint64_t opaque[16];
};
static inline void netc_mbar_init(unsigned long long *b, int count, NETC_LINE)
{
    machine_mbarrier_init((uint64_t *)b, count, line);
}
static inline void netc_mbar_fence_init() { machine_mbarrier_fence_init(); }
static inline void netc_mbar_arrive(unsigned long long *b, NETC_LINE)
{
    machine_mbarrier_arrive((uint64_t *)b, 0, line);
}
static inline void netc_mbar_arrive_tx(unsigned long long *b, int bytes, NETC_LINE)
{
    machine_mbarrier_arrive((uint64_t *)b, bytes, line);
}
static inline void netc_mbar_wait(unsigned long long *b, int parity, NETC_LINE)
{
    machine_mbarrier_wait((uint64_t *)b, parity, line);
}
static inline void netc_tma_load_2d(void *target, const netc_tensor_map *map, unsigned long long *b,
                                    int column, int row, NETC_LINE)
{
    machine_tma_load(target, map, (uint64_t *)b, column, row, line);
}
static inline void netc_fence_async() { machine_fence_proxy(); }
static inline bool netc_elect_one(NETC_LINE) { return machine_elect(line) != 0; }

// --- wgmma, with operands in shared memory, k along memory, swizzled by 128 bytes
static inline unsigned long long netc_wgmma_desc(const void *place, int stride)
{
    const uint64_t offset = (uint64_t)((const char *)place - dynamic_shared);
    return (offset & 0x3ffff) >> 4 | 1ull << 16 | (uint64_t)(stride >> 4) << 32 | 1ull << 62;
}
static inline void netc_wgmma_fence(NETC_LINE) { machine_wgmma_fence(line); }
static inline void netc_wgmma_commit(NETC_LINE) { machine_wgmma_commit(line); }
template <int kept> static inline void netc_wgmma_wait(NETC_LINE)
{
    machine_wgmma_wait(kept, line);
}
template <int count> static inline void netc_wgmma_pin(float (&)[count]) {}
#define NETC_WGMMA(name, columns, kind)                                                           \
    static inline void name(float (&d)[columns / 2], unsigned long long a, unsigned long long b,  \
                            int adds, NETC_LINE)                                                  \
    {                                                                                             \
        machine_wgmma(kind, d, columns, a, b, adds, line);                                        \
    }
NETC_WGMMA(netc_wgmma_m64n64k8_tf32, 64, 0)
NETC_WGMMA(netc_wgmma_m64n64k16_bf16, 64, 1)
NETC_WGMMA(netc_wgmma_m64n64k16_f16, 64, 2)
NETC_WGMMA(netc_wgmma_m64n128k8_tf32, 128, 0)
NETC_WGMMA(netc_wgmma_m64n128k16_bf16, 128, 1)
NETC_WGMMA(netc_wgmma_m64n128k16_f16, 128, 2)
NETC_WGMMA(netc_wgmma_m64n256k8_tf32, 256, 0)
NETC_WGMMA(netc_wgmma_m64n256k16_bf16, 256, 1)
NETC_WGMMA(netc_wgmma_m64n256k16_f16, 256, 2)
