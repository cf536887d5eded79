// Operations of a warp: shuffles, votes, matches, __syncwarp, and all that is built on them.
//
// A lane hands in pointers to its operands, which live on its own waiting stack; the last lane to
// come computes for everybody.
#include "machine.h"
#include <string.h>

static uint32_t arrived[MAXIMUM_THREADS / WARP]; // the lanes that wait, for each warp

void begin_warps() { memset(arrived, 0, sizeof arrived); }

static uint32_t lanes_that_exist(int first)
{
    const int left = machine.count - first;
    return left >= WARP ? WHOLE_WARP : (1u << left) - 1;
}

static void check_mask(uint32_t mask, int line)
{
    const int thread = machine.current;
    if (!(mask >> lane_of(thread) & 1))
        fail(finding_here("warp divergence", line), "lane %d is not in its own mask %08x",
             lane_of(thread), mask);
    if (mask & ~lanes_that_exist(warp_start(thread)))
        fail(finding_here("warp divergence", line),
             "mask %08x names lanes that the block does not have", mask);
}

// The lanes of a mask must come to the same operation, at the same line, with the same mask.
static void check_company(const WarpUse &use, int line)
{
    const uint32_t waiting = arrived[machine.current / WARP] & use.mask;
    if (!waiting) return;
    const int lane = first_lane(waiting);
    const Thread &other = machine.threads[warp_start(machine.current) + lane];
    const WarpUse &theirs = other.warp_use;
    if (theirs.mask != use.mask || theirs.operation != use.operation || theirs.kind != use.kind ||
        other.line != line)
        fail(finding_here("warp divergence", line),
             "the thread is at this operation with mask %08x while lane %d is at line %d with mask "
             "%08x",
             use.mask, lane, other.line, theirs.mask);
}

static void wake(uint32_t lanes, int first)
{
    while (lanes) {
        const int lane = machine.launch->order == 1 ? 31 - __builtin_clz(lanes) : first_lane(lanes);
        lanes &= ~(1u << lane);
        make_ready(first + lane);
    }
}

static void check_for_ended_lanes(int warp);

void warp_operation(WarpUse use, int line)
{
    const int warp = machine.current / WARP, first = warp * WARP;
    check_mask(use.mask, line);
    check_company(use, line);
    current().warp_use = use;
    current().line = line;
    arrived[warp] |= 1u << lane_of(machine.current);
    if ((arrived[warp] & use.mask) != use.mask) {
        if (machine.ended) check_for_ended_lanes(warp);
        wait_as(State::at_warp);
        return;
    }
    use.operation(use.mask, first, use.kind);
    arrived[warp] &= ~use.mask;
    wake(use.mask & ~(1u << lane_of(machine.current)), first);
}

static uint32_t ended_lanes(int warp)
{
    uint32_t lanes = 0;
    for (int lane = 0; lane < WARP && warp * WARP + lane < machine.count; lane++)
        if (machine.threads[warp * WARP + lane].state == State::ended) lanes |= 1u << lane;
    return lanes;
}

static void check_for_ended_lanes(int warp)
{
    const uint32_t ended = ended_lanes(warp);
    for (uint32_t waiting = arrived[warp]; waiting; waiting = without_first(waiting)) {
        const int thread = warp * WARP + first_lane(waiting);
        const Thread &waiter = machine.threads[thread];
        if (waiter.warp_use.mask & ended)
            fail({"warp divergence", thread, waiter.line, 0, nullptr, 0},
                 "the thread waits for mask %08x, but of these lanes %08x have ended",
                 waiter.warp_use.mask, waiter.warp_use.mask & ended);
    }
}

void warp_thread_ended(int thread)
{
    if (arrived[thread / WARP]) check_for_ended_lanes(thread / WARP);
}

template <class T> static T *operands(int thread)
{
    return (T *)machine.threads[thread].warp_use.operands;
}

// --- shuffles

enum { SHUFFLE_FROM, SHUFFLE_UP, SHUFFLE_DOWN, SHUFFLE_XOR };
struct Shuffle {
    void *value;
    int size, argument, width;
};

