#include "state.h"

/* The next hedge waits until no leg is open, not even one that was thought closed: a timer that is due and changes
 * nothing would be due again at once, without end. */
static int64_t pair_timer(const struct pair *pair) {
    int64_t earliest = INT64_MAX;
    bool any_open = false;
    for (uint32_t leg = 0; leg < pair->leg_count; leg++) {
        if (!leg_open(&pair->leg[leg])) continue;
        any_open = true;
        earliest = int64_min(earliest, pair->leg[leg].deadline_ns);
    }
    return pair->phase == PAIR_HEDGING && !any_open ? pair->hedge_ns : earliest;
}

void timer_set(struct core *core) {
    int64_t earliest = core->episodes_due ? core->now : INT64_MAX;
    for (uint32_t i = 0; i < core->open_count; i++)
        earliest = int64_min(earliest, pair_timer(&core->pair[core->open[i]]));
    core->timer_ns = earliest;
}

void timer_add(struct core *core, int64_t deadline_ns) {
    if (core->episodes_due)
        timer_set(core);
    else
        core->timer_ns = int64_min(core->timer_ns, deadline_ns);
}

static void pair_timers(struct core *core, struct pair *pair, int64_t now, struct core_out *out) {
    bool changed = false;
    for (uint32_t leg = 0; leg < pair->leg_count; leg++) {
        if (!leg_open(&pair->leg[leg]) || pair->leg[leg].deadline_ns > now) continue;
        bool missing = pair->leg[leg].final_state != 0;
        leg_unknown(core, pair, leg, missing ? "final, but fills it implies are missing" : "no answer in time",
                    out);
        order_publish(core, pair, leg, out);
        changed = true;
    }
    if (changed || (pair->phase == PAIR_HEDGING && pair->hedge_ns <= now)) pair_evaluate(core, pair, now, out);
}

/* What does not fit into one call is due again at once. */
void timers_run(struct core *core, int64_t now, struct core_out *out) {
    uint32_t open[PAIR_SLOTS];
    uint32_t open_count = core->open_count;
    memcpy(open, core->open, open_count * sizeof open[0]); /* pairs leave the list as they finish */
    for (uint32_t i = 0; i < open_count && out_has_room(out); i++)
        pair_timers(core, &core->pair[open[i]], now, out);
    if (core->episodes_due) episodes_end(core, now, out);
}
