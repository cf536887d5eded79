// Races: two accesses to the same bytes, one of them a write, with nothing that orders them.
#include "shadow.h"
#include <algorithm>
#include <stdio.h>

// For cells that several threads have read since the last write: a clock for each thread.
static std::vector<uint32_t> pool;
static uint32_t pool_generation;

static uint32_t this_block() { return (uint32_t)machine.block_number + 1; }

void report_touch(const Touch &touch, const char *kind, const char *words)
{
    const int64_t offset = touch.region ? (int64_t)(touch.address - touch.region->low) : 0;
    const char *what = touch.access == Access::read    ? "read"
                       : touch.access == Access::write ? "write"
                                                       : "atomic";
    report({kind, touch.by.thread, touch.line, touch.program_counter, touch.region, offset},
           "%s of %d bytes%s", what, touch.size, words);
}

static void report_race(const Touch &touch, const char *past, int other)
{
    const Place &place = machine.threads[other].place;
    char words[100];
    snprintf(words, sizeof words,
             " that thread %u,%u,%u has %s, with nothing between that orders them", place.x,
             place.y, place.z, past);
    report_touch(touch, "race", words);
}

static void report_race_of_blocks(const Touch &touch, const char *past, uint32_t block)
{
    char words[100];
    snprintf(words, sizeof words, " that block number %u has %s", block - 1, past);
    report_touch(touch, "race between blocks", words);
}

static void check_last_write(const Cell &cell, const Touch &touch)
{
    if (touch.access == Access::atomic && cell.was_atomic) return;
    if (cell.write_block != this_block()) {
        if (!may_see_block(cell.write_block - 1))
            report_race_of_blocks(touch, "written", cell.write_block);
        return;
    }
    if (!has_seen(touch.by.thread, cell.writer, cell.write_clock))
        report_race(touch, "written", cell.writer);
}

// wgmma reads through another way than stores write: a fence must lie between.
static void check_proxy(const Cell &cell, const Touch &touch)
{
    const bool is_stored = cell.write_block == this_block() && !cell.was_tma;
    if (is_stored && last_proxy_fence(cell.writer) < cell.write_clock)
        report_touch(touch, "missing proxy fence",
                     " by wgmma of what a thread stored without a fence after it");
    const bool is_copied = cell.write_block == this_block() && cell.was_tma;
    if (is_copied && cell.swizzle != touch.by.swizzle)
        report_touch(touch, "misuse", " by wgmma with another swizzle than TMA wrote them with");
}


static uint32_t *readers_of(const Cell &cell)
{
    return &pool[(size_t)(cell.readers - 1) * machine.count];
}

static void give_readers(Cell &cell)
{
    if (pool_generation != generation()) pool.clear();
    pool_generation = generation();
    pool.resize(pool.size() + machine.count);
    cell.readers = (uint32_t)(pool.size() / machine.count);
    std::fill_n(readers_of(cell), machine.count, 0);
    readers_of(cell)[cell.reader] = cell.read_clock;
}

static bool is_first_read(const Cell &cell)
{
    return !cell.read_mask || cell.read_block != this_block() ||
           cell.read_generation != generation();
}

static void remember_read(Cell &cell, uint8_t mask, const Toucher &by)
{
    if (is_first_read(cell)) {
        if (cell.read_mask && cell.read_block != this_block()) cell.was_read_by_blocks = true;
        cell.read_block = this_block();
        cell.read_generation = generation();
        cell.read_mask = 0;
        cell.readers = 0;
    } else if (!cell.readers && cell.reader != by.thread) {
        give_readers(cell);
    }
    if (cell.readers) readers_of(cell)[by.thread] = by.clock;
    cell.reader = (uint16_t)by.thread;
    cell.read_clock = by.clock;
    cell.read_mask |= mask;
}

static void check_reads(const Cell &cell, const Touch &touch)
{
    if (cell.was_read_by_blocks || cell.read_block != this_block()) {
        const bool is_ordered = !cell.was_read_by_blocks && may_see_block(cell.read_block - 1);
        if (!is_ordered) report_race_of_blocks(touch, "read", cell.read_block);
        return;
    }
    if (cell.read_generation != generation()) return;
    if (!cell.readers) {
        if (!has_seen(touch.by.thread, cell.reader, cell.read_clock))
            report_race(touch, "read", cell.reader);
        return;
    }
    const uint32_t *clocks = readers_of(cell);
    for (int thread = 0; thread < machine.count; thread++)
        if (clocks[thread] && !has_seen(touch.by.thread, thread, clocks[thread]))
            return report_race(touch, "read", thread);
}

static void remember_write(Cell &cell, uint8_t mask, const Touch &touch)
{
    cell.write_clock = touch.by.clock;
    cell.write_block = this_block();
    cell.writer = (uint16_t)touch.by.thread;
    cell.write_mask = mask;
    cell.was_atomic = touch.access == Access::atomic;
    cell.was_tma = touch.by.proxy == Proxy::tma_write;
    cell.swizzle = (uint8_t)touch.by.swizzle;
    cell.read_mask = 0;
    cell.was_read_by_blocks = false;
}

void touch_cell(Cell &cell, uint8_t mask, const Touch &touch)
{
    if (cell.write_mask & mask) {
        check_last_write(cell, touch);
        if (touch.by.proxy == Proxy::wgmma_read) check_proxy(cell, touch);
    }
    if (touch.access == Access::read) return remember_read(cell, mask, touch.by);
    if (cell.read_mask & mask) check_reads(cell, touch);
    remember_write(cell, mask, touch);
}
