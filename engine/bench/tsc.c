#include "tsc.h"

#define CALIBRATE_NS 20000000
#define PROBE_NS     500000000
#define PIECE_NS     5000
#define COST_TRIES   100000

double tsc_per_ns(void) {
    int64_t ns = bench_mono_ns(), ticks = tsc_now();
    while (bench_mono_ns() - ns < CALIBRATE_NS)
        continue;
    int64_t end_ns = bench_mono_ns(), end_ticks = tsc_now();
    return (double)(end_ticks - ticks) / (double)(end_ns - ns);
}

int64_t tsc_cost(void) {
    int64_t least = INT64_MAX;
    for (int i = 0; i < COST_TRIES; i++) {
        int64_t before = tsc_now(), took = tsc_now() - before;
        if (took < least) least = took;
    }
    return least;
}

double tsc_lost_pct(void) {
    int64_t start = bench_mono_ns(), last = start, lost = 0;
    while (last - start < PROBE_NS) {
        int64_t now = bench_mono_ns();
        if (now - last > PIECE_NS) lost += now - last;
        last = now;
    }
    return 100.0 * (double)lost / (double)(last - start);
}
