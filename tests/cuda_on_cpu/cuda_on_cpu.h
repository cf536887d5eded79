// Runs CUDA C on a CPU, for tests: put in front of an unchanged .cu source, compiled as C++.
//
// A block runs at a time. Its threads are fibers: one runs until it must wait for others, and a fiber
// that never waited is used for the next thread. Shared memory is NaN at the start of every block, so
// that what is read before it was written shows in the results.
#pragma once
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(threads)
#define __shared__ static __attribute__((section("netc_shared")))

struct uint2 { unsigned x, y; };
struct uint4 { unsigned x, y, z, w; };
struct netc_place { unsigned x, y, z; };
static netc_place blockIdx, threadIdx, blockDim;

extern char __start_netc_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_netc_shared[] __attribute__((weak, visibility("hidden")));

enum { NETC_MAXIMUM_THREADS = 1024, NETC_STACK = 64 * 1024 };

// Some threads meet: whoever comes before the last one waits for the phase to change.
struct netc_meeting { int size, arrived, phase; };

static struct {
    void (*kernel)(void **);
    void **arguments;
    int threads, started, ended, fibers;
    bool backward, moved;
    int current[NETC_MAXIMUM_THREADS];   // the thread that each fiber runs
    ucontext_t fiber[NETC_MAXIMUM_THREADS], scheduler;
    int running;                         // the fiber that runs now
    netc_meeting block, warp[NETC_MAXIMUM_THREADS / 32];
    unsigned long long given[2][NETC_MAXIMUM_THREADS];  // what lanes hand over; two, in turns
    int turns[NETC_MAXIMUM_THREADS];
} netc;
static char netc_stacks[NETC_MAXIMUM_THREADS][NETC_STACK];

static int netc_thread() { return netc.current[netc.running]; }

static void netc_enter(int thread)
{
    netc.current[netc.running] = thread;
    threadIdx = {thread % blockDim.x, thread / blockDim.x % blockDim.y, thread / (blockDim.x * blockDim.y)};
}

static void netc_fiber()
{
    while (netc.started < netc.threads) {
        const int number = netc.started++;
        netc_enter(netc.backward ? netc.threads - 1 - number : number);
        netc.kernel(netc.arguments);
        netc.ended++;
        netc.moved = true;
    }
    for (;;) swapcontext(&netc.fiber[netc.running], &netc.scheduler);
}

static void netc_meet(netc_meeting &meeting)
{
    const int phase = meeting.phase, thread = netc_thread();
    netc.moved = true;
    if (++meeting.arrived == meeting.size) {
        meeting.arrived = 0;
        meeting.phase++;
        return;
    }
    while (meeting.phase == phase) swapcontext(&netc.fiber[netc.running], &netc.scheduler);
    netc_enter(thread);
}

static void __syncthreads() { netc_meet(netc.block); }

template <class T> static T __shfl_xor_sync(unsigned mask, T value, int step)
{
    const int thread = netc_thread(), turn = netc.turns[thread]++ % 2;
    if (mask != 0xffffffffu) { fprintf(stderr, "a shuffle of part of a warp\n"); abort(); }
    memcpy(&netc.given[turn][thread], &value, sizeof value);
    netc_meet(netc.warp[thread / 32]);
    memcpy(&value, &netc.given[turn][thread ^ step], sizeof value);
    return value;
}

static void netc_new_fiber(int number)
{
    getcontext(&netc.fiber[number]);
    netc.fiber[number].uc_stack.ss_sp = netc_stacks[number];
    netc.fiber[number].uc_stack.ss_size = NETC_STACK;
    netc.fiber[number].uc_link = nullptr;
    makecontext(&netc.fiber[number], netc_fiber, 0);
}

static void netc_run_block()
{
    memset(__start_netc_shared, 0xff, __stop_netc_shared - __start_netc_shared);
    netc.started = netc.ended = netc.fibers = 0;
    netc.block = {netc.threads, 0, 0};
    for (int warp = 0; warp < netc.threads / 32; warp++) netc.warp[warp] = {32, 0, 0};
    while (netc.ended < netc.threads) {
        netc.moved = false;
        if (netc.started < netc.threads) netc_new_fiber(netc.fibers++);
        for (netc.running = 0; netc.running < netc.fibers; netc.running++)
            if (netc.running == netc.fibers - 1 || netc.started == netc.threads)
                swapcontext(&netc.scheduler, &netc.fiber[netc.running]);
        if (!netc.moved) { fprintf(stderr, "threads wait for others that never come\n"); abort(); }
    }
}

// `backward` starts the threads of a block in the other order: results must not depend on it.
static void netc_launch(void (*kernel)(void **), void **arguments, netc_place grid, netc_place block, bool backward)
{
    netc.kernel = kernel;
    netc.arguments = arguments;
    netc.threads = block.x * block.y * block.z;
    netc.backward = backward;
    blockDim = block;
    for (blockIdx.z = 0; blockIdx.z < grid.z; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid.y; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid.x; blockIdx.x++) netc_run_block();
}

// The address of an argument, as a driver is given it: it becomes a pointer of the parameter's type.
struct netc_argument {
    void *place;
    template <class T> operator T *() const { return *(T **)place; }
};

static unsigned __float_as_uint(float number)
{
    unsigned bits;
    memcpy(&bits, &number, 4);
    return bits;
}

static float __uint_as_float(unsigned bits)
{
    float number;
    memcpy(&number, &bits, 4);
    return number;
}

static float __int_as_float(int bits)
{
    float number;
    memcpy(&number, &bits, 4);
    return number;
}
