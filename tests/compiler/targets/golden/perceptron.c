// train: 12 kernels for a batch of 24, in an arena of 13,824 bytes.
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

// sums[i][j] = (adds ? sums[i][j] : 0) + sum over d of left[i][d] * right[d][j], for 6 rows and
// 16 columns. Element (i, d) of left is at i * row + d * left_depth, and (d, j) of right at
// d * right_depth + j; stride is the distance of rows in sums.
static inline __attribute__((always_inline)) void netc_product_6x16(
    const float *left, int64_t row, int64_t left_depth, const float *right, int64_t right_depth,
    int depth, int adds, float *sums, int stride)
{
    netc_vector s0_0 = {0}, s0_1 = {0};
    netc_vector s1_0 = {0}, s1_1 = {0};
    netc_vector s2_0 = {0}, s2_1 = {0};
    netc_vector s3_0 = {0}, s3_1 = {0};
    netc_vector s4_0 = {0}, s4_1 = {0};
    netc_vector s5_0 = {0}, s5_1 = {0};
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
        const float l4 = left[d * left_depth + 4 * row];
        s4_0 += l4 * r0;
        s4_1 += l4 * r1;
        const float l5 = left[d * left_depth + 5 * row];
        s5_0 += l5 * r0;
        s5_1 += l5 * r1;
    }
    netc_store_vector(sums + 0 * stride + 0, s0_0, adds);
    netc_store_vector(sums + 0 * stride + 8, s0_1, adds);
    netc_store_vector(sums + 1 * stride + 0, s1_0, adds);
    netc_store_vector(sums + 1 * stride + 8, s1_1, adds);
    netc_store_vector(sums + 2 * stride + 0, s2_0, adds);
    netc_store_vector(sums + 2 * stride + 8, s2_1, adds);
    netc_store_vector(sums + 3 * stride + 0, s3_0, adds);
    netc_store_vector(sums + 3 * stride + 8, s3_1, adds);
    netc_store_vector(sums + 4 * stride + 0, s4_0, adds);
    netc_store_vector(sums + 4 * stride + 8, s4_1, adds);
    netc_store_vector(sums + 5 * stride + 0, s5_0, adds);
    netc_store_vector(sums + 5 * stride + 8, s5_1, adds);
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

