// What the processor stops: a bad address, a trap, a division by zero, or too much time.
//
// A signal on a stack of its own becomes a finding, and control goes back to the launch: the
// process, and the tests that it runs, live on.
#include "machine.h"
#include "faults.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

sigjmp_buf escape;

constexpr int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGXCPU};
constexpr int SIGNAL_COUNT = 5;
static struct sigaction former[SIGNAL_COUNT];
static stack_t former_stack;
static char signal_stack[64 * 1024];
static pthread_t launching_thread;
static timer_t timer;
static bool has_timer;

static uint64_t program_counter(void *context)
{
#if defined(__x86_64__)
    return (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#else
    return (uint64_t)((ucontext_t *)context)->uc_mcontext.pc;
#endif
}

static const char *kind_of(int signal, uint64_t address)
{
    if (signal == SIGXCPU) return "timeout";
    if (signal == SIGFPE) return "division by zero";
    if (signal == SIGILL) return "trap";
    return is_on_a_stack(address) ? "stack overflow" : "memory fault";
}

static const char *words_for(int signal)
{
    if (signal == SIGXCPU) return "the kernel does not come to an end";
    if (signal == SIGFPE) return "a whole number is divided by zero";
    if (signal == SIGILL) return "an instruction that stops the program";
    return "the address cannot be used";
}

static void pass_on(int signal, siginfo_t *info, void *context)
{
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        if (SIGNALS[i] != signal) continue;
        if (former[i].sa_flags & SA_SIGINFO) former[i].sa_sigaction(signal, info, context);
        else sigaction(signal, &former[i], nullptr); // it comes again, to whom it belongs
    }
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    if (!machine.in_kernel || !pthread_equal(pthread_self(), launching_thread))
        return pass_on(signal, info, context);
    const uint64_t address = (uint64_t)info->si_addr;
    machine.in_kernel = false;
    machine.has_failed = true;
    const Finding finding = {kind_of(signal, address),     machine.current, 0,
                             program_counter(context) + 1, nullptr,         0};
    report(finding, "%s", words_for(signal));
    siglongjmp(escape, 1);
}

static void start_timer()
{
    struct sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGXCPU;
    event._sigev_un._tid = (int)syscall(SYS_gettid);
    has_timer = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0;
    const uint32_t limit = machine.launch->milliseconds;
    struct itimerspec time = {};
    time.it_value.tv_sec = limit / 1000;
    time.it_value.tv_nsec = limit % 1000 * 1000000l;
    if (has_timer) timer_settime(timer, 0, &time, nullptr);
}

void catch_faults()
{
    launching_thread = pthread_self();
    stack_t own = {};
    own.ss_sp = signal_stack;
    own.ss_size = sizeof signal_stack;
    sigaltstack(&own, &former_stack);
    struct sigaction action = {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (int i = 0; i < SIGNAL_COUNT; i++) sigaction(SIGNALS[i], &action, &former[i]);
    start_timer();
}

void release_faults()
{
    if (has_timer) timer_delete(timer);
    for (int i = 0; i < SIGNAL_COUNT; i++) sigaction(SIGNALS[i], &former[i], nullptr);
    sigaltstack(&former_stack, nullptr);
}
