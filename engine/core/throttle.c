#include "state.h"

/* Own orders of the venue within the window. Saturates at RATE_SLOTS, and a limit is never taken as greater. */
uint32_t rate_count(const struct core *core, uint32_t venue, int64_t now) {
    uint64_t head = core->rate_head[venue];
    uint32_t orders = 0;
    while (orders < RATE_SLOTS && orders < head) {
        int64_t time = core->rate_ns[venue][(head - 1 - orders) % RATE_SLOTS];
        if (now - time >= core->setup.limits.order_rate_window_ns) break;
        orders++;
    }
    return orders;
}

void rate_note(struct core *core, uint32_t venue, int64_t now) {
    core->rate_ns[venue][core->rate_head[venue]++ % RATE_SLOTS] = now;
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
