// What C++ leaves undefined and the compiler checks: indices of arrays of known size, the alignment
// of wide accesses, division by zero.
//
// A checked module is compiled with -fsanitize=bounds,alignment,integer-divide-by-zero: the
// compiler calls these functions with a description of the place. They are ours, as the hooks of
// access.cpp.
#include "machine.h"

struct SourcePlace {
    const char *file;
    uint32_t line, column;
};

struct TypeName {
    uint16_t kind, information;
    char name[]; // in quotes
};

struct IndexFault {
    SourcePlace place;
    const TypeName *array, *index;
};

struct PointerFault {
    SourcePlace place;
    const TypeName *type;
    uint8_t log_alignment, kind;
};

struct DivisionFault {
    SourcePlace place;
    const TypeName *type;
};

static Finding at(const char *kind, const SourcePlace &place)
{
    return finding_here(kind, (int)place.line);
}

extern "C" void __ubsan_handle_out_of_bounds(const IndexFault *fault, uint64_t index)
{
    if (machine.in_kernel)
        fail(at("out of bounds", fault->place), "the index %lld is outside of %s", (long long)index,
             fault->array->name);
}

extern "C" void __ubsan_handle_type_mismatch_v1(const PointerFault *fault, uint64_t)
{
    if (machine.in_kernel)
        fail(at("misaligned", fault->place), "%s is not at a multiple of %d bytes",
             fault->type->name, 1 << fault->log_alignment);
}

extern "C" void __ubsan_handle_divrem_overflow(const DivisionFault *fault, uint64_t, uint64_t)
{
    if (machine.in_kernel)
        fail(at("division by zero", fault->place), "a %s is divided by zero", fault->type->name);
}
