// train: 12 kernels for a batch of 16, in an arena of 24,576 bytes.
// Written by netc. Above each kernel stands what it computes; the loop at the end runs all.
#include "netc_math.h"
#include "netc_profile.h"
#include "netc_random.h"
#include "netc_threads.h"

typedef float netc_vector __attribute__((vector_size(32)));

static inline __attribute__((always_inline)) void netc_store_vector(float *place, netc_vector value, int adds)
{
    netc_vector before = {0};
    if (adds) memcpy(&before, place, sizeof before);
    value += before;
    memcpy(place, &value, sizeof value);
}

// sums[i][j] = (adds ? sums[i][j] : 0) + sum over d of left[i][d] * right[d][j], for 8 rows and
// 8 columns. Element (i, d) of left is at i * row + d * left_depth, and (d, j) of right at
// d * right_depth + j; stride is the distance of rows in sums.
static inline __attribute__((always_inline)) void netc_product_8x8(
    const float *left, int64_t row, int64_t left_depth, const float *right, int64_t right_depth,
    int depth, int adds, float *sums, int stride)
{
    netc_vector s0_0 = {0};
    netc_vector s1_0 = {0};
    netc_vector s2_0 = {0};
    netc_vector s3_0 = {0};
    netc_vector s4_0 = {0};
    netc_vector s5_0 = {0};
    netc_vector s6_0 = {0};
    netc_vector s7_0 = {0};
    for (int d = 0; d < depth; d++) {
        netc_vector r0;
        memcpy(&r0, right + d * right_depth + 0, sizeof r0);
        const float l0 = left[d * left_depth + 0 * row];
        s0_0 += l0 * r0;
        const float l1 = left[d * left_depth + 1 * row];
        s1_0 += l1 * r0;
        const float l2 = left[d * left_depth + 2 * row];
        s2_0 += l2 * r0;
        const float l3 = left[d * left_depth + 3 * row];
        s3_0 += l3 * r0;
        const float l4 = left[d * left_depth + 4 * row];
        s4_0 += l4 * r0;
        const float l5 = left[d * left_depth + 5 * row];
        s5_0 += l5 * r0;
        const float l6 = left[d * left_depth + 6 * row];
        s6_0 += l6 * r0;
        const float l7 = left[d * left_depth + 7 * row];
        s7_0 += l7 * r0;
    }
    netc_store_vector(sums + 0 * stride + 0, s0_0, adds);
    netc_store_vector(sums + 1 * stride + 0, s1_0, adds);
    netc_store_vector(sums + 2 * stride + 0, s2_0, adds);
    netc_store_vector(sums + 3 * stride + 0, s3_0, adds);
    netc_store_vector(sums + 4 * stride + 0, s4_0, adds);
    netc_store_vector(sums + 5 * stride + 0, s5_0, adds);
    netc_store_vector(sums + 6 * stride + 0, s6_0, adds);
    netc_store_vector(sums + 7 * stride + 0, s7_0, adds);
}

// sums[i][j] = (adds ? sums[i][j] : 0) + sum over d of left[i][d] * right[d][j], for 4 rows and
// 16 columns. Element (i, d) of left is at i * row + d * left_depth, and (d, j) of right at
// d * right_depth + j; stride is the distance of rows in sums.
static inline __attribute__((always_inline)) void netc_product_4x16(
    const float *left, int64_t row, int64_t left_depth, const float *right, int64_t right_depth,
    int depth, int adds, float *sums, int stride)
{
    netc_vector s0_0 = {0}, s0_1 = {0};
    netc_vector s1_0 = {0}, s1_1 = {0};
    netc_vector s2_0 = {0}, s2_1 = {0};
    netc_vector s3_0 = {0}, s3_1 = {0};
    for (int d = 0; d < depth; d++) {
        netc_vector r0, r1;
        memcpy(&r0, right + d * right_depth + 0, sizeof r0);
        memcpy(&r1, right + d * right_depth + 8, sizeof r1);
        const float l0 = left[d * left_depth + 0 * row];
        s0_0 += l0 * r0;
        s0_1 += l0 * r1;
        const float l1 = left[d * left_depth + 1 * row];
        s1_0 += l1 * r0;
        s1_1 += l1 * r1;
        const float l2 = left[d * left_depth + 2 * row];
        s2_0 += l2 * r0;
        s2_1 += l2 * r1;
        const float l3 = left[d * left_depth + 3 * row];
        s3_0 += l3 * r0;
        s3_1 += l3 * r1;
    }
    netc_store_vector(sums + 0 * stride + 0, s0_0, adds);
    netc_store_vector(sums + 0 * stride + 8, s0_1, adds);
    netc_store_vector(sums + 1 * stride + 0, s1_0, adds);
    netc_store_vector(sums + 1 * stride + 8, s1_1, adds);
    netc_store_vector(sums + 2 * stride + 0, s2_0, adds);
    netc_store_vector(sums + 2 * stride + 8, s2_1, adds);
    netc_store_vector(sums + 3 * stride + 0, s3_0, adds);
    netc_store_vector(sums + 3 * stride + 8, s3_1, adds);
}

// sums[i][j] = (adds ? sums[i][j] : 0) + sum over d of left[i][d] * right[d][j], for 12 rows and
// 8 columns. Element (i, d) of left is at i * row + d * left_depth, and (d, j) of right at
// d * right_depth + j; stride is the distance of rows in sums.
static inline __attribute__((always_inline)) void netc_product_12x8(
    const float *left, int64_t row, int64_t left_depth, const float *right, int64_t right_depth,
    int depth, int adds, float *sums, int stride)
{
    netc_vector s0_0 = {0};
    netc_vector s1_0 = {0};
    netc_vector s2_0 = {0};
    netc_vector s3_0 = {0};
    netc_vector s4_0 = {0};
    netc_vector s5_0 = {0};
    netc_vector s6_0 = {0};
    netc_vector s7_0 = {0};
    netc_vector s8_0 = {0};
    netc_vector s9_0 = {0};
    netc_vector s10_0 = {0};
    netc_vector s11_0 = {0};
    for (int d = 0; d < depth; d++) {
        netc_vector r0;
        memcpy(&r0, right + d * right_depth + 0, sizeof r0);
        const float l0 = left[d * left_depth + 0 * row];
        s0_0 += l0 * r0;
        const float l1 = left[d * left_depth + 1 * row];
        s1_0 += l1 * r0;
        const float l2 = left[d * left_depth + 2 * row];
        s2_0 += l2 * r0;
        const float l3 = left[d * left_depth + 3 * row];
        s3_0 += l3 * r0;
        const float l4 = left[d * left_depth + 4 * row];
        s4_0 += l4 * r0;
        const float l5 = left[d * left_depth + 5 * row];
        s5_0 += l5 * r0;
        const float l6 = left[d * left_depth + 6 * row];
        s6_0 += l6 * r0;
        const float l7 = left[d * left_depth + 7 * row];
        s7_0 += l7 * r0;
        const float l8 = left[d * left_depth + 8 * row];
        s8_0 += l8 * r0;
        const float l9 = left[d * left_depth + 9 * row];
        s9_0 += l9 * r0;
        const float l10 = left[d * left_depth + 10 * row];
        s10_0 += l10 * r0;
        const float l11 = left[d * left_depth + 11 * row];
        s11_0 += l11 * r0;
    }
    netc_store_vector(sums + 0 * stride + 0, s0_0, adds);
    netc_store_vector(sums + 1 * stride + 0, s1_0, adds);
    netc_store_vector(sums + 2 * stride + 0, s2_0, adds);
    netc_store_vector(sums + 3 * stride + 0, s3_0, adds);
    netc_store_vector(sums + 4 * stride + 0, s4_0, adds);
    netc_store_vector(sums + 5 * stride + 0, s5_0, adds);
    netc_store_vector(sums + 6 * stride + 0, s6_0, adds);
    netc_store_vector(sums + 7 * stride + 0, s7_0, adds);
    netc_store_vector(sums + 8 * stride + 0, s8_0, adds);
    netc_store_vector(sums + 9 * stride + 0, s9_0, adds);
    netc_store_vector(sums + 10 * stride + 0, s10_0, adds);
    netc_store_vector(sums + 11 * stride + 0, s11_0, adds);
}

typedef int netc_places __attribute__((vector_size(32)));
#ifdef __clang__
#define NETC_PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define NETC_PICK(a, b, ...) __builtin_shuffle(a, b, (netc_places){__VA_ARGS__})
#endif

