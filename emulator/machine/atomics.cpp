// Atomic functions on memory. Threads take turns only where they wait, so plain code is atomic
// here; what is left to do is to tell the checks.
#include "machine.h"
#include <string.h>

enum { ADD, MAXIMUM, MINIMUM, EXCHANGE, COMPARE, OR, AND, XOR };

template <class T> static T combine(int operation, T old, T value)
{
    switch (operation) {
    case ADD: return old + value;
    case MAXIMUM: return value > old ? value : old;
    case MINIMUM: return value < old ? value : old;
    default: return value;
    }
}

template <class T> static T combine_bits(int operation, T old, T value)
{
    switch (operation) {
    case OR: return old | value;
    case AND: return old & value;
    case XOR: return old ^ value;
    default: return combine(operation, old, value);
    }
}

#define ATOMIC(NAME, TYPE, COMBINE)                                                             \
    extern "C" TYPE machine_atomic_##NAME(TYPE *place, int operation, TYPE value, TYPE compare, \
                                          int line)                                             \
    {                                                                                           \
        if (is_checked()) touch((uint64_t)place, sizeof(TYPE), Access::atomic, 0, line);        \
        meet_blocks_at((uint64_t)place);                                                        \
        const TYPE old = *place;                                                                \
        if (operation != COMPARE || old == compare) *place = COMBINE(operation, old, value);    \
        return old;                                                                             \
    }

ATOMIC(int, int, combine_bits)
ATOMIC(unsigned, unsigned, combine_bits)
ATOMIC(long, unsigned long long, combine_bits)
ATOMIC(float, float, combine)
ATOMIC(double, double, combine)
