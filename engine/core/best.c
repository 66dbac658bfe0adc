/* The best edge that each strategy sees now, whether it qualifies or not, for people. Asked at every mark over all
 * symbols: a bound in doubles tells which symbols may hold something better than the best so far, the exact edges of
 * those alone are computed. */
#include "state.h"

/* More than the roundings of both sides of the bound, by far. */
#define BOUND_SLACK (1.0 + 1e-12)

struct edge {
    int64_t gross_bps_e4;
    int64_t net_bps_e4;
    int64_t need_bps_e4; /* gross edge at which this pair of venues starts to qualify */
};

/* What a symbol's venues offer; only of those that are UP, uncrossed, with both sides and a known fee. */
struct offers {
    double bid[ABI_VENUE_MAX]; /* after the fee; -INFINITY: none */
    double ask[ABI_VENUE_MAX];
    int64_t recv_ns[ABI_VENUE_MAX];
    uint32_t usable;
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

static void best_of_symbol(struct core *core, uint32_t strategy, uint32_t symbol, uint32_t live) {
    for (uint32_t buy = 0; buy < core->setup.venue_count; buy++)
        for (uint32_t sell = 0; sell < core->setup.venue_count; sell++)
            if (buy != sell && (live >> buy & live >> sell & 1u) != 0)
                best_consider(core, strategy, symbol, buy, sell);
}

static void offers_read(const struct core *core, uint32_t symbol, struct offers *offers) {
    const struct market *market = &core->market;
    const double *row = net_row(market, symbol);
    offers->usable = 0;
    for (uint32_t v = 0; v < core->setup.venue_count; v++) {
        const struct abi_quote *quote = quote_of(market, symbol, v);
        bool usable = core->venue_state[v] == ABI_VENUE_UP && quote->bid_price != 0 && quote->ask_price != 0 &&
                      quote->flags == 0 && *fee_ppm(core, symbol, v) >= 0;
        offers->usable |= (uint32_t)usable << v;
        offers->bid[v] = usable ? row[v] : -__builtin_inf();
        offers->ask[v] = (double)quote->ask_price;
        offers->recv_ns[v] = quote->recv_mono_ns;
    }
}

static uint32_t offers_live(const struct core *core, const struct offers *offers, uint32_t strategy, int64_t now) {
    int64_t age_limit = int64_min(core->setup.limits.limit[ABI_REFUSAL_QUOTE_AGE],
                                  core->setup.params[strategy].value[CORE_PARAM_MAX_QUOTE_AGE_NS]);
    uint32_t fresh = 0;
    for (uint32_t v = 0; v < core->setup.venue_count; v++)
        fresh |= (uint32_t)(now - offers->recv_ns[v] <= age_limit) << v;
    return offers->usable & fresh;
}

/* False: no pair of live venues has a net edge above the best so far. The edge is floor(bid after fee / ask) - costs of
 * buying - both allowances, so to be greater by one it needs bid after fee >= ask x (best + 1 + costs + allowances).
 * Bids of all usable venues, also old ones, bound those of the live ones. */
static bool best_possible(const struct core *core, const struct offers *offers, uint32_t strategy, uint32_t symbol,
                          uint32_t live) {
    int64_t best = core->strategy[strategy].view.best_net_bps_e4;
    int64_t slip = 2 * core->setup.params[strategy].value[CORE_PARAM_SLIPPAGE_BPS_E4];
    double first = -__builtin_inf(), second = first; /* the best bid, and the best one elsewhere */
    uint32_t first_venue = 0;
    if ((live & (live - 1)) == 0) return false;
    if (best == INT64_MIN) return true;
    for (uint32_t v = 0; v < core->setup.venue_count; v++) {
        bool better = offers->bid[v] > first;
        double loser = better ? first : offers->bid[v];
        second = loser > second ? loser : second;
        first = better ? offers->bid[v] : first;
        first_venue = better ? v : first_venue;
    }
    double least = (double)best + 1.0 + (double)RATIO_ONE + (double)slip;
    uint32_t possible = 0;
    for (uint32_t v = 0; v < core->setup.venue_count; v++) {
        double bid = v == first_venue ? second : first;
        double costs = least + (double)(*fee_ppm(core, symbol, v) * PPM_IN_RATIO);
        possible |= (uint32_t)(bid * BOUND_SLACK >= offers->ask[v] * costs) << v;
    }
    return (possible & live) != 0;
}

void detect_best_now(struct core *core, int64_t now) {
    for (uint32_t strategy = 0; strategy < core->setup.strategy_count; strategy++) {
        struct abi_strategy *view = &core->strategy[strategy].view;
        view->best_net_bps_e4 = view->best_gross_bps_e4 = view->best_need_bps_e4 = INT64_MIN;
        view->best_symbol = view->best_buy_venue = view->best_sell_venue = 0;
    }
    for (uint32_t symbol = 0; symbol < core->setup.symbol_count; symbol++) {
        struct offers offers;
        offers_read(core, symbol, &offers);
        for (uint32_t strategy = 0; strategy < core->setup.strategy_count; strategy++) {
            if (!symbols_has(core->setup.params[strategy].symbols, symbol)) continue;
            uint32_t live = offers_live(core, &offers, strategy, now);
            if (best_possible(core, &offers, strategy, symbol, live)) best_of_symbol(core, strategy, symbol, live);
        }
    }
}