// to[d][j] = from[j][d] for a square of 8 x 8, whose rows are so many floats apart.
static inline void netc_turn_square(const float *from, int64_t from_step, float *to, int64_t to_step)
{
    netc_vector r0, r1, r2, r3, r4, r5, r6, r7, before;
    memcpy(&r0, from + 0 * from_step, sizeof r0);
    memcpy(&r1, from + 1 * from_step, sizeof r1);
    memcpy(&r2, from + 2 * from_step, sizeof r2);
    memcpy(&r3, from + 3 * from_step, sizeof r3);
    memcpy(&r4, from + 4 * from_step, sizeof r4);
    memcpy(&r5, from + 5 * from_step, sizeof r5);
    memcpy(&r6, from + 6 * from_step, sizeof r6);
    memcpy(&r7, from + 7 * from_step, sizeof r7);
    before = r0;
    r0 = NETC_PICK(before, r4, 0, 1, 2, 3, 8, 9, 10, 11);
    r4 = NETC_PICK(before, r4, 4, 5, 6, 7, 12, 13, 14, 15);
    before = r1;
    r1 = NETC_PICK(before, r5, 0, 1, 2, 3, 8, 9, 10, 11);
    r5 = NETC_PICK(before, r5, 4, 5, 6, 7, 12, 13, 14, 15);
    before = r2;
    r2 = NETC_PICK(before, r6, 0, 1, 2, 3, 8, 9, 10, 11);
    r6 = NETC_PICK(before, r6, 4, 5, 6, 7, 12, 13, 14, 15);
    before = r3;
    r3 = NETC_PICK(before, r7, 0, 1, 2, 3, 8, 9, 10, 11);
    r7 = NETC_PICK(before, r7, 4, 5, 6, 7, 12, 13, 14, 15);
    before = r0;
    r0 = NETC_PICK(before, r2, 0, 1, 8, 9, 4, 5, 12, 13);
    r2 = NETC_PICK(before, r2, 2, 3, 10, 11, 6, 7, 14, 15);
    before = r1;
    r1 = NETC_PICK(before, r3, 0, 1, 8, 9, 4, 5, 12, 13);
    r3 = NETC_PICK(before, r3, 2, 3, 10, 11, 6, 7, 14, 15);
    before = r4;
    r4 = NETC_PICK(before, r6, 0, 1, 8, 9, 4, 5, 12, 13);
    r6 = NETC_PICK(before, r6, 2, 3, 10, 11, 6, 7, 14, 15);
    before = r5;
    r5 = NETC_PICK(before, r7, 0, 1, 8, 9, 4, 5, 12, 13);
    r7 = NETC_PICK(before, r7, 2, 3, 10, 11, 6, 7, 14, 15);
    before = r0;
    r0 = NETC_PICK(before, r1, 0, 8, 2, 10, 4, 12, 6, 14);
    r1 = NETC_PICK(before, r1, 1, 9, 3, 11, 5, 13, 7, 15);
    before = r2;
    r2 = NETC_PICK(before, r3, 0, 8, 2, 10, 4, 12, 6, 14);
    r3 = NETC_PICK(before, r3, 1, 9, 3, 11, 5, 13, 7, 15);
    before = r4;
    r4 = NETC_PICK(before, r5, 0, 8, 2, 10, 4, 12, 6, 14);
    r5 = NETC_PICK(before, r5, 1, 9, 3, 11, 5, 13, 7, 15);
    before = r6;
    r6 = NETC_PICK(before, r7, 0, 8, 2, 10, 4, 12, 6, 14);
    r7 = NETC_PICK(before, r7, 1, 9, 3, 11, 5, 13, 7, 15);
    memcpy(to + 0 * to_step, &r0, sizeof r0);
    memcpy(to + 1 * to_step, &r1, sizeof r1);
    memcpy(to + 2 * to_step, &r2, sizeof r2);
    memcpy(to + 3 * to_step, &r3, sizeof r3);
    memcpy(to + 4 * to_step, &r4, sizeof r4);
    memcpy(to + 5 * to_step, &r5, sizeof r5);
    memcpy(to + 6 * to_step, &r6, sizeof r6);
    memcpy(to + 7 * to_step, &r7, sizeof r7);
}

// to[d][j] = from[j][d] for `width` rows of `depth` floats, in squares and what they leave.
static void netc_turn(const float *from, int64_t from_step, int width, int depth, float *to, int64_t to_step)
{
    const int even_width = width / 8 * 8, even_depth = depth / 8 * 8;
    for (int d = 0; d < even_depth; d += 8)
        for (int j = 0; j < even_width; j += 8)
            netc_turn_square(from + j * from_step + d, from_step, to + d * to_step + j, to_step);
    for (int d = 0; d < depth; d++)
        for (int j = d < even_depth ? even_width : 0; j < width; j++) to[d * to_step + j] = from[j * from_step + d];
}

// k01_pixels_forward: element by element (divide)
// for each of 2880 elements:
//   pixels_divide = (image[i] / 255)
//   stores pixels_divide_out[i]
// line 3: return image / 255 -> conv2d(5, kernel=3) -> relu -> max_pool(2) -> flatten -> dense(3)
// reads  image: u8[16, 10, 9, 2]
// writes pixels_divide_out: f32[16, 10, 9, 2]
// 11,520 FLOP, 14,400 bytes at least; 1 tasks of 4096 elements
static void k01_pixels_forward(
    float *restrict pixels_divide_out,
    const uint8_t *restrict image,
    int64_t first, int64_t last)
{
    const int end = (int)(last * 4096 < 2880 ? last * 4096 : 2880);
    for (int i = (int)(first * 4096); i < end; i++) {
        const float pixels_divide = ((float)image[i] / 255.0f);
        pixels_divide_out[i] = pixels_divide;
    }
}

// A tile of sums that stays in registers: 7 rows under the window by 8 columns.
static inline __attribute__((always_inline)) void k02_conv2d_1_forward_tile(const float *left, const float *right, int adds, float *sums)
{
    netc_vector s0_0 = {0};
    netc_vector s1_0 = {0};
    netc_vector s2_0 = {0};
    netc_vector s3_0 = {0};
    netc_vector s4_0 = {0};
    netc_vector s5_0 = {0};
    netc_vector s6_0 = {0};
    for (int g = 0; g < 3; g++)
        for (int d = 0; d < 6; d++) {
            const float *under = left + g * 18 + d * 1;
            const float *beside = right + (int64_t)g * 48 + d * 8;
            netc_vector r0;
            memcpy(&r0, beside + 0, sizeof r0);
            const float l0 = under[0];
            s0_0 += l0 * r0;
            const float l1 = under[2];
            s1_0 += l1 * r0;
            const float l2 = under[4];
            s2_0 += l2 * r0;
            const float l3 = under[6];
            s3_0 += l3 * r0;
            const float l4 = under[8];
            s4_0 += l4 * r0;
            const float l5 = under[10];
            s5_0 += l5 * r0;
            const float l6 = under[12];
            s6_0 += l6 * r0;
        }
    netc_store_vector(sums + 0, s0_0, adds);
    netc_store_vector(sums + 5, s1_0, adds);
    netc_store_vector(sums + 10, s2_0, adds);
    netc_store_vector(sums + 15, s3_0, adds);
    netc_store_vector(sums + 20, s4_0, adds);
    netc_store_vector(sums + 25, s5_0, adds);
    netc_store_vector(sums + 30, s6_0, adds);
}

