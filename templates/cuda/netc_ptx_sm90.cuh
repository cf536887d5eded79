// Inline PTX that only sm_90a has: tiles that arrive by themselves (TMA), barriers that count their
// bytes (mbarrier), products of four warps at once (wgmma).
#ifndef NETC_EMULATED

#define NETC_DYN_SMEM(T, name) extern __shared__ __align__(1024) T name[]

// --- mbarriers: a phase ends when all arrivals have come and all announced bytes have landed
__device__ __forceinline__ void netc_mbar_init(unsigned long long *barrier, int arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;"
                 :: "r"(netc_shared_address(barrier)), "r"(arrivals) : "memory");
}
// After netc_mbar_init, so that copies see the barriers, too.
__device__ __forceinline__ void netc_mbar_fence_init()
{
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ __forceinline__ void netc_mbar_arrive(unsigned long long *barrier)
{
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];"
                 :: "r"(netc_shared_address(barrier)) : "memory");
}
// Arrive, and announce bytes that this phase is to wait for.
__device__ __forceinline__ void netc_mbar_arrive_tx(unsigned long long *barrier, int bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
                 :: "r"(netc_shared_address(barrier)), "r"(bytes) : "memory");
}
// Until the phase of this parity is over: the first has parity 0. A fresh barrier lets 1 pass.
__device__ __forceinline__ void netc_mbar_wait(unsigned long long *barrier, int parity)
{
    unsigned int is_over;
    do {
        asm volatile("{\n.reg .pred over;\n"
                     "mbarrier.try_wait.parity.shared::cta.b64 over, [%1], %2;\n"
                     "selp.u32 %0, 1, 0, over;\n}"
                     : "=r"(is_over)
                     : "r"(netc_shared_address(barrier)), "r"(parity) : "memory");
    } while (!is_over);
}

