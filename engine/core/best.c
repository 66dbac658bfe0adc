/* The best edge that a strategy sees now, for people: asked at every mark over all symbols, so it ranks with a bound and
 * divides only for what may be better than the best so far. */
#include "state.h"

struct edge {
    int64_t gross_bps_e4;
    int64_t net_bps_e4;
    int64_t need_bps_e4; /* gross edge at which this pair of venues starts to qualify */
};

/* Rounded down: shown edges never exceed the true ones. */
static struct edge edge_of(const struct core *core, uint32_t strategy, uint32_t symbol, uint32_t buy,
                           uint32_t sell) {
    const int64_t *value = core->setup.params[strategy].value;
    int64_t ask = quote_of(&core->market, symbol, buy)->ask_price;
    int64_t bid = quote_of(&core->market, symbol, sell)->bid_price;
    int64_t buy_fee = *fee_ppm(core, symbol, buy) * PPM_IN_RATIO;
    int64_t sell_fee = *fee_ppm(core, symbol, sell) * PPM_IN_RATIO;
    int64_t slip = 2 * value[CORE_PARAM_SLIPPAGE_BPS_E4];
    struct edge edge;
    edge.gross_bps_e4 = (int64_t)divide_floor(((money)bid - ask) * RATIO_ONE, ask);
    edge.net_bps_e4 =
        (int64_t)divide_floor((money)bid * (RATIO_ONE - sell_fee) - (money)ask * (RATIO_ONE + buy_fee), ask) - slip;
    /* bid x (1 - sell_fee) >= ask x (1 + buy_fee + slip + least), solved for the gross edge, rounded up */
    int64_t costs = buy_fee + sell_fee + slip + value[CORE_PARAM_MIN_NET_EDGE_BPS_E4];
    int64_t need = (int64_t)divide_ceil((money)costs * RATIO_ONE, RATIO_ONE - sell_fee);
    edge.need_bps_e4 = int64_max(need, value[CORE_PARAM_MIN_SPREAD_BPS_E4]);
    return edge;
}

static bool quote_live(const struct core *core, uint32_t strategy, uint32_t symbol, uint32_t venue, int64_t now) {
    const struct abi_quote *quote = quote_of(&core->market, symbol, venue);
    int64_t age_limit = int64_min(core->setup.limits.limit[ABI_REFUSAL_QUOTE_AGE],
                                  core->setup.params[strategy].value[CORE_PARAM_MAX_QUOTE_AGE_NS]);
    return core->venue_state[venue] == ABI_VENUE_UP && quote->bid_price != 0 && quote->ask_price != 0 &&
           quote->flags == 0 && now - quote->recv_mono_ns <= age_limit;
}

static void best_consider(struct core *core, uint32_t strategy, uint32_t symbol, uint32_t buy, uint32_t sell) {
    struct abi_strategy *view = &core->strategy[strategy].view;
    struct edge edge = edge_of(core, strategy, symbol, buy, sell);
    if (view->best_net_bps_e4 != INT64_MIN && edge.net_bps_e4 <= view->best_net_bps_e4) return;
    view->best_net_bps_e4 = edge.net_bps_e4;
    view->best_gross_bps_e4 = edge.gross_bps_e4;
    view->best_need_bps_e4 = edge.need_bps_e4;
    view->best_symbol = symbol;
    view->best_buy_venue = buy;
    view->best_sell_venue = sell;
}

static void best_of_symbol(struct core *core, uint32_t strategy, uint32_t symbol, int64_t now) {
    uint32_t live = 0;
    for (uint32_t v = 0; v < core->setup.venue_count; v++)
        if (quote_live(core, strategy, symbol, v, now)) live |= 1u << v;
    for (uint32_t buy = 0; buy < core->setup.venue_count; buy++)
        for (uint32_t sell = 0; sell < core->setup.venue_count; sell++)
            if (buy != sell && (live >> buy & live >> sell & 1u) != 0 && fees_known(core, symbol, buy, sell))
                best_consider(core, strategy, symbol, buy, sell);
}

void detect_best_now(struct core *core, int64_t now) {
    for (uint32_t strategy = 0; strategy < core->setup.strategy_count; strategy++) {
        struct abi_strategy *view = &core->strategy[strategy].view;
        view->best_net_bps_e4 = view->best_gross_bps_e4 = view->best_need_bps_e4 = INT64_MIN;
        view->best_symbol = view->best_buy_venue = view->best_sell_venue = 0;
        for (uint32_t symbol = 0; symbol < core->setup.symbol_count; symbol++)
            if (symbols_has(core->setup.params[strategy].symbols, symbol))
                best_of_symbol(core, strategy, symbol, now);
    }
}
