/* arbdeck-engine for the measurement of tick to order: the same parts, threads, journal and sockets, with one thing
 * changed. The windows in which orders are counted per venue and direction are 1 ns long, so that a benchmark may trade
 * thousands of times a second where a person's limits allow at most a thousand; the controls are evaluated as ever.
 *
 *   tick_engine HOME CONFIG_DIR */
#include <stdio.h>
#include <stdlib.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../run/engine.h"

static struct core_out out;

int main(int count, char **argument) {
    struct engine *engine = calloc(1, sizeof *engine);
    struct error_trail trail = {0};
    if (count != 3 || engine == NULL) {
        fprintf(stderr, "usage: tick_engine HOME CONFIG_DIR\n");
        return 2;
    }
    log_init(LOG_INFO);
    if (engine_boot(engine, argument[1], argument[2], NULL, &trail) != 0) {
        fprintf(stderr, "tick_engine: %s\n", trail.text);
        return 1;
    }
    struct core_limits limits = engine->settings.limits;
    limits.order_rate_window_ns = limits.repetition_window_ns = 1;
    core_on_limits(engine->core, &limits, clock_mono_ns(), &out);
    int status = engine_control(engine);
    if (status == 0) engine_shut(engine);
    return status;
}
