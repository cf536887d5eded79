// Four neighbours in memory by one instruction: they begin at a multiple of what four take.
__device__ __forceinline__ void netc_load1(float *to, const float *from) { *to = *from; }
__device__ __forceinline__ void netc_load4(float *to, const float *from)
{
    const float4 quad = *(const float4 *)from;
    to[0] = quad.x, to[1] = quad.y, to[2] = quad.z, to[3] = quad.w;
}
__device__ __forceinline__ void netc_load4(int *to, const int *from)
{
    const int4 quad = *(const int4 *)from;
    to[0] = quad.x, to[1] = quad.y, to[2] = quad.z, to[3] = quad.w;
}
__device__ __forceinline__ void netc_load4(unsigned char *to, const unsigned char *from)
{
    const uchar4 quad = *(const uchar4 *)from;
    to[0] = quad.x, to[1] = quad.y, to[2] = quad.z, to[3] = quad.w;
}
__device__ __forceinline__ void netc_store4(float *to, const float *from)
{
    *(float4 *)to = make_float4(from[0], from[1], from[2], from[3]);
}
__device__ __forceinline__ void netc_store4(int *to, const int *from)
{
    *(int4 *)to = make_int4(from[0], from[1], from[2], from[3]);
}
__device__ __forceinline__ void netc_store4(unsigned char *to, const unsigned char *from)
{
    *(uchar4 *)to = make_uchar4(from[0], from[1], from[2], from[3]);
}