// k02_conv2d_1_forward: matrix product (conv2d, max, relu, argmax, cast)
// conv2d_1_conv2d[m, n] = sum over k < 18 of left[m, k] * right[k, n]
//   left[m, k] = pixels_divide[(m / 56) * 180 + ((m / 7) % 8) * 18 + (k / 6) * 18 + (m % 7) * 2 + (k % 6)]
//   right[k, n] = pixels_conv2d_1_kernel[k * 5 + n]
//   for m < 896, n < 5
// max_pool_1_max[o, j] = max over k < 4 of (conv2d_1_conv2d + pixels_conv2d_1_bias[j])
// max_pool_1_gradient_argmax[o, j] = argmax over k < 4 of (conv2d_1_conv2d + pixels_conv2d_1_bias[j])
//   for o < 192, j < 5
//   max_pool_1_relu = relu(max_pool_1_max)
//   max_pool_1_gradient_cast_2 = max_pool_1_gradient_argmax
//   stores max_pool_1_relu_out[o * 5 + j], max_pool_1_gradient_cast_2_out[o * 5 + j]
//   where conv2d_1_conv2d is tap k of window o, 2 x 2, in channel j
// line 3: return image / 255 -> conv2d(5, kernel=3) -> relu -> max_pool(2) -> flatten -> dense(3)
// reads  pixels_divide: f32[16, 10, 9, 2]
// reads  pixels_conv2d_1_kernel: f32[3, 3, 2, 5]
// reads  pixels_conv2d_1_bias: f32[5]
// writes max_pool_1_relu_out: f32[16, 4, 3, 5]
// writes max_pool_1_gradient_cast_2_out: u8[16, 4, 3, 5]
// 169,920 FLOP, 16,700 bytes at least; 16 tasks of 8 lines of windows, in tiles of 7 x 8
static void k02_conv2d_1_forward(
    float *restrict max_pool_1_relu_out,
    uint8_t *restrict max_pool_1_gradient_cast_2_out,
    const float *restrict pixels_divide,
    const float *restrict pixels_conv2d_1_kernel,
    const float *restrict pixels_conv2d_1_bias,
    int64_t first, int64_t last)
{
    float patch[184] __attribute__((aligned(64))) = {0};
    float sums[288] __attribute__((aligned(64)));
    float right[144] __attribute__((aligned(64))) = {0};
    enum { b = 0, k = 0, column = 0, columns = 5 };
    {
        enum { start = 0, depth = 18 };
        for (int panel = 0; panel < columns; panel += 8) {
            float *const to = right + panel * 18;
            const int width = columns - panel < 8 ? columns - panel : 8;
            for (int d = 0; d < depth; d++)
                for (int j = 0; j < width; j += 5) {
                    const int n = column + panel + j, k = start + d;
                    memcpy(to + d * 8 + j, pixels_conv2d_1_kernel + k * 5 + n, 5 * sizeof(float));
                }
        }
    }
    for (int64_t task = first; task < last; task++) {
        const int p = (int)(task / 1);
        const int first_line = (int)(task % 1) * 8;
        const int lines = first_line + 8 <= 8 ? 8 : 8 - first_line;
        for (int i = 0; i < 10; i++) {
            const int u = first_line * 1 + i;
            float *to = patch + i * 18;
            if (u < 0 || u >= 10) {
                memset(to, 0, 18 * sizeof(float));
                continue;
            }
            memcpy(to, pixels_divide + p * 180 + u * 18, 18 * sizeof(float));
        }
        for (int j = 0; j < columns; j += 8)
            for (int g = 0; g < lines; g += 1)
                for (int i = 0; i < 7; i += 7) {
                    const int n = column + j;
                    k02_conv2d_1_forward_tile(patch + g * 18 + i * 2, right + j * 18, 0, sums + (g * 7 + i) * 5 + j);
                }
        for (int y = 0; y < lines / 2; y++)
            for (int x = 0; x < 3; x++) {
                const int o = (p * 4 + first_line / 2 + y) * 3 + x;
                const float *window = sums + (y * 14 + x * 2) * 5;
                for (int j = 0; j < columns; j++) {
                    float max_pool_1_max;
                    int max_pool_1_gradient_argmax;
                    {
                        enum { k = 0 };
                        const float conv2d_1_conv2d = window[0 + j];
                        const float max_pool_1_gradient_argmax_value = (conv2d_1_conv2d + pixels_conv2d_1_bias[j]);
                        max_pool_1_max = max_pool_1_gradient_argmax_value;
                        max_pool_1_gradient_argmax = k;
                    }
                    {
                        enum { k = 1 };
                        const float conv2d_1_conv2d = window[5 + j];
                        const float max_pool_1_gradient_argmax_value = (conv2d_1_conv2d + pixels_conv2d_1_bias[j]);
                        const int max_pool_1_gradient_argmax_is_better = netc_is_greater(max_pool_1_gradient_argmax_value, max_pool_1_max);
                        max_pool_1_max = max_pool_1_gradient_argmax_is_better ? max_pool_1_gradient_argmax_value : max_pool_1_max;
                        max_pool_1_gradient_argmax = max_pool_1_gradient_argmax_is_better ? k : max_pool_1_gradient_argmax;
                    }
                    {
                        enum { k = 2 };
                        const float conv2d_1_conv2d = window[35 + j];
                        const float max_pool_1_gradient_argmax_value = (conv2d_1_conv2d + pixels_conv2d_1_bias[j]);
                        const int max_pool_1_gradient_argmax_is_better = netc_is_greater(max_pool_1_gradient_argmax_value, max_pool_1_max);
                        max_pool_1_max = max_pool_1_gradient_argmax_is_better ? max_pool_1_gradient_argmax_value : max_pool_1_max;
                        max_pool_1_gradient_argmax = max_pool_1_gradient_argmax_is_better ? k : max_pool_1_gradient_argmax;
                    }
                    {
                        enum { k = 3 };
                        const float conv2d_1_conv2d = window[40 + j];
                        const float max_pool_1_gradient_argmax_value = (conv2d_1_conv2d + pixels_conv2d_1_bias[j]);
                        const int max_pool_1_gradient_argmax_is_better = netc_is_greater(max_pool_1_gradient_argmax_value, max_pool_1_max);
                        max_pool_1_max = max_pool_1_gradient_argmax_is_better ? max_pool_1_gradient_argmax_value : max_pool_1_max;
                        max_pool_1_gradient_argmax = max_pool_1_gradient_argmax_is_better ? k : max_pool_1_gradient_argmax;
                    }
                    const float max_pool_1_relu = netc_relu(max_pool_1_max);
                    const int max_pool_1_gradient_cast_2 = (int)(unsigned char)(int)max_pool_1_gradient_argmax;
                    max_pool_1_relu_out[o * 5 + j] = max_pool_1_relu;
                    max_pool_1_gradient_cast_2_out[o * 5 + j] = max_pool_1_gradient_cast_2;
                }
            }
    }
}

// k03_dense_1_forward: matrix product (matmul, add)
// dense_1_matmul[m, n] = sum over k < 60 of left[m, k] * right[k, n]
//   left[m, k] = max_pool_1_relu[m * 60 + k]
//   right[k, n] = pixels_dense_1_kernel[k * 3 + n]
//   for m < 16, n < 3
//   dense_1_add = (dense_1_matmul + pixels_dense_1_bias[n])
//   stores dense_1_add_out[m * 3 + n]
// line 3: return image / 255 -> conv2d(5, kernel=3) -> relu -> max_pool(2) -> flatten -> dense(3)
// reads  max_pool_1_relu: f32[16, 4, 3, 5]
// reads  pixels_dense_1_kernel: f32[60, 3]
// reads  pixels_dense_1_bias: f32[3]
// writes dense_1_add_out: f32[16, 3]
// 5,808 FLOP, 4,764 bytes at least; 2 tasks of 8 x 8 in tiles of 8 x 8, depth 60 at a time
static void k03_dense_1_forward(
    float *restrict dense_1_add_out,
    const float *restrict max_pool_1_relu,
    const float *restrict pixels_dense_1_kernel,
    const float *restrict pixels_dense_1_bias,
    int64_t first, int64_t last)
{
    float right[480] __attribute__((aligned(64))) = {0};
    float sums[64] __attribute__((aligned(64)));
    {
        enum { column = 0, columns = 3, start = 0, depth = 60 };
        for (int panel = 0; panel < columns; panel += 8) {
            float *const to = right + panel * 60;
            const int width = columns - panel < 8 ? columns - panel : 8;
            for (int d = 0; d < depth; d++)
                for (int j = 0; j < width; j += 3) {
                    const int n = column + panel + j, k = start + d;
                    memcpy(to + d * 8 + j, pixels_dense_1_kernel + k * 3 + n, 3 * sizeof(float));
                }
        }
    }
    for (int64_t task = first; task < last; task++) {
        const int b = (int)(task / 2);
        const int row = (int)(task / 1 % 2) * 8;
        const int column = (int)(task % 1) * 8;
        const int rows = row + 8 <= 16 ? 8 : 16 - row;
        const int columns = column + 8 <= 3 ? 8 : 3 - column;
        for (int start = 0; start < 60; start += 60) {
            const int depth = start + 60 <= 60 ? 60 : 60 - start;
            for (int j = 0; j < columns; j += 8)
                for (int i = 0; i < rows; i += 8) {
                    const int m = row + i, n = column + j, k = start;
                    netc_product_8x8(
                        max_pool_1_relu + m * 60 + k, 60, 1,
                        right + j * 60, 8,
                        depth, start > 0, sums + i * 8 + j, 8);
                }
        }
        for (int i = 0; i < rows; i++) {
            const int m = row + i;
            for (int j = 0; j < columns; j++) {
                const int n = column + j;
                const float dense_1_matmul = sums[i * 8 + j];
                const float dense_1_add = (dense_1_matmul + pixels_dense_1_bias[n]);
                dense_1_add_out[m * 3 + n] = dense_1_add;
            }
        }
    }
}

