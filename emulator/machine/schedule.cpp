// The schedule: which thread of the block goes on when one must wait, and what to say when none
// can.
#include "machine.h"
#include <stdio.h>

// A ring: at most every thread is ready at once.
static int ready[MAXIMUM_THREADS];
static uint32_t first_ready, end_of_ready;
static uint64_t random_state;

void begin_schedule()
{
    first_ready = end_of_ready = 0;
    machine.begun = machine.ended = 0;
    for (int thread = 0; thread < machine.count; thread++) {
        machine.threads[thread].state = State::fresh;
        const bool is_backward = machine.launch->order == 1;
        machine.order[thread] = is_backward ? machine.count - 1 - thread : thread;
    }
    random_state = machine.launch->order * 0x9e3779b97f4a7c15ull + machine.block_number;
    shuffle_order();
}

// Only the shuffled orders: a correct kernel gives the same results in every one of them.
void shuffle_order()
{
    if (machine.launch->order < 2) return;
    for (int i = machine.count - 1; i > 0; i--) {
        random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
        const int j = (int)((random_state >> 33) % (uint64_t)(i + 1));
        const int kept = machine.order[i];
        machine.order[i] = machine.order[j];
        machine.order[j] = kept;
    }
}

void make_ready(int thread)
{
    machine.threads[thread].state = State::ready;
    ready[end_of_ready++ % MAXIMUM_THREADS] = thread;
}

static const char *waiting_for(State state)
{
    switch (state) {
    case State::at_barrier: return "wait at the barrier";
    case State::at_warp: return "wait for lanes of their warp";
    case State::at_mbarrier: return "wait at the mbarrier";
    default: return "have ended";
    }
}

static int line_of(const Thread &thread)
{
    return thread.state == State::at_barrier ? barrier_line(thread.barrier) : thread.line;
}

// One phrase for the threads that wait in the same way as the first of them.
static int describe(int first, char *text, size_t size)
{
    const Thread &thread = machine.threads[first];
    int alike = 0, last = first;
    for (int i = 0; i < machine.count; i++)
        if (machine.threads[i].state == thread.state) alike++, last = i;
    int n = snprintf(text, size, "; %d threads (%d to %d) %s", alike, first, last,
                     waiting_for(thread.state));
    if (thread.state != State::ended)
        n += snprintf(text + n, size - n, " of line %d", line_of(thread));
    if (thread.state == State::at_warp)
        n += snprintf(text + n, size - n, ", mask %08x", thread.warp_use.mask);
    char phase[100];
    if (thread.state == State::at_mbarrier)
        n += snprintf(text + n, size - n, ", parity %d: %s", thread.parity,
                      describe_mbarrier(thread.mbarrier, phase, sizeof phase));
    return n;
}

static void fail_of_deadlock() __attribute__((noreturn));
static void fail_of_deadlock()
{
    char text[900] = "";
    int n = 0, waiting = -1;
    bool told[8] = {};
    for (int i = 0; i < machine.count; i++) {
        const Thread &thread = machine.threads[i];
        if (waiting < 0 && thread.state != State::ended) waiting = i;
        if (told[(int)thread.state]) continue;
        told[(int)thread.state] = true;
        n += describe(i, text + n, sizeof text - n);
    }
    const int line = line_of(machine.threads[waiting]);
    fail({"deadlock", waiting, line, 0, nullptr, 0}, "no thread can go on%s", text);
}

int next_fiber()
{
    for (;;) {
        if (machine.begun < machine.count) return take_fiber(); // it begins the next thread itself
        if (first_ready != end_of_ready) {
            machine.current = ready[first_ready++ % MAXIMUM_THREADS];
            current().state = State::running;
            return current().fiber;
        }
        if (!finish_late_copy()) fail_of_deadlock();
    }
}

extern "C" unsigned machine_thread_x() { return current().place.x; }
extern "C" unsigned machine_thread_y() { return current().place.y; }
extern "C" unsigned machine_thread_z() { return current().place.z; }
extern "C" unsigned machine_block_x() { return machine.block.x; }
extern "C" unsigned machine_block_y() { return machine.block.y; }
extern "C" unsigned machine_block_z() { return machine.block.z; }
extern "C" unsigned machine_block_size_x() { return machine.launch->block.x; }
extern "C" unsigned machine_block_size_y() { return machine.launch->block.y; }
extern "C" unsigned machine_block_size_z() { return machine.launch->block.z; }
extern "C" unsigned machine_grid_size_x() { return machine.launch->grid.x; }
extern "C" unsigned machine_grid_size_y() { return machine.launch->grid.y; }
extern "C" unsigned machine_grid_size_z() { return machine.launch->grid.z; }

extern "C" void machine_yield()
{
    make_ready(machine.current);
    wait_as(State::ready);
}
