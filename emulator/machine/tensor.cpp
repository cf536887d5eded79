// Tensor cores of a warp: mma.sync and ldmatrix, with the layouts of the PTX manual.
#include "machine.h"
#include "numbers.h"

struct Multiply {
    float *d;
    const uint32_t *a, *b;
};

struct Tile {
    float a[16][16], b[16][8], d[16][8];
};

static float half_of(uint32_t pair, int which, int kind)
{
    const uint16_t bits = (uint16_t)(pair >> 16 * which);
    return kind == BF16 ? from_bf16(bits) : from_f16(bits);
}

// Lane l holds rows l/4 and l/4 + 8 of a and d, and column l/4 of b.
static void gather(Tile &tile, const Multiply &use, int lane, int kind)
{
    const int group = lane / 4, place = lane % 4;
    for (int i = 0; i < 4; i++) {
        const int row = group + 8 * (i % 2), far = i / 2;
        tile.d[group + 8 * (i / 2)][2 * place + i % 2] = use.d[i];
        if (kind == TF32) tile.a[row][place + 4 * far] = from_tf32(use.a[i]);
        else
            for (int which = 0; which < 2; which++)
                tile.a[row][2 * place + 8 * far + which] = half_of(use.a[i], which, kind);
    }
    for (int i = 0; i < 2; i++) {
        if (kind == TF32) tile.b[place + 4 * i][group] = from_tf32(use.b[i]);
        else
            for (int which = 0; which < 2; which++)
                tile.b[2 * place + 8 * i + which][group] = half_of(use.b[i], which, kind);
    }
}

static void multiply_all(uint32_t, int first, int kind)
{
    Tile tile;
    for (int lane = 0; lane < WARP; lane++)
        gather(tile, *(Multiply *)machine.threads[first + lane].warp_use.operands, lane, kind);
    const int depth = kind == TF32 ? 8 : 16;
    for (int m = 0; m < 16; m++)
        for (int n = 0; n < 8; n++) {
            float sum = 0;
            for (int k = 0; k < depth; k++) sum += tile.a[m][k] * tile.b[k][n];
            tile.d[m][n] += sum;
        }
    for (int lane = 0; lane < WARP; lane++) {
        float *d = ((Multiply *)machine.threads[first + lane].warp_use.operands)->d;
        for (int i = 0; i < 4; i++) d[i] = tile.d[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2];
    }
}

extern "C" void machine_mma(int kind, float *d, const uint32_t *a, const uint32_t *b, int line)
{
    Multiply use = {d, a, b};
    warp_operation({multiply_all, WHOLE_WARP, kind, &use}, line);
}

// --- ldmatrix: lane 8 i + r hands in the address of row r of matrix i

struct Load {
    uint32_t *registers;
    const uint16_t *row;
    int count;
    bool is_transposed;
};

static const uint16_t *checked_row(int thread)
{
    const Load &load = *(Load *)machine.threads[thread].warp_use.operands;
    const int line = machine.threads[thread].line;
    if ((uint64_t)load.row % 16)
        fail({"misaligned", thread, line, 0, nullptr, 0},
             "the row of ldmatrix is not at a multiple of 16 bytes");
    if (is_checked())
        touch_as({thread, own_clock(thread), Proxy::none}, (uint64_t)load.row, 16, Access::read,
                 line);
    return load.row;
}

static void load_all(uint32_t, int first, int)
{
    const Load &shape = *(Load *)machine.threads[first].warp_use.operands;
    for (int i = 0; i < shape.count; i++) {
        const uint16_t *rows[8];
        for (int r = 0; r < 8; r++) rows[r] = checked_row(first + 8 * i + r);
        for (int lane = 0; lane < WARP; lane++) {
            const int row = lane / 4, column = 2 * (lane % 4);
            const uint16_t low = shape.is_transposed ? rows[column][row] : rows[row][column];
            const uint16_t high =
                shape.is_transposed ? rows[column + 1][row] : rows[row][column + 1];
            Load &load = *(Load *)machine.threads[first + lane].warp_use.operands;
            load.registers[i] = (uint32_t)low | (uint32_t)high << 16;
        }
    }
}

extern "C" void machine_ldmatrix(uint32_t *registers, const void *row, int count, int is_transposed,
                                 int line)
{
    Load load = {registers, (const uint16_t *)row, count, is_transposed != 0};
    warp_operation({load_all, WHOLE_WARP, 2 * count + is_transposed, &load}, line);
}
