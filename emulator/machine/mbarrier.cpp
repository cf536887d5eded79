// mbarriers, and the TMA copies whose bytes they count.
//
// A phase is over when all arrivals have come and all bytes have landed; who waits for its parity
// goes on. Late, a TMA copy lands only when every thread waits: the latest that hardware may be.
#include "machine.h"
#include "numbers.h"
#include <algorithm>
#include <stdio.h>

struct Mbarrier {
    uint64_t *address;
    int phase, expected, pending;
    int64_t bytes;                          // announced and not landed yet
    std::vector<uint32_t> clocks, previous; // what arrivals of this and the last phase have seen
    int line;                               // where it was made
    int maker;
    uint32_t made; // its clock then
};

static std::vector<Mbarrier> mbarriers;

// What netc_tensor_map holds here; on the device its 128 bytes are opaque.
struct TensorMap {
    uint64_t base;
    uint32_t rank, element_bytes;
    uint64_t sizes[3], strides[3]; // strides in bytes; the first is not used
    uint32_t box[3], swizzle;      // 0: none, 1: 32 bytes, 2: 64, 3: 128

    int span() const { return 16 << swizzle; }
    int box_bytes() const { return (int)(box[0] * box[1] * element_bytes); }
};

struct TmaCopy {
    char *target;
    TensorMap map;
    uint64_t *mbarrier;
    int column, row, line;
    Toucher by;
    std::vector<uint32_t> clocks; // what its thread has seen
};

static std::vector<TmaCopy> under_way;
static uint32_t init_fences[MAXIMUM_THREADS];

void begin_mbarriers()
{
    mbarriers.clear();
    under_way.clear();
    memset(init_fences, 0, sizeof init_fences);
}

static Mbarrier &known(uint64_t *address, int line)
{
    for (Mbarrier &barrier : mbarriers)
        if (barrier.address == address) return barrier;
    fail(finding_here("misuse", line), "this mbarrier was not initialised");
}

const char *describe_mbarrier(uint64_t *address, char *text, size_t size)
{
    for (const Mbarrier &b : mbarriers)
        if (b.address == address)
            snprintf(text, size, "phase %d lacks %d arrivals and %lld bytes", b.phase, b.pending,
                     (long long)b.bytes);
    return text;
}

extern "C" void machine_mbarrier_init(uint64_t *address, int count, int line)
{
    if (is_checked()) touch((uint64_t)address, 8, Access::write, 0, line);
    Mbarrier fresh = {address, 0, count, count, 0, {}, {}, line, machine.current,
                      own_clock(machine.current)};
    fresh.clocks.assign(machine.count, 0);
    fresh.previous = fresh.clocks;
    for (Mbarrier &barrier : mbarriers)
        if (barrier.address == address) {
            barrier = fresh;
            return;
        }
    mbarriers.push_back(fresh);
}

// What a thread has done to its mbarriers is there for the asynchronous proxy after a fence.
extern "C" void machine_mbarrier_fence_init()
{
    init_fences[machine.current] = own_clock(machine.current);
}

static void check_init_fence(const Mbarrier &barrier, int line)
{
    const uint32_t fence =
        std::max(init_fences[barrier.maker], last_proxy_fence(barrier.maker));
    if (is_checked() && fence < barrier.made)
        fail(finding_here("missing proxy fence", line),
             "the mbarrier of line %d has no fence after it was made", barrier.line);
}

static void end_phase_if_complete(Mbarrier &barrier)
{
    if (barrier.pending || barrier.bytes) return;
    const int ended = barrier.phase;
    barrier.phase ^= 1;
    barrier.pending = barrier.expected;
    barrier.previous.swap(barrier.clocks);
    barrier.clocks.assign(machine.count, 0);
    for (int i = 0; i < machine.count; i++) {
        const Thread &thread = machine.threads[machine.order[i]];
        if (thread.state == State::at_mbarrier && thread.mbarrier == barrier.address &&
            thread.parity == ended)
            make_ready(machine.order[i]);
    }
}

extern "C" void machine_mbarrier_arrive(uint64_t *address, int bytes, int line)
{
    Mbarrier &barrier = known(address, line);
    if (is_checked()) release(barrier.clocks.data(), machine.current);
    if (!barrier.pending)
        fail(finding_here("misuse", line), "more arrivals than the mbarrier was made for");
    barrier.pending--;
    barrier.bytes += bytes;
    end_phase_if_complete(barrier);
}

extern "C" void machine_mbarrier_wait(uint64_t *address, int parity, int line)
{
    if (known(address, line).phase == (parity & 1)) {
        current().mbarrier = address;
        current().parity = parity & 1;
        current().line = line;
        wait_as(State::at_mbarrier);
    }
    if (is_checked()) acquire(known(address, line).previous.data(), machine.current);
}

static bool is_inside(const TensorMap &map, int64_t x, int64_t y)
{
    return x >= 0 && y >= 0 && (uint64_t)x < map.sizes[0] && (uint64_t)y < map.sizes[1];
}

