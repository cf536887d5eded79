// Sixteen bytes of an operand as tensor cores multiply it: each number the nearest one.
__device__ __forceinline__ uint4 netc_piece_bf16(const float (&x)[8])
{
    return make_uint4(netc_pack_bf16(x[0], x[1]), netc_pack_bf16(x[2], x[3]),
                      netc_pack_bf16(x[4], x[5]), netc_pack_bf16(x[6], x[7]));
}
__device__ __forceinline__ uint4 netc_piece_f16(const float (&x)[8])
{
    return make_uint4(netc_pack_f16(x[0], x[1]), netc_pack_f16(x[2], x[3]),
                      netc_pack_f16(x[4], x[5]), netc_pack_f16(x[6], x[7]));
}
__device__ __forceinline__ uint4 netc_piece_tf32(const float (&x)[4])
{
    return make_uint4(__float_as_uint(netc_to_tf32(x[0])), __float_as_uint(netc_to_tf32(x[1])),
                      __float_as_uint(netc_to_tf32(x[2])), __float_as_uint(netc_to_tf32(x[3])));
}
