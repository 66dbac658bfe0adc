/* The engine's parts one by one, in process: one JSON object of figures on standard output.
 *
 *   bench_micro CPU_A CPU_B [SCALE]     SCALE divides the repetitions (a quick run) */
#include <sched.h>
#include <stdlib.h>

#include "../base/clock.h"
#include "meter.h"

int main(int count, char **argument) {
    if (count != 3 && count != 4) {
        fprintf(stderr, "usage: bench_micro CPU_A CPU_B [SCALE]\n");
        return 2;
    }
    int cpu_a = atoi(argument[1]), cpu_b = atoi(argument[2]);
    struct meter meter = {.ticks_per_ns = tsc_per_ns(),
                          .cost_ticks = tsc_cost(),
                          .scale = count == 4 ? (uint32_t)strtoul(argument[3], NULL, 10) : 1,
                          .out = stdout};
    if (meter.scale == 0) meter.scale = 1;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu_b >= 0) CPU_SET((unsigned)cpu_b, &set);
    if (cpu_b >= 0 && sched_setaffinity(0, sizeof set, &set) != 0) {
        fprintf(stderr, "bench_micro: cannot be pinned to processor %d\n", cpu_b);
        return 1;
    }
    const char *why;
    if (!clock_start(&why)) fprintf(stderr, "bench_micro: the engine's clock is the kernel's: %s\n", why);
    printf("{\"timer_cost_ns\":%.1f,\"figures\":{", (double)meter.cost_ticks / meter.ticks_per_ns);
    micro_decode(&meter);
    micro_core(&meter);
    micro_detect(&meter);
    micro_orders(&meter);
    micro_base(&meter, cpu_a, cpu_b);
    micro_stages(&meter);
    printf("}}\n");
    return 0;
}
