// What the parts of the machine share: a launch, its threads, and how they wait for each other.
//
// The machine runs one block at a time. A CUDA thread is a fiber: it runs until it must wait for
// others, so nothing here needs a lock, and shared memory and indices are plain variables.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <vector>

constexpr int MAXIMUM_THREADS = 1024;
constexpr int WARP = 32;
constexpr uint32_t WHOLE_WARP = 0xffffffffu;
constexpr uint32_t DYNAMIC_SHARED_BYTES = 256 * 1024;

struct Place {
    uint32_t x, y, z;
};

struct Cell;

// Memory that a kernel may touch: a buffer that it was given, or an array in shared memory.
struct Region {
    uint64_t low, high;
    const char *name;
    uint8_t *written; // a byte for each byte: whether it has a value
    Cell *cells;      // made by the machine: who touched what, a cell for `unit` bytes
    uint32_t unit;
    uint32_t is_writable, is_shared;
};

// Mirrored by launch.py.
struct Launch {
    void (*kernel)(void **);
    void **arguments;
    Place grid, block;
    Region *regions;
    uint32_t region_count;
    uint32_t shared_bytes;             // of dynamic shared memory
    uint64_t static_begin, static_end; // static shared memory of all kernels of the module
    uint32_t order;                    // 0 forward, 1 backward, else shuffled with this seed
    uint32_t is_late;                  // asynchronous work is done as late as allowed, not at once
    uint32_t is_checked;
    uint32_t sample;       // shared memory is checked in about so many blocks; 0: in all
    uint32_t milliseconds; // of processor time, then the launch has failed
    char *report;
    uint32_t report_bytes;
    uint64_t accesses; // comes back: how many accesses were checked
};

enum class State : uint8_t {
    fresh,
    running,
    ready,
    at_barrier,
    at_warp,
    at_mbarrier,
    ended
};

// What a lane brings to an operation of its warp: pointers into its own, waiting, stack.
struct WarpUse {
    void (*operation)(uint32_t mask, int first_thread, int kind);
    uint32_t mask;
    int kind;
    void *operands;
};

struct Thread {
    State state;
    int fiber;
    Place place;
    int line;    // where it waits
    int barrier; // which one it waits at
    WarpUse warp_use;
    uint64_t *mbarrier;
    int parity;
};

struct Machine {
    Launch *launch;
    Thread threads[MAXIMUM_THREADS];
    int order[MAXIMUM_THREADS]; // in which threads begin, and go on after a barrier
    int count, begun, ended, current;
    Place block;
    uint64_t block_number;
    bool in_kernel, has_failed;
};

extern Machine machine;
extern char dynamic_shared[DYNAMIC_SHARED_BYTES];

inline Thread &current() { return machine.threads[machine.current]; }
inline int warp_start(int thread) { return thread & ~(WARP - 1); }
inline int lane_of(int thread) { return thread & (WARP - 1); }
inline bool is_checked() { return machine.launch->is_checked; }

// The lowest lane of a mask, and the mask without it.
inline int first_lane(uint32_t mask) { return __builtin_ctz(mask); }
inline uint32_t without_first(uint32_t mask) { return mask & (mask - 1); }

// --- fibers.cpp
void reset_fibers();
int take_fiber();
void run_on_fibers();                         // the threads of one block, to their end
void leave_block() __attribute__((noreturn)); // back to the launch, whatever waits
bool is_on_a_stack(uint64_t address);

// --- schedule.cpp
void begin_schedule();
void shuffle_order();
void make_ready(int thread);
void wait_as(State state); // until somebody makes this thread ready
int next_fiber();

// --- barrier.cpp, warp.cpp, copies.cpp, mbarrier.cpp, wgmma.cpp: each begins a block afresh, and
// some look back at its end
void begin_barriers();
void begin_warps();
void begin_copies();
void begin_mbarriers();
void begin_wgmma();
void end_mbarriers();
void end_wgmma();
void thread_ended(int thread); // others may wait for it in vain
void warp_thread_ended(int thread);
bool finish_late_copy(); // one TMA copy; false where none is under way
void warp_operation(WarpUse use, int line);
const char *describe_mbarrier(uint64_t *barrier, char *text, size_t size);
int barrier_line(int barrier);

// --- clocks.cpp: who has seen what of whom
void begin_clocks();
uint32_t own_clock(int thread);
bool has_seen(int thread, int other, uint32_t clock);
void meet(const int *threads, int count);         // they have waited for each other
void release(uint32_t *clocks, int thread);       // what it did is handed to an object ...
void acquire(const uint32_t *clocks, int thread); // ... and taken from it
uint32_t generation();                            // grows when the whole block meets

// --- blocks.cpp
void begin_launch_blocks();
void begin_block_blocks();
void meet_blocks_at(uint64_t place); // an atomic
bool may_see_block(uint64_t block);

// --- access.cpp: every access of a checked launch comes by
enum class Access { read, write, atomic };
enum class Proxy { none, tma_write, wgmma_read };
struct Toucher { // who touches, where that is not the current thread
    int thread;
    uint32_t clock;
    Proxy proxy;
    int swizzle; // of the asynchronous proxy: the span in bytes
};
void begin_launch_accesses();
bool is_in_sample(uint64_t block_number);
void begin_block_accesses();
void end_launch_accesses();
void touch(uint64_t address, int size, Access access, uint64_t program_counter, int line);
void touch_as(Toucher toucher, uint64_t address, int size, Access access, int line);
void fence_proxy(int thread);
uint32_t last_proxy_fence(int thread);
void check_products_under_way(uint64_t start, int bytes, Toucher by, int line); // wgmma.cpp

// --- report.cpp
struct Finding {
    const char *kind;
    int thread;
    int line; // 0 where only the program counter is known
    uint64_t program_counter;
    const Region *region;
    int64_t offset;
};
void report(Finding finding, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fail(Finding finding, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
Finding finding_here(const char *kind, int line); // by the current thread
bool has_findings();
void begin_reports();

// --- faults.cpp
void catch_faults();
void release_faults();
