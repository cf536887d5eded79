// Every access of a checked launch: is it in bounds, aligned, allowed, and of bytes with a value?
//
// A checked module is compiled with -fsanitize=thread: the compiler calls __tsan_read4 and its kin
// at every access to memory. These functions are ours; there is no other sanitizer in the process.
#include "shadow.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Region *last_region;
static uint32_t proxy_fences[MAXIMUM_THREADS];

static bool skips_shared; // this block may use shared memory unchecked

static size_t cells_of(const Region &region)
{
    return (region.high - region.low) / region.unit + 1;
}

// Blocks use shared memory alike, but for those at the edges of the grid: the first and the last
// are always in the sample.
bool is_in_sample(uint64_t number)
{
    const Launch &launch = *machine.launch;
    const uint64_t blocks = (uint64_t)launch.grid.x * launch.grid.y * launch.grid.z;
    if (!launch.sample || blocks <= launch.sample) return true;
    const uint64_t edge = launch.sample / 4 + 1, step = blocks / (launch.sample / 2 + 1) + 1;
    return number < edge || number >= blocks - edge || number % step == 0;
}

void begin_launch_accesses()
{
    last_region = nullptr;
    Launch &launch = *machine.launch;
    for (uint32_t i = 0; i < launch.region_count; i++) {
        Region &region = launch.regions[i];
        if (region.is_writable) region.cells = (Cell *)calloc(cells_of(region), sizeof(Cell));
        if (region.is_shared) region.written = (uint8_t *)malloc(region.high - region.low);
    }
}

void end_launch_accesses()
{
    for (uint32_t i = 0; i < machine.launch->region_count; i++) {
        Region &region = machine.launch->regions[i];
        free(region.cells);
        if (region.is_shared) free(region.written);
    }
}

void begin_block_accesses()
{
    memset(proxy_fences, 0, sizeof proxy_fences);
    skips_shared = !is_in_sample(machine.block_number);
    if (skips_shared) return;
    for (uint32_t i = 0; i < machine.launch->region_count; i++) {
        Region &region = machine.launch->regions[i];
        if (!region.is_shared) continue;
        memset(region.cells, 0, cells_of(region) * sizeof(Cell));
        memset(region.written, 0, region.high - region.low);
    }
}

void fence_proxy(int thread) { proxy_fences[thread] = own_clock(thread); }
uint32_t last_proxy_fence(int thread) { return proxy_fences[thread]; }

static bool holds(const Region &region, uint64_t address)
{
    return address - region.low < region.high - region.low;
}

static Region *find_region(uint64_t address)
{
    if (last_region && holds(*last_region, address)) return last_region;
    for (uint32_t i = 0; i < machine.launch->region_count; i++)
        if (holds(machine.launch->regions[i], address))
            return last_region = &machine.launch->regions[i];
    return nullptr;
}

static bool is_static_shared(uint64_t address)
{
    const Launch &launch = *machine.launch;
    return address - launch.static_begin < launch.static_end - launch.static_begin;
}

// Constants that the compiler put beside the code.
static bool is_constant_of_the_module(uint64_t address)
{
    Dl_info data, code;
    return !is_static_shared(address) && dladdr((void *)address, &data) &&
           dladdr((void *)machine.launch->kernel, &code) && data.dli_fbase == code.dli_fbase;
}

static uint64_t distance(const Region &region, uint64_t address)
{
    return address < region.low ? region.low - address : address - region.high + 1;
}

static void fail_out_of_bounds(Touch touch)
{
    const Region *nearest = nullptr;
    for (uint32_t i = 0; i < machine.launch->region_count; i++) {
        const Region &region = machine.launch->regions[i];
        if (!nearest || distance(region, touch.address) < distance(*nearest, touch.address))
            nearest = &region;
    }
    touch.region = nearest;
    char words[160] = " outside of all memory";
    if (nearest) {
        const uint64_t bytes = nearest->high - nearest->low;
        const bool is_before = touch.address < nearest->low;
        const uint64_t away =
            is_before ? nearest->low - touch.address : touch.address + touch.size - nearest->high;
        snprintf(words, sizeof words, " that %s %llu bytes %s the buffer's %llu",
                 is_before ? "begins" : "ends", (unsigned long long)away,
                 is_before ? "before" : "after", (unsigned long long)bytes);
    }
    report_touch(touch, "out of bounds", words);
    leave_block();
}

