// Barriers of the block: __syncthreads and its voting forms, and the named barriers of PTX.
//
// A barrier of the whole block must be the same one in the source for all its threads: what happens
// to work when two branches each hold one breaks when the compiler moves code.
#include "machine.h"

constexpr int BARRIERS = 16;

struct Barrier {
    int line, wanted;
    bool is_whole; // all threads of the block
    int votes;     // how many came with a true predicate
    std::vector<int> arrived;
    int result; // the votes of the last time
};

static Barrier barriers[BARRIERS];

void begin_barriers()
{
    for (Barrier &barrier : barriers) barrier.arrived.clear();
}

int barrier_line(int barrier) { return barriers[barrier].line; }

static void open(Barrier &barrier, int count, int line)
{
    barrier.line = line;
    barrier.is_whole = count == 0;
    barrier.wanted = count ? count : machine.count;
    barrier.votes = 0;
}

static void check_arrival(const Barrier &barrier, int count, int line)
{
    const int wanted = count ? count : machine.count;
    if (barrier.wanted != wanted)
        fail(finding_here("barrier divergence", line),
             "the barrier is for %d threads here, and for %d at line %d", wanted, barrier.wanted,
             barrier.line);
    if (barrier.line != line && barrier.is_whole)
        fail(finding_here("barrier divergence", line),
             "the thread is at this barrier while others of its block are at the one of line %d",
             barrier.line);
}

static void complete(Barrier &barrier, int number)
{
    if (is_checked()) meet(barrier.arrived.data(), (int)barrier.arrived.size());
    if (machine.begun == machine.count) shuffle_order();
    barrier.arrived.clear();
    barrier.result = barrier.votes;
    for (int i = 0; i < machine.count; i++) {
        const Thread &thread = machine.threads[machine.order[i]];
        if (thread.state == State::at_barrier && thread.barrier == number)
            make_ready(machine.order[i]);
    }
}

// Arrive, and wait unless `is_arrival_only`. A count of 0 means the whole block. Returns the votes.
static int arrive(int number, int count, bool is_arrival_only, bool vote, int line)
{
    Barrier &barrier = barriers[number % BARRIERS];
    if (barrier.arrived.empty()) open(barrier, count, line);
    else check_arrival(barrier, count, line);
    if (machine.ended && barrier.is_whole)
        fail(finding_here("barrier divergence", line),
             "the thread waits for the block, but %d of its threads have ended", machine.ended);
    barrier.arrived.push_back(machine.current);
    barrier.votes += vote;
    if ((int)barrier.arrived.size() == barrier.wanted) complete(barrier, number % BARRIERS);
    else if (!is_arrival_only) {
        current().barrier = number % BARRIERS;
        wait_as(State::at_barrier);
    }
    return barrier.result;
}

void thread_ended(int thread)
{
    warp_thread_ended(thread);
    for (const Barrier &barrier : barriers)
        if (barrier.is_whole && !barrier.arrived.empty())
            fail({"barrier divergence", thread, barrier.line, 0, nullptr, 0},
                 "the thread has ended while %d others wait for it at the barrier",
                 (int)barrier.arrived.size());
}

extern "C" void machine_barrier(int line) { arrive(0, 0, false, false, line); }
extern "C" int machine_barrier_count(int vote, int line) { return arrive(0, 0, false, vote, line); }
extern "C" void machine_named_barrier(int number, int count, int line)
{
    arrive(number, count, false, false, line);
}
extern "C" void machine_named_arrive(int number, int count, int line)
{
    arrive(number, count, true, false, line);
}
