// Findings: one line each, fields parted by tabs, for report.py to read.
//
// kind, block x,y,z, thread x,y,z, line, program counter from the start of its library, buffer,
// offset in it, words.
#include "machine.h"
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

constexpr size_t MOST_FINDINGS = 8;

// What was found already: the same at the same place is told once.
static std::vector<Finding> findings;

void begin_reports() { findings.clear(); }
bool has_findings() { return !findings.empty(); }

static bool is_known(const Finding &finding)
{
    for (const Finding &other : findings)
        if (other.kind == finding.kind && other.line == finding.line &&
            other.region == finding.region && other.program_counter == finding.program_counter)
            return true;
    return false;
}

Finding finding_here(const char *kind, int line)
{
    return {kind, machine.current, line, 0, nullptr, 0};
}

static uint64_t from_start_of_library(uint64_t program_counter)
{
    Dl_info info;
    const bool is_known = program_counter && dladdr((void *)program_counter, &info);
    return is_known ? program_counter - (uint64_t)info.dli_fbase : 0;
}

static void write_finding(const Finding &finding, const char *words)
{
    findings.push_back(finding);
    Launch &launch = *machine.launch;
    const size_t used = strlen(launch.report);
    const Place &block = machine.block, &thread = machine.threads[finding.thread].place;
    snprintf(launch.report + used, launch.report_bytes - used,
             "%s\t%u,%u,%u\t%u,%u,%u\t%d\t%llu\t%s\t%lld\t%s\n", finding.kind, block.x, block.y,
             block.z, thread.x, thread.y, thread.z, finding.line,
             (unsigned long long)from_start_of_library(finding.program_counter),
             finding.region ? finding.region->name : "", (long long)finding.offset, words);
}

void report(Finding finding, const char *format, ...)
{
    if (is_known(finding)) return;
    char words[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    write_finding(finding, words);
    if (findings.size() == MOST_FINDINGS && machine.in_kernel) leave_block();
}

void fail(Finding finding, const char *format, ...)
{
    char words[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    write_finding(finding, words);
    leave_block();
}

extern "C" void machine_trap(const char *words, int line)
{
    fail(finding_here("trap", line), "%s", words);
}