static int shuffle_source(int kind, int lane, const Shuffle &shuffle)
{
    const int start = lane & ~(shuffle.width - 1), end = start + shuffle.width;
    int source = lane;
    if (kind == SHUFFLE_FROM) source = start + (shuffle.argument & (shuffle.width - 1));
    if (kind == SHUFFLE_UP) source = lane - shuffle.argument;
    if (kind == SHUFFLE_DOWN) source = lane + shuffle.argument;
    if (kind == SHUFFLE_XOR) source = lane ^ shuffle.argument;
    return source < start || source >= end ? lane : source;
}

static void shuffle_all(uint32_t mask, int first, int kind)
{
    uint64_t values[WARP] = {};
    for (uint32_t left = mask; left; left = without_first(left)) {
        const Shuffle &shuffle = *operands<Shuffle>(first + first_lane(left));
        memcpy(&values[first_lane(left)], shuffle.value, shuffle.size);
    }
    for (uint32_t left = mask; left; left = without_first(left)) {
        const int lane = first_lane(left);
        const Shuffle &shuffle = *operands<Shuffle>(first + lane);
        const int source = shuffle_source(kind, lane, shuffle);
        if (!(mask >> source & 1))
            fail({"warp divergence", first + lane, current().line, 0, nullptr, 0},
                 "the shuffle reads lane %d, which is not in mask %08x", source, mask);
        memcpy(shuffle.value, &values[source], shuffle.size);
    }
}

extern "C" void machine_shuffle(unsigned mask, int kind, void *value, int size, int argument,
                                int width, int line)
{
    Shuffle shuffle = {value, size, argument, width};
    warp_operation({shuffle_all, mask, kind, &shuffle}, line);
}

// --- votes and reductions

enum { BALLOT, ANY, ALL, SUM, OR, AND, MAXIMUM, MINIMUM };

static uint32_t vote(int kind, uint32_t so_far, uint32_t value, int lane)
{
    switch (kind) {
    case BALLOT: return so_far | (uint32_t)(value != 0) << lane;
    case ANY: return so_far | (value != 0);
    case ALL: return so_far & (value != 0);
    case SUM: return so_far + value;
    case OR: return so_far | value;
    case AND: return so_far & value;
    case MAXIMUM: return value > so_far ? value : so_far;
    default: return value < so_far ? value : so_far;
    }
}

static void vote_all(uint32_t mask, int first, int kind)
{
    uint32_t result = kind == ALL ? 1 : kind == AND || kind == MINIMUM ? ~0u : 0;
    for (uint32_t left = mask; left; left = without_first(left)) {
        const int lane = first_lane(left);
        result = vote(kind, result, *operands<uint32_t>(first + lane), lane);
    }
    for (uint32_t left = mask; left; left = without_first(left))
        *operands<uint32_t>(first + first_lane(left)) = result;
}

extern "C" unsigned machine_vote(unsigned mask, int kind, unsigned value, int line)
{
    warp_operation({vote_all, mask, kind, &value}, line);
    return value;
}

// --- who has the same value

static void match_all(uint32_t mask, int first, int)
{
    uint32_t values[WARP];
    for (uint32_t left = mask; left; left = without_first(left))
        values[first_lane(left)] = *operands<uint32_t>(first + first_lane(left));
    for (uint32_t left = mask; left; left = without_first(left)) {
        uint32_t same = 0;
        for (uint32_t others = mask; others; others = without_first(others))
            if (values[first_lane(others)] == values[first_lane(left)])
                same |= 1u << first_lane(others);
        *operands<uint32_t>(first + first_lane(left)) = same;
    }
}

extern "C" unsigned machine_match(unsigned mask, unsigned value, int line)
{
    warp_operation({match_all, mask, 0, &value}, line);
    return value;
}

// --- meeting, and choosing one

static void sync_all(uint32_t mask, int first, int)
{
    int threads[WARP], count = 0;
    for (uint32_t left = mask; left; left = without_first(left))
        threads[count++] = first + first_lane(left);
    if (is_checked()) meet(threads, count);
}

extern "C" void machine_sync_warp(unsigned mask, int line)
{
    warp_operation({sync_all, mask, 0, nullptr}, line);
}

static void elect_all(uint32_t mask, int first, int)
{
    for (uint32_t left = mask; left; left = without_first(left))
        *operands<uint32_t>(first + first_lane(left)) = first_lane(left) == first_lane(mask);
}

extern "C" unsigned machine_elect(int line)
{
    uint32_t chosen = 0;
    warp_operation({elect_all, WHOLE_WARP, 0, &chosen}, line);
    return chosen;
}
