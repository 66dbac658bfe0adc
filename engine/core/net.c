/* Net prices: fees and the lowest threshold folded into each quote as it arrives, so that a scan only compares.
 *
 * A strategy's test is bid x keeps >= ask x costs and bid x 1e8 >= ask x (1e8 + spread), all integers (detect.c). Here
 * both sides are doubles: a price (at most 2^53) and a factor (at most 2^53) are exact, their product is rounded once.
 * Rounding to nearest never changes an order: from x >= y follows round(x) >= round(y). So every pair that passes the
 * exact test passes the scan; what passes the scan without being one (products that round to the same double, another
 * strategy's threshold) is refused by the exact test. No margin is needed. */
#include <math.h>

#include "state.h"

#define FACTOR_EXACT_MAX (INT64_C(1) << 53)

/* What the greatest fee of the symbol's venues leaves of a sale. */
static int64_t keeps_least(const struct core *core, uint32_t symbol) {
    int64_t least = RATIO_ONE;
    for (uint32_t v = 0; v < core->setup.venue_count; v++)
        least = int64_min(least, RATIO_ONE - int64_max(*fee_ppm(core, symbol, v), 0) * PPM_IN_RATIO);
    return least;
}

/* The factor that an ask must at least be multiplied by before a bid can qualify for this strategy: its costs, or its
 * least spread in terms of what a sale keeps: bid x 1e8 >= ask x (1e8 + spread) is the same as bid x keeps >= ask x
 * (1e8 + spread) x keeps / 1e8, and keeps is at least keeps_least. */
static money costs_of(const struct core_params *params, int64_t fee, int64_t keeps) {
    const int64_t *value = params->value;
    money costs = (money)RATIO_ONE + fee * PPM_IN_RATIO + 2 * (money)value[CORE_PARAM_SLIPPAGE_BPS_E4] +
                  value[CORE_PARAM_MIN_NET_EDGE_BPS_E4];
    money spread = (money)RATIO_ONE + value[CORE_PARAM_MIN_SPREAD_BPS_E4];
    if (spread <= 0) return costs;
    money implied = divide_floor(spread * keeps, RATIO_ONE);
    return implied > costs ? implied : costs;
}

/* The lowest costs of all strategies that trade the symbol; INFINITY: none does, or the fee is unknown. */
static double costs_lowest(const struct core *core, uint32_t symbol, uint32_t venue, int64_t keeps) {
    int64_t fee = *fee_ppm(core, symbol, venue);
    bool any = false;
    money lowest = FACTOR_EXACT_MAX; /* a greater one is taken as this: lower, so nothing is missed */
    for (uint32_t i = 0; i < core->setup.strategy_count; i++) {
        const struct core_params *params = &core->setup.params[i];
        if (fee < 0 || !symbols_has(params->symbols, symbol)) continue;
        money costs = costs_of(params, fee, keeps);
        if (costs < lowest) lowest = costs;
        any = true;
    }
    if (!any) return INFINITY;
    return lowest < -FACTOR_EXACT_MAX ? -INFINITY : (double)(int64_t)lowest;
}

void net_row_set(struct core *core, uint32_t symbol) {
    const struct market *market = &core->market;
    int64_t keeps = keeps_least(core, symbol);
    for (uint32_t v = 0; v < core->setup.venue_count; v++) {
        struct net_factor *factor = &market->factor[symbol * market->venue_count + v];
        int64_t fee = *fee_ppm(core, symbol, v);
        factor->keeps = fee < 0 ? -INFINITY : (double)(RATIO_ONE - fee * PPM_IN_RATIO);
        factor->costs = costs_lowest(core, symbol, v, keeps);
        net_quote_set(market, symbol, v);
    }
}

void net_rows_set(struct core *core) {
    for (uint32_t s = 0; s < core->setup.symbol_count; s++)
        net_row_set(core, s);
}

void net_rows_clear(struct market *market, uint32_t row_count) {
    for (uint32_t s = 0; s < row_count; s++) {
        double *row = net_row(market, s);
        for (uint32_t v = 0; v < market->net_width; v++) {
            row[v] = -INFINITY;
            row[market->net_width + v] = INFINITY;
        }
    }
}
