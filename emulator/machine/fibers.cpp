// Fibers: the stacks on which the threads of a block run, and the switch from one to another.
//
// A switch saves only what a called function must preserve: a few nanoseconds, where ucontext
// takes hundreds because it asks the kernel about signals. A fiber whose thread has ended begins
// the next thread, so a kernel that never waits needs one fiber and no switch at all.
#include "machine.h"
#include <string.h>
#include <sys/mman.h>

extern "C" void machine_switch(void **save, void *load) __attribute__((visibility("hidden")));

#if defined(__x86_64__)
asm(R"(
.text
.globl machine_switch
.hidden machine_switch
.type machine_switch,@function
machine_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size machine_switch,.-machine_switch
)");

// A stack as machine_switch leaves it: six registers, then where to return to.
static void *first_frame(char *top, void (*body)())
{
    void **place = (void **)((uint64_t)top & ~15ull);
    *--place = nullptr;
    *--place = (void *)body;
    for (int i = 0; i < 6; i++) *--place = nullptr;
    return place;
}
#elif defined(__aarch64__)
asm(R"(
.text
.globl machine_switch
.hidden machine_switch
.type machine_switch,%function
machine_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size machine_switch,.-machine_switch
)");

static void *first_frame(char *top, void (*body)())
{
    uint64_t *place = (uint64_t *)(((uint64_t)top & ~15ull) - 160);
    memset(place, 0, 160);
    place[11] = (uint64_t)body; // x30, where to return to
    return place;
}
#else
#error "machine_switch is written for x86-64 and aarch64"
#endif

// An odd number of pages: stacks a power of two apart would share few sets of the TLB.
constexpr size_t PAGE = 4096;
constexpr size_t STACK_BYTES = 17 * PAGE;
constexpr int LAUNCH = MAXIMUM_THREADS; // the fiber that the launch itself runs on

static char *stacks;
static void *stack_pointers[MAXIMUM_THREADS + 1];
static int unused[MAXIMUM_THREADS], unused_count, made, running;

static void fiber_body();

static char *all_stacks()
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    const size_t size = MAXIMUM_THREADS * STACK_BYTES;
    return (char *)mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0);
}

int take_fiber()
{
    if (unused_count) return unused[--unused_count];
    if (!stacks) stacks = all_stacks();
    const int fiber = made++;
    char *base = stacks + fiber * STACK_BYTES;
    mprotect(base, PAGE, PROT_NONE); // a stack that overflows ends here
    // Tops lie at different places in their pages: equal ones would meet in one set of the cache.
    char *top = base + STACK_BYTES - fiber * 448 % 4032 - 64;
    stack_pointers[fiber] = first_frame(top, fiber_body);
    return fiber;
}

void reset_fibers() { made = unused_count = 0; }

bool is_on_a_stack(uint64_t address)
{
    return stacks && address - (uint64_t)stacks < MAXIMUM_THREADS * STACK_BYTES;
}

static void go_to(int fiber)
{
    const int from = running;
    if (fiber == from) return;
    running = fiber;
    machine_switch(&stack_pointers[from], stack_pointers[fiber]);
}

static void begin_thread(int thread)
{
    machine.current = thread;
    machine.threads[thread].fiber = running;
    machine.threads[thread].state = State::running;
}

static void fiber_body()
{
    for (;;) {
        while (machine.begun < machine.count) {
            begin_thread(machine.order[machine.begun++]);
            machine.launch->kernel(machine.launch->arguments);
            current().state = State::ended;
            machine.ended++;
            thread_ended(machine.current);
        }
        unused[unused_count++] = running;
        const int next = machine.ended == machine.count ? LAUNCH : next_fiber();
        go_to(next);
    }
}

void wait_as(State state)
{
    current().state = state;
    go_to(next_fiber());
}

void run_on_fibers()
{
    running = LAUNCH;
    machine.in_kernel = true;
    go_to(take_fiber());
    machine.in_kernel = false;
}

void leave_block()
{
    machine.in_kernel = false;
    machine.has_failed = true;
    void *abandoned;
    machine_switch(&abandoned, stack_pointers[LAUNCH]);
    __builtin_unreachable();
}