// --- TMA: the box of a matrix that begins at this column and row; what lies outside becomes zero
struct __align__(64) netc_tensor_map {
    unsigned long long opaque[16];
};
__device__ __forceinline__ void netc_tma_load_2d(
    void *target, const netc_tensor_map *map, unsigned long long *barrier, int column, int row)
{
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
                 " [%0], [%1, {%3, %4}], [%2];"
                 :: "r"(netc_shared_address(target)), "l"(map), "r"(netc_shared_address(barrier)),
                    "r"(column), "r"(row) : "memory");
}
// Between what threads store to shared memory and what wgmma or TMA read of it.
__device__ __forceinline__ void netc_fence_async()
{
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
// True in one lane of the warp.
__device__ __forceinline__ bool netc_elect_one()
{
    unsigned int is_chosen;
    asm volatile("{\n.reg .pred chosen;\nelect.sync _|chosen, 0xffffffff;\n"
                 "selp.u32 %0, 1, 0, chosen;\n}" : "=r"(is_chosen));
    return is_chosen != 0;
}

// --- wgmma: d += a b, or d = a b, by four warps; both operands in shared memory with the depth
// along its lines of 128 bytes, swizzled by 128 bytes, `stride` bytes between groups of eight lines
__device__ __forceinline__ unsigned long long netc_wgmma_desc(const void *place, int stride)
{
    const unsigned long long address = (netc_shared_address(place) & 0x3ffff) >> 4;
    return address | 1ull << 16 | (unsigned long long)(stride >> 4) << 32 | 1ull << 62;
}
// Before the first product, and after a thread has written or read sums of one.
__device__ __forceinline__ void netc_wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void netc_wgmma_commit()
{
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int kept> __device__ __forceinline__ void netc_wgmma_wait()
{
    asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(kept) : "memory");
}
// The compiler moves no use of the sums across this place: to it they are ready when a product is
// issued. It stands before the first fence and after the last wait.
template <int count> __device__ __forceinline__ void netc_wgmma_pin(float (&d)[count])
{
#pragma unroll
    for (int i = 0; i < count; i++) asm volatile("" : "+f"(d[i]) :: "memory");
}

// The sums of a lane by number, ten and eight at a time, and as operands.
#define NETC_TEN(t) \
    "%" #t "0, %" #t "1, %" #t "2, %" #t "3, %" #t "4, %" #t "5, %" #t "6, %" #t "7, %" #t "8, %" #t "9, "
#define NETC_HUNDRED \
    NETC_TEN() NETC_TEN(1) NETC_TEN(2) NETC_TEN(3) NETC_TEN(4) \
    NETC_TEN(5) NETC_TEN(6) NETC_TEN(7) NETC_TEN(8) NETC_TEN(9)
#define NETC_32 NETC_TEN() NETC_TEN(1) NETC_TEN(2) "%30, %31"
#define NETC_64 NETC_TEN() NETC_TEN(1) NETC_TEN(2) NETC_TEN(3) NETC_TEN(4) NETC_TEN(5) "%60, %61, %62, %63"
#define NETC_128 \
    NETC_HUNDRED NETC_TEN(10) NETC_TEN(11) "%120, %121, %122, %123, %124, %125, %126, %127"
#define NETC_SUMS_8(i) \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), \
    "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define NETC_SUMS_32(i) NETC_SUMS_8(i), NETC_SUMS_8(i + 8), NETC_SUMS_8(i + 16), NETC_SUMS_8(i + 24)
#define NETC_SUMS_64(i) NETC_SUMS_32(i), NETC_SUMS_32(i + 32)
#define NETC_SUMS_128(i) NETC_SUMS_64(i), NETC_SUMS_64(i + 64)

// Types of 16 bits end by saying that neither operand is turned.
#define NETC_WGMMA(name, form, end, sums, a_place, b_place, adds_place)                              \
    __device__ __forceinline__ void name(                                                            \
        float (&d)[sums], unsigned long long a, unsigned long long b, int adds)                      \
    {                                                                                                \
        asm volatile("{\n.reg .pred adds;\nsetp.ne.b32 adds, " adds_place ", 0;\n"                   \
                     "wgmma.mma_async.sync.aligned." form " {" NETC_##sums "}, "                     \
                     a_place ", " b_place ", adds, 1, 1" end ";\n}"                                  \
                     : NETC_SUMS_##sums(0) : "l"(a), "l"(b), "r"(adds));                             \
    }
NETC_WGMMA(netc_wgmma_m64n64k8_tf32, "m64n64k8.f32.tf32.tf32", "", 32, "%32", "%33", "%34")
NETC_WGMMA(netc_wgmma_m64n64k16_bf16, "m64n64k16.f32.bf16.bf16", ", 0, 0", 32, "%32", "%33", "%34")
NETC_WGMMA(netc_wgmma_m64n64k16_f16, "m64n64k16.f32.f16.f16", ", 0, 0", 32, "%32", "%33", "%34")
NETC_WGMMA(netc_wgmma_m64n128k8_tf32, "m64n128k8.f32.tf32.tf32", "", 64, "%64", "%65", "%66")
NETC_WGMMA(netc_wgmma_m64n128k16_bf16, "m64n128k16.f32.bf16.bf16", ", 0, 0", 64, "%64", "%65", "%66")
NETC_WGMMA(netc_wgmma_m64n128k16_f16, "m64n128k16.f32.f16.f16", ", 0, 0", 64, "%64", "%65", "%66")
NETC_WGMMA(netc_wgmma_m64n256k8_tf32, "m64n256k8.f32.tf32.tf32", "", 128, "%128", "%129", "%130")
NETC_WGMMA(netc_wgmma_m64n256k16_bf16, "m64n256k16.f32.bf16.bf16", ", 0, 0", 128, "%128", "%129", "%130")
NETC_WGMMA(netc_wgmma_m64n256k16_f16, "m64n256k16.f32.f16.f16", ", 0, 0", 128, "%128", "%129", "%130")

#endif