// k04_cross_entropy_1_log_softmax_1_forward: row by row (max, subtract, exp, sum, log, where, negate, divide,
// for each of 16 rows r of 3 columns c:
//   log_softmax_1_max = max over c of dense_1_add[r * 3 + c]
//   log_softmax_1_gradient_sum = sum over c of (-((label[r] == c) ? -0.0625 : 0))
//   log_softmax_1_subtract = (dense_1_add[r * 3 + c] - log_softmax_1_max)
//   log_softmax_1_exp = exp(log_softmax_1_subtract)
//   log_softmax_1_sum = sum over c of log_softmax_1_exp
//   log_softmax_1_log = log(log_softmax_1_sum)
//   log_softmax_1_gradient_divide = (log_softmax_1_gradient_sum / log_softmax_1_sum)
//   log_softmax_1_subtract = (dense_1_add[r * 3 + c] - log_softmax_1_max)
//   log_softmax_1_exp = exp(log_softmax_1_subtract)
//   log_softmax_1_subtract_2 = (log_softmax_1_subtract - log_softmax_1_log)
//   cross_entropy_1_where = ((label[r] == c) ? log_softmax_1_subtract_2 : 0)
//   log_softmax_1_gradient_multiply = (log_softmax_1_gradient_divide * log_softmax_1_exp)
//   log_softmax_1_gradient_add = (((label[r] == c) ? -0.0625 : 0) + log_softmax_1_gradient_multiply)
//   stores log_softmax_1_gradient_add_out[r * 3 + c]
//   cross_entropy_1_sum = sum over c of cross_entropy_1_where
//   cross_entropy_1_negate = (-cross_entropy_1_sum)
//   stores cross_entropy_1_negate_out[r]
// line 8: minimize cross_entropy(pixels(image), label) with sgd(lr=0.05, momentum=0.9)
// reads  dense_1_add: f32[16, 3]
// reads  label: i32[16]
// writes cross_entropy_1_negate_out: f32[16]
// writes log_softmax_1_gradient_add_out: f32[16, 3]
// 1,056 FLOP, 512 bytes at least; 16 tasks of a row
static void k04_cross_entropy_1_log_softmax_1_forward(
    float *restrict cross_entropy_1_negate_out,
    float *restrict log_softmax_1_gradient_add_out,
    const float *restrict dense_1_add,
    const int32_t *restrict label,
    int64_t first, int64_t last)
{
    for (int r = (int)first; r < (int)last; r++) {
        float log_softmax_1_max = -INFINITY;
        float log_softmax_1_gradient_sum = 0.0f;
        for (int c = 0; c < 3; c++) {
            const float log_softmax_1_max_value = dense_1_add[r * 3 + c];
            log_softmax_1_max = netc_maximum(log_softmax_1_max, log_softmax_1_max_value);
            const float log_softmax_1_gradient_sum_value = (-netc_where((label[r] == c), (-0.0625f), 0.0f));
            log_softmax_1_gradient_sum = log_softmax_1_gradient_sum + log_softmax_1_gradient_sum_value;
        }
        float log_softmax_1_sum = 0.0f;
        for (int c = 0; c < 3; c++) {
            const float log_softmax_1_subtract = (dense_1_add[r * 3 + c] - log_softmax_1_max);
            const float log_softmax_1_exp = netc_exp(log_softmax_1_subtract);
            const float log_softmax_1_sum_value = log_softmax_1_exp;
            log_softmax_1_sum = log_softmax_1_sum + log_softmax_1_sum_value;
        }
        const float log_softmax_1_log = netc_log(log_softmax_1_sum);
        const float log_softmax_1_gradient_divide = (log_softmax_1_gradient_sum / log_softmax_1_sum);
        float cross_entropy_1_sum = 0.0f;
        for (int c = 0; c < 3; c++) {
            const float log_softmax_1_subtract = (dense_1_add[r * 3 + c] - log_softmax_1_max);
            const float log_softmax_1_exp = netc_exp(log_softmax_1_subtract);
            const float log_softmax_1_subtract_2 = (log_softmax_1_subtract - log_softmax_1_log);
            const float cross_entropy_1_where = netc_where((label[r] == c), log_softmax_1_subtract_2, 0.0f);
            const float log_softmax_1_gradient_multiply = (log_softmax_1_gradient_divide * log_softmax_1_exp);
            const float log_softmax_1_gradient_add = (netc_where((label[r] == c), (-0.0625f), 0.0f) + log_softmax_1_gradient_multiply);
            log_softmax_1_gradient_add_out[r * 3 + c] = log_softmax_1_gradient_add;
            const float cross_entropy_1_sum_value = cross_entropy_1_where;
            cross_entropy_1_sum = cross_entropy_1_sum + cross_entropy_1_sum_value;
        }
        const float cross_entropy_1_negate = (-cross_entropy_1_sum);
        cross_entropy_1_negate_out[r] = cross_entropy_1_negate;
    }
}

// k05_cross_entropy_1_average_1_forward: row by row (sum, multiply)
// for each of 1 rows r of 16 columns c:
//   average_1_sum = sum over c of cross_entropy_1_negate[c]
//   average_1_multiply = (average_1_sum * 0.0625)
//   stores average_1_multiply_out[0]
// line 8: minimize cross_entropy(pixels(image), label) with sgd(lr=0.05, momentum=0.9)
// reads  cross_entropy_1_negate: f32[16]
// writes average_1_multiply_out: f32[]
// 17 FLOP, 68 bytes at least; 1 tasks of a row
static void k05_cross_entropy_1_average_1_forward(
    float *restrict average_1_multiply_out,
    const float *restrict cross_entropy_1_negate,
    int64_t first, int64_t last)
{
    for (int r = (int)first; r < (int)last; r++) {
        float average_1_sum = 0.0f;
        for (int c = 0; c < 16; c++) {
            const float average_1_sum_value = cross_entropy_1_negate[c];
            average_1_sum = average_1_sum + average_1_sum_value;
        }
        const float average_1_multiply = (average_1_sum * 0.0625f);
        average_1_multiply_out[0] = average_1_multiply;
    }
}

// k06_dense_1_backward: folds strided elements (sum, add, multiply, subtract)
// dense_1_gradient_sum[o, j] = sum over k < 16 of log_softmax_1_gradient_add[k * 3 + j]
//   for o < 1, j < 3
//   pixels_dense_1_bias_velocity_new = ((pixels_dense_1_bias_velocity[j] * 0.9) + dense_1_gradient_sum)
//   dense_1_bias_multiply_2 = (pixels_dense_1_bias_velocity_new * 0.05)
//   pixels_dense_1_bias_new = (pixels_dense_1_bias[j] - dense_1_bias_multiply_2)
//   stores pixels_dense_1_bias_velocity[j], pixels_dense_1_bias[j]
// line 3: return image / 255 -> conv2d(5, kernel=3) -> relu -> max_pool(2) -> flatten -> dense(3)
// line 8: minimize cross_entropy(pixels(image), label) with sgd(lr=0.05, momentum=0.9)
// reads  log_softmax_1_gradient_add: f32[16, 3]
// reads  pixels_dense_1_bias_velocity: f32[3]
// reads  pixels_dense_1_bias: f32[3]
// writes pixels_dense_1_bias_velocity: f32[3]
// writes pixels_dense_1_bias: f32[3]
// 57 FLOP, 240 bytes at least; 1 tasks of 3 columns
static void k06_dense_1_backward(
    float *restrict pixels_dense_1_bias_velocity,
    float *restrict pixels_dense_1_bias,
    const float *restrict log_softmax_1_gradient_add,
    int64_t first, int64_t last)
{
    for (int64_t task = first; task < last; task++) {
        const int o = (int)(task / 1);
        const int start = (int)(task % 1) * 3;
        enum { width = 3 };
        float dense_1_gradient_sum_of[3];
        for (int at = 0; at < width; at++) dense_1_gradient_sum_of[at] = 0.0f;
        for (int k = 0; k < 16; k++) {
            for (int at = 0; at < width; at++) {
                const int j = start + at;
                const float dense_1_gradient_sum_value = log_softmax_1_gradient_add[k * 3 + j];
                const float dense_1_gradient_sum = dense_1_gradient_sum_of[at];
                dense_1_gradient_sum_of[at] = dense_1_gradient_sum + dense_1_gradient_sum_value;
            }
        }
        for (int at = 0; at < width; at++) {
            const int j = start + at;
            const float dense_1_gradient_sum = dense_1_gradient_sum_of[at];
            const float pixels_dense_1_bias_velocity_new = ((pixels_dense_1_bias_velocity[j] * 0.9f) + dense_1_gradient_sum);
            const float dense_1_bias_multiply_2 = (pixels_dense_1_bias_velocity_new * 0.05f);
            const float pixels_dense_1_bias_new = (pixels_dense_1_bias[j] - dense_1_bias_multiply_2);
            pixels_dense_1_bias_velocity[j] = pixels_dense_1_bias_velocity_new;
            pixels_dense_1_bias[j] = pixels_dense_1_bias_new;
        }
    }
}

