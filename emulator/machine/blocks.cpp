// What blocks of a launch hand to each other: a fence, then an atomic; an atomic on the same place,
// then whatever the first block did before its fence.
//
// Blocks run one after the other here, so whether the later one may look is all there is to know.
// It is known for whole blocks: that its other threads look only after the one with the atomic is
// left to the barrier that they need anyway.
#include "machine.h"
#include <algorithm>

struct Handover {
    uint64_t place;
    std::vector<uint64_t> blocks; // that fenced, and then touched the place
};

static std::vector<Handover> handovers;
static std::vector<uint64_t> known; // blocks whose work this block may see
static bool has_fenced;

void begin_launch_blocks() { handovers.clear(); }

void begin_block_blocks()
{
    known.clear();
    has_fenced = false;
}

static Handover &handover_at(uint64_t place)
{
    for (Handover &handover : handovers)
        if (handover.place == place) return handover;
    handovers.push_back({place, {}});
    return handovers.back();
}

void meet_blocks_at(uint64_t place)
{
    std::vector<uint64_t> &blocks = handover_at(place).blocks;
    known.insert(known.end(), blocks.begin(), blocks.end());
    const bool is_there = !blocks.empty() && blocks.back() == machine.block_number;
    if (has_fenced && !is_there) blocks.push_back(machine.block_number);
}

bool may_see_block(uint64_t block)
{
    return block == machine.block_number ||
           std::find(known.begin(), known.end(), block) != known.end();
}

extern "C" void machine_fence() { has_fenced = true; }
