// Tiles for tensor cores: how numbers get into shared memory, and how a warp takes its parts out.
// A tile is deep where neighbours in it follow the depth of the product, and flat where they follow
// its rows (on the left) or its columns (on the right). 16-bit numbers are kept as they are
// multiplied, tf32 as float: it is rounded by the lanes that take it.
__device__ __forceinline__ void netc_put_bf16(unsigned short *place, float x)
{
    *place = (unsigned short)netc_pack_bf16(x, 0.0f);
}
__device__ __forceinline__ void netc_put_bf16(unsigned short *place, float4 x)
{
    *(uint2 *)place = make_uint2(netc_pack_bf16(x.x, x.y), netc_pack_bf16(x.z, x.w));
}
__device__ __forceinline__ void netc_put_f16(unsigned short *place, float x)
{
    *place = (unsigned short)netc_pack_f16(x, 0.0f);
}
__device__ __forceinline__ void netc_put_f16(unsigned short *place, float4 x)
{
    *(uint2 *)place = make_uint2(netc_pack_f16(x.x, x.y), netc_pack_f16(x.z, x.w));
}
__device__ __forceinline__ void netc_put_tf32(float *place, float x) { *place = x; }

__device__ __forceinline__ unsigned int netc_tf32_bits(float x) { return __float_as_uint(netc_to_tf32(x)); }

// 16 rows of the left: 16 deep, or 8 in tf32.
__device__ __forceinline__ void netc_left_deep(unsigned int (&a)[4], const unsigned short *tile, int stride, int lane)
{
    netc_ldmatrix_x4(a, tile + lane % 16 * stride + lane / 16 * 8);
}
__device__ __forceinline__ void netc_left_flat(unsigned int (&a)[4], const unsigned short *tile, int stride, int lane)
{
    netc_ldmatrix_x4_trans(a, tile + (lane % 8 + lane / 16 * 8) * stride + lane / 8 % 2 * 8);
}
__device__ __forceinline__ void netc_left_deep(unsigned int (&a)[4], const float *tile, int stride, int lane)
{
    netc_ldmatrix_x4(a, tile + lane % 16 * stride + lane / 16 * 4);
    for (int i = 0; i < 4; i++) a[i] = netc_tf32_bits(__uint_as_float(a[i]));
}
__device__ __forceinline__ void netc_left_flat(unsigned int (&a)[4], const float *tile, int stride, int lane)
{
    for (int i = 0; i < 4; i++)
        a[i] = netc_tf32_bits(tile[(lane % 4 + i / 2 * 4) * stride + lane / 4 + i % 2 * 8]);
}

// 16 columns of the right, as two parts of 8: the first two words, and the last two.
__device__ __forceinline__ void netc_right_deep(unsigned int (&b)[4], const unsigned short *tile, int stride, int lane)
{
    netc_ldmatrix_x4(b, tile + (lane % 8 + lane / 16 * 8) * stride + lane / 8 % 2 * 8);
}
__device__ __forceinline__ void netc_right_flat(unsigned int (&b)[4], const unsigned short *tile, int stride, int lane)
{
    netc_ldmatrix_x4_trans(b, tile + lane % 16 * stride + lane / 16 * 8);
}
__device__ __forceinline__ void netc_right_deep(unsigned int (&b)[4], const float *tile, int stride, int lane)
{
    netc_ldmatrix_x4(b, tile + (lane % 8 + lane / 16 * 8) * stride + lane / 8 % 2 * 4);
    for (int i = 0; i < 4; i++) b[i] = netc_tf32_bits(__uint_as_float(b[i]));
}
__device__ __forceinline__ void netc_right_flat(unsigned int (&b)[4], const float *tile, int stride, int lane)
{
    for (int i = 0; i < 4; i++)
        b[i] = netc_tf32_bits(tile[(lane % 4 + i % 2 * 4) * stride + lane / 4 + i / 2 * 8]);
}