// k07_dense_1_backward: matrix product (matmul, where)
// dense_1_gradient_matmul[m, n] = sum over k < 3 of left[m, k] * right[k, n]
//   left[m, k] = log_softmax_1_gradient_add[m * 3 + k]
//   right[k, n] = pixels_dense_1_kernel[n * 3 + k]
//   for m < 16, n < 60
//   max_pool_1_gradient_where = ((max_pool_1_relu[m * 60 + n] > 0) ? dense_1_gradient_matmul : 0)
//   stores max_pool_1_gradient_where_out[m * 60 + n]
// line 3: return image / 255 -> conv2d(5, kernel=3) -> relu -> max_pool(2) -> flatten -> dense(3)
// reads  log_softmax_1_gradient_add: f32[16, 3]
// reads  pixels_dense_1_kernel: f32[60, 3]
// reads  max_pool_1_relu: f32[16, 4, 3, 5]
// writes max_pool_1_gradient_where_out: f32[16, 4, 3, 5]
// 6,720 FLOP, 8,592 bytes at least; 4 tasks of 16 x 16 in tiles of 4 x 16, depth 3 at a time
static void k07_dense_1_backward(
    float *restrict max_pool_1_gradient_where_out,
    const float *restrict log_softmax_1_gradient_add,
    const float *restrict pixels_dense_1_kernel,
    const float *restrict max_pool_1_relu,
    int64_t first, int64_t last)
{
    float right[48] __attribute__((aligned(64))) = {0};
    float sums[256] __attribute__((aligned(64)));
    for (int64_t task = first; task < last; task++) {
        const int b = (int)(task / 4);
        const int row = (int)(task / 4 % 1) * 16;
        const int column = (int)(task % 4) * 16;
        const int rows = row + 16 <= 16 ? 16 : 16 - row;
        const int columns = column + 16 <= 60 ? 16 : 60 - column;
        for (int start = 0; start < 3; start += 3) {
            const int depth = start + 3 <= 3 ? 3 : 3 - start;
            for (int panel = 0; panel < columns; panel += 16) {
                float *const to = right + panel * 3;
                const int width = columns - panel < 16 ? columns - panel : 16;
                const int n = column + panel, k = start;
                netc_turn(pixels_dense_1_kernel + n * 3 + k, 3, width, depth, to, 16);
            }
            for (int j = 0; j < columns; j += 16)
                for (int i = 0; i < rows; i += 4) {
                    const int m = row + i, n = column + j, k = start;
                    netc_product_4x16(
                        log_softmax_1_gradient_add + m * 3 + k, 3, 1,
                        right + j * 3, 16,
                        depth, start > 0, sums + i * 16 + j, 16);
                }
        }
        for (int i = 0; i < rows; i++) {
            const int m = row + i;
            for (int j = 0; j < columns; j++) {
                const int n = column + j;
                const float dense_1_gradient_matmul = sums[i * 16 + j];
                const float max_pool_1_gradient_where = netc_where((max_pool_1_relu[m * 60 + n] > 0.0f), dense_1_gradient_matmul, 0.0f);
                max_pool_1_gradient_where_out[m * 60 + n] = max_pool_1_gradient_where;
            }
        }
    }
}

// k08_dense_1_backward: matrix product (matmul, add, multiply, subtract)
// dense_1_gradient_matmul_2[m, n] = sum over k < 16 of left[m, k] * right[k, n]
//   left[m, k] = max_pool_1_relu[k * 60 + m]
//   right[k, n] = log_softmax_1_gradient_add[k * 3 + n]
//   for m < 60, n < 3
//   pixels_dense_1_kernel_velocity_new = ((pixels_dense_1_kernel_velocity[m * 3 + n] * 0.9) + dense_1_gradien
//   dense_1_kernel_multiply_2 = (pixels_dense_1_kernel_velocity_new * 0.05)
//   pixels_dense_1_kernel_new = (pixels_dense_1_kernel[m * 3 + n] - dense_1_kernel_multiply_2)
//   stores pixels_dense_1_kernel_velocity[m * 3 + n], pixels_dense_1_kernel[m * 3 + n]
// line 3: return image / 255 -> conv2d(5, kernel=3) -> relu -> max_pool(2) -> flatten -> dense(3)
// line 8: minimize cross_entropy(pixels(image), label) with sgd(lr=0.05, momentum=0.9)
// reads  max_pool_1_relu: f32[16, 4, 3, 5]
// reads  log_softmax_1_gradient_add: f32[16, 3]
// reads  pixels_dense_1_kernel_velocity: f32[60, 3]
// reads  pixels_dense_1_kernel: f32[60, 3]
// writes pixels_dense_1_kernel_velocity: f32[60, 3]
// writes pixels_dense_1_kernel: f32[60, 3]
// 6,300 FLOP, 6,912 bytes at least; 5 tasks of 12 x 8 in tiles of 12 x 8, depth 16 at a time
static void k08_dense_1_backward(
    float *restrict pixels_dense_1_kernel_velocity,
    float *restrict pixels_dense_1_kernel,
    const float *restrict max_pool_1_relu,
    const float *restrict log_softmax_1_gradient_add,
    int64_t first, int64_t last)
{
    float right[128] __attribute__((aligned(64))) = {0};
    float sums[96] __attribute__((aligned(64)));
    {
        enum { column = 0, columns = 3, start = 0, depth = 16 };
        for (int panel = 0; panel < columns; panel += 8) {
            float *const to = right + panel * 16;
            const int width = columns - panel < 8 ? columns - panel : 8;
            for (int d = 0; d < depth; d++)
                for (int j = 0; j < width; j += 3) {
                    const int n = column + panel + j, k = start + d;
                    memcpy(to + d * 8 + j, log_softmax_1_gradient_add + k * 3 + n, 3 * sizeof(float));
                }
        }
    }
    for (int64_t task = first; task < last; task++) {
        const int b = (int)(task / 5);
        const int row = (int)(task / 1 % 5) * 12;
        const int column = (int)(task % 1) * 8;
        const int rows = row + 12 <= 60 ? 12 : 60 - row;
        const int columns = column + 8 <= 3 ? 8 : 3 - column;
        for (int start = 0; start < 16; start += 16) {
            const int depth = start + 16 <= 16 ? 16 : 16 - start;
            for (int j = 0; j < columns; j += 8)
                for (int i = 0; i < rows; i += 12) {
                    const int m = row + i, n = column + j, k = start;
                    netc_product_12x8(
                        max_pool_1_relu + k * 60 + m, 1, 60,
                        right + j * 16, 8,
                        depth, start > 0, sums + i * 8 + j, 8);
                }
        }
        for (int i = 0; i < rows; i++) {
            const int m = row + i;
            for (int j = 0; j < columns; j++) {
                const int n = column + j;
                const float dense_1_gradient_matmul_2 = sums[i * 8 + j];
                const float pixels_dense_1_kernel_velocity_new = ((pixels_dense_1_kernel_velocity[m * 3 + n] * 0.9f) + dense_1_gradient_matmul_2);
                const float dense_1_kernel_multiply_2 = (pixels_dense_1_kernel_velocity_new * 0.05f);
                const float pixels_dense_1_kernel_new = (pixels_dense_1_kernel[m * 3 + n] - dense_1_kernel_multiply_2);
                pixels_dense_1_kernel_velocity[m * 3 + n] = pixels_dense_1_kernel_velocity_new;
                pixels_dense_1_kernel[m * 3 + n] = pixels_dense_1_kernel_new;
            }
        }
    }
}

