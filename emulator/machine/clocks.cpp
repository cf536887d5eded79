// Who has seen what of whom: the happens-before order of a block.
//
// Each thread has a clock that moves when it meets others. An access is ordered before thread A's
// next one if A has seen the clock at which it was made. Meeting at a barrier of the whole block is
// common and cheap: everybody has then seen `seen_by_all`. Whatever else a thread has seen is in
// its row of `seen`, which exists only where a kernel orders some threads and not all.
#include "machine.h"
#include <algorithm>

static uint32_t own[MAXIMUM_THREADS], seen_by_all[MAXIMUM_THREADS];
static std::vector<uint32_t> seen;
static uint32_t generation_;

void begin_clocks()
{
    std::fill(own, own + machine.count, 1);
    std::fill(seen_by_all, seen_by_all + machine.count, 0);
    seen.clear();
    generation_++;
}

uint32_t own_clock(int thread) { return own[thread]; }
uint32_t generation() { return generation_; }

static uint32_t seen_of(int thread, int other)
{
    const uint32_t more = seen.empty() ? 0 : seen[(size_t)thread * machine.count + other];
    return std::max(seen_by_all[other], more);
}

bool has_seen(int thread, int other, uint32_t clock)
{
    return other == thread || seen_of(thread, other) >= clock;
}

static uint32_t *row(int thread)
{
    if (seen.empty()) seen.assign((size_t)machine.count * machine.count, 0);
    return &seen[(size_t)thread * machine.count];
}

static void meet_all()
{
    for (int thread = 0; thread < machine.count; thread++) seen_by_all[thread] = own[thread]++;
    generation_++;
}

void meet(const int *threads, int count)
{
    if (count == machine.count) return meet_all();
    static uint32_t together[MAXIMUM_THREADS];
    std::fill(together, together + machine.count, 0);
    for (int i = 0; i < count; i++) release(together, threads[i]);
    for (int i = 0; i < count; i++) acquire(together, threads[i]);
}

void release(uint32_t *clocks, int thread)
{
    const uint32_t *mine = row(thread);
    for (int i = 0; i < machine.count; i++)
        clocks[i] = std::max({clocks[i], seen_by_all[i], mine[i]});
    clocks[thread] = std::max(clocks[thread], own[thread]++);
}

void acquire(const uint32_t *clocks, int thread)
{
    uint32_t *mine = row(thread);
    for (int i = 0; i < machine.count; i++) mine[i] = std::max(mine[i], clocks[i]);
}
