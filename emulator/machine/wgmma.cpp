// wgmma: a matrix product of a warpgroup, from swizzled shared memory into registers.
//
// The operations of a warpgroup are collected from its 128 threads and done when all of them wait:
// results that are read before the wait are the old ones.
#include "machine.h"
#include <string.h>

constexpr int GROUP = 128;

struct Product {
    uint64_t a, b; // descriptors of the operands
    int columns;
    bool adds;
    int line;
    float *d[GROUP];
};

struct Warpgroup {
    std::vector<Product> products;
    int issued[GROUP]; // by each thread, since the last wait
    int waiting;
};

static Warpgroup groups[MAXIMUM_THREADS / GROUP];

void begin_wgmma()
{
    for (Warpgroup &group : groups) {
        group.products.clear();
        memset(group.issued, 0, sizeof group.issued);
        group.waiting = 0;
    }
}

static float from_bf16(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float number;
    memcpy(&number, &wide, 4);
    return number;
}

// Eight bf16 of one row lie together; each of the four warps reads them.
static void touch_operand(uint64_t offset, int group, int line)
{
    for (int warp = 0; warp < GROUP / WARP; warp++) {
        const int thread = group * GROUP + warp * WARP;
        const Toucher by = {thread, own_clock(thread), Proxy::wgmma_read};
        touch_as(by, (uint64_t)dynamic_shared + offset, 16, Access::read, line);
    }
}

// An operand with k along memory: 16 columns of rows of 128 bytes, swizzled by 128 bytes.
static void load_operand(uint64_t descriptor, int rows, float (*out)[16], int group, int line)
{
    const uint64_t start = (descriptor & 0x3fff) << 4, stride = (descriptor >> 32 & 0x3fff) << 4;
    if (descriptor >> 62 != 1)
        fail({"misuse", group * GROUP, line, 0, nullptr, 0},
             "only the swizzle of 128 bytes is emulated");
    for (int row = 0; row < rows; row++)
        for (int k = 0; k < 16; k++) {
            uint64_t offset = start + (uint64_t)(row / 8) * stride + (row % 8) * 128 + k * 2;
            offset ^= (offset >> 7 & 7) << 4;
            if (is_checked() && k % 8 == 0) touch_operand(offset, group, line);
            uint16_t bits;
            memcpy(&bits, dynamic_shared + offset, 2);
            out[row][k] = from_bf16(bits);
        }
}

static void add_products(const Product &product, int thread, const float (*a)[16],
                         const float (*b)[16])
{
    const int warp = thread / WARP, group = lane_of(thread) / 4, place = lane_of(thread) % 4;
    float *d = product.d[thread];
    for (int i = 0; i < product.columns / 2; i++) {
        const int row = 16 * warp + group + 8 * (i / 2 % 2),
                  column = 8 * (i / 4) + 2 * place + i % 2;
        float sum = product.adds ? d[i] : 0;
        for (int k = 0; k < 16; k++) sum += a[row][k] * b[column][k];
        d[i] = sum;
    }
}

static void run(const Product &product, int group)
{
    static float a[64][16], b[256][16];
    load_operand(product.a, 64, a, group, product.line);
    load_operand(product.b, product.columns, b, group, product.line);
    for (int thread = 0; thread < GROUP; thread++) add_products(product, thread, a, b);
}

extern "C" void machine_wgmma(float *d, int columns, uint64_t a, uint64_t b, int adds, int line)
{
    Warpgroup &group = groups[machine.current / GROUP];
    const int lane = machine.current % GROUP;
    const size_t number = (size_t)group.issued[lane]++;
    if (number == group.products.size())
        group.products.push_back({a, b, columns, adds != 0, line, {}});
    Product &product = group.products[number];
    if (product.a != a || product.b != b || product.line != line)
        fail(finding_here("warp divergence", line),
             "the threads of the warpgroup give wgmma different operands");
    product.d[lane] = d;
}

static void complete(Warpgroup &group, int number)
{
    for (const Product &product : group.products) run(product, number);
    group.products.clear();
    memset(group.issued, 0, sizeof group.issued);
    group.waiting = 0;
    for (int lane = 0; lane < GROUP; lane++) {
        const int thread = number * GROUP + lane;
        if (machine.threads[thread].state == State::at_wgmma) make_ready(thread);
    }
}

// All operations are done, however many may stay under way: the earliest that hardware may be.
extern "C" void machine_wgmma_wait(int line)
{
    const int number = machine.current / GROUP;
    if (++groups[number].waiting == GROUP) return complete(groups[number], number);
    current().line = line;
    wait_as(State::at_wgmma);
}
