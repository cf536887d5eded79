// mbarriers, and the TMA copies whose bytes they count.
//
// A phase is over when all arrivals have come and all bytes have landed; who waits for its parity
// goes on. Late, a TMA copy lands only when every thread waits: the latest that hardware may be.
#include "machine.h"
#include <stdio.h>
#include <string.h>

struct Mbarrier {
    uint64_t *address;
    int phase, expected, pending;
    int64_t bytes;                          // announced and not landed yet
    std::vector<uint32_t> clocks, previous; // what arrivals of this and the last phase have seen
};

static std::vector<Mbarrier> mbarriers;

// What netc_tensor_map holds here; on the device its 128 bytes are opaque.
struct TensorMap {
    uint64_t base;
    uint32_t rank, element_bytes;
    uint64_t sizes[3], strides[3]; // strides in bytes; the first is not used
    uint32_t box[3], swizzle;      // 3: 128 bytes
};

struct TmaCopy {
    char *target;
    TensorMap map;
    uint64_t *mbarrier;
    int column, row, line;
    Toucher by;
};

static std::vector<TmaCopy> under_way;

void begin_mbarriers()
{
    mbarriers.clear();
    under_way.clear();
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
    Mbarrier fresh = {address, 0, count, count, 0, {}, {}};
    fresh.clocks.assign(machine.count, 0);
    fresh.previous = fresh.clocks;
    for (Mbarrier &barrier : mbarriers)
        if (barrier.address == address) {
            barrier = fresh;
            return;
        }
    mbarriers.push_back(fresh);
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

// 16-byte pieces change places within 1024 bytes, so that a column of rows meets all banks.
static char *swizzled(char *place, uint32_t swizzle)
{
    if (swizzle != 3) return place;
    const uint64_t offset = (uint64_t)(place - dynamic_shared);
    return dynamic_shared + (offset ^ ((offset >> 7 & 7) << 4));
}

static void land_element(const TmaCopy &copy, uint32_t row, uint32_t column)
{
    const TensorMap &map = copy.map;
    const int64_t x = (int64_t)copy.column + column, y = (int64_t)copy.row + row;
    char *place = copy.target + ((uint64_t)row * map.box[0] + column) * map.element_bytes;
    const bool is_inside =
        x >= 0 && y >= 0 && (uint64_t)x < map.sizes[0] && (uint64_t)y < map.sizes[1];
    if (!is_inside) memset(swizzled(place, map.swizzle), 0, map.element_bytes);
    else
        memcpy(swizzled(place, map.swizzle),
               (char *)map.base + y * map.strides[1] + x * map.element_bytes, map.element_bytes);
}

static void land(const TmaCopy &copy)
{
    const TensorMap &map = copy.map;
    const int bytes = (int)(map.box[0] * map.box[1] * map.element_bytes);
    if (is_checked()) touch_as(copy.by, (uint64_t)copy.target, bytes, Access::write, copy.line);
    for (uint32_t row = 0; row < map.box[1]; row++)
        for (uint32_t column = 0; column < map.box[0]; column++) land_element(copy, row, column);
    Mbarrier &barrier = known(copy.mbarrier, copy.line);
    barrier.bytes -= bytes;
    end_phase_if_complete(barrier);
}

extern "C" void machine_tma_load(void *target, const void *map, uint64_t *mbarrier, int column,
                                 int row, int line)
{
    TmaCopy copy = {(char *)target,
                    {},
                    mbarrier,
                    column,
                    row,
                    line,
                    {machine.current, own_clock(machine.current), Proxy::tma_write}};
    memcpy(&copy.map, map, sizeof copy.map);
    const uint64_t offset = (uint64_t)(copy.target - dynamic_shared);
    if (offset % (copy.map.swizzle == 3 ? 1024 : 128))
        fail(finding_here("misaligned", line),
             "a TMA box begins at a multiple of 128 bytes, of 1024 where it is swizzled");
    Mbarrier &barrier = known(mbarrier, line);
    if (is_checked()) release(barrier.clocks.data(), machine.current);
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

extern "C" void machine_fence_proxy() { fence_proxy(machine.current); }
