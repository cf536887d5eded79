// How threads meet: barriers, operations of a warp, atomics.
#pragma once

extern "C" {
void machine_barrier(int line);
int machine_barrier_count(int vote, int line);
void machine_sync_warp(unsigned mask, int line);
void machine_shuffle(unsigned mask, int kind, void *value, int size, int argument, int width, int line);
unsigned machine_vote(unsigned mask, int kind, unsigned value, int line);
unsigned machine_match(unsigned mask, unsigned value, int line);
void machine_trap(const char *words, int line);
void machine_yield();
int machine_atomic_int(int *, int operation, int, int, int line);
unsigned machine_atomic_unsigned(unsigned *, int operation, unsigned, unsigned, int line);
unsigned long long machine_atomic_long(unsigned long long *, int operation, unsigned long long, unsigned long long, int line);
float machine_atomic_float(float *, int operation, float, float, int line);
double machine_atomic_double(double *, int operation, double, double, int line);
}

static inline void __syncthreads(NETC_LINE) { machine_barrier(line); }
static inline int __syncthreads_count(int p, NETC_LINE) { return machine_barrier_count(p != 0, line); }
static inline int __syncthreads_or(int p, NETC_LINE) { return machine_barrier_count(p != 0, line) > 0; }
static inline int __syncthreads_and(int p, NETC_LINE) { return machine_barrier_count(p == 0, line) == 0; }
static inline void __syncwarp(unsigned mask = 0xffffffffu, NETC_LINE) { machine_sync_warp(mask, line); }

// Shuffles of 2, 4 or 8 bytes: the value goes in and comes out by its address.
#define NETC_SHUFFLE(NAME, KIND)                                                                    \
    template <class T> static inline T NAME(unsigned mask, T value, int argument, int width = 32, NETC_LINE) \
    {                                                                                               \
        static_assert(sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8, "a type that is shuffled"); \
        machine_shuffle(mask, KIND, &value, sizeof value, argument, width, line);                   \
        return value;                                                                               \
    }
NETC_SHUFFLE(__shfl_sync, 0)
NETC_SHUFFLE(__shfl_up_sync, 1)
NETC_SHUFFLE(__shfl_down_sync, 2)
NETC_SHUFFLE(__shfl_xor_sync, 3)

static inline unsigned __ballot_sync(unsigned mask, int p, NETC_LINE) { return machine_vote(mask, 0, p != 0, line); }
static inline int __any_sync(unsigned mask, int p, NETC_LINE) { return (int)machine_vote(mask, 1, p != 0, line); }
static inline int __all_sync(unsigned mask, int p, NETC_LINE) { return (int)machine_vote(mask, 2, p != 0, line); }
static inline unsigned __reduce_add_sync(unsigned mask, unsigned v, NETC_LINE) { return machine_vote(mask, 3, v, line); }
static inline int __reduce_add_sync(unsigned mask, int v, NETC_LINE) { return (int)machine_vote(mask, 3, (unsigned)v, line); }
static inline unsigned __reduce_or_sync(unsigned mask, unsigned v, NETC_LINE) { return machine_vote(mask, 4, v, line); }
static inline unsigned __reduce_and_sync(unsigned mask, unsigned v, NETC_LINE) { return machine_vote(mask, 5, v, line); }
static inline unsigned __reduce_max_sync(unsigned mask, unsigned v, NETC_LINE) { return machine_vote(mask, 6, v, line); }
static inline unsigned __reduce_min_sync(unsigned mask, unsigned v, NETC_LINE) { return machine_vote(mask, 7, v, line); }
static inline unsigned __match_any_sync(unsigned mask, unsigned v, NETC_LINE) { return machine_match(mask, v, line); }

// Threads take turns: only the compiler could move an access across a fence.
static inline void __threadfence() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
static inline void __threadfence_block() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
static inline void __nanosleep(unsigned) { machine_yield(); }
static inline void __trap(NETC_LINE) { machine_trap("__trap()", line); }
#define assert(condition) ((condition) ? (void)0 : machine_trap("assert(" #condition ")", __LINE__))

#define NETC_ATOMIC(NAME, OPERATION, T, KIND) \
    static inline T NAME(T *place, T value, NETC_LINE) { return machine_atomic_##KIND(place, OPERATION, value, 0, line); }
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
static inline int atomicCAS(int *place, int compare, int value, NETC_LINE) { return machine_atomic_int(place, 4, value, compare, line); }
static inline unsigned atomicCAS(unsigned *place, unsigned compare, unsigned value, NETC_LINE)
{
    return machine_atomic_unsigned(place, 4, value, compare, line);
}