// sums[i][j] = (adds ? sums[i][j] : 0) + sum over d of left[i][d] * right[d][j], for 10 rows and
// 8 columns. Element (i, d) of left is at i * row + d * left_depth, and (d, j) of right at
// d * right_depth + j; stride is the distance of rows in sums.
static inline __attribute__((always_inline)) void netc_product_10x8(
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

// k01_dense_1_forward: matrix product (matmul, add, relu, divide, greater)
// dense_1_matmul[m, n] = sum over k < 12 of left[m, k] * right[k, n]
//   left[m, k] = x_[m * 12 + k]
//   right[k, n] = perceptron_dense_1_kernel[k * 20 + n]
//   for m < 24, n < 20
//   dense_1_add = (dense_1_matmul + perceptron_dense_1_bias[n])
//   perceptron_relu = relu(dense_1_add)
//   dropout_1_divide = (perceptron_relu / 0.75)
//   perceptron_gradient_greater = (perceptron_relu > 0)
//   stores dropout_1_divide_out[m * 20 + n], perceptron_gradient_greater_out[m * 20 + n]
// line 3: return x -> dense(20) -> relu -> dropout(0.25) -> dense(3)
// reads  x_: f32[24, 12]
// reads  perceptron_dense_1_kernel: f32[12, 20]
// reads  perceptron_dense_1_bias: f32[20]
// writes dropout_1_divide_out: f32[24, 20]
// writes perceptron_gradient_greater_out: bool[24, 20]
// 14,880 FLOP, 4,592 bytes at least; 4 tasks of 12 x 16 in tiles of 6 x 16, depth 12 at a time
static void k01_dense_1_forward(
    float *restrict dropout_1_divide_out,
    uint8_t *restrict perceptron_gradient_greater_out,
    const float *restrict x_,
    const float *restrict perceptron_dense_1_kernel,
    const float *restrict perceptron_dense_1_bias,
    int64_t first, int64_t last)
{
    float right[192] __attribute__((aligned(64))) = {0};
    float sums[192] __attribute__((aligned(64)));
    for (int64_t task = first; task < last; task++) {
        const int b = (int)(task / 4);
        const int row = (int)(task / 2 % 2) * 12;
        const int column = (int)(task % 2) * 16;
        const int rows = row + 12 <= 24 ? 12 : 24 - row;
        const int columns = column + 16 <= 20 ? 16 : 20 - column;
        for (int start = 0; start < 12; start += 12) {
            const int depth = start + 12 <= 12 ? 12 : 12 - start;
            for (int panel = 0; panel < columns; panel += 16) {
                float *const to = right + panel * 12;
                const int width = columns - panel < 16 ? columns - panel : 16;
                for (int d = 0; d < depth; d++)
                    for (int j = 0; j < width; j += 4) {
                        const int n = column + panel + j, k = start + d;
                        memcpy(to + d * 16 + j, perceptron_dense_1_kernel + k * 20 + n, 4 * sizeof(float));
                    }
            }
            for (int j = 0; j < columns; j += 16)
                for (int i = 0; i < rows; i += 6) {
                    const int m = row + i, n = column + j, k = start;
                    netc_product_6x16(
                        x_ + m * 12 + k, 12, 1,
                        right + j * 12, 16,
                        depth, start > 0, sums + i * 16 + j, 16);
                }
        }
        for (int i = 0; i < rows; i++) {
            const int m = row + i;
            for (int j = 0; j < columns; j++) {
                const int n = column + j;
                const float dense_1_matmul = sums[i * 16 + j];
                const float dense_1_add = (dense_1_matmul + perceptron_dense_1_bias[n]);
                const float perceptron_relu = netc_relu(dense_1_add);
                const float dropout_1_divide = (perceptron_relu / 0.75f);
                const int perceptron_gradient_greater = (perceptron_relu > 0.0f);
                dropout_1_divide_out[m * 20 + n] = dropout_1_divide;
                perceptron_gradient_greater_out[m * 20 + n] = perceptron_gradient_greater;
            }
        }
    }
}

// k02_dropout_1_forward: element by element (greater_equal, where)
// for each of 480 elements:
//   dropout_1_greater_equal = (random_uniform(seed[0]) >= 0.25)
//   dropout_1_where = (dropout_1_greater_equal ? dropout_1_divide[i] : 0)
//   stores dropout_1_greater_equal_out[i], dropout_1_divide[i]
// line 3: return x -> dense(20) -> relu -> dropout(0.25) -> dense(3)
// reads  seed: i32[]
// reads  step_: i32[]
// reads  dropout_1_divide: f32[24, 20]
// writes dropout_1_greater_equal_out: bool[24, 20]
// writes dropout_1_divide: f32[24, 20]
// 960 FLOP, 4,328 bytes at least; 1 tasks of 4096 elements
static void k02_dropout_1_forward(
    float *restrict dropout_1_divide,
    uint8_t *restrict dropout_1_greater_equal_out,
    const int32_t *restrict seed,
    const int32_t *restrict step_,
    int64_t first, int64_t last)
{
    const int end = (int)(last * 4096 < 480 ? last * 4096 : 480);
    for (int i = (int)(first * 4096); i < end; i++) {
        const int dropout_1_greater_equal = (netc_uniform(seed[0], step_[0], 1, i) >= 0.25f);
        const float dropout_1_where = netc_where(dropout_1_greater_equal, dropout_1_divide[i], 0.0f);
        dropout_1_greater_equal_out[i] = dropout_1_greater_equal;
        dropout_1_divide[i] = dropout_1_where;
    }
}

// k03_dense_2_forward: matrix product (matmul, add)
// dense_2_matmul[m, n] = sum over k < 20 of left[m, k] * right[k, n]
//   left[m, k] = dropout_1_where[m * 20 + k]
//   right[k, n] = perceptron_dense_2_kernel[k * 3 + n]
//   for m < 24, n < 3
//   dense_2_add = (dense_2_matmul + perceptron_dense_2_bias[n])
//   stores dense_2_add_out[m * 3 + n]
// line 3: return x -> dense(20) -> relu -> dropout(0.25) -> dense(3)
// reads  dropout_1_where: f32[24, 20]
// reads  perceptron_dense_2_kernel: f32[20, 3]
// reads  perceptron_dense_2_bias: f32[3]
// writes dense_2_add_out: f32[24, 3]
// 2,952 FLOP, 2,460 bytes at least; 2 tasks of 12 x 8 in tiles of 12 x 8, depth 20 at a time
static void k03_dense_2_forward(
    float *restrict dense_2_add_out,
    const float *restrict dropout_1_where,
    const float *restrict perceptron_dense_2_kernel,
    const float *restrict perceptron_dense_2_bias,
    int64_t first, int64_t last)
{
    float right[160] __attribute__((aligned(64))) = {0};
    float sums[96] __attribute__((aligned(64)));
    {
        enum { column = 0, columns = 3, start = 0, depth = 20 };
        for (int panel = 0; panel < columns; panel += 8) {
            float *const to = right + panel * 20;
            const int width = columns - panel < 8 ? columns - panel : 8;
            for (int d = 0; d < depth; d++)
                for (int j = 0; j < width; j += 3) {
                    const int n = column + panel + j, k = start + d;
                    memcpy(to + d * 8 + j, perceptron_dense_2_kernel + k * 3 + n, 3 * sizeof(float));
                }
        }
    }
    for (int64_t task = first; task < last; task++) {
        const int b = (int)(task / 2);
        const int row = (int)(task / 1 % 2) * 12;
        const int column = (int)(task % 1) * 8;
        const int rows = row + 12 <= 24 ? 12 : 24 - row;
        const int columns = column + 8 <= 3 ? 8 : 3 - column;
        for (int start = 0; start < 20; start += 20) {
            const int depth = start + 20 <= 20 ? 20 : 20 - start;
            for (int j = 0; j < columns; j += 8)
                for (int i = 0; i < rows; i += 12) {
                    const int m = row + i, n = column + j, k = start;
                    netc_product_12x8(
                        dropout_1_where + m * 20 + k, 20, 1,
                        right + j * 20, 8,
                        depth, start > 0, sums + i * 8 + j, 8);
                }
        }
        for (int i = 0; i < rows; i++) {
            const int m = row + i;
            for (int j = 0; j < columns; j++) {
                const int n = column + j;
                const float dense_2_matmul = sums[i * 8 + j];
                const float dense_2_add = (dense_2_matmul + perceptron_dense_2_bias[n]);
                dense_2_add_out[m * 3 + n] = dense_2_add;
            }
        }
    }
}

// k04_cross_entropy_1_log_softmax_1_forward: row by row (max, subtract, exp, sum, log, where, negate, argmax,
// for each of 24 rows r of 3 columns c:
//   log_softmax_1_max = max over c of dense_2_add[r * 3 + c]
//   accuracy_1_argmax = argmax over c of dense_2_add[r * 3 + c]
//   log_softmax_1_gradient_sum = sum over c of (-((y_[r] == c) ? -0.0416666679 : 0))
//   accuracy_1_equal = (accuracy_1_argmax == y_[r])
//   accuracy_1_cast = accuracy_1_equal
//   stores accuracy_1_cast_out[r]
//   log_softmax_1_subtract = (dense_2_add[r * 3 + c] - log_softmax_1_max)
//   log_softmax_1_exp = exp(log_softmax_1_subtract)
//   log_softmax_1_sum = sum over c of log_softmax_1_exp
//   log_softmax_1_log = log(log_softmax_1_sum)
//   log_softmax_1_gradient_divide = (log_softmax_1_gradient_sum / log_softmax_1_sum)
//   log_softmax_1_subtract = (dense_2_add[r * 3 + c] - log_softmax_1_max)
//   log_softmax_1_exp = exp(log_softmax_1_subtract)
//   log_softmax_1_subtract_2 = (log_softmax_1_subtract - log_softmax_1_log)
//   cross_entropy_1_where = ((y_[r] == c) ? log_softmax_1_subtract_2 : 0)
//   log_softmax_1_gradient_multiply = (log_softmax_1_gradient_divide * log_softmax_1_exp)
//   log_softmax_1_gradient_add = (((y_[r] == c) ? -0.0416666679 : 0) + log_softmax_1_gradient_multiply)
//   stores log_softmax_1_gradient_add_out[r * 3 + c]
//   cross_entropy_1_sum = sum over c of cross_entropy_1_where
//   cross_entropy_1_negate = (-cross_entropy_1_sum)
//   stores cross_entropy_1_negate_out[r]
// line 9: minimize cross_entropy(logits, y) with adam(lr=0.01)
// line 10: measure accuracy(logits, y)
// reads  dense_2_add: f32[24, 3]
// reads  y_: i32[24]
// writes cross_entropy_1_negate_out: f32[24]
// writes accuracy_1_cast_out: f32[24]
// writes log_softmax_1_gradient_add_out: f32[24, 3]
// 1,680 FLOP, 864 bytes at least; 24 tasks of a row
static void k04_cross_entropy_1_log_softmax_1_forward(
    float *restrict cross_entropy_1_negate_out,
    float *restrict accuracy_1_cast_out,
    float *restrict log_softmax_1_gradient_add_out,
    const float *restrict dense_2_add,
    const int32_t *restrict y_,
    int64_t first, int64_t last)
{
    for (int r = (int)first; r < (int)last; r++) {
        float log_softmax_1_max = -INFINITY;
        float accuracy_1_argmax_best = -INFINITY;
        int accuracy_1_argmax = 0;
        float log_softmax_1_gradient_sum = 0.0f;
        for (int c = 0; c < 3; c++) {
            const float log_softmax_1_max_value = dense_2_add[r * 3 + c];
            log_softmax_1_max = netc_maximum(log_softmax_1_max, log_softmax_1_max_value);
            const float accuracy_1_argmax_value = dense_2_add[r * 3 + c];
            if (netc_is_greater(accuracy_1_argmax_value, accuracy_1_argmax_best)) { accuracy_1_argmax_best = accuracy_1_argmax_value; accuracy_1_argmax = c; }
            const float log_softmax_1_gradient_sum_value = (-netc_where((y_[r] == c), (-0.0416666679084301f), 0.0f));
            log_softmax_1_gradient_sum = log_softmax_1_gradient_sum + log_softmax_1_gradient_sum_value;
        }
        const int accuracy_1_equal = (accuracy_1_argmax == y_[r]);
        const float accuracy_1_cast = (float)accuracy_1_equal;
        accuracy_1_cast_out[r] = accuracy_1_cast;
        float log_softmax_1_sum = 0.0f;
        for (int c = 0; c < 3; c++) {
            const float log_softmax_1_subtract = (dense_2_add[r * 3 + c] - log_softmax_1_max);
            const float log_softmax_1_exp = netc_exp(log_softmax_1_subtract);
            const float log_softmax_1_sum_value = log_softmax_1_exp;
            log_softmax_1_sum = log_softmax_1_sum + log_softmax_1_sum_value;
        }
        const float log_softmax_1_log = netc_log(log_softmax_1_sum);
        const float log_softmax_1_gradient_divide = (log_softmax_1_gradient_sum / log_softmax_1_sum);
        float cross_entropy_1_sum = 0.0f;
        for (int c = 0; c < 3; c++) {
            const float log_softmax_1_subtract = (dense_2_add[r * 3 + c] - log_softmax_1_max);
            const float log_softmax_1_exp = netc_exp(log_softmax_1_subtract);
            const float log_softmax_1_subtract_2 = (log_softmax_1_subtract - log_softmax_1_log);
            const float cross_entropy_1_where = netc_where((y_[r] == c), log_softmax_1_subtract_2, 0.0f);
            const float log_softmax_1_gradient_multiply = (log_softmax_1_gradient_divide * log_softmax_1_exp);
            const float log_softmax_1_gradient_add = (netc_where((y_[r] == c), (-0.0416666679084301f), 0.0f) + log_softmax_1_gradient_multiply);
            log_softmax_1_gradient_add_out[r * 3 + c] = log_softmax_1_gradient_add;
            const float cross_entropy_1_sum_value = cross_entropy_1_where;
            cross_entropy_1_sum = cross_entropy_1_sum + cross_entropy_1_sum_value;
        }
        const float cross_entropy_1_negate = (-cross_entropy_1_sum);
        cross_entropy_1_negate_out[r] = cross_entropy_1_negate;
    }
}

// k05_cross_entropy_1_average_1_forward: row by row (sum, divide)
// for each of 1 rows r of 24 columns c:
//   average_1_sum = sum over c of cross_entropy_1_negate[c]
//   average_1_divide = (average_1_sum / 24)
//   stores average_1_divide_out[0]
// line 9: minimize cross_entropy(logits, y) with adam(lr=0.01)
// reads  cross_entropy_1_negate: f32[24]
// writes average_1_divide_out: f32[]
// 28 FLOP, 100 bytes at least; 1 tasks of a row
static void k05_cross_entropy_1_average_1_forward(
    float *restrict average_1_divide_out,
    const float *restrict cross_entropy_1_negate,
    int64_t first, int64_t last)
{
    for (int r = (int)first; r < (int)last; r++) {
        float average_1_sum = 0.0f;
        for (int c = 0; c < 24; c++) {
            const float average_1_sum_value = cross_entropy_1_negate[c];
            average_1_sum = average_1_sum + average_1_sum_value;
        }
        const float average_1_divide = (average_1_sum / 24.0f);
        average_1_divide_out[0] = average_1_divide;
    }
}

// k06_accuracy_1_average_1_forward: row by row (sum, divide)
// for each of 1 rows r of 24 columns c:
//   average_1_sum_2 = sum over c of accuracy_1_cast[c]
//   average_1_divide_2 = (average_1_sum_2 / 24)
//   stores average_1_divide_2_out[0]
// line 10: measure accuracy(logits, y)
// reads  accuracy_1_cast: f32[24]
// writes average_1_divide_2_out: f32[]
// 28 FLOP, 100 bytes at least; 1 tasks of a row
static void k06_accuracy_1_average_1_forward(
    float *restrict average_1_divide_2_out,
    const float *restrict accuracy_1_cast,
    int64_t first, int64_t last)
{
    for (int r = (int)first; r < (int)last; r++) {
        float average_1_sum_2 = 0.0f;
        for (int c = 0; c < 24; c++) {
            const float average_1_sum_2_value = accuracy_1_cast[c];
            average_1_sum_2 = average_1_sum_2 + average_1_sum_2_value;
        }
        const float average_1_divide_2 = (average_1_sum_2 / 24.0f);
        average_1_divide_2_out[0] = average_1_divide_2;
    }
}

// k07_add_update: element by element (add, cast, power, subtract, divide, sqrt)
// for each of 1 elements:
//   step_new = (step_[0] + 1)
//   cast = step_new
//   dense_1_kernel_power = 0.9^cast
//   dense_1_kernel_subtract = (1 - dense_1_kernel_power)
//   dense_1_kernel_divide = (0.01 / dense_1_kernel_subtract)
//   dense_1_kernel_power_2 = 0.999^cast
//   dense_1_kernel_subtract_2 = (1 - dense_1_kernel_power_2)
//   dense_1_kernel_sqrt = sqrt(dense_1_kernel_subtract_2)
//   stores step_[0], dense_1_kernel_divide_out[0], dense_1_kernel_sqrt_out[0]
// line 9: minimize cross_entropy(logits, y) with adam(lr=0.01)
// reads  step_: i32[]
// writes step_: i32[]
// writes dense_1_kernel_divide_out: f32[]
// writes dense_1_kernel_sqrt_out: f32[]
// 51 FLOP, 16 bytes at least; 1 tasks of 4096 elements
static void k07_add_update(
    int32_t *restrict step_,
    float *restrict dense_1_kernel_divide_out,
    float *restrict dense_1_kernel_sqrt_out,
    int64_t first, int64_t last)
{
    const int end = (int)(last * 4096 < 1 ? last * 4096 : 1);
    for (int i = (int)(first * 4096); i < end; i++) {
        const int step_new = netc_add(step_[0], 1);
        const float cast = (float)step_new;
        const float dense_1_kernel_power = powf(0.9f, cast);
        const float dense_1_kernel_subtract = (1.0f - dense_1_kernel_power);
        const float dense_1_kernel_divide = (0.01f / dense_1_kernel_subtract);
        const float dense_1_kernel_power_2 = powf(0.999f, cast);
        const float dense_1_kernel_subtract_2 = (1.0f - dense_1_kernel_power_2);
        const float dense_1_kernel_sqrt = sqrtf(dense_1_kernel_subtract_2);
        step_[0] = step_new;
        dense_1_kernel_divide_out[0] = dense_1_kernel_divide;
        dense_1_kernel_sqrt_out[0] = dense_1_kernel_sqrt;
    }
}

// k08_dense_2_backward: folds strided elements (sum, multiply, add, sqrt, divide, subtract)
// dense_2_gradient_sum[o, j] = sum over k < 24 of log_softmax_1_gradient_add[k * 3 + j]
//   for o < 1, j < 3
//   dense_2_bias_multiply_2 = (dense_2_gradient_sum * 0.1)
//   perceptron_dense_2_bias_mean_new = ((perceptron_dense_2_bias_mean[j] * 0.9) + dense_2_bias_multiply_2)
//   dense_2_bias_multiply_3 = (dense_2_gradient_sum * dense_2_gradient_sum)
//   dense_2_bias_multiply_5 = (dense_2_bias_multiply_3 * 0.001)
//   perceptron_dense_2_bias_square_new = ((perceptron_dense_2_bias_square[j] * 0.999) + dense_2_bias_multiply
//   dense_2_bias_sqrt = sqrt(perceptron_dense_2_bias_square_new)
//   dense_2_bias_divide = (dense_2_bias_sqrt / dense_1_kernel_sqrt[0])
//   dense_2_bias_add = (dense_2_bias_divide + 1e-08)
//   dense_2_bias_divide_2 = (perceptron_dense_2_bias_mean_new / dense_2_bias_add)
//   dense_2_bias_multiply_6 = (dense_2_bias_divide_2 * dense_1_kernel_divide[0])
//   perceptron_dense_2_bias_new = (perceptron_dense_2_bias[j] - dense_2_bias_multiply_6)
//   stores perceptron_dense_2_bias_mean[j], perceptron_dense_2_bias_square[j], perceptron_dense_2_bias[j]
// line 3: return x -> dense(20) -> relu -> dropout(0.25) -> dense(3)
// line 9: minimize cross_entropy(logits, y) with adam(lr=0.01)
// reads  log_softmax_1_gradient_add: f32[24, 3]
// reads  perceptron_dense_2_bias_mean: f32[3]
// reads  perceptron_dense_2_bias_square: f32[3]
// reads  dense_1_kernel_sqrt: f32[]
// reads  dense_1_kernel_divide: f32[]
// reads  perceptron_dense_2_bias: f32[3]
// writes perceptron_dense_2_bias_mean: f32[3]
// writes perceptron_dense_2_bias_square: f32[3]
// writes perceptron_dense_2_bias: f32[3]
// 132 FLOP, 368 bytes at least; 1 tasks of 3 columns
static void k08_dense_2_backward(
    float *restrict perceptron_dense_2_bias_mean,
    float *restrict perceptron_dense_2_bias_square,
    float *restrict perceptron_dense_2_bias,
    const float *restrict log_softmax_1_gradient_add,
    const float *restrict dense_1_kernel_sqrt,
    const float *restrict dense_1_kernel_divide,
    int64_t first, int64_t last)
{
    for (int64_t task = first; task < last; task++) {
        const int o = (int)(task / 1);
        const int start = (int)(task % 1) * 3;
        enum { width = 3 };
        float dense_2_gradient_sum_of[3];
        for (int at = 0; at < width; at++) dense_2_gradient_sum_of[at] = 0.0f;
        for (int k = 0; k < 24; k++) {
            for (int at = 0; at < width; at++) {
                const int j = start + at;
                const float dense_2_gradient_sum_value = log_softmax_1_gradient_add[k * 3 + j];
                const float dense_2_gradient_sum = dense_2_gradient_sum_of[at];
                dense_2_gradient_sum_of[at] = dense_2_gradient_sum + dense_2_gradient_sum_value;
            }
        }
        for (int at = 0; at < width; at++) {
            const int j = start + at;
            const float dense_2_gradient_sum = dense_2_gradient_sum_of[at];
            const float dense_2_bias_multiply_2 = (dense_2_gradient_sum * 0.09999999999999998f);
            const float perceptron_dense_2_bias_mean_new = ((perceptron_dense_2_bias_mean[j] * 0.9f) + dense_2_bias_multiply_2);
            const float dense_2_bias_multiply_3 = (dense_2_gradient_sum * dense_2_gradient_sum);
            const float dense_2_bias_multiply_5 = (dense_2_bias_multiply_3 * 0.0010000000000000009f);
            const float perceptron_dense_2_bias_square_new = ((perceptron_dense_2_bias_square[j] * 0.999f) + dense_2_bias_multiply_5);
            const float dense_2_bias_sqrt = sqrtf(perceptron_dense_2_bias_square_new);
            const float dense_2_bias_divide = (dense_2_bias_sqrt / dense_1_kernel_sqrt[0]);
            const float dense_2_bias_add = (dense_2_bias_divide + 1e-08f);
            const float dense_2_bias_divide_2 = (perceptron_dense_2_bias_mean_new / dense_2_bias_add);
            const float dense_2_bias_multiply_6 = (dense_2_bias_divide_2 * dense_1_kernel_divide[0]);
            const float perceptron_dense_2_bias_new = (perceptron_dense_2_bias[j] - dense_2_bias_multiply_6);
            perceptron_dense_2_bias_mean[j] = perceptron_dense_2_bias_mean_new;
            perceptron_dense_2_bias_square[j] = perceptron_dense_2_bias_square_new;
            perceptron_dense_2_bias[j] = perceptron_dense_2_bias_new;
        }
    }
}

// k09_dense_2_backward: matrix product (matmul, where, divide)
// dense_2_gradient_matmul[m, n] = sum over k < 3 of left[m, k] * right[k, n]
//   left[m, k] = log_softmax_1_gradient_add[m * 3 + k]
//   right[k, n] = perceptron_dense_2_kernel[n * 3 + k]
//   for m < 24, n < 20
//   dropout_1_gradient_where = (dropout_1_greater_equal[m * 20 + n] ? dense_2_gradient_matmul : 0)
//   dropout_1_gradient_divide = (dropout_1_gradient_where / 0.75)
//   perceptron_gradient_where = (perceptron_gradient_greater[m * 20 + n] ? dropout_1_gradient_divide : 0)
//   stores perceptron_gradient_where_out[m * 20 + n]
// line 3: return x -> dense(20) -> relu -> dropout(0.25) -> dense(3)
// reads  log_softmax_1_gradient_add: f32[24, 3]
// reads  perceptron_dense_2_kernel: f32[20, 3]
// reads  dropout_1_greater_equal: bool[24, 20]
// reads  perceptron_gradient_greater: bool[24, 20]
// writes perceptron_gradient_where_out: f32[24, 20]
// 5,760 FLOP, 3,408 bytes at least; 4 tasks of 12 x 16 in tiles of 6 x 16, depth 3 at a time
static void k09_dense_2_backward(
    float *restrict perceptron_gradient_where_out,
    const float *restrict log_softmax_1_gradient_add,
    const float *restrict perceptron_dense_2_kernel,
    const uint8_t *restrict dropout_1_greater_equal,
    const uint8_t *restrict perceptron_gradient_greater,
    int64_t first, int64_t last)
{
    float right[48] __attribute__((aligned(64))) = {0};
    float sums[192] __attribute__((aligned(64)));
    for (int64_t task = first; task < last; task++) {
        const int b = (int)(task / 4);
        const int row = (int)(task / 2 % 2) * 12;
        const int column = (int)(task % 2) * 16;
        const int rows = row + 12 <= 24 ? 12 : 24 - row;
        const int columns = column + 16 <= 20 ? 16 : 20 - column;
        for (int start = 0; start < 3; start += 3) {
            const int depth = start + 3 <= 3 ? 3 : 3 - start;
            for (int panel = 0; panel < columns; panel += 16) {
                float *const to = right + panel * 3;
                const int width = columns - panel < 16 ? columns - panel : 16;
                const int n = column + panel, k = start;
                netc_turn(perceptron_dense_2_kernel + n * 3 + k, 3, width, depth, to, 16);
            }
            for (int j = 0; j < columns; j += 16)
                for (int i = 0; i < rows; i += 6) {
                    const int m = row + i, n = column + j, k = start;
                    netc_product_6x16(
                        log_softmax_1_gradient_add + m * 3 + k, 3, 1,
                        right + j * 3, 16,
                        depth, start > 0, sums + i * 16 + j, 16);
                }
        }
        for (int i = 0; i < rows; i++) {
            const int m = row + i;
            for (int j = 0; j < columns; j++) {
                const int n = column + j;
                const float dense_2_gradient_matmul = sums[i * 16 + j];
                const float dropout_1_gradient_where = netc_where(dropout_1_greater_equal[m * 20 + n], dense_2_gradient_matmul, 0.0f);
                const float dropout_1_gradient_divide = (dropout_1_gradient_where / 0.75f);
                const float perceptron_gradient_where = netc_where(perceptron_gradient_greater[m * 20 + n], dropout_1_gradient_divide, 0.0f);
                perceptron_gradient_where_out[m * 20 + n] = perceptron_gradient_where;
            }
        }
    }
}

// k10_dense_2_backward: matrix product (matmul, multiply, add, sqrt, divide, subtract)
// dense_2_gradient_matmul_2[m, n] = sum over k < 24 of left[m, k] * right[k, n]
//   left[m, k] = dropout_1_where[k * 20 + m]
//   right[k, n] = log_softmax_1_gradient_add[k * 3 + n]
//   for m < 20, n < 3
//   dense_2_kernel_multiply_2 = (dense_2_gradient_matmul_2 * 0.1)
//   perceptron_dense_2_kernel_mean_new = ((perceptron_dense_2_kernel_mean[m * 3 + n] * 0.9) + dense_2_kernel_
//   dense_2_kernel_multiply_3 = (dense_2_gradient_matmul_2 * dense_2_gradient_matmul_2)
//   dense_2_kernel_multiply_5 = (dense_2_kernel_multiply_3 * 0.001)
//   perceptron_dense_2_kernel_square_new = ((perceptron_dense_2_kernel_square[m * 3 + n] * 0.999) + dense_2_k
//   dense_2_kernel_sqrt = sqrt(perceptron_dense_2_kernel_square_new)
//   dense_2_kernel_divide = (dense_2_kernel_sqrt / dense_1_kernel_sqrt[0])
//   dense_2_kernel_add = (dense_2_kernel_divide + 1e-08)
//   dense_2_kernel_divide_2 = (perceptron_dense_2_kernel_mean_new / dense_2_kernel_add)
//   dense_2_kernel_multiply_6 = (dense_2_kernel_divide_2 * dense_1_kernel_divide[0])
//   perceptron_dense_2_kernel_new = (perceptron_dense_2_kernel[m * 3 + n] - dense_2_kernel_multiply_6)
//   stores perceptron_dense_2_kernel_mean[m * 3 + n], perceptron_dense_2_kernel_square[m * 3 + n], perceptron
// line 3: return x -> dense(20) -> relu -> dropout(0.25) -> dense(3)
// line 9: minimize cross_entropy(logits, y) with adam(lr=0.01)
// reads  dropout_1_where: f32[24, 20]
// reads  log_softmax_1_gradient_add: f32[24, 3]
// reads  perceptron_dense_2_kernel_mean: f32[20, 3]
// reads  perceptron_dense_2_kernel_square: f32[20, 3]
// reads  dense_1_kernel_sqrt: f32[]
// reads  dense_1_kernel_divide: f32[]
// reads  perceptron_dense_2_kernel: f32[20, 3]
// writes perceptron_dense_2_kernel_mean: f32[20, 3]
// writes perceptron_dense_2_kernel_square: f32[20, 3]
// writes perceptron_dense_2_kernel: f32[20, 3]
// 4,080 FLOP, 3,656 bytes at least; 2 tasks of 10 x 8 in tiles of 10 x 8, depth 24 at a time
static void k10_dense_2_backward(
    float *restrict perceptron_dense_2_kernel_mean,
    float *restrict perceptron_dense_2_kernel_square,
    float *restrict perceptron_dense_2_kernel,
    const float *restrict dropout_1_where,
    const float *restrict log_softmax_1_gradient_add,
    const float *restrict dense_1_kernel_sqrt,
    const float *restrict dense_1_kernel_divide,
    int64_t first, int64_t last)
{
    float right[192] __attribute__((aligned(64))) = {0};
    float sums[80] __attribute__((aligned(64)));
    {
        enum { column = 0, columns = 3, start = 0, depth = 24 };
        for (int panel = 0; panel < columns; panel += 8) {
            float *const to = right + panel * 24;
            const int width = columns - panel < 8 ? columns - panel : 8;
            for (int d = 0; d < depth; d++)
                for (int j = 0; j < width; j += 3) {
                    const int n = column + panel + j, k = start + d;
                    memcpy(to + d * 8 + j, log_softmax_1_gradient_add + k * 3 + n, 3 * sizeof(float));
                }
        }
    }
    for (int64_t task = first; task < last; task++) {
        const int b = (int)(task / 2);
        const int row = (int)(task / 1 % 2) * 10;
        const int column = (int)(task % 1) * 8;
        const int rows = row + 10 <= 20 ? 10 : 20 - row;
        const int columns = column + 8 <= 3 ? 8 : 3 - column;
        for (int start = 0; start < 24; start += 24) {
            const int depth = start + 24 <= 24 ? 24 : 24 - start;
            for (int j = 0; j < columns; j += 8)
                for (int i = 0; i < rows; i += 10) {
                    const int m = row + i, n = column + j, k = start;
                    netc_product_10x8(
                        dropout_1_where + k * 20 + m, 1, 20,
                        right + j * 24, 8,
                        depth, start > 0, sums + i * 8 + j, 8);
                }
        }
        for (int i = 0; i < rows; i++) {
            const int m = row + i;
            for (int j = 0; j < columns; j++) {
                const int n = column + j;
                const float dense_2_gradient_matmul_2 = sums[i * 8 + j];
                const float dense_2_kernel_multiply_2 = (dense_2_gradient_matmul_2 * 0.09999999999999998f);
                const float perceptron_dense_2_kernel_mean_new = ((perceptron_dense_2_kernel_mean[m * 3 + n] * 0.9f) + dense_2_kernel_multiply_2);
                const float dense_2_kernel_multiply_3 = (dense_2_gradient_matmul_2 * dense_2_gradient_matmul_2);
                const float dense_2_kernel_multiply_5 = (dense_2_kernel_multiply_3 * 0.0010000000000000009f);
                const float perceptron_dense_2_kernel_square_new = ((perceptron_dense_2_kernel_square[m * 3 + n] * 0.999f) + dense_2_kernel_multiply_5);
                const float dense_2_kernel_sqrt = sqrtf(perceptron_dense_2_kernel_square_new);
                const float dense_2_kernel_divide = (dense_2_kernel_sqrt / dense_1_kernel_sqrt[0]);
                const float dense_2_kernel_add = (dense_2_kernel_divide + 1e-08f);
                const float dense_2_kernel_divide_2 = (perceptron_dense_2_kernel_mean_new / dense_2_kernel_add);
                const float dense_2_kernel_multiply_6 = (dense_2_kernel_divide_2 * dense_1_kernel_divide[0]);
                const float perceptron_dense_2_kernel_new = (perceptron_dense_2_kernel[m * 3 + n] - dense_2_kernel_multiply_6);
                perceptron_dense_2_kernel_mean[m * 3 + n] = perceptron_dense_2_kernel_mean_new;
                perceptron_dense_2_kernel_square[m * 3 + n] = perceptron_dense_2_kernel_square_new;
                perceptron_dense_2_kernel[m * 3 + n] = perceptron_dense_2_kernel_new;
            }
        }
    }
}

// k11_dense_1_backward: folds strided elements (sum, multiply, add, sqrt, divide, subtract)
// dense_1_gradient_sum[o, j] = sum over k < 24 of perceptron_gradient_where[k * 20 + j]
//   for o < 1, j < 20
//   dense_1_bias_multiply_2 = (dense_1_gradient_sum * 0.1)
//   perceptron_dense_1_bias_mean_new = ((perceptron_dense_1_bias_mean[j] * 0.9) + dense_1_bias_multiply_2)
//   dense_1_bias_multiply_3 = (dense_1_gradient_sum * dense_1_gradient_sum)
//   dense_1_bias_multiply_5 = (dense_1_bias_multiply_3 * 0.001)
//   perceptron_dense_1_bias_square_new = ((perceptron_dense_1_bias_square[j] * 0.999) + dense_1_bias_multiply
//   dense_1_bias_sqrt = sqrt(perceptron_dense_1_bias_square_new)
//   dense_1_bias_divide = (dense_1_bias_sqrt / dense_1_kernel_sqrt[0])
//   dense_1_bias_add = (dense_1_bias_divide + 1e-08)
//   dense_1_bias_divide_2 = (perceptron_dense_1_bias_mean_new / dense_1_bias_add)
//   dense_1_bias_multiply_6 = (dense_1_bias_divide_2 * dense_1_kernel_divide[0])
//   perceptron_dense_1_bias_new = (perceptron_dense_1_bias[j] - dense_1_bias_multiply_6)
//   stores perceptron_dense_1_bias_mean[j], perceptron_dense_1_bias_square[j], perceptron_dense_1_bias[j]
// line 3: return x -> dense(20) -> relu -> dropout(0.25) -> dense(3)
// line 9: minimize cross_entropy(logits, y) with adam(lr=0.01)
// reads  perceptron_gradient_where: f32[24, 20]
// reads  perceptron_dense_1_bias_mean: f32[20]
// reads  perceptron_dense_1_bias_square: f32[20]
// reads  dense_1_kernel_sqrt: f32[]
// reads  dense_1_kernel_divide: f32[]
// reads  perceptron_dense_1_bias: f32[20]
// writes perceptron_dense_1_bias_mean: f32[20]
// writes perceptron_dense_1_bias_square: f32[20]
// writes perceptron_dense_1_bias: f32[20]
// 880 FLOP, 2,408 bytes at least; 2 tasks of 16 columns
static void k11_dense_1_backward(
    float *restrict perceptron_dense_1_bias_mean,
    float *restrict perceptron_dense_1_bias_square,
    float *restrict perceptron_dense_1_bias,
    const float *restrict perceptron_gradient_where,
    const float *restrict dense_1_kernel_sqrt,
    const float *restrict dense_1_kernel_divide,
    int64_t first, int64_t last)
{
    for (int64_t task = first; task < last; task++) {
        const int o = (int)(task / 2);
        const int start = (int)(task % 2) * 16;
        const int width = start + 16 <= 20 ? 16 : 20 - start;
        float dense_1_gradient_sum_of[16];
        for (int at = 0; at < width; at++) dense_1_gradient_sum_of[at] = 0.0f;
        for (int k = 0; k < 24; k++) {
            for (int at = 0; at < width; at++) {
                const int j = start + at;
                const float dense_1_gradient_sum_value = perceptron_gradient_where[k * 20 + j];
                const float dense_1_gradient_sum = dense_1_gradient_sum_of[at];
                dense_1_gradient_sum_of[at] = dense_1_gradient_sum + dense_1_gradient_sum_value;
            }
        }
        for (int at = 0; at < width; at++) {
            const int j = start + at;
            const float dense_1_gradient_sum = dense_1_gradient_sum_of[at];
            const float dense_1_bias_multiply_2 = (dense_1_gradient_sum * 0.09999999999999998f);
            const float perceptron_dense_1_bias_mean_new = ((perceptron_dense_1_bias_mean[j] * 0.9f) + dense_1_bias_multiply_2);
            const float dense_1_bias_multiply_3 = (dense_1_gradient_sum * dense_1_gradient_sum);
            const float dense_1_bias_multiply_5 = (dense_1_bias_multiply_3 * 0.0010000000000000009f);
            const float perceptron_dense_1_bias_square_new = ((perceptron_dense_1_bias_square[j] * 0.999f) + dense_1_bias_multiply_5);
            const float dense_1_bias_sqrt = sqrtf(perceptron_dense_1_bias_square_new);
            const float dense_1_bias_divide = (dense_1_bias_sqrt / dense_1_kernel_sqrt[0]);
            const float dense_1_bias_add = (dense_1_bias_divide + 1e-08f);
            const float dense_1_bias_divide_2 = (perceptron_dense_1_bias_mean_new / dense_1_bias_add);
            const float dense_1_bias_multiply_6 = (dense_1_bias_divide_2 * dense_1_kernel_divide[0]);
            const float perceptron_dense_1_bias_new = (perceptron_dense_1_bias[j] - dense_1_bias_multiply_6);
            perceptron_dense_1_bias_mean[j] = perceptron_dense_1_bias_mean_new;
            perceptron_dense_1_bias_square[j] = perceptron_dense_1_bias_square_new;
            perceptron_dense_1_bias[j] = perceptron_dense_1_bias_new;
        }
    }
}

// k12_dense_1_backward: matrix product (matmul, multiply, add, sqrt, divide, subtract)
// dense_1_gradient_matmul[m, n] = sum over k < 24 of left[m, k] * right[k, n]
//   left[m, k] = x_[k * 12 + m]
//   right[k, n] = perceptron_gradient_where[k * 20 + n]
//   for m < 12, n < 20
//   dense_1_kernel_multiply_2 = (dense_1_gradient_matmul * 0.1)
//   perceptron_dense_1_kernel_mean_new = ((perceptron_dense_1_kernel_mean[m * 20 + n] * 0.9) + dense_1_kernel
//   dense_1_kernel_multiply_3 = (dense_1_gradient_matmul * dense_1_gradient_matmul)
//   dense_1_kernel_multiply_5 = (dense_1_kernel_multiply_3 * 0.001)
//   perceptron_dense_1_kernel_square_new = ((perceptron_dense_1_kernel_square[m * 20 + n] * 0.999) + dense_1_
//   dense_1_kernel_sqrt_2 = sqrt(perceptron_dense_1_kernel_square_new)
//   dense_1_kernel_divide_2 = (dense_1_kernel_sqrt_2 / dense_1_kernel_sqrt[0])
//   dense_1_kernel_add = (dense_1_kernel_divide_2 + 1e-08)
//   dense_1_kernel_divide_3 = (perceptron_dense_1_kernel_mean_new / dense_1_kernel_add)
//   dense_1_kernel_multiply_6 = (dense_1_kernel_divide_3 * dense_1_kernel_divide[0])
//   perceptron_dense_1_kernel_new = (perceptron_dense_1_kernel[m * 20 + n] - dense_1_kernel_multiply_6)
//   stores perceptron_dense_1_kernel_mean[m * 20 + n], perceptron_dense_1_kernel_square[m * 20 + n], perceptr
// line 3: return x -> dense(20) -> relu -> dropout(0.25) -> dense(3)
// line 9: minimize cross_entropy(logits, y) with adam(lr=0.01)
// reads  x_: f32[24, 12]
// reads  perceptron_gradient_where: f32[24, 20]
// reads  perceptron_dense_1_kernel_mean: f32[12, 20]
// reads  perceptron_dense_1_kernel_square: f32[12, 20]
// reads  dense_1_kernel_sqrt: f32[]
// reads  dense_1_kernel_divide: f32[]
// reads  perceptron_dense_1_kernel: f32[12, 20]
// writes perceptron_dense_1_kernel_mean: f32[12, 20]
// writes perceptron_dense_1_kernel_square: f32[12, 20]
// writes perceptron_dense_1_kernel: f32[12, 20]
// 16,320 FLOP, 8,840 bytes at least; 4 tasks of 6 x 16 in tiles of 6 x 16, depth 24 at a time
static void k12_dense_1_backward(
    float *restrict perceptron_dense_1_kernel_mean,
    float *restrict perceptron_dense_1_kernel_square,
    float *restrict perceptron_dense_1_kernel,
    const float *restrict x_,
    const float *restrict perceptron_gradient_where,
    const float *restrict dense_1_kernel_sqrt,
    const float *restrict dense_1_kernel_divide,
    int64_t first, int64_t last)
{
    float right[384] __attribute__((aligned(64))) = {0};
    float sums[96] __attribute__((aligned(64)));
    for (int64_t task = first; task < last; task++) {
        const int b = (int)(task / 4);
        const int row = (int)(task / 2 % 2) * 6;
        const int column = (int)(task % 2) * 16;
        const int rows = row + 6 <= 12 ? 6 : 12 - row;
        const int columns = column + 16 <= 20 ? 16 : 20 - column;
        for (int start = 0; start < 24; start += 24) {
            const int depth = start + 24 <= 24 ? 24 : 24 - start;
            for (int panel = 0; panel < columns; panel += 16) {
                float *const to = right + panel * 24;
                const int width = columns - panel < 16 ? columns - panel : 16;
                for (int d = 0; d < depth; d++)
                    for (int j = 0; j < width; j += 4) {
                        const int n = column + panel + j, k = start + d;
                        memcpy(to + d * 16 + j, perceptron_gradient_where + k * 20 + n, 4 * sizeof(float));
                    }
            }
            for (int j = 0; j < columns; j += 16)
                for (int i = 0; i < rows; i += 6) {
                    const int m = row + i, n = column + j, k = start;
                    netc_product_6x16(
                        x_ + k * 12 + m, 1, 12,
                        right + j * 24, 16,
                        depth, start > 0, sums + i * 16 + j, 16);
                }
        }
        for (int i = 0; i < rows; i++) {
            const int m = row + i;
            for (int j = 0; j < columns; j++) {
                const int n = column + j;
                const float dense_1_gradient_matmul = sums[i * 16 + j];
                const float dense_1_kernel_multiply_2 = (dense_1_gradient_matmul * 0.09999999999999998f);
                const float perceptron_dense_1_kernel_mean_new = ((perceptron_dense_1_kernel_mean[m * 20 + n] * 0.9f) + dense_1_kernel_multiply_2);
                const float dense_1_kernel_multiply_3 = (dense_1_gradient_matmul * dense_1_gradient_matmul);
                const float dense_1_kernel_multiply_5 = (dense_1_kernel_multiply_3 * 0.0010000000000000009f);
                const float perceptron_dense_1_kernel_square_new = ((perceptron_dense_1_kernel_square[m * 20 + n] * 0.999f) + dense_1_kernel_multiply_5);
                const float dense_1_kernel_sqrt_2 = sqrtf(perceptron_dense_1_kernel_square_new);
                const float dense_1_kernel_divide_2 = (dense_1_kernel_sqrt_2 / dense_1_kernel_sqrt[0]);
                const float dense_1_kernel_add = (dense_1_kernel_divide_2 + 1e-08f);
                const float dense_1_kernel_divide_3 = (perceptron_dense_1_kernel_mean_new / dense_1_kernel_add);
                const float dense_1_kernel_multiply_6 = (dense_1_kernel_divide_3 * dense_1_kernel_divide[0]);
                const float perceptron_dense_1_kernel_new = (perceptron_dense_1_kernel[m * 20 + n] - dense_1_kernel_multiply_6);
                perceptron_dense_1_kernel_mean[m * 20 + n] = perceptron_dense_1_kernel_mean_new;
                perceptron_dense_1_kernel_square[m * 20 + n] = perceptron_dense_1_kernel_square_new;
                perceptron_dense_1_kernel[m * 20 + n] = perceptron_dense_1_kernel_new;
            }
        }
    }
}

// A field of the data: rows of `bytes` bytes, one for each sample.
typedef struct { const unsigned char *rows; int64_t bytes; } netc_field;

typedef struct {
    unsigned char *arena;
    const netc_field *fields;
    const int64_t *order;  // which rows make up the batches, or NULL for one after the other
    int64_t steps;
    float *log;            // 2 numbers for each step
} netc_call;

static void train_take(const netc_call *call, int64_t step, int64_t first, int64_t last)
{
    for (int64_t i = first; i < last; i++) {
        const int64_t place = step * 24 + i;
        const int64_t row = call->order ? call->order[place] : place;
        memcpy(call->arena + 9984 + i * 48, call->fields[0].rows + row * 48, 48);  // x
        memcpy(call->arena + 8448 + i * 4, call->fields[1].rows + row * 4, 4);  // y
    }
}

static void train_report(const netc_call *call, int64_t step)
{
    call->log[step * 2 + 0] = (float)*(float *)(call->arena + 12800);  // loss
    call->log[step * 2 + 1] = (float)*(float *)(call->arena + 13056);  // accuracy
}

static void train_job(void *context, int thread, int threads)
{
    const netc_call *call = context;
    unsigned char *const arena = call->arena;
    netc_claim claim = {.thread = thread};
    int64_t first, last;
    uint32_t phase = 0;
    for (int64_t step = 0; step < call->steps; step++) {
        for (; netc_next(&claim, phase, 24, 24); netc_finish(&claim, 24))
            train_take(call, step, claim.first, claim.last);
        phase++;
        for (; netc_next(&claim, phase, 1, 1); netc_finish(&claim, 1)) {
            NETC_TIMED(0,
            k01_dense_1_forward(
                (float *)(arena + 5888),  // dropout_1_divide_out
                (uint8_t *)(arena + 11264),  // perceptron_gradient_greater_out
                (float *)(arena + 9984),  // x_
                (float *)(arena + 0),  // perceptron_dense_1_kernel
                (float *)(arena + 1024),  // perceptron_dense_1_bias
                claim.first * 4, claim.last * 4));
            NETC_TIMED(1,
            k02_dropout_1_forward(
                (float *)(arena + 5888),  // dropout_1_divide
                (uint8_t *)(arena + 11776),  // dropout_1_greater_equal_out
                (int32_t *)(arena + 5376),  // seed
                (int32_t *)(arena + 5632),  // step_
                claim.first * 1, claim.last * 1));
            NETC_TIMED(2,
            k03_dense_2_forward(
                (float *)(arena + 7936),  // dense_2_add_out
                (float *)(arena + 5888),  // dropout_1_where
                (float *)(arena + 1280),  // perceptron_dense_2_kernel
                (float *)(arena + 1536),  // perceptron_dense_2_bias
                claim.first * 2, claim.last * 2));
            NETC_TIMED(3,
            k04_cross_entropy_1_log_softmax_1_forward(
                (float *)(arena + 8960),  // cross_entropy_1_negate_out
                (float *)(arena + 8704),  // accuracy_1_cast_out
                (float *)(arena + 12288),  // log_softmax_1_gradient_add_out
                (float *)(arena + 7936),  // dense_2_add
                (int32_t *)(arena + 8448),  // y_
                claim.first * 24, claim.last * 24));
            NETC_TIMED(4,
            k05_cross_entropy_1_average_1_forward(
                (float *)(arena + 12800),  // average_1_divide_out
                (float *)(arena + 8960),  // cross_entropy_1_negate
                claim.first * 1, claim.last * 1));
            NETC_TIMED(5,
            k06_accuracy_1_average_1_forward(
                (float *)(arena + 13056),  // average_1_divide_2_out
                (float *)(arena + 8704),  // accuracy_1_cast
                claim.first * 1, claim.last * 1));
            NETC_TIMED(6,
            k07_add_update(
                (int32_t *)(arena + 5632),  // step_
                (float *)(arena + 13312),  // dense_1_kernel_divide_out
                (float *)(arena + 13568),  // dense_1_kernel_sqrt_out
                claim.first * 1, claim.last * 1));
            NETC_TIMED(7,
            k08_dense_2_backward(
                (float *)(arena + 4864),  // perceptron_dense_2_bias_mean
                (float *)(arena + 5120),  // perceptron_dense_2_bias_square
                (float *)(arena + 1536),  // perceptron_dense_2_bias
                (float *)(arena + 12288),  // log_softmax_1_gradient_add
                (float *)(arena + 13568),  // dense_1_kernel_sqrt
                (float *)(arena + 13312),  // dense_1_kernel_divide
                claim.first * 1, claim.last * 1));
            NETC_TIMED(8,
            k09_dense_2_backward(
                (float *)(arena + 7936),  // perceptron_gradient_where_out
                (float *)(arena + 12288),  // log_softmax_1_gradient_add
                (float *)(arena + 1280),  // perceptron_dense_2_kernel
                (uint8_t *)(arena + 11776),  // dropout_1_greater_equal
                (uint8_t *)(arena + 11264),  // perceptron_gradient_greater
                claim.first * 4, claim.last * 4));
            NETC_TIMED(9,
            k10_dense_2_backward(
                (float *)(arena + 4352),  // perceptron_dense_2_kernel_mean
                (float *)(arena + 4608),  // perceptron_dense_2_kernel_square
                (float *)(arena + 1280),  // perceptron_dense_2_kernel
                (float *)(arena + 5888),  // dropout_1_where
                (float *)(arena + 12288),  // log_softmax_1_gradient_add
                (float *)(arena + 13568),  // dense_1_kernel_sqrt
                (float *)(arena + 13312),  // dense_1_kernel_divide
                claim.first * 2, claim.last * 2));
            NETC_TIMED(10,
            k11_dense_1_backward(
                (float *)(arena + 3840),  // perceptron_dense_1_bias_mean
                (float *)(arena + 4096),  // perceptron_dense_1_bias_square
                (float *)(arena + 1024),  // perceptron_dense_1_bias
                (float *)(arena + 7936),  // perceptron_gradient_where
                (float *)(arena + 13568),  // dense_1_kernel_sqrt
                (float *)(arena + 13312),  // dense_1_kernel_divide
                claim.first * 2, claim.last * 2));
        }
        phase++;
        for (; netc_next(&claim, phase, 4, 4); netc_finish(&claim, 4)) {
            NETC_TIMED(11,
            k12_dense_1_backward(
                (float *)(arena + 1792),  // perceptron_dense_1_kernel_mean
                (float *)(arena + 2816),  // perceptron_dense_1_kernel_square
                (float *)(arena + 0),  // perceptron_dense_1_kernel
                (float *)(arena + 9984),  // x_
                (float *)(arena + 7936),  // perceptron_gradient_where
                (float *)(arena + 13568),  // dense_1_kernel_sqrt
                (float *)(arena + 13312),  // dense_1_kernel_divide
                claim.first, claim.last));
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
        k01_dense_1_forward(
            (float *)(arena + 5888),  // dropout_1_divide_out
            (uint8_t *)(arena + 11264),  // perceptron_gradient_greater_out
            (float *)(arena + 9984),  // x_
            (float *)(arena + 0),  // perceptron_dense_1_kernel
            (float *)(arena + 1024),  // perceptron_dense_1_bias
            0, whole * 4);
        break;
    case 1:
        k02_dropout_1_forward(
            (float *)(arena + 5888),  // dropout_1_divide
            (uint8_t *)(arena + 11776),  // dropout_1_greater_equal_out
            (int32_t *)(arena + 5376),  // seed
            (int32_t *)(arena + 5632),  // step_
            0, whole * 1);
        break;
    case 2:
        k03_dense_2_forward(
            (float *)(arena + 7936),  // dense_2_add_out
            (float *)(arena + 5888),  // dropout_1_where
            (float *)(arena + 1280),  // perceptron_dense_2_kernel
            (float *)(arena + 1536),  // perceptron_dense_2_bias
            0, whole * 2);
        break;
    case 3:
        k04_cross_entropy_1_log_softmax_1_forward(
            (float *)(arena + 8960),  // cross_entropy_1_negate_out
            (float *)(arena + 8704),  // accuracy_1_cast_out
            (float *)(arena + 12288),  // log_softmax_1_gradient_add_out
            (float *)(arena + 7936),  // dense_2_add
            (int32_t *)(arena + 8448),  // y_
            0, whole * 24);
        break;
    case 4:
        k05_cross_entropy_1_average_1_forward(
            (float *)(arena + 12800),  // average_1_divide_out
            (float *)(arena + 8960),  // cross_entropy_1_negate
            0, whole * 1);
        break;
    case 5:
        k06_accuracy_1_average_1_forward(
            (float *)(arena + 13056),  // average_1_divide_2_out
            (float *)(arena + 8704),  // accuracy_1_cast
            0, whole * 1);
        break;
    case 6:
        k07_add_update(
            (int32_t *)(arena + 5632),  // step_
            (float *)(arena + 13312),  // dense_1_kernel_divide_out
            (float *)(arena + 13568),  // dense_1_kernel_sqrt_out
            0, whole * 1);
        break;
    case 7:
        k08_dense_2_backward(
            (float *)(arena + 4864),  // perceptron_dense_2_bias_mean
            (float *)(arena + 5120),  // perceptron_dense_2_bias_square
            (float *)(arena + 1536),  // perceptron_dense_2_bias
            (float *)(arena + 12288),  // log_softmax_1_gradient_add
            (float *)(arena + 13568),  // dense_1_kernel_sqrt
            (float *)(arena + 13312),  // dense_1_kernel_divide
            0, whole * 1);
        break;
    case 8:
        k09_dense_2_backward(
            (float *)(arena + 7936),  // perceptron_gradient_where_out
            (float *)(arena + 12288),  // log_softmax_1_gradient_add
            (float *)(arena + 1280),  // perceptron_dense_2_kernel
            (uint8_t *)(arena + 11776),  // dropout_1_greater_equal
            (uint8_t *)(arena + 11264),  // perceptron_gradient_greater
            0, whole * 4);
        break;
    case 9:
        k10_dense_2_backward(
            (float *)(arena + 4352),  // perceptron_dense_2_kernel_mean
            (float *)(arena + 4608),  // perceptron_dense_2_kernel_square
            (float *)(arena + 1280),  // perceptron_dense_2_kernel
            (float *)(arena + 5888),  // dropout_1_where
            (float *)(arena + 12288),  // log_softmax_1_gradient_add
            (float *)(arena + 13568),  // dense_1_kernel_sqrt
            (float *)(arena + 13312),  // dense_1_kernel_divide
            0, whole * 2);
        break;
    case 10:
        k11_dense_1_backward(
            (float *)(arena + 3840),  // perceptron_dense_1_bias_mean
            (float *)(arena + 4096),  // perceptron_dense_1_bias_square
            (float *)(arena + 1024),  // perceptron_dense_1_bias
            (float *)(arena + 7936),  // perceptron_gradient_where
            (float *)(arena + 13568),  // dense_1_kernel_sqrt
            (float *)(arena + 13312),  // dense_1_kernel_divide
            0, whole * 2);
        break;
    case 11:
        k12_dense_1_backward(
            (float *)(arena + 1792),  // perceptron_dense_1_kernel_mean
            (float *)(arena + 2816),  // perceptron_dense_1_kernel_square
            (float *)(arena + 0),  // perceptron_dense_1_kernel
            (float *)(arena + 9984),  // x_
            (float *)(arena + 7936),  // perceptron_gradient_where
            (float *)(arena + 13568),  // dense_1_kernel_sqrt
            (float *)(arena + 13312),  // dense_1_kernel_divide
            0, whole * 4);
        break;
    }
}
