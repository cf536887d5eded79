// The shadow of memory: for every few bytes, who wrote them last and who has read them since.
#pragma once
#include "machine.h"

struct Cell {
    uint32_t write_clock, write_block; // blocks count from 1; 0 is nobody
    uint32_t read_clock, read_block, read_generation;
    uint32_t readers; // 1 + place in the pool, where several threads read
    uint16_t writer, reader;
    uint8_t write_mask, read_mask; // which bytes of the cell
    uint8_t swizzle;               // with which TMA wrote it
    bool was_atomic, was_tma, was_read_by_blocks;
};

// One access as the checks see it.
struct Touch {
    Toucher by;
    Access access;
    const Region *region;
    uint64_t address;
    int size, line;
    uint64_t program_counter;
};

void touch_cell(Cell &cell, uint8_t mask, const Touch &touch);
void report_touch(const Touch &touch, const char *kind, const char *words);