// k09_conv2d_1_backward: folds strided elements (sum, add, multiply, subtract)
// conv2d_1_gradient_sum[o, j] = sum over k < 192 of max_pool_1_gradient_where[k * 5 + j]
//   for o < 1, j < 5
//   pixels_conv2d_1_bias_velocity_new = ((pixels_conv2d_1_bias_velocity[j] * 0.9) + conv2d_1_gradient_sum)
//   conv2d_1_bias_multiply_2 = (pixels_conv2d_1_bias_velocity_new * 0.05)
//   pixels_conv2d_1_bias_new = (pixels_conv2d_1_bias[j] - conv2d_1_bias_multiply_2)
//   stores pixels_conv2d_1_bias_velocity[j], pixels_conv2d_1_bias[j]
// line 3: return image / 255 -> conv2d(5, kernel=3) -> relu -> max_pool(2) -> flatten -> dense(3)
// line 8: minimize cross_entropy(pixels(image), label) with sgd(lr=0.05, momentum=0.9)
// reads  max_pool_1_gradient_where: f32[16, 4, 3, 5]
// reads  pixels_conv2d_1_bias_velocity: f32[5]
// reads  pixels_conv2d_1_bias: f32[5]
// writes pixels_conv2d_1_bias_velocity: f32[5]
// writes pixels_conv2d_1_bias: f32[5]
// 975 FLOP, 3,920 bytes at least; 1 tasks of 5 columns
static void k09_conv2d_1_backward(
    float *restrict pixels_conv2d_1_bias_velocity,
    float *restrict pixels_conv2d_1_bias,
    const float *restrict max_pool_1_gradient_where,
    int64_t first, int64_t last)
{
    for (int64_t task = first; task < last; task++) {
        const int o = (int)(task / 1);
        const int start = (int)(task % 1) * 5;
        enum { width = 5 };
        float conv2d_1_gradient_sum_of[5];
        for (int at = 0; at < width; at++) conv2d_1_gradient_sum_of[at] = 0.0f;
        for (int k = 0; k < 192; k++) {
            for (int at = 0; at < width; at++) {
                const int j = start + at;
                const float conv2d_1_gradient_sum_value = max_pool_1_gradient_where[k * 5 + j];
                const float conv2d_1_gradient_sum = conv2d_1_gradient_sum_of[at];
                conv2d_1_gradient_sum_of[at] = conv2d_1_gradient_sum + conv2d_1_gradient_sum_value;
            }
        }
        for (int at = 0; at < width; at++) {
            const int j = start + at;
            const float conv2d_1_gradient_sum = conv2d_1_gradient_sum_of[at];
            const float pixels_conv2d_1_bias_velocity_new = ((pixels_conv2d_1_bias_velocity[j] * 0.9f) + conv2d_1_gradient_sum);
            const float conv2d_1_bias_multiply_2 = (pixels_conv2d_1_bias_velocity_new * 0.05f);
            const float pixels_conv2d_1_bias_new = (pixels_conv2d_1_bias[j] - conv2d_1_bias_multiply_2);
            pixels_conv2d_1_bias_velocity[j] = pixels_conv2d_1_bias_velocity_new;
            pixels_conv2d_1_bias[j] = pixels_conv2d_1_bias_new;
        }
    }
}

// A tile of sums that stays in registers: 6 rows under the window by 16 columns.
static inline __attribute__((always_inline)) void k10_conv2d_1_backward_tile(const float *left, const float *right, int adds, float *sums)
{
    netc_vector s0_0 = {0}, s0_1 = {0};
    netc_vector s1_0 = {0}, s1_1 = {0};
    netc_vector s2_0 = {0}, s2_1 = {0};
    netc_vector s3_0 = {0}, s3_1 = {0};
    netc_vector s4_0 = {0}, s4_1 = {0};
    netc_vector s5_0 = {0}, s5_1 = {0};
    for (int g = 0; g < 8; g++)
        for (int d = 0; d < 9; d++) {
            const float *under = left + g * 18 + d * 2;
            const float *beside = right + (int64_t)g * 55 + d * 5;
            netc_vector r0, r1;
            memcpy(&r0, beside + 0, sizeof r0);
            memcpy(&r1, beside + 8, sizeof r1);
            const float l0 = under[0];
            s0_0 += l0 * r0;
            s0_1 += l0 * r1;
            const float l1 = under[1];
            s1_0 += l1 * r0;
            s1_1 += l1 * r1;
            const float l2 = under[18];
            s2_0 += l2 * r0;
            s2_1 += l2 * r1;
            const float l3 = under[19];
            s3_0 += l3 * r0;
            s3_1 += l3 * r1;
            const float l4 = under[36];
            s4_0 += l4 * r0;
            s4_1 += l4 * r1;
            const float l5 = under[37];
            s5_0 += l5 * r0;
            s5_1 += l5 * r1;
        }
    netc_store_vector(sums + 0, s0_0, adds);
    netc_store_vector(sums + 8, s0_1, adds);
    netc_store_vector(sums + 16, s1_0, adds);
    netc_store_vector(sums + 24, s1_1, adds);
    netc_store_vector(sums + 32, s2_0, adds);
    netc_store_vector(sums + 40, s2_1, adds);
    netc_store_vector(sums + 48, s3_0, adds);
    netc_store_vector(sums + 56, s3_1, adds);
    netc_store_vector(sums + 64, s4_0, adds);
    netc_store_vector(sums + 72, s4_1, adds);
    netc_store_vector(sums + 80, s5_0, adds);
    netc_store_vector(sums + 88, s5_1, adds);
}

// k10_conv2d_1_backward: matrix product (conv2d_kernel_gradient)
// conv2d_1_gradient_conv2d_kernel_gradient[m, n] = sum over k < 448 of left[m, k] * right[k, n]
//   left[m, k] = pixels_divide[b * 1440 + (k / 56) * 180 + ((k / 7) % 8) * 18 + (m / 6) * 18 + (k % 7) * 2 + 
//   right[k, n] = (((k % 7) / 2) < 3 ? (((((((k / 7) % 2)) * 2) + (((k % 7) % 2))) == max_pool_1_gradient_cas
//   for m < 18, n < 5, batch b < 2
//   stores conv2d_1_gradient_conv2d_kernel_gradient_out[b * 90 + m * 5 + n]
// line 3: return image / 255 -> conv2d(5, kernel=3) -> relu -> max_pool(2) -> flatten -> dense(3)
// reads  pixels_divide: f32[16, 10, 9, 2]
// reads  max_pool_1_gradient_cast_2: u8[16, 4, 3, 5]
// reads  max_pool_1_gradient_where: f32[16, 4, 3, 5]
// writes conv2d_1_gradient_conv2d_kernel_gradient_out: f32[2, 3, 3, 2, 5]
// 161,280 FLOP, 17,040 bytes at least; 2 tasks of 8 lines of windows, in tiles of 6 x 16, 3 taps at once
static void k10_conv2d_1_backward(
    float *restrict conv2d_1_gradient_conv2d_kernel_gradient_out,
    const float *restrict pixels_divide,
    const uint8_t *restrict max_pool_1_gradient_cast_2,
    const float *restrict max_pool_1_gradient_where,
    int64_t first, int64_t last)
{
    float patch[184] __attribute__((aligned(64))) = {0};
    float sums[112] __attribute__((aligned(64)));
    float results[98];
    float right[456] __attribute__((aligned(64))) = {0};
    for (int64_t task = first; task < last; task++) {
        const int b = (int)(task / 1);
        const int group = (int)(task / 1 % 1) * 3;
        const int column = (int)(task % 1) * 16;
        enum { columns = 15 };
        for (int chunk = 0; chunk < 8; chunk++) {
            const int all_lines = (b * 8 + chunk) * 8;
            const int p = all_lines / 8, k = chunk * 56;
            const int first_line = (int)(all_lines % 8);
            for (int i = 0; i < 10; i++) {
                const int u = first_line * 1 + i;
                float *to = patch + i * 18;
                if (u < 0 || u >= 10) {
                    memset(to, 0, 18 * sizeof(float));
                    continue;
                }
                memcpy(to, pixels_divide + p * 180 + u * 18, 18 * sizeof(float));
            }
            {
                float *const to = right + 10;
                for (int g = 0; g < 8; g++) {
                    const int y = chunk * 8 + g;
                    for (int x = 0; x < 7; x++) {
                        for (int j = 0; j < 5; j += 1) {
                            const int n = 0 + j;
                            to[g * 55 + x * 5 + j] = ((x / 2) < 3 ? netc_where(((int)(unsigned char)(int)netc_add(netc_multiply(((y % 2)), 2), ((x % 2))) == max_pool_1_gradient_cast_2[b * 480 + (y / 2) * 15 + (x / 2) * 5 + n]), max_pool_1_gradient_where[b * 480 + (y / 2) * 15 + (x / 2) * 5 + n], 0.0f) : 0.0f);
                        }
                    }
                }
            }
            for (int j = 0; j < columns; j += 16)
                for (int g = 0; g < 3; g += 3)
                    for (int i = 0; i < 2; i += 2) {
                        const int n = column + j;
                        k10_conv2d_1_backward_tile(patch + 0 + group * 18 + g * 18 + i * 1, right + j * 72, chunk > 0, sums + (g * 2 + i) * 16 + j);
                    }
        }
        for (int g = 0; g < 3; g++)
            for (int tap = 0; tap < 3; tap++)
                for (int c = 0; c < 2; c++) {
                    const float *from = sums + (g * 2 + c) * 16 + (2 - tap) * 5;
                    memcpy(results + ((g * 3 + tap) * 2 + c) * 5, from, 5 * sizeof(float));
                }
        const int first_row = group * 6;
        for (int piece = 0; piece < 3 * 30; piece += 320) {
            const int left = 3 * 30 - piece, width = left < 320 ? left : 320;
            for (int at = 0; at < width; at++) {
                const int i = first_row * 5 + piece + at;
                const float conv2d_1_gradient_conv2d_kernel_gradient = results[piece + at];
                conv2d_1_gradient_conv2d_kernel_gradient_out[b * 90 + i] = conv2d_1_gradient_conv2d_kernel_gradient;
            }
        }
    }
}

