// A launch: every block of the grid, one after the other.
#include "machine.h"
#include "faults.h"
#include <string.h>

Machine machine;
alignas(1024) char dynamic_shared[DYNAMIC_SHARED_BYTES];

constexpr uint32_t POISON =
    0x7fffdeadu; // a NaN for f32, and for both halves a number nobody expects

static void place_threads()
{
    const Place &size = machine.launch->block;
    machine.count = (int)(size.x * size.y * size.z);
    for (uint32_t i = 0; i < (uint32_t)machine.count; i++)
        machine.threads[i].place = {i % size.x, i / size.x % size.y, i / (size.x * size.y)};
}

// Shared memory begins with whatever the last block left: here, with what shows in the results.
static void poison_shared()
{
    for (uint32_t i = 0; i < machine.launch->region_count; i++) {
        const Region &region = machine.launch->regions[i];
        if (!region.is_shared) continue;
        for (uint64_t at = region.low; at + 4 <= region.high; at += 4)
            memcpy((void *)at, &POISON, 4);
    }
}

static void begin_block(uint64_t number)
{
    const Place &grid = machine.launch->grid;
    machine.block_number = number;
    machine.block = {(uint32_t)(number % grid.x), (uint32_t)(number / grid.x % grid.y),
                     (uint32_t)(number / ((uint64_t)grid.x * grid.y))};
    poison_shared();
    begin_schedule();
    begin_barriers();
    begin_warps();
    begin_copies();
    begin_mbarriers();
    begin_wgmma();
    begin_clocks();
    begin_block_blocks();
    if (is_checked()) begin_block_accesses();
}

static void run_blocks()
{
    const Place &grid = machine.launch->grid;
    const uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
    for (uint64_t i = 0; i < blocks && !machine.has_failed; i++) {
        begin_block(machine.launch->order == 1 ? blocks - 1 - i : i);
        run_on_fibers();
        if (machine.has_failed) return;
        end_mbarriers();
        end_wgmma();
    }
}

// Returns whether there is anything in the report.
extern "C" int machine_launch(Launch *launch)
{
    machine.launch = launch;
    machine.has_failed = false;
    begin_reports();
    place_threads();
    begin_launch_blocks();
    if (is_checked()) begin_launch_accesses();
    catch_faults();
    if (sigsetjmp(escape, 0) == 0) run_blocks();
    release_faults();
    if (machine.has_failed) reset_fibers();
    if (is_checked()) end_launch_accesses();
    return has_findings();
}
