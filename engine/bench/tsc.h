#pragma once
/* Time stamps of the benchmarks: the processor's time-stamp counter where there is one (invariant and equal on all
 * processors of the machines measured on), else CLOCK_MONOTONIC. Ticks become ns by a calibration at start. */
#include <stdint.h>
#include <time.h>

static inline int64_t bench_mono_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t bench_wall_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#if defined(__x86_64__)
#include <x86intrin.h>
static inline int64_t tsc_now(void) {
    unsigned processor;
    return (int64_t)__rdtscp(&processor);
}
#else
static inline int64_t tsc_now(void) {
    return bench_mono_ns();
}
#endif

/* Ticks of one ns, measured over some 20 ms. */
double tsc_per_ns(void);
/* What two stamps in a row differ by at least, in ticks: the timer's own part of every single measurement. */
int64_t tsc_cost(void);
/* The share of half a second, in percent, that something else took from this thread in pieces of more than 5 us. */
double tsc_lost_pct(void);
