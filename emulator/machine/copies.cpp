// cp.async: copies to shared memory that run while their thread goes on.
//
// Late, a copy is done when its thread waits for its group: a kernel that reads without waiting
// sees what was there before. Early, it is done at once: one that reuses a buffer too soon reads
// the new.
#include "machine.h"
#include <string.h>

struct Copy {
    char *target;
    const char *source;
    int bytes, source_bytes; // the rest of the target becomes zero
    int line;
};

struct Copies {
    std::vector<Copy> waiting;
    std::vector<size_t> group_ends; // groups that were committed, oldest first
};

static Copies copies[MAXIMUM_THREADS];
static bool are_used;

void begin_copies()
{
    if (!are_used) return;
    for (Copies &own : copies) {
        own.waiting.clear();
        own.group_ends.clear();
    }
    are_used = false;
}

static void do_copy(const Copy &copy)
{
    const Toucher by = {machine.current, own_clock(machine.current), Proxy::none};
    if (is_checked() && copy.source_bytes)
        touch_as(by, (uint64_t)copy.source, copy.source_bytes, Access::read, copy.line);
    if (is_checked()) touch_as(by, (uint64_t)copy.target, copy.bytes, Access::write, copy.line);
    memcpy(copy.target, copy.source, copy.source_bytes);
    memset(copy.target + copy.source_bytes, 0, copy.bytes - copy.source_bytes);
}

extern "C" void machine_copy_async(void *target, const void *source, int bytes, int source_bytes,
                                   int line)
{
    if (((uint64_t)target | (uint64_t)source) % bytes)
        fail(finding_here("misaligned", line),
             "cp.async of %d bytes between addresses that are no multiples of it", bytes);
    are_used = true;
    const Copy copy = {(char *)target, (const char *)source, bytes, source_bytes, line};
    if (machine.launch->is_late) copies[machine.current].waiting.push_back(copy);
    else do_copy(copy);
}

extern "C" void machine_copy_commit()
{
    Copies &own = copies[machine.current];
    are_used = true;
    own.group_ends.push_back(own.waiting.size());
}

// Until at most `kept` groups are under way.
extern "C" void machine_copy_wait(int kept)
{
    Copies &own = copies[machine.current];
    const int groups = (int)own.group_ends.size() - kept;
    if (groups <= 0) return;
    const size_t end = own.group_ends[groups - 1];
    for (size_t i = 0; i < end; i++) do_copy(own.waiting[i]);
    own.waiting.erase(own.waiting.begin(), own.waiting.begin() + (long)end);
    own.group_ends.erase(own.group_ends.begin(), own.group_ends.begin() + groups);
    for (size_t &later : own.group_ends) later -= end;
}
