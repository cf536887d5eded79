// wgmma: a matrix product of a warpgroup, from swizzled shared memory into registers.
//
// Each warp makes its sixteen rows: at once, or, late, when it waits for the group that holds the
// product. Then results that are read before the wait are the old ones, and of operands that have
// changed by then the new ones are multiplied.
#include "machine.h"
#include "numbers.h"

constexpr int WARPS = MAXIMUM_THREADS / WARP, GROUP_WARPS = 4;
constexpr int ROWS = 64, DEEPEST = 16, MOST_COLUMNS = 256;

struct Product {
    uint64_t a, b; // descriptors of the operands
    int kind, columns;
    bool adds;
    int line;
    float *d[WARP];
};

// The sums of a warp as a product left them, lane after lane.
struct Sums {
    const float *of_first_lane;
    std::vector<float> values;
};

struct Warp {
    std::vector<Product> issued;
    std::vector<size_t> ends; // of the groups that were committed
    size_t done;
    bool is_fenced, was_fenced;
    std::vector<Sums> left;
};

static Warp warps[WARPS];
static bool are_used;

void begin_wgmma()
{
    if (!are_used) return;
    for (Warp &warp : warps) warp = Warp();
    are_used = false;
}

static Warp &of(int thread) { return warps[thread / WARP]; }
static int columns_each(const Product &product) { return product.columns / 2; }

// --- operands

struct Operand {
    uint64_t start, lead, stride;
    int span; // of the swizzle
};

static Operand decode(uint64_t descriptor, int thread, int line)
{
    static const int spans[] = {16, 128, 64, 32};
    if (descriptor >> 49 & 7)
        fail({"misuse", thread, line, 0, nullptr, 0},
             "a descriptor with a base offset is not emulated");
    return {(descriptor & 0x3fff) << 4, (descriptor >> 16 & 0x3fff) << 4,
            (descriptor >> 32 & 0x3fff) << 4, spans[descriptor >> 62]};
}

// Eight lines lie together, those of the depth's 32 bytes within the span of the swizzle. Without a
// swizzle a line holds 16 bytes, and `lead` leads to the next 16 of the depth.
static uint64_t offset_of(const Operand &operand, int row, int byte)
{
    const uint64_t eight = operand.start + (uint64_t)(row / 8) * operand.stride;
    if (operand.span == 16)
        return eight + (uint64_t)(byte / 16) * operand.lead + row % 8 * 16 + byte % 16;
    return swizzled(eight + (uint64_t)(row % 8 * operand.span + byte), operand.span);
}

static float number_at(uint64_t offset, int kind)
{
    uint32_t wide;
    memcpy(&wide, dynamic_shared + offset, 4);
    if (kind == TF32) return from_tf32(wide);
    return kind == BF16 ? from_bf16((uint16_t)wide) : from_f16((uint16_t)wide);
}

static void load_operand(uint64_t descriptor, int rows, int kind, float (*out)[DEEPEST], int first,
                         int line)
{
    const Operand operand = decode(descriptor, first, line);
    const int size = kind == TF32 ? 4 : 2;
    const Toucher by = {first, own_clock(first), Proxy::wgmma_read, operand.span};
    for (int row = 0; row < rows; row++)
        for (int byte = 0; byte < 32; byte += size) {
            const uint64_t offset = offset_of(operand, row, byte);
            if (is_checked() && byte % 16 == 0)
                touch_as(by, (uint64_t)dynamic_shared + offset, 16, Access::read, line);
            out[row][byte / size] = number_at(offset, kind);
        }
}

// --- products

static void multiply(const Product &product, int first)
{
    static float a[ROWS][DEEPEST], b[MOST_COLUMNS][DEEPEST];
    load_operand(product.a, ROWS, product.kind, a, first, product.line);
    load_operand(product.b, product.columns, product.kind, b, first, product.line);
    const int depth = product.kind == TF32 ? 8 : 16, warp = first / WARP % GROUP_WARPS;
    for (int lane = 0; lane < WARP; lane++)
        for (int i = 0; i < columns_each(product); i++) {
            const int row = 16 * warp + lane / 4 + 8 * (i / 2 % 2);
            const int column = 8 * (i / 4) + 2 * (lane % 4) + i % 2;
            float sum = product.adds ? product.d[lane][i] : 0;
            for (int k = 0; k < depth; k++) sum += a[row][k] * b[column][k];
            product.d[lane][i] = sum;
        }
}

static Sums &left_by(Warp &warp, const Product &product)
{
    for (Sums &sums : warp.left)
        if (sums.of_first_lane == product.d[0]) return sums;
    warp.left.push_back({product.d[0], {}});
    return warp.left.back();
}

static void finish(Warp &warp, int first, size_t end)
{
    for (; warp.done < end; warp.done++) {
        const Product &product = warp.issued[warp.done];
        multiply(product, first);
        std::vector<float> &values = left_by(warp, product).values;
        values.clear();
        for (const float *d : product.d) values.insert(values.end(), d, d + columns_each(product));
    }
}

