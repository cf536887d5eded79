// What each kernel takes. Only a profiled build counts: every thread its own time on the processor.
#pragma once
#include "netc_threads.h"

#ifndef NETC_PROFILE
#define NETC_TIMED(number, call) call
#else
#include <time.h>

enum { NETC_MAXIMUM_KERNELS = 8192 };
static double netc_spent[NETC_MAXIMUM_THREADS][NETC_MAXIMUM_KERNELS];

static double netc_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

#define NETC_TIMED(number, call)                            \
    do {                                                    \
        const double start = netc_now();                    \
        call;                                               \
        netc_spent[thread][number] += netc_now() - start;   \
    } while (0)

// The seconds of all threads in each kernel since this was last asked.
void netc_profile(double *seconds, int64_t kernels)
{
    for (int64_t k = 0; k < kernels; k++) {
        seconds[k] = 0;
        for (int thread = 0; thread < netc_team.threads; thread++) {
            seconds[k] += netc_spent[thread][k];
            netc_spent[thread][k] = 0;
        }
    }
}
#endif
