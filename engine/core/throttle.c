#include "state.h"

/* Own orders of the venue within the window. Saturates at RATE_SLOTS, and a limit is never taken as greater. Every
 * order is looked at once when it leaves the window. */
uint32_t rate_count(struct core *core, uint32_t venue, int64_t now) {
    struct rate *rate = &core->rate[venue];
    while (rate->tail < rate->head &&
           now - rate->time_ns[rate->tail % RATE_SLOTS] >= core->setup.limits.order_rate_window_ns)
        rate->tail++;
    return (uint32_t)(rate->head - rate->tail);
}

void rate_note(struct core *core, uint32_t venue, int64_t now) {
    struct rate *rate = &core->rate[venue];
    rate->time_ns[rate->head++ % RATE_SLOTS] = now;
    if (rate->head - rate->tail > RATE_SLOTS) rate->tail = rate->head - RATE_SLOTS;
}

void rate_recount(struct core *core) {
    for (uint32_t venue = 0; venue < core->setup.venue_count; venue++) {
        struct rate *rate = &core->rate[venue];
        rate->tail = rate->head > RATE_SLOTS ? rate->head - RATE_SLOTS : 0;
    }
}

/* Every execution is looked at once when it leaves the window, so the loop costs one step per execution. */
void executions_expire(struct core *core, int64_t now) {
    while (core->execution_tail < core->execution_head) {
        const struct execution *oldest = &core->execution[core->execution_tail % EXECUTION_SLOTS];
        if (now - oldest->time_ns < core->setup.limits.repetition_window_ns) break;
        if (oldest->direction != INDEX_NONE) core->direction[oldest->direction].executions--;
        core->execution_tail++;
    }
}

void execution_note(struct core *core, uint32_t direction, int64_t now) {
    assert(core->execution_head - core->execution_tail < EXECUTION_SLOTS);
    struct execution *execution = &core->execution[core->execution_head++ % EXECUTION_SLOTS];
    execution->time_ns = now;
    execution->direction = direction;
    core->direction[direction].executions++;
}

/* A person released the direction: what it did before no longer counts against it. */
void executions_forget(struct core *core, uint32_t direction) {
    for (uint64_t i = core->execution_tail; i < core->execution_head; i++) {
        struct execution *execution = &core->execution[i % EXECUTION_SLOTS];
        if (execution->direction == direction) execution->direction = INDEX_NONE;
    }
    core->direction[direction].executions = 0;
    core->direction[direction].off = false;
}
