/* The controls, in the order of enum abi_refusal; the first that denies ends the decision. A limit of 0 or less where
 * one is needed denies. ASSET_MISMATCH cannot happen here: core_init refuses such a symbol. */
#include "state.h"

/* A greatest allowed value. */
static bool deny_above(struct core *core, struct candidate *c, uint32_t code, int64_t value, int64_t limit) {
    return gate_deny(core, c, code, value, limit, limit <= 0 || value > limit);
}

static bool deny_venues(struct core *core, struct candidate *c) {
    uint32_t buy = core->venue_state[c->buy_venue], sell = core->venue_state[c->sell_venue];
    uint32_t worse = buy != ABI_VENUE_UP ? buy : sell;
    if (gate_deny(core, c, ABI_REFUSAL_VENUE_STATE, worse, ABI_VENUE_UP, worse != ABI_VENUE_UP)) return true;
    int64_t ready = int64_min(core->gateway[c->buy_venue] - core->gateway_kept[c->buy_venue],
                              core->gateway[c->sell_venue] - core->gateway_kept[c->sell_venue]);
    return gate_deny(core, c, ABI_REFUSAL_GATEWAY_BUSY, ready, 1, ready < 1);
}

static bool deny_open_pairs(struct core *core, struct candidate *c) {
    int64_t of_symbol = 0, blocked = 0;
    for (uint32_t i = 0; i < core->open_count; i++) {
        const struct pair *pair = &core->pair[core->open[i]];
        if (pair->symbol != c->symbol) continue;
        of_symbol++;
        if (pair->phase == PAIR_OPEN || pair->phase == PAIR_UNKNOWN) blocked++;
    }
    int64_t limit = core->setup.limits.limit[ABI_REFUSAL_IN_FLIGHT];
    int64_t total = int64_min(core->setup.limits.limit[ABI_REFUSAL_IN_FLIGHT_TOTAL], PAIR_OPEN_MAX);
    return gate_deny(core, c, ABI_REFUSAL_PAIR_BLOCKED, blocked, 0, blocked > 0) ||
           gate_deny(core, c, ABI_REFUSAL_IN_FLIGHT, of_symbol, limit, of_symbol >= limit) ||
           gate_deny(core, c, ABI_REFUSAL_IN_FLIGHT_TOTAL, core->open_count, total, core->open_count >= total);
}

static bool deny_repetition(struct core *core, struct candidate *c) {
    int64_t limit = int64_min(core->setup.limits.limit[ABI_REFUSAL_REPETITION], EXECUTION_SLOTS);
    executions_expire(core, c->now);
    struct direction *direction = &core->direction[c->direction];
    bool full = core->execution_head - core->execution_tail >= EXECUTION_SLOTS;
    bool exceeded = direction->executions >= limit;
    if (exceeded) direction->off = true;
    return gate_deny(core, c, ABI_REFUSAL_REPETITION, direction->executions, limit, direction->off || full);
}

bool gates_own_state(struct core *core, struct candidate *c) {
    uint32_t state = core->strategy[c->strategy].view.state;
    int64_t cooldown = core->setup.params[c->strategy].value[CORE_PARAM_COOLDOWN_NS];
    int64_t final_ns = core->direction[c->direction].final_ns;
    int64_t left = final_ns == INT64_MIN ? 0 : int64_max(time_add(final_ns, cooldown) - c->now, 0);
    if (gate_deny(core, c, ABI_REFUSAL_TRADING_STATE, core->trading_state, ABI_STATE_ACTIVE,
                  core->trading_state != ABI_STATE_ACTIVE) ||
        gate_deny(core, c, ABI_REFUSAL_KILL_LATCH, core->killed, 0, core->killed) ||
        gate_deny(core, c, ABI_REFUSAL_STRATEGY_STATE, state, ABI_STRATEGY_RUNNING, state != ABI_STRATEGY_RUNNING))
        return false;
    if (deny_venues(core, c) || deny_open_pairs(core, c)) return false;
    return !gate_deny(core, c, ABI_REFUSAL_COOLDOWN, left, cooldown, left > 0) && !deny_repetition(core, c);
}

static bool deny_spread(struct core *core, struct candidate *c) {
    const struct abi_quote *buy = c->buy_quote, *sell = c->sell_quote;
    int64_t widest = INT64_MAX; /* half a book has no spread to trust */
    if (buy->bid_price != 0 && buy->ask_price != 0 && sell->bid_price != 0 && sell->ask_price != 0)
        widest = deviation_greater_bps_e4(buy->ask_price, buy->bid_price, sell->ask_price, sell->bid_price);
    return deny_above(core, c, ABI_REFUSAL_BOOK_SPREAD, widest, core->setup.limits.limit[ABI_REFUSAL_BOOK_SPREAD]);
}

