// All inline PTX, behind a name for each instruction. The emulator has a twin of every function here.
#ifndef NETC_EMULATED

// Where a place in shared memory is, for instructions that want no pointer.
__device__ __forceinline__ unsigned int netc_shared_address(const void *place)
{
    return (unsigned int)__cvta_generic_to_shared(place);
}

// --- two floats as 16-bit numbers in one word, each to the nearest, the first in the low half
__device__ __forceinline__ unsigned int netc_pack_bf16(float low, float high)
{
    unsigned int pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}
__device__ __forceinline__ unsigned int netc_pack_f16(float low, float high)
{
    unsigned int pair;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}
// To the nearest tf32, of two equally near the one farther from zero.
__device__ __forceinline__ unsigned int netc_cvt_tf32(float x)
{
    unsigned int bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
}

// --- tensor cores of a warp: d += a b, each lane with its part
#define NETC_MMA(name, form)                                                                         \
    __device__ __forceinline__ void name(                                                            \
        float (&d)[4], const unsigned int (&a)[4], const unsigned int (&b)[2])                       \
    {                                                                                                \
        asm("mma.sync.aligned." form                                                                 \
            " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                       \
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                         \
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                     \
    }
NETC_MMA(netc_mma_m16n8k8_tf32, "m16n8k8.row.col.f32.tf32.tf32.f32")
NETC_MMA(netc_mma_m16n8k16_bf16, "m16n8k16.row.col.f32.bf16.bf16.f32")
NETC_MMA(netc_mma_m16n8k16_f16, "m16n8k16.row.col.f32.f16.f16.f32")

// 8 x 8 matrices of 16-bit numbers from shared memory: lane 8 i + r says where row r of matrix i is.
__device__ __forceinline__ void netc_ldmatrix_x4(unsigned int (&r)[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(netc_shared_address(row)) : "memory");
}
__device__ __forceinline__ void netc_ldmatrix_x4_trans(unsigned int (&r)[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(netc_shared_address(row)) : "memory");
}
__device__ __forceinline__ void netc_ldmatrix_x2_trans(unsigned int (&r)[2], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1]) : "r"(netc_shared_address(row)) : "memory");
}

// --- copies to shared memory that go on beside the arithmetic
__device__ __forceinline__ void netc_cp_async16(void *target, const void *source)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
                 :: "r"(netc_shared_address(target)), "l"(source) : "memory");
}
__device__ __forceinline__ void netc_cp_async4(void *target, const void *source)
{
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;"
                 :: "r"(netc_shared_address(target)), "l"(source) : "memory");
}
// Only `bytes` of the 16 are read; the rest becomes zero.
__device__ __forceinline__ void netc_cp_async16_zfill(void *target, const void *source, int bytes)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :: "r"(netc_shared_address(target)), "l"(source), "r"(bytes) : "memory");
}
__device__ __forceinline__ void netc_cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kept> __device__ __forceinline__ void netc_cp_async_wait()
{
    asm volatile("cp.async.wait_group %0;" :: "n"(kept) : "memory");
}

// --- barriers of part of a block
__device__ __forceinline__ void netc_bar_sync(int number, int count)
{
    asm volatile("bar.sync %0, %1;" :: "r"(number), "r"(count) : "memory");
}
__device__ __forceinline__ void netc_bar_arrive(int number, int count)
{
    asm volatile("bar.arrive %0, %1;" :: "r"(number), "r"(count) : "memory");
}

#endif