static void check_values(const Touch &touch)
{
    uint8_t *written = touch.region->written + (touch.address - touch.region->low);
    if (memchr(written, 0, touch.size)) {
        report_touch(touch, "uninitialised", " that nothing has written");
        memset(written, 1, touch.size); // once is enough
    }
}

static void touch_cells(const Touch &touch)
{
    const Region &region = *touch.region;
    uint64_t at = touch.address - region.low;
    const uint64_t end = at + touch.size;
    while (at < end) {
        const uint64_t cell = at / region.unit,
                       stop = (cell + 1) * region.unit < end ? (cell + 1) * region.unit : end;
        const uint8_t mask = (uint8_t)(((1u << (stop - at)) - 1) << (at % region.unit));
        touch_cell(region.cells[cell], mask, touch);
        at = stop;
    }
}

static bool is_skipped(uint64_t address)
{
    const uint64_t place = address - (uint64_t)dynamic_shared;
    return skips_shared && (is_static_shared(address) || place < machine.launch->shared_bytes);
}

static void check(Touch touch)
{
    machine.launch->accesses++;
    Region *region = find_region(touch.address);
    if (!region) {
        if (touch.access == Access::read && is_constant_of_the_module(touch.address)) return;
        fail_out_of_bounds(touch);
    }
    touch.region = region;
    if (touch.address + touch.size > region->high) fail_out_of_bounds(touch);
    const bool is_power_of_two = (touch.size & (touch.size - 1)) == 0;
    if (touch.size <= 16 && is_power_of_two && touch.address % touch.size) {
        report_touch(touch, "misaligned", " at an address that is no multiple of its size");
        leave_block();
    }
    if (touch.access != Access::read && !region->is_writable) {
        report_touch(touch, "const", " to a buffer that was passed as const");
        return;
    }
    if (touch.access != Access::write) check_values(touch);
    if (region->cells) touch_cells(touch);
    if (touch.access != Access::read)
        memset(region->written + (touch.address - region->low), 1, touch.size);
}

void touch(uint64_t address, int size, Access access, uint64_t program_counter, int line)
{
    if (is_skipped(address) || !machine.in_kernel || is_on_a_stack(address)) return;
    const Toucher by = {machine.current, own_clock(machine.current), Proxy::none};
    check({by, access, nullptr, address, size, line, program_counter});
}

void touch_as(Toucher by, uint64_t address, int size, Access access, int line)
{
    if (!is_skipped(address)) check({by, access, nullptr, address, size, line, 0});
}

#define CALLER ((uint64_t)__builtin_return_address(0))
#define HOOK(NAME, SIZE, ACCESS)                                 \
    extern "C" void __tsan_##NAME##SIZE(void *place)             \
    {                                                            \
        touch((uint64_t)place, SIZE, Access::ACCESS, CALLER, 0); \
    }
#define HOOKS(SIZE)                    \
    HOOK(read, SIZE, read)             \
    HOOK(write, SIZE, write)           \
    HOOK(unaligned_read, SIZE, read)   \
    HOOK(unaligned_write, SIZE, write) \
    HOOK(volatile_read, SIZE, read)    \
    HOOK(volatile_write, SIZE, write)
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
extern "C" void __tsan_read_range(void *place, size_t size)
{
    touch((uint64_t)place, (int)size, Access::read, CALLER, 0);
}
extern "C" void __tsan_write_range(void *place, size_t size)
{
    touch((uint64_t)place, (int)size, Access::write, CALLER, 0);
}
extern "C" void __tsan_init() {}
extern "C" void __tsan_func_entry(void *) {}
extern "C" void __tsan_func_exit() {}
