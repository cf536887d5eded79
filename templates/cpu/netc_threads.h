// A team of threads that live as long as the program and share out the tasks of one phase after another.
// A phase begins when every task of the one before has been done. Each thread begins with the tasks of its
// own range, the same part of every phase, so that what it wrote is mostly read by itself, from its cache;
// then it helps the others. No thread waits for another one to arrive, not even at the end of a job: one
// that sleeps, or that the system has stopped, holds up nobody, unless in the middle of a task. The result
// of a task does not depend on who runs it: the bits are the same for any number of threads.
#pragma once
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

enum { NETC_MAXIMUM_THREADS = 256, NETC_SPINS = 1000, NETC_YIELDS = 2000, NETC_OPEN = 1 << 16 };

typedef void (*netc_job)(void *context, int thread, int threads);

// Alone in its cache lines: nothing else is slowed down by those who write it.
typedef struct { _Alignas(128) atomic_uint_least64_t value; } netc_shared;

static struct {
    int threads;
    pthread_t handles[NETC_MAXIMUM_THREADS];
    netc_job job;
    void *context;
    atomic_int generation;  // goes up by one for each job; -1 tells the team to end
    atomic_uint_least64_t door;   // the generation that may come in; below 2^32 whether, and how many are in
    netc_shared phase;                         // of the running job
    netc_shared done;                          // how many tasks of the phase have been done
    netc_shared ranges[NETC_MAXIMUM_THREADS];  // the phase, and below 2^32 how many tasks have been claimed
    pthread_mutex_t mutex;
    pthread_cond_t wake;
} netc_team = {.threads = 1, .mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static inline void netc_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// Lets a thread into the job of a generation, unless that is over.
static int netc_enter(int generation)
{
    uint_least64_t door = atomic_load(&netc_team.door);
    while ((uint32_t)(door >> 32) == (uint32_t)generation && (door & NETC_OPEN))
        if (atomic_compare_exchange_weak(&netc_team.door, &door, door + 1)) return 1;
    return 0;
}

// Lets no more threads in, and waits for those inside to leave. Spins, then gives its core away.
static void netc_close(void)
{
    atomic_fetch_and(&netc_team.door, ~(uint_least64_t)NETC_OPEN);
    for (int spins = 0; (uint32_t)atomic_load_explicit(&netc_team.door, memory_order_acquire) != 0; spins++) {
        if (spins < NETC_SPINS) netc_pause();
        else sched_yield();
    }
}

static void *netc_member(void *number)
{
    const int thread = (int)(intptr_t)number;
    int seen = 0;
    for (;;) {
        int tries = 0;
        while (atomic_load_explicit(&netc_team.generation, memory_order_acquire) == seen) {
            if (++tries < NETC_SPINS) { netc_pause(); continue; }
            if (tries < NETC_SPINS + NETC_YIELDS) { sched_yield(); continue; }
            pthread_mutex_lock(&netc_team.mutex);
            while (atomic_load(&netc_team.generation) == seen)
                pthread_cond_wait(&netc_team.wake, &netc_team.mutex);
            pthread_mutex_unlock(&netc_team.mutex);
        }
        seen = atomic_load(&netc_team.generation);
        if (seen < 0) return NULL;
        if (!netc_enter(seen)) continue;
        netc_team.job(netc_team.context, thread, netc_team.threads);
        atomic_fetch_sub(&netc_team.door, 1);
    }
}

static void netc_announce(int generation)
{
    pthread_mutex_lock(&netc_team.mutex);
    atomic_store(&netc_team.generation, generation);
    pthread_cond_broadcast(&netc_team.wake);
    pthread_mutex_unlock(&netc_team.mutex);
}

// Ends the team, if there is one, and starts one of so many threads; the caller is one of them.
// Returns how many there are: fewer where the system gives no more.
int netc_start(int threads)
{
    if (netc_team.threads > 1) {
        netc_announce(-1);
        for (int i = 1; i < netc_team.threads; i++) pthread_join(netc_team.handles[i], NULL);
    }
    atomic_store(&netc_team.generation, 0);
    netc_team.threads = threads < NETC_MAXIMUM_THREADS ? threads : NETC_MAXIMUM_THREADS;
    for (int i = 1; i < netc_team.threads; i++)
        if (pthread_create(&netc_team.handles[i], NULL, netc_member, (void *)(intptr_t)i)) {
            netc_team.threads = i;
            break;
        }
    return netc_team.threads;
}

// Called for every phase of a function: inlined, they would take a quarter of its time to compile.
#define NETC_APART __attribute__((noinline, unused))

// Begins a phase: all of its tasks can be claimed.
static inline void netc_begin(uint32_t phase)
{
    atomic_store_explicit(&netc_team.done.value, 0, memory_order_relaxed);
    for (int range = 0; range < netc_team.threads; range++)
        atomic_store_explicit(&netc_team.ranges[range].value, (uint_least64_t)phase << 32, memory_order_relaxed);
    atomic_store_explicit(&netc_team.phase.value, phase, memory_order_release);
}

// Runs the job on every thread that comes in time, and returns when it is done.
static void netc_run(netc_job job, void *context)
{
    netc_team.job = job;
    netc_team.context = context;
    netc_begin(0);
    if (netc_team.threads > 1) {
        const int generation = atomic_load(&netc_team.generation) + 1;
        atomic_store(&netc_team.door, (uint_least64_t)(uint32_t)generation << 32 | NETC_OPEN);
        netc_announce(generation);
    }
    job(context, 0, netc_team.threads);
    netc_close();
}

// Some tasks of a phase, [first, last), that this thread has claimed.
typedef struct { int thread; uint32_t phase; int64_t first, last; } netc_claim;

// Claims tasks of a range: half of what is left, so that the last claims are small and all threads end
// together, but never crumbs, of which `worth` tasks are none. False where nothing is left.
static inline int netc_claim_of(netc_claim *claim, int range, int64_t all, int64_t worth)
{
    const int threads = netc_team.threads;
    const int64_t start = (all * range + threads - 1) / threads, end = (all * (range + 1) + threads - 1) / threads;
    const int64_t fair = (all + 12 * threads - 1) / (12 * threads), least = fair > worth ? fair : worth;
    uint_least64_t place = atomic_load_explicit(&netc_team.ranges[range].value, memory_order_acquire);
    for (;;) {
        const int64_t left = end - start - (int64_t)(uint32_t)place;
        if ((uint32_t)(place >> 32) != claim->phase || left <= 0) return 0;
        int64_t share = left / 2 > least ? left / 2 : least;
        if (left < share + worth) share = left;
        if (atomic_compare_exchange_strong(&netc_team.ranges[range].value, &place, place + (uint_least64_t)share)) {
            claim->first = end - left;
            claim->last = claim->first + share;
            return 1;
        }
    }
}

// Claims tasks of a phase, of `all` that it has. False when the phase is over; a thread that comes late
// finds many that are.
static NETC_APART int netc_next(netc_claim *claim, uint32_t phase, int64_t all, int64_t worth)
{
    claim->phase = phase;
    int has_begun = 0;
    for (int spins = 0;; spins++) {
        const uint32_t now = (uint32_t)atomic_load_explicit(&netc_team.phase.value, memory_order_acquire);
        if ((int32_t)(now - phase) > 0) return 0;
        if (now == phase && !has_begun) {
            has_begun = 1;  // what it finds nothing left of will be over, and no more is added
            for (int i = 0, range = claim->thread; i < netc_team.threads; i++) {
                if (netc_claim_of(claim, range, all, worth)) return 1;
                if (++range == netc_team.threads) range = 0;
            }
        }
        if (spins < NETC_SPINS) netc_pause();
        else sched_yield();
    }
}

// Says that claimed tasks have been done; who does the last ones of a phase begins the next phase.
static NETC_APART void netc_finish(const netc_claim *claim, int64_t tasks)
{
    const uint_least64_t count = (uint_least64_t)(claim->last - claim->first);
    if (atomic_fetch_add(&netc_team.done.value, count) + count == (uint_least64_t)tasks) netc_begin(claim->phase + 1);
}

// A piece of a phase has so many of its units, from `start` on, and tasks that are spread over them: those
// that begin in the claimed units. False where none do.
static NETC_APART int netc_part(const netc_claim *claim, int64_t start, int64_t units, int64_t tasks, int64_t *first, int64_t *last)
{
    const int64_t from = claim->first > start ? claim->first - start : 0;
    const int64_t to = claim->last < start + units ? claim->last - start : units;
    *first = (from * tasks + units - 1) / units;
    *last = (to * tasks + units - 1) / units;
    return from < to && *first < *last;
}