// k11_conv2d_1_backward: folds strided elements (sum, add, multiply, subtract)
// conv2d_1_gradient_sum_2[o, j] = sum over k < 2 of conv2d_1_gradient_conv2d_kernel_gradient[k * 90 + j]
//   for o < 1, j < 90
//   pixels_conv2d_1_kernel_velocity_new = ((pixels_conv2d_1_kernel_velocity[j] * 0.9) + conv2d_1_gradient_sum
//   conv2d_1_kernel_multiply_2 = (pixels_conv2d_1_kernel_velocity_new * 0.05)
//   pixels_conv2d_1_kernel_new = (pixels_conv2d_1_kernel[j] - conv2d_1_kernel_multiply_2)
//   stores pixels_conv2d_1_kernel_velocity[j], pixels_conv2d_1_kernel[j]
// line 3: return image / 255 -> conv2d(5, kernel=3) -> relu -> max_pool(2) -> flatten -> dense(3)
// line 8: minimize cross_entropy(pixels(image), label) with sgd(lr=0.05, momentum=0.9)
// reads  conv2d_1_gradient_conv2d_kernel_gradient: f32[2, 3, 3, 2, 5]
// reads  pixels_conv2d_1_kernel_velocity: f32[3, 3, 2, 5]
// reads  pixels_conv2d_1_kernel: f32[3, 3, 2, 5]
// writes pixels_conv2d_1_kernel_velocity: f32[3, 3, 2, 5]
// writes pixels_conv2d_1_kernel: f32[3, 3, 2, 5]
// 450 FLOP, 2,160 bytes at least; 3 tasks of 32 columns
static void k11_conv2d_1_backward(
    float *restrict pixels_conv2d_1_kernel_velocity,
    float *restrict pixels_conv2d_1_kernel,
    const float *restrict conv2d_1_gradient_conv2d_kernel_gradient,
    int64_t first, int64_t last)
{
    for (int64_t task = first; task < last; task++) {
        const int o = (int)(task / 3);
        const int start = (int)(task % 3) * 32;
        const int width = start + 32 <= 90 ? 32 : 90 - start;
        float conv2d_1_gradient_sum_2_of[32];
        for (int at = 0; at < width; at++) conv2d_1_gradient_sum_2_of[at] = 0.0f;
        for (int k = 0; k < 2; k++) {
            for (int at = 0; at < width; at++) {
                const int j = start + at;
                const float conv2d_1_gradient_sum_2_value = conv2d_1_gradient_conv2d_kernel_gradient[k * 90 + j];
                const float conv2d_1_gradient_sum_2 = conv2d_1_gradient_sum_2_of[at];
                conv2d_1_gradient_sum_2_of[at] = conv2d_1_gradient_sum_2 + conv2d_1_gradient_sum_2_value;
            }
        }
        for (int at = 0; at < width; at++) {
            const int j = start + at;
            const float conv2d_1_gradient_sum_2 = conv2d_1_gradient_sum_2_of[at];
            const float pixels_conv2d_1_kernel_velocity_new = ((pixels_conv2d_1_kernel_velocity[j] * 0.9f) + conv2d_1_gradient_sum_2);
            const float conv2d_1_kernel_multiply_2 = (pixels_conv2d_1_kernel_velocity_new * 0.05f);
            const float pixels_conv2d_1_kernel_new = (pixels_conv2d_1_kernel[j] - conv2d_1_kernel_multiply_2);
            pixels_conv2d_1_kernel_velocity[j] = pixels_conv2d_1_kernel_velocity_new;
            pixels_conv2d_1_kernel[j] = pixels_conv2d_1_kernel_new;
        }
    }
}

// k12_add_update: element by element (add)
// for each of 1 elements:
//   step_new = (step_[0] + 1)
//   stores step_[0]
// line 8: minimize cross_entropy(pixels(image), label) with sgd(lr=0.05, momentum=0.9)
// reads  step_: i32[]
// writes step_: i32[]
// 1 FLOP, 8 bytes at least; 1 tasks of 4096 elements
static void k12_add_update(
    int32_t *restrict step_,
    int64_t first, int64_t last)
{
    const int end = (int)(last * 4096 < 1 ? last * 4096 : 1);
    for (int i = (int)(first * 4096); i < end; i++) {
        const int step_new = netc_add(step_[0], 1);
        step_[0] = step_new;
    }
}

// A field of the data: rows of `bytes` bytes, one for each sample.
typedef struct { const unsigned char *rows; int64_t bytes; } netc_field;

typedef struct {
    unsigned char *arena;
    const netc_field *fields;
    const int64_t *order;  // which rows make up the batches, or NULL for one after the other
    int64_t steps;
    float *log;            // 1 numbers for each step
} netc_call;

static void train_take(const netc_call *call, int64_t step, int64_t first, int64_t last)
{
    for (int64_t i = first; i < last; i++) {
        const int64_t place = step * 16 + i;
        const int64_t row = call->order ? call->order[place] : place;
        memcpy(call->arena + 15360 + i * 180, call->fields[0].rows + row * 180, 180);  // image
        memcpy(call->arena + 19456 + i * 4, call->fields[1].rows + row * 4, 4);  // label
    }
}

static void train_report(const netc_call *call, int64_t step)
{
    call->log[step * 1 + 0] = (float)*(float *)(call->arena + 24320);  // loss
}