/* No reference yet counts as infinitely far. */
static bool deny_reference(struct core *core, struct candidate *c) {
    int64_t reference = core->market.reference[c->symbol].price;
    int64_t value = INT64_MAX;
    if (reference > 0)
        value = deviation_greater_bps_e4(c->buy_quote->ask_price, reference, c->sell_quote->bid_price, reference);
    return deny_above(core, c, ABI_REFUSAL_REFERENCE_COLLAR, value,
                      core->setup.limits.limit[ABI_REFUSAL_REFERENCE_COLLAR]);
}

static bool deny_order_rate(struct core *core, struct candidate *c) {
    int64_t limit = int64_min(core->setup.limits.limit[ABI_REFUSAL_ORDER_RATE], RATE_SLOTS);
    int64_t buy = rate_count(core, c->buy_venue, c->now), sell = rate_count(core, c->sell_venue, c->now);
    int64_t orders = int64_max(buy, sell);
    return gate_deny(core, c, ABI_REFUSAL_ORDER_RATE, orders, limit, orders >= limit);
}

bool gates_market(struct core *core, struct candidate *c) {
    const int64_t *limit = core->setup.limits.limit;
    const struct direction *direction = &core->direction[c->direction];
    int64_t oldest = int64_min(c->buy_quote->recv_mono_ns, c->sell_quote->recv_mono_ns);
    int64_t skew = int64_abs(c->buy_quote->recv_mono_ns - c->sell_quote->recv_mono_ns);
    int64_t age_limit =
        int64_min(limit[ABI_REFUSAL_QUOTE_AGE], core->setup.params[c->strategy].value[CORE_PARAM_MAX_QUOTE_AGE_NS]);
    bool crossed = ((c->buy_quote->flags | c->sell_quote->flags) & ABI_QUOTE_CROSSED) != 0;
    bool used = direction->buy_count == c->buy_quote->count && direction->sell_count == c->sell_quote->count;
    return !deny_above(core, c, ABI_REFUSAL_EDGE_IMPLAUSIBLE, c->gross_bps_e4,
                       limit[ABI_REFUSAL_EDGE_IMPLAUSIBLE]) &&
           !deny_above(core, c, ABI_REFUSAL_QUOTE_AGE, c->now - oldest, age_limit) &&
           !deny_above(core, c, ABI_REFUSAL_LEG_SKEW, skew, limit[ABI_REFUSAL_LEG_SKEW]) &&
           !gate_deny(core, c, ABI_REFUSAL_BOOK_CROSSED, crossed, 0, crossed) && !deny_spread(core, c) &&
           !deny_reference(core, c) && !gate_deny(core, c, ABI_REFUSAL_DUPLICATE, used, 0, used) &&
           !deny_order_rate(core, c);
}

bool gates_account(struct core *core, struct candidate *c) {
    const int64_t *limit = core->setup.limits.limit;
    const struct totals *totals = &core->totals;
    int64_t since_ns = 0;
    int64_t unhedged = pnl_unhedged_e8(core, &since_ns);
    int64_t loss = totals->day_base_e8 - totals->trading_pnl_e8;
    int64_t drawdown = totals->peak_e8 - totals->trading_pnl_e8;
    int64_t unknown = (int64_t)core->venue_unknown[c->buy_venue] + core->venue_unknown[c->sell_venue];
    return !deny_above(core, c, ABI_REFUSAL_EXPOSURE, unhedged, limit[ABI_REFUSAL_EXPOSURE]) &&
           !gate_deny(core, c, ABI_REFUSAL_DAILY_LOSS, loss, limit[ABI_REFUSAL_DAILY_LOSS],
                      limit[ABI_REFUSAL_DAILY_LOSS] <= 0 || loss >= limit[ABI_REFUSAL_DAILY_LOSS]) &&
           !gate_deny(core, c, ABI_REFUSAL_DRAWDOWN, drawdown, limit[ABI_REFUSAL_DRAWDOWN],
                      limit[ABI_REFUSAL_DRAWDOWN] <= 0 || drawdown >= limit[ABI_REFUSAL_DRAWDOWN]) &&
           !gate_deny(core, c, ABI_REFUSAL_JOURNAL, core->journal_healthy, 1, !core->journal_healthy) &&
           !gate_deny(core, c, ABI_REFUSAL_UNKNOWN_ORDER, unknown, limit[ABI_REFUSAL_UNKNOWN_ORDER],
                      unknown > limit[ABI_REFUSAL_UNKNOWN_ORDER]);
}