static char *source_of(const TensorMap &map, int64_t x, int64_t y)
{
    return (char *)map.base + y * (int64_t)map.strides[1] + x * map.element_bytes;
}

static void land_element(const TmaCopy &copy, uint32_t row, uint32_t column)
{
    const TensorMap &map = copy.map;
    const int64_t x = (int64_t)copy.column + column, y = (int64_t)copy.row + row;
    const uint64_t start = (uint64_t)(copy.target - dynamic_shared);
    const uint64_t place = start + ((uint64_t)row * map.box[0] + column) * map.element_bytes;
    char *target = dynamic_shared + swizzled(place, map.span());
    if (is_inside(map, x, y)) memcpy(target, source_of(map, x, y), map.element_bytes);
    else memset(target, 0, map.element_bytes);
}

static void touch_rows(const TmaCopy &copy)
{
    const TensorMap &map = copy.map;
    const int64_t first = copy.column < 0 ? 0 : copy.column;
    int64_t end = (int64_t)copy.column + map.box[0];
    if (end > (int64_t)map.sizes[0]) end = (int64_t)map.sizes[0];
    for (int64_t y = copy.row; y < (int64_t)copy.row + map.box[1]; y++)
        if (first < end && is_inside(map, first, y))
            touch_as(copy.by, (uint64_t)source_of(map, first, y),
                     (int)(end - first) * (int)map.element_bytes, Access::read, copy.line);
}

static void land(const TmaCopy &copy)
{
    const TensorMap &map = copy.map;
    if (is_checked()) {
        touch_rows(copy);
        touch_as(copy.by, (uint64_t)copy.target, map.box_bytes(), Access::write, copy.line);
        check_products_under_way((uint64_t)(copy.target - dynamic_shared), map.box_bytes(), copy.by,
                                 copy.line);
    }
    for (uint32_t row = 0; row < map.box[1]; row++)
        for (uint32_t column = 0; column < map.box[0]; column++) land_element(copy, row, column);
    Mbarrier &barrier = known(copy.mbarrier, copy.line);
    barrier.bytes -= map.box_bytes();
    for (size_t i = 0; i < copy.clocks.size(); i++)
        barrier.clocks[i] = std::max(barrier.clocks[i], copy.clocks[i]);
    end_phase_if_complete(barrier);
}

static void check_copy(const TmaCopy &copy, const void *map)
{
    const uint64_t offset = (uint64_t)(copy.target - dynamic_shared);
    const int width = (int)(copy.map.box[0] * copy.map.element_bytes), span = copy.map.span();
    if ((uint64_t)map % 64)
        fail(finding_here("misaligned", copy.line), "a tensor map lies at a multiple of 64 bytes");
    if (offset % (span == 128 ? 1024 : 128))
        fail(finding_here("misaligned", copy.line),
             "a TMA box begins at a multiple of 128 bytes, of 1024 where it is swizzled");
    if (width % 16 || (copy.map.swizzle && width > span))
        fail(finding_here("misuse", copy.line),
             "a line of %d bytes of a TMA box with a swizzle of %d bytes", width, span);
    // The manual is silent on it; an H100 calls it an illegal instruction.
    if (copy.column * (int64_t)copy.map.element_bytes % 16)
        fail(finding_here("misaligned", copy.line),
             "a TMA box begins at column %d, %d bytes into the line: no multiple of 16 bytes",
             copy.column, copy.column * (int)copy.map.element_bytes);
}

extern "C" void machine_tma_load(void *target, const void *map, uint64_t *mbarrier, int column,
                                 int row, int line)
{
    TmaCopy copy = {(char *)target, {}, mbarrier, column, row, line, {}, {}};
    memcpy(&copy.map, map, sizeof copy.map);
    copy.by = {machine.current, own_clock(machine.current), Proxy::tma_write, copy.map.span()};
    check_copy(copy, map);
    check_init_fence(known(mbarrier, line), line);
    if (is_checked()) {
        copy.clocks.assign((size_t)machine.count, 0);
        release(copy.clocks.data(), machine.current);
    }
    if (machine.launch->is_late) under_way.push_back(copy);
    else land(copy);
}

bool finish_late_copy()
{
    if (under_way.empty()) return false;
    const TmaCopy copy = under_way.front();
    under_way.erase(under_way.begin());
    land(copy);
    return true;
}

// A block must not end before its copies: they would land in the shared memory of another.
void end_mbarriers()
{
    for (const TmaCopy &copy : under_way)
        report({"misuse", copy.by.thread, copy.line, 0, nullptr, 0},
               "the block ends before its TMA copy has landed");
    if (!under_way.empty()) return;
    for (const Mbarrier &barrier : mbarriers)
        if (barrier.bytes)
            report({"misuse", barrier.maker, barrier.line, 0, nullptr, 0},
                   "at the end of the block the mbarrier still lacks %lld bytes",
                   (long long)barrier.bytes);
}

extern "C" void machine_fence_proxy() { fence_proxy(machine.current); }