// Registers that a thread has written are not seen by wgmma without a fence.
static void check_fence(Warp &warp, const Product &product, int first)
{
    if (!warp.was_fenced)
        fail({"misuse", first, product.line, 0, nullptr, 0}, "no wgmma.fence comes before it");
    if (warp.is_fenced || warp.done < warp.issued.size() || !product.adds) return;
    const std::vector<float> &values = left_by(warp, product).values;
    const size_t each = (size_t)columns_each(product);
    for (int lane = 0; lane < WARP && values.size() == each * WARP; lane++)
        if (memcmp(&values[lane * each], product.d[lane], each * sizeof(float)))
            fail({"misuse", first + lane, product.line, 0, nullptr, 0},
                 "a sum was changed by its thread, with no wgmma.fence after it");
}

struct Use {
    uint64_t a, b;
    int columns;
    bool adds;
    float *d;
};

static Use &use_of(int thread) { return *(Use *)machine.threads[thread].warp_use.operands; }

static void issue_all(uint32_t, int first, int kind)
{
    Warp &warp = of(first);
    const Use &use = use_of(first);
    Product product = {use.a, use.b, kind, use.columns, use.adds, current().line, {}};
    for (int lane = 0; lane < WARP; lane++) {
        const Use &own = use_of(first + lane);
        if (own.a != use.a || own.b != use.b || own.adds != use.adds)
            fail({"warp divergence", first + lane, product.line, 0, nullptr, 0},
                 "the lanes of a warp give wgmma different operands");
        product.d[lane] = own.d;
    }
    check_fence(warp, product, first);
    warp.issued.push_back(product);
    if (!machine.launch->is_late) finish(warp, first, warp.issued.size());
}

extern "C" void machine_wgmma(int kind, float *d, int columns, uint64_t a, uint64_t b, int adds,
                              int line)
{
    are_used = true;
    Use use = {a, b, columns, adds != 0, d};
    warp_operation({issue_all, WHOLE_WARP, kind, &use}, line);
}

static void fence_all(uint32_t, int first, int)
{
    of(first).is_fenced = of(first).was_fenced = true;
}

extern "C" void machine_wgmma_fence(int line)
{
    are_used = true;
    warp_operation({fence_all, WHOLE_WARP, 0, nullptr}, line);
}

static void commit_all(uint32_t, int first, int)
{
    of(first).ends.push_back(of(first).issued.size());
}

extern "C" void machine_wgmma_commit(int line)
{
    warp_operation({commit_all, WHOLE_WARP, 0, nullptr}, line);
}

// What the products have read is behind every lane that has waited for them.
static void wait_all(uint32_t, int first, int kept)
{
    Warp &warp = of(first);
    warp.is_fenced = false;
    if ((int)warp.ends.size() > kept)
        finish(warp, first, warp.ends[warp.ends.size() - 1 - (size_t)kept]);
    if (!is_checked()) return;
    std::vector<uint32_t> clocks((size_t)machine.count, 0);
    release(clocks.data(), first);
    for (int lane = 1; lane < WARP; lane++) acquire(clocks.data(), first + lane);
}

// Until at most `kept` groups of products are under way.
extern "C" void machine_wgmma_wait(int kept, int line)
{
    warp_operation({wait_all, WHOLE_WARP, kept, nullptr}, line);
}

// --- what must not happen to the operands of products that nobody has waited for

static bool overlaps(uint64_t descriptor, int rows, uint64_t start, uint64_t end, int first)
{
    const Operand operand = decode(descriptor, first, 0);
    const uint64_t low = operand.start / 1024 * 1024;
    return start < low + (uint64_t)(rows / 8 - 1) * operand.stride + 1024 && low < end;
}

void check_products_under_way(uint64_t start, int bytes, Toucher by, int line)
{
    for (int warp = 0; are_used && warp * WARP < machine.count; warp++)
        for (size_t i = warps[warp].done; i < warps[warp].issued.size(); i++) {
            const Product &product = warps[warp].issued[i];
            const uint64_t end = start + (uint64_t)bytes;
            if (overlaps(product.a, ROWS, start, end, warp * WARP) ||
                overlaps(product.b, product.columns, start, end, warp * WARP))
                return report({"race", by.thread, line, 0, nullptr, 0},
                              "the box lands on what the product of line %d still reads",
                              product.line);
        }
}

// --- what a warpgroup must have done by the end of its block

static bool are_alike(const Warp &one, const Warp &other)
{
    if (one.issued.size() != other.issued.size()) return false;
    for (size_t i = 0; i < one.issued.size(); i++)
        if (one.issued[i].a != other.issued[i].a || one.issued[i].b != other.issued[i].b ||
            one.issued[i].line != other.issued[i].line)
            return false;
    return true;
}

void end_wgmma()
{
    if (!are_used) return;
    for (int warp = 0; warp * WARP < machine.count; warp++) {
        const Warp &own = warps[warp];
        const int thread = warp * WARP;
        if (own.done < own.issued.size())
            report({"misuse", thread, own.issued[own.done].line, 0, nullptr, 0},
                   "nobody has waited for the product by the end of the block");
        if (!are_alike(own, warps[warp / GROUP_WARPS * GROUP_WARPS]))
            report({"misuse", thread, 0, 0, nullptr, 0},
                   "the warps of a warpgroup make different products");
    }
}
