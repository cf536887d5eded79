// What the processor reaches at its best: products in registers, and bytes in each cache and in memory.
// Every thread counts its own time on the processor, so that what else the machine does counts little.
#include "netc_threads.h"
#include <string.h>
#include <time.h>

typedef float netc_vector __attribute__((vector_size(NETC_VECTOR_BYTES)));

enum { NETC_LANES = NETC_VECTOR_BYTES / 4, NETC_SUMS = 12 };

typedef struct {
    float *data;  // of all threads, one part after the other
    int64_t count;  // floats of a thread's part
    int64_t repeats;
    double seconds[NETC_MAXIMUM_THREADS];
    float keep;
} netc_work;

static double netc_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// Independent sums, so that every vector unit multiplies and adds in every cycle.
static void netc_multiply_job(void *context, int thread, int threads)
{
    netc_work *work = context;
    const double start = netc_now();
    netc_vector sums[NETC_SUMS], factor;
    for (int i = 0; i < NETC_LANES; i++) factor[i] = 0.999f;
    for (int s = 0; s < NETC_SUMS; s++) sums[s] = factor;
    for (int64_t i = 0; i < work->repeats; i++)
        for (int s = 0; s < NETC_SUMS; s++) sums[s] = sums[s] * factor + factor;
    float total = 0;
    for (int s = 0; s < NETC_SUMS; s++) total += sums[s][0];
    if (total == 0.5f) work->keep = total;
    work->seconds[thread] = netc_now() - start;
}

// Reads half of the part and writes the other half.
static void netc_copy_job(void *context, int thread, int threads)
{
    netc_work *work = context;
    float *to = work->data + thread * work->count;
    const float *from = to + work->count / 2;
    const double start = netc_now();
    for (int64_t i = 0; i < work->repeats; i++) {
        for (int64_t at = 0; at < work->count / 2; at += NETC_LANES) {
            netc_vector value;
            memcpy(&value, from + at, sizeof value);
            value += 1.0f;
            memcpy(to + at, &value, sizeof value);
        }
        __asm__ volatile("" ::: "memory");
    }
    work->seconds[thread] = netc_now() - start;
}

// Repeats in a second, of all threads together.
static double netc_rate(netc_job job, netc_work work)
{
    double rate = 0;
    netc_run(job, &work);
    for (int i = 0; i < netc_team.threads; i++) rate += (double)work.repeats / work.seconds[i];
    return rate;
}

// Rounds of NETC_SUMS vector operations in a second.
double netc_product_rate(int64_t repeats)
{
    return netc_rate(netc_multiply_job, (netc_work){.repeats = repeats});
}

// Walks over a part of `count` floats in a second.
double netc_copy_rate(float *data, int64_t count, int64_t repeats)
{
    return netc_rate(netc_copy_job, (netc_work){.data = data, .count = count, .repeats = repeats});
}
