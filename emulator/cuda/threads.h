// How threads meet: barriers, operations of a warp, atomics.
#pragma once

extern "C" {
void machine_barrier(int line);
int machine_barrier_count(int vote, int line);
void machine_sync_warp(unsigned mask, int line);
void machine_shuffle(unsigned mask, int kind, void *value, int size, int argument, int width,
                     int line);
unsigned machine_vote(unsigned mask, int kind, unsigned value, int line);
unsigned machine_match(unsigned mask, unsigned value, int line);
void machine_trap(const char *words, int line);
void machine_yield();
void machine_fence();
int machine_atomic_int(int *, int operation, int, int, int line);
unsigned machine_atomic_unsigned(unsigned *, int operation, unsigned, unsigned, int line);
unsigned long long machine_atomic_long(unsigned long long *, int operation, unsigned long long,
                                       unsigned long long, int line);
float machine_atomic_float(float *, int operation, float, float, int line);
double machine_atomic_double(double *, int operation, double, double, int line);
}

static inline void __syncthreads(NETC_LINE) { machine_barrier(line); }
static inline int __syncthreads_count(int p, NETC_LINE)
{
    return machine_barrier_count(p != 0, line);
}
static inline int __syncthreads_or(int p, NETC_LINE)
{
    return machine_barrier_count(p != 0, line) > 0;
}
static inline int __syncthreads_and(int p, NETC_LINE)
{
    return machine_barrier_count(p == 0, line) == 0;
}
static inline void __syncwarp(unsigned mask = 0xffffffffu, NETC_LINE)
{
    machine_sync_warp(mask, line);
}

// Shuffles of 2, 4 or 8 bytes: the value goes in and comes out by its address.
#define NETC_SHUFFLE(NAME, KIND)                                                          \
    template <class T>                                                                    \
    static inline T NAME(unsigned mask, T value, int argument, int width = 32, NETC_LINE) \
    {                                                                                     \
        static_assert(sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8,                 \
                      "a type that is shuffled");                                         \
        machine_shuffle(mask, KIND, &value, sizeof value, argument, width, line);         \
        return value;                                                                     \
    }
NETC_SHUFFLE(__shfl_sync, 0)
NETC_SHUFFLE(__shfl_up_sync, 1)
NETC_SHUFFLE(__shfl_down_sync, 2)
NETC_SHUFFLE(__shfl_xor_sync, 3)

#define NETC_VOTE(NAME, KIND, RESULT, VALUE)                            \
    static inline RESULT NAME(unsigned mask, VALUE value, NETC_LINE)    \
    {                                                                   \
        return (RESULT)machine_vote(mask, KIND, (unsigned)value, line); \
    }
NETC_VOTE(__ballot_sync, 0, unsigned, bool)
NETC_VOTE(__any_sync, 1, int, bool)
NETC_VOTE(__all_sync, 2, int, bool)
NETC_VOTE(__reduce_add_sync, 3, unsigned, unsigned)
NETC_VOTE(__reduce_add_sync, 3, int, int)
NETC_VOTE(__reduce_or_sync, 4, unsigned, unsigned)
NETC_VOTE(__reduce_and_sync, 5, unsigned, unsigned)
NETC_VOTE(__reduce_max_sync, 6, unsigned, unsigned)
NETC_VOTE(__reduce_min_sync, 7, unsigned, unsigned)

static inline unsigned __match_any_sync(unsigned mask, unsigned v, NETC_LINE)
{
    return machine_match(mask, v, line);
}

// Threads take turns, so a fence orders nothing here; the checks want to know of one before an
// atomic that tells other blocks.
static inline void __threadfence() { machine_fence(); }
static inline void __threadfence_block() { asm volatile("" ::: "memory"); }
static inline void __nanosleep(unsigned) { machine_yield(); }
static inline void __trap(NETC_LINE) { machine_trap("__trap()", line); }
#define assert(condition) ((condition) ? (void)0 : machine_trap("assert(" #condition ")", __LINE__))

#define NETC_ATOMIC(NAME, OPERATION, T, KIND)                           \
    static inline T NAME(T *place, T value, NETC_LINE)                  \
    {                                                                   \
        return machine_atomic_##KIND(place, OPERATION, value, 0, line); \
    }
NETC_ATOMIC(atomicAdd, 0, int, int)
NETC_ATOMIC(atomicAdd, 0, unsigned, unsigned)
NETC_ATOMIC(atomicAdd, 0, unsigned long long, long)
NETC_ATOMIC(atomicAdd, 0, float, float)
NETC_ATOMIC(atomicAdd, 0, double, double)
NETC_ATOMIC(atomicMax, 1, int, int)
NETC_ATOMIC(atomicMax, 1, unsigned, unsigned)
NETC_ATOMIC(atomicMin, 2, int, int)
NETC_ATOMIC(atomicMin, 2, unsigned, unsigned)
NETC_ATOMIC(atomicExch, 3, int, int)
NETC_ATOMIC(atomicExch, 3, unsigned, unsigned)
NETC_ATOMIC(atomicExch, 3, float, float)
NETC_ATOMIC(atomicOr, 5, unsigned, unsigned)
NETC_ATOMIC(atomicAnd, 6, unsigned, unsigned)
NETC_ATOMIC(atomicXor, 7, unsigned, unsigned)
static inline int atomicCAS(int *place, int compare, int value, NETC_LINE)
{
    return machine_atomic_int(place, 4, value, compare, line);
}
static inline unsigned atomicCAS(unsigned *place, unsigned compare, unsigned value, NETC_LINE)
{
    return machine_atomic_unsigned(place, 4, value, compare, line);
}
