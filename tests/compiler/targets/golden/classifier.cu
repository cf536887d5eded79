// run_net_5: 3 kernels for a batch of 5, in an arena of 1,024 bytes.
// Written by netc for sm_90a, for the likes of H100. Kernels run in the order of this file.

// What CUDA's own functions leave open: the meaning of NaN in comparisons, and of whole-number
// division. Everything else is the accurate function of the same name; nothing is fast-math.
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fc00000)
#endif

// NaN is the greatest and the least: a maximum or a minimum with it is NaN.
__device__ __forceinline__ float netc_maximum(float a, float b) { return a > b || a != a ? a : b; }
__device__ __forceinline__ float netc_minimum(float a, float b) { return a < b || a != a ? a : b; }
__device__ __forceinline__ bool netc_is_greater(float a, float b) { return a > b || (a != a && b == b); }
__device__ __forceinline__ bool netc_is_less(float a, float b) { return a < b || (a != a && b == b); }
__device__ __forceinline__ bool netc_is_same(float a, float b) { return a == b || (a != a && b != b); }
__device__ __forceinline__ bool netc_is_same(int a, int b) { return a == b; }
__device__ __forceinline__ float netc_relu(float x) { return x < 0.0f ? 0.0f : x; }
__device__ __forceinline__ float netc_sign(float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x; }
__device__ __forceinline__ float netc_sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// Whole-number division that rounds towards minus infinity, and what it leaves.
__device__ __forceinline__ int netc_floor_divide(int a, int b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

__device__ __forceinline__ int netc_remainder_int(int a, int b)
{
    return a - netc_floor_divide(a, b) * b;
}

__device__ __forceinline__ float netc_remainder(float a, float b)
{
    const float left = fmodf(a, b);
    return left != 0.0f && (left < 0.0f) != (b < 0.0f) ? left + b : left;
}

__device__ __forceinline__ float netc_floor_quotient(float a, float b)
{
    // The quotient is rounded, maybe up to the next whole number: 1 / 0.1f is 10, but 9 whole 0.1f.
    if (b == 0.0f) return a / b;
    const float left = fmodf(a, b);
    const float whole = rintf((a - left) / b);
    return left != 0.0f && (left < 0.0f) != (b < 0.0f) ? whole - 1.0f : whole;
}

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

// netc_take: the samples of step `cursor`, copied from the data set in the order given.
extern "C" __global__ __launch_bounds__(256) void netc_take(
    unsigned int *__restrict__ x_batch, const unsigned int *__restrict__ x_batch_rows,
    const long long *__restrict__ order, const int *__restrict__ cursor)
{
    const long long element = (long long)blockIdx.x * 256 + threadIdx.x;
    const long long first = (long long)*cursor * 5;
    if (element < 15) {
        const long long row = order[first + element / 3];
        x_batch[element] = x_batch_rows[row * 3 + element % 3];
    }
}

// k01_dense_forward: matrix product (matmul, add)
// matmul[m, n] = sum over k < 3 of left[m, k] * right[k, n]
//   left[m, k] = x_[m * 3 + k]
//   right[k, n] = dense_kernel[k * 4 + n]
//   for m < 5, n < 4
//   add = (matmul + dense_bias[n])
//   stores add_out[m * 4 + n]
// line 2: logits = x -> dense(4)
// reads  x_: f32[5, 3]
// reads  dense_kernel: f32[3, 4]
// reads  dense_bias: f32[4]
// writes add_out: f32[5, 4]
// 140 FLOP, 204 bytes at least; at best 0.00 us on H100: memory at 3.35 TB/s
// grid of 1, blocks of 64 threads, 16 x 16 x 16 a block, 1 x 4 a thread
extern "C" __global__ __launch_bounds__(64, 1) void k01_dense_forward(
    float *__restrict__ add_out,
    const float *__restrict__ x_,
    const float *__restrict__ dense_kernel,
    const float *__restrict__ dense_bias)
{
    // Two tiles of each side: one is filled while the other is multiplied. A line of a tile holds
    // all rows, or columns, at one depth; its pad keeps threads that fill it out of each other's banks.
    __shared__ __align__(16) float left[2][16][20];
    __shared__ __align__(16) float right[2][16][20];
    const int row = 0;
    const int column = 0;
    const int thread = threadIdx.x;
    const int y = thread / 4 * 1, x = thread % 4 * 4;
    float next_left[4][1], next_right[1][4];
    float sums[1][4] = {};
    int stage = 0;
    for (int start = 0;; start += 16, stage ^= 1) {
        const bool more = start < 3;
        if (more) {
            #pragma unroll
            for (int u = 0; u < 4; u++) {
                const int e = thread + u * 64;
                const int i = e / 8 % 16, d = e % 8 + e / 128 * 8;
                const int m = row + i, k = start + d;
                next_left[u][0] = m < 5 && k < 3 ? x_[m * 3 + k] : 0.0f;
            }
            #pragma unroll
            for (int u = 0; u < 1; u++) {
                const int e = (thread + u * 64) * 4;
                const int i = e % 16, d = e / 16;
                const int n = column + i, k = start + d;
                if (n < 4 && k < 3) netc_load4(next_right[u], &dense_kernel[k * 4 + n]);
                else next_right[u][0] = next_right[u][1] = next_right[u][2] = next_right[u][3] = 0.0f;
            }
        }
        if (start > 0) {
#pragma unroll
            for (int d = 0; d < 16; d++) {
                float l[1], r[4];
#pragma unroll
                for (int i = 0; i < 1; i += 1)
                    netc_load1(&l[i], &left[stage ^ 1][d][y + i * 16]);
#pragma unroll
                for (int j = 0; j < 4; j += 4)
                    netc_load4(&r[j], &right[stage ^ 1][d][x + j * 4]);
#pragma unroll
                for (int i = 0; i < 1; i++)
#pragma unroll
                    for (int j = 0; j < 4; j++) sums[i][j] += l[i] * r[j];
            }
        }
        if (!more) break;
        #pragma unroll
        for (int u = 0; u < 4; u++) {
            const int e = thread + u * 64;
            const int i = e / 8 % 16, d = e % 8 + e / 128 * 8;
            left[stage][d][i] = next_left[u][0];
        }
        #pragma unroll
        for (int u = 0; u < 1; u++) {
            const int e = (thread + u * 64) * 4;
            const int i = e % 16, d = e / 16;
            netc_store4(&right[stage][d][i], next_right[u]);
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < 1; i++) {
        const int m = row + y + i % 1 + i / 1 * 16;
#pragma unroll
        for (int j = 0; j < 4; j += 4) {
            const int first = column + x + j * 4;
            if (m >= 5) continue;
            if (first >= 4) continue;
            float add_out_quad[4];
#pragma unroll
            for (int t = 0; t < 4; t++) {
                [[maybe_unused]] const int n = first + t;
                const float matmul = sums[i][j + t];
                const float add = (matmul + dense_bias[n]);
                add_out_quad[t] = add;
            }
            const int n = first;
            netc_store4(&add_out[m * 4 + n], add_out_quad);
        }
    }
}

// k02_softmax_forward: row by row (max, subtract, exp, sum, divide)
// for each of 5 rows r of 4 columns c:
//   max_ = max over c of add[r * 4 + c]
//   subtract = (add[r * 4 + c] - max_)
//   exp_ = exp(subtract)
//   sum = sum over c of exp_
//   subtract = (add[r * 4 + c] - max_)
//   exp_ = exp(subtract)
//   divide = (exp_ / sum)
//   stores divide_out[r * 4 + c]
// line 3: return softmax(logits)
// reads  add: f32[5, 4]
// writes divide_out: f32[5, 4]
// 300 FLOP, 160 bytes at least; at best 0.00 us on H100: memory at 3.35 TB/s
// grid of 1, blocks of 160 threads, 32 threads a row
extern "C" __global__ __launch_bounds__(160) void k02_softmax_forward(
    float *__restrict__ divide_out,
    const float *__restrict__ add)
{
    const int r = (int)blockIdx.x * 5 + threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    if (r >= 5) return;  // a whole warp at once
    float max_ = -INFINITY;
    for (int c = lane; c < 4; c += 32) {
        const float max__value = add[r * 4 + c];
        max_ = netc_maximum(max_, max__value);
    }
    for (int step = 16; step > 0; step /= 2) {
        const float max__value = __shfl_xor_sync(0xffffffffu, max_, step);
        max_ = netc_maximum(max_, max__value);
    }
    float sum = 0.0f;
    for (int c = lane; c < 4; c += 32) {
        const float subtract = (add[r * 4 + c] - max_);
        const float exp_ = expf(subtract);
        const float sum_value = exp_;
        sum = sum + sum_value;
    }
    for (int step = 16; step > 0; step /= 2) {
        const float sum_value = __shfl_xor_sync(0xffffffffu, sum, step);
        sum = sum + sum_value;
    }
    for (int c = lane; c < 4; c += 32) {
        const float subtract = (add[r * 4 + c] - max_);
        const float exp_ = expf(subtract);
        const float divide = (exp_ / sum);
        divide_out[r * 4 + c] = divide;
    }
}

// k03_softmax_forward: row by row (sum, divide)
// for each of 1 rows r of 20 columns c:
//   sum_2 = sum over c of divide[c]
//   divide_2 = (sum_2 / 20)
//   stores divide_2_out[0]
// line 3: return softmax(logits)
// reads  divide: f32[5, 4]
// writes divide_2_out: f32[]
// 24 FLOP, 84 bytes at least; at best 0.00 us on H100: memory at 3.35 TB/s
// grid of 1, blocks of 32 threads, 32 threads a row
extern "C" __global__ __launch_bounds__(32) void k03_softmax_forward(
    float *__restrict__ divide_2_out,
    const float *__restrict__ divide)
{
    const int r = (int)blockIdx.x * 1 + threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    if (r >= 1) return;  // a whole warp at once
    float sum_2 = 0.0f;
    for (int c = lane; c < 20; c += 32) {
        const float sum_2_value = divide[c];
        sum_2 = sum_2 + sum_2_value;
    }
    for (int step = 16; step > 0; step /= 2) {
        const float sum_2_value = __shfl_xor_sync(0xffffffffu, sum_2, step);
        sum_2 = sum_2 + sum_2_value;
    }
    const float divide_2 = (sum_2 / 20.0f);
    if (lane == 0) {
        divide_2_out[0] = divide_2;
    }
}

// netc_log: writes the outputs of step `cursor` and goes to the next step.
extern "C" __global__ __launch_bounds__(1) void netc_log(
    const float *__restrict__ mean_now,
    float *__restrict__ log, int *__restrict__ cursor)
{
    const int step = *cursor;
    log[(long long)step * 1 + 0] = (float)mean_now[0];
    *cursor = step + 1;
}
