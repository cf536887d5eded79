// A team of threads that live as long as the program: each calls the same job, and they meet at
// barriers between kernels. What a thread computes depends on its share of the tasks, never the
// result of a task on which thread ran it: the bits are the same for any number of threads.
#pragma once
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

enum { NETC_MAXIMUM_THREADS = 256, NETC_SPINS = 300, NETC_YIELDS = 2000 };

typedef void (*netc_job)(void *context, int thread, int threads);

static struct {
    int threads;
    pthread_t handles[NETC_MAXIMUM_THREADS];
    netc_job job;
    void *context;
    atomic_int generation;  // goes up by one for each job; -1 tells the team to end
    atomic_int arrived;     // threads that wait at the barrier
    atomic_int phase;       // goes up by one each time the barrier opens
    pthread_mutex_t mutex;
    pthread_cond_t wake;
} netc_team = {.threads = 1, .mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static inline void netc_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// Waits until all threads have come. Spins, then gives its core away: a stolen core costs little.
static void netc_barrier(void)
{
    if (netc_team.threads == 1) return;
    const int phase = atomic_load_explicit(&netc_team.phase, memory_order_relaxed);
    if (atomic_fetch_add(&netc_team.arrived, 1) == netc_team.threads - 1) {
        atomic_store(&netc_team.arrived, 0);
        atomic_store(&netc_team.phase, phase + 1);
        return;
    }
    for (int spins = 0; atomic_load_explicit(&netc_team.phase, memory_order_acquire) == phase; spins++) {
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
        netc_team.job(netc_team.context, thread, netc_team.threads);
        netc_barrier();
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

// Runs the job on every thread and returns when all have ended it.
static void netc_run(netc_job job, void *context)
{
    netc_team.job = job;
    netc_team.context = context;
    if (netc_team.threads > 1) netc_announce(atomic_load(&netc_team.generation) + 1);
    job(context, 0, netc_team.threads);
    netc_barrier();
}

// The first task of a thread's share; it ends where the next thread's begins. One task is thread 0's:
// kernels of one task that follow each other need not meet.
static inline int64_t netc_share(int64_t tasks, int thread, int threads)
{
    return tasks == 1 ? thread > 0 : tasks * thread / threads;
}