static void train_job(void *context, int thread, int threads)
{
    const netc_call *call = context;
    unsigned char *const arena = call->arena;
    netc_claim claim = {.thread = thread};
    int64_t first, last;
    uint32_t phase = 0;
    for (int64_t step = 0; step < call->steps; step++) {
        for (; netc_next(&claim, phase, 16, 16); netc_finish(&claim, 16))
            train_take(call, step, claim.first, claim.last);
        phase++;
        for (; netc_next(&claim, phase, 1, 1); netc_finish(&claim, 1)) {
            NETC_TIMED(0,
            k01_pixels_forward(
                (float *)(arena + 3840),  // pixels_divide_out
                (uint8_t *)(arena + 15360),  // image
                claim.first * 1, claim.last * 1));
        }
        phase++;
        for (; netc_next(&claim, phase, 16, 3); netc_finish(&claim, 16)) {
            NETC_TIMED(1,
            k02_conv2d_1_forward(
                (float *)(arena + 15360),  // max_pool_1_relu_out
                (uint8_t *)(arena + 23040),  // max_pool_1_gradient_cast_2_out
                (float *)(arena + 3840),  // pixels_divide
                (float *)(arena + 0),  // pixels_conv2d_1_kernel
                (float *)(arena + 512),  // pixels_conv2d_1_bias
                claim.first, claim.last));
        }
        phase++;
        for (; netc_next(&claim, phase, 1, 1); netc_finish(&claim, 1)) {
            NETC_TIMED(2,
            k03_dense_1_forward(
                (float *)(arena + 19200),  // dense_1_add_out
                (float *)(arena + 15360),  // max_pool_1_relu
                (float *)(arena + 768),  // pixels_dense_1_kernel
                (float *)(arena + 1536),  // pixels_dense_1_bias
                claim.first * 2, claim.last * 2));
            NETC_TIMED(3,
            k04_cross_entropy_1_log_softmax_1_forward(
                (float *)(arena + 19712),  // cross_entropy_1_negate_out
                (float *)(arena + 24064),  // log_softmax_1_gradient_add_out
                (float *)(arena + 19200),  // dense_1_add
                (int32_t *)(arena + 19456),  // label
                claim.first * 16, claim.last * 16));
            NETC_TIMED(4,
            k05_cross_entropy_1_average_1_forward(
                (float *)(arena + 24320),  // average_1_multiply_out
                (float *)(arena + 19712),  // cross_entropy_1_negate
                claim.first * 1, claim.last * 1));
            NETC_TIMED(5,
            k06_dense_1_backward(
                (float *)(arena + 3328),  // pixels_dense_1_bias_velocity
                (float *)(arena + 1536),  // pixels_dense_1_bias
                (float *)(arena + 24064),  // log_softmax_1_gradient_add
                claim.first * 1, claim.last * 1));
            NETC_TIMED(6,
            k07_dense_1_backward(
                (float *)(arena + 19200),  // max_pool_1_gradient_where_out
                (float *)(arena + 24064),  // log_softmax_1_gradient_add
                (float *)(arena + 768),  // pixels_dense_1_kernel
                (float *)(arena + 15360),  // max_pool_1_relu
                claim.first * 4, claim.last * 4));
            NETC_TIMED(7,
            k08_dense_1_backward(
                (float *)(arena + 2560),  // pixels_dense_1_kernel_velocity
                (float *)(arena + 768),  // pixels_dense_1_kernel
                (float *)(arena + 15360),  // max_pool_1_relu
                (float *)(arena + 24064),  // log_softmax_1_gradient_add
                claim.first * 5, claim.last * 5));
            NETC_TIMED(8,
            k09_conv2d_1_backward(
                (float *)(arena + 2304),  // pixels_conv2d_1_bias_velocity
                (float *)(arena + 512),  // pixels_conv2d_1_bias
                (float *)(arena + 19200),  // max_pool_1_gradient_where
                claim.first * 1, claim.last * 1));
        }
        phase++;
        for (; netc_next(&claim, phase, 2, 1); netc_finish(&claim, 2)) {
            NETC_TIMED(9,
            k10_conv2d_1_backward(
                (float *)(arena + 15360),  // conv2d_1_gradient_conv2d_kernel_gradient_out
                (float *)(arena + 3840),  // pixels_divide
                (uint8_t *)(arena + 23040),  // max_pool_1_gradient_cast_2
                (float *)(arena + 19200),  // max_pool_1_gradient_where
                claim.first, claim.last));
        }
        phase++;
        for (; netc_next(&claim, phase, 2, 2); netc_finish(&claim, 2)) {
            if (netc_part(&claim, 0, 1, 1, &first, &last)) {
                NETC_TIMED(10,
                k11_conv2d_1_backward(
                    (float *)(arena + 1792),  // pixels_conv2d_1_kernel_velocity
                    (float *)(arena + 0),  // pixels_conv2d_1_kernel
                    (float *)(arena + 15360),  // conv2d_1_gradient_conv2d_kernel_gradient
                    first * 3, last * 3));
            }
            if (netc_part(&claim, 1, 1, 1, &first, &last)) {
                NETC_TIMED(11,
                k12_add_update(
                    (int32_t *)(arena + 3584),  // step_
                    first * 1, last * 1));
            }
        }
        phase++;
        for (; netc_next(&claim, phase, 1, 1); netc_finish(&claim, 1))
            train_report(call, step);
        phase++;
    }
}

// Runs so many steps: batch after batch is taken from the fields, and the log is filled.
void train(unsigned char *arena, const netc_field *fields, const int64_t *order, int64_t steps, float *log)
{
    netc_call call = {arena, fields, order, steps, log};
    netc_run(train_job, &call);
}

// Runs one kernel by its number, on what lies in the arena.
void train_kernel(unsigned char *arena, int64_t number)
{
    volatile int64_t hidden = 1;  // GCC 12 loses stores of a kernel whose count of tasks it knows
    const int64_t whole = hidden;
    switch (number) {
    case 0:
        k01_pixels_forward(
            (float *)(arena + 3840),  // pixels_divide_out
            (uint8_t *)(arena + 15360),  // image
            0, whole * 1);
        break;
    case 1:
        k02_conv2d_1_forward(
            (float *)(arena + 15360),  // max_pool_1_relu_out
            (uint8_t *)(arena + 23040),  // max_pool_1_gradient_cast_2_out
            (float *)(arena + 3840),  // pixels_divide
            (float *)(arena + 0),  // pixels_conv2d_1_kernel
            (float *)(arena + 512),  // pixels_conv2d_1_bias
            0, whole * 16);
        break;
    case 2:
        k03_dense_1_forward(
            (float *)(arena + 19200),  // dense_1_add_out
            (float *)(arena + 15360),  // max_pool_1_relu
            (float *)(arena + 768),  // pixels_dense_1_kernel
            (float *)(arena + 1536),  // pixels_dense_1_bias
            0, whole * 2);
        break;
    case 3:
        k04_cross_entropy_1_log_softmax_1_forward(
            (float *)(arena + 19712),  // cross_entropy_1_negate_out
            (float *)(arena + 24064),  // log_softmax_1_gradient_add_out
            (float *)(arena + 19200),  // dense_1_add
            (int32_t *)(arena + 19456),  // label
            0, whole * 16);
        break;
    case 4:
        k05_cross_entropy_1_average_1_forward(
            (float *)(arena + 24320),  // average_1_multiply_out
            (float *)(arena + 19712),  // cross_entropy_1_negate
            0, whole * 1);
        break;
    case 5:
        k06_dense_1_backward(
            (float *)(arena + 3328),  // pixels_dense_1_bias_velocity
            (float *)(arena + 1536),  // pixels_dense_1_bias
            (float *)(arena + 24064),  // log_softmax_1_gradient_add
            0, whole * 1);
        break;
    case 6:
        k07_dense_1_backward(
            (float *)(arena + 19200),  // max_pool_1_gradient_where_out
            (float *)(arena + 24064),  // log_softmax_1_gradient_add
            (float *)(arena + 768),  // pixels_dense_1_kernel
            (float *)(arena + 15360),  // max_pool_1_relu
            0, whole * 4);
        break;
    case 7:
        k08_dense_1_backward(
            (float *)(arena + 2560),  // pixels_dense_1_kernel_velocity
            (float *)(arena + 768),  // pixels_dense_1_kernel
            (float *)(arena + 15360),  // max_pool_1_relu
            (float *)(arena + 24064),  // log_softmax_1_gradient_add
            0, whole * 5);
        break;
    case 8:
        k09_conv2d_1_backward(
            (float *)(arena + 2304),  // pixels_conv2d_1_bias_velocity
            (float *)(arena + 512),  // pixels_conv2d_1_bias
            (float *)(arena + 19200),  // max_pool_1_gradient_where
            0, whole * 1);
        break;
    case 9:
        k10_conv2d_1_backward(
            (float *)(arena + 15360),  // conv2d_1_gradient_conv2d_kernel_gradient_out
            (float *)(arena + 3840),  // pixels_divide
            (uint8_t *)(arena + 23040),  // max_pool_1_gradient_cast_2
            (float *)(arena + 19200),  // max_pool_1_gradient_where
            0, whole * 2);
        break;
    case 10:
        k11_conv2d_1_backward(
            (float *)(arena + 1792),  // pixels_conv2d_1_kernel_velocity
            (float *)(arena + 0),  // pixels_conv2d_1_kernel
            (float *)(arena + 15360),  // conv2d_1_gradient_conv2d_kernel_gradient
            0, whole * 3);
        break;
    case 11:
        k12_add_update(
            (int32_t *)(arena + 3584),  // step_
            0, whole * 1);
        break;
    }
}
