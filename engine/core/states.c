#include "state.h"

static void trading_set(struct core *core, uint32_t value, struct core_out *out) {
    if (value < ABI_STATE_STARTING || value > ABI_STATE_KILLED) return;
    if (value == ABI_STATE_KILLED) core->killed = true;
    if (core->killed) value = ABI_STATE_KILLED; /* left by clear_kill alone */
    if (core->trading_state != value) out_state_changed(out);
    core->trading_state = value;
}

static void kill_set(struct core *core, bool latched, struct core_out *out) {
    if (core->killed == latched) return;
    core->killed = latched;
    core->trading_state = latched ? ABI_STATE_KILLED : ABI_STATE_HALTED;
    out_state_changed(out);
}

static void strategy_set(struct core *core, const struct journal_state *state, int64_t now, struct core_out *out) {
    assert(state->index < core->setup.strategy_count);
    struct abi_strategy *view = &core->strategy[state->index].view;
    if (view->state != state->new_value) view->state_since_wall_ns = wall_ns(core, now);
    view->state = state->new_value;
    memset(view->reason, 0, sizeof view->reason);
    memcpy(view->reason, state->reason, strnlen(state->reason, sizeof view->reason - 1));
    out_state_changed(out);
}

static void venue_set(struct core *core, uint32_t venue, uint32_t value, struct core_out *out) {
    assert(venue < core->setup.venue_count);
    if (core->venue_state[venue] != value) out_state_changed(out);
    core->venue_state[venue] = value;
    if (value == ABI_VENUE_DOWN) market_venue_forget(&core->market, core->setup.symbol_count, venue);
}

/* Open exposures are accepted as they are, directions that repeated too often may trade again. UNKNOWN orders stay:
 * only evidence ends them. */
static void symbol_release(struct core *core, uint32_t symbol, int64_t now, struct core_out *out) {
    assert(symbol < core->setup.symbol_count);
    for (uint32_t buy = 0; buy < core->setup.venue_count; buy++)
        for (uint32_t sell = 0; sell < core->setup.venue_count; sell++)
            executions_forget(core, direction_index(core, symbol, buy, sell));
    uint32_t open[PAIR_SLOTS];
    uint32_t open_count = core->open_count;
    memcpy(open, core->open, open_count * sizeof open[0]);
    for (uint32_t i = 0; i < open_count && out_has_room(out); i++) {
        struct pair *pair = &core->pair[open[i]];
        if (pair->symbol == symbol && pair->phase == PAIR_OPEN)
            pair_finish(core, pair, ABI_EXPOSURE_NONE, now, out);
    }
    out_state_changed(out);
}

void state_apply(struct core *core, const struct journal_state *state, int64_t now, struct core_out *out) {
    switch (state->what) {
    case JOURNAL_STATE_TRADING:
        trading_set(core, state->new_value, out);
        break;
    case JOURNAL_STATE_STRATEGY:
        strategy_set(core, state, now, out);
        break;
    case JOURNAL_STATE_VENUE:
        venue_set(core, state->index, state->new_value, out);
        break;
    case JOURNAL_STATE_GATEWAY:
        assert(state->index < core->setup.venue_count);
        core->gateway[state->index] = state->new_value;
        core->gateway_kept[state->index] = state->old_value;
        break;
    case JOURNAL_STATE_KILL:
        kill_set(core, state->new_value != 0, out);
        break;
    case JOURNAL_STATE_RELEASE:
        symbol_release(core, state->index, now, out);
        break;
    case JOURNAL_STATE_JOURNAL:
        if (core->journal_healthy != (state->new_value != 0)) out_state_changed(out);
        core->journal_healthy = state->new_value != 0;
        break;
    default:
        break;
    }
}
