/* Which pairs of quotes are worth a decision. A scan over net prices names the venues that a changed quote may meet;
 * the test proper is exact: prices times ratios compared in 128 bits, no division until something qualifies. */
#include "state.h"

bool fees_known(const struct core *core, uint32_t symbol, uint32_t buy, uint32_t sell) {
    return *fee_ppm(core, symbol, buy) >= 0 && *fee_ppm(core, symbol, sell) >= 0;
}

/* Rounded down: shown edges never exceed the true ones. */
static void edges_set(const struct core *core, struct candidate *c) {
    int64_t ask = c->buy_quote->ask_price, bid = c->sell_quote->bid_price;
    int64_t buy_fee = *fee_ppm(core, c->symbol, c->buy_venue) * PPM_IN_RATIO;
    int64_t sell_fee = *fee_ppm(core, c->symbol, c->sell_venue) * PPM_IN_RATIO;
    int64_t slip = 2 * core->setup.params[c->strategy].value[CORE_PARAM_SLIPPAGE_BPS_E4];
    money gained = (money)bid * (RATIO_ONE - sell_fee) - (money)ask * (RATIO_ONE + buy_fee);
    c->gross_bps_e4 = (int64_t)divide_floor(((money)bid - ask) * RATIO_ONE, ask);
    c->net_bps_e4 = (int64_t)divide_floor(gained, ask) - slip;
}

static bool qualifies(const struct core *core, uint32_t strategy, uint32_t symbol, uint32_t buy, uint32_t sell) {
    const int64_t *value = core->setup.params[strategy].value;
    int64_t ask = quote_of(&core->market, symbol, buy)->ask_price;
    int64_t bid = quote_of(&core->market, symbol, sell)->bid_price;
    if ((money)bid * RATIO_ONE < (money)ask * (RATIO_ONE + value[CORE_PARAM_MIN_SPREAD_BPS_E4])) return false;
    int64_t sell_keeps = RATIO_ONE - *fee_ppm(core, symbol, sell) * PPM_IN_RATIO;
    int64_t buy_costs = RATIO_ONE + *fee_ppm(core, symbol, buy) * PPM_IN_RATIO +
                        2 * value[CORE_PARAM_SLIPPAGE_BPS_E4] + value[CORE_PARAM_MIN_NET_EDGE_BPS_E4];
    return (money)bid * sell_keeps >= (money)ask * buy_costs;
}

static void detect_direction(struct core *core, uint32_t symbol, uint32_t buy, uint32_t sell, int64_t now,
                             struct core_out *out) {
    const struct abi_quote *buy_quote = quote_of(&core->market, symbol, buy);
    const struct abi_quote *sell_quote = quote_of(&core->market, symbol, sell);
    if (buy_quote->ask_price == 0 || sell_quote->bid_price == 0 || !fees_known(core, symbol, buy, sell)) return;
    for (uint32_t strategy = 0; strategy < core->setup.strategy_count; strategy++) {
        if (!symbols_has(core->setup.params[strategy].symbols, symbol)) continue;
        if (!qualifies(core, strategy, symbol, buy, sell)) continue;
        if (!out_has_room(out)) return; /* what qualifies still does on the next quote */
        struct candidate candidate = {.buy_quote = buy_quote,
                                      .sell_quote = sell_quote,
                                      .now = now,
                                      .buy_price = buy_quote->ask_price,
                                      .sell_price = sell_quote->bid_price,
                                      .qty = int64_min(buy_quote->ask_qty, sell_quote->bid_qty),
                                      .strategy = strategy,
                                      .symbol = symbol,
                                      .buy_venue = buy,
                                      .sell_venue = sell,
                                      .direction = direction_index(core, symbol, buy, sell)};
        edges_set(core, &candidate);
        if (core->stamp != NULL && out->detected_ns == 0) out->detected_ns = core->stamp();
        decide(core, &candidate, out);
    }
}

/* A pair of venues is looked at once, also when both books have changed. */
void detect_books(struct core *core, uint32_t symbol, uint32_t changed, int64_t now, struct core_out *out) {
    const struct market *market = &core->market;
    const double *row = net_row(market, symbol);
    changed &= symbol_of(core, symbol)->venue_mask;
    for (uint32_t left = changed; left != 0; left &= left - 1) {
        uint32_t venue = (uint32_t)__builtin_ctz(left);
        uint32_t done = changed & ((1u << venue) - 1), itself = 1u << venue;
        uint32_t found = core->kernel->row(row, market->net_width, venue);
        uint32_t buy = found & ~(done | itself), sell = found >> 8 & ~(done | itself);
        for (uint32_t others = (buy | sell) & UINT8_MAX; others != 0; others &= others - 1) {
            uint32_t other = (uint32_t)__builtin_ctz(others);
            if ((buy >> other & 1u) != 0) detect_direction(core, symbol, venue, other, now, out);
            if ((sell >> other & 1u) != 0) detect_direction(core, symbol, other, venue, now, out);
        }
    }
}

static bool symbol_qualifies(const struct core *core, uint32_t symbol) {
    for (uint32_t buy = 0; buy < core->setup.venue_count; buy++)
        for (uint32_t sell = 0; sell < core->setup.venue_count; sell++) {
            if (buy == sell || !fees_known(core, symbol, buy, sell)) continue;
            if (quote_of(&core->market, symbol, buy)->ask_price == 0) continue;
            if (quote_of(&core->market, symbol, sell)->bid_price == 0) continue;
            for (uint32_t i = 0; i < core->setup.strategy_count; i++)
                if (symbols_has(core->setup.params[i].symbols, symbol) && qualifies(core, i, symbol, buy, sell))
                    return true;
        }
    return false;
}

uint32_t core_scan(const struct core *core, uint64_t symbols[SYMBOLS_WORDS]) {
    uint32_t symbol_count = core->setup.symbol_count, found = 0;
    uint32_t row_count = (symbol_count + DETECT_ROWS_STEP - 1) / DETECT_ROWS_STEP * DETECT_ROWS_STEP;
    uint32_t words = (row_count + 63) / 64;
    memset(symbols + words, 0, (SYMBOLS_WORDS - words) * sizeof symbols[0]);
    core->kernel->rows(core->market.net, core->market.net_width, row_count, symbols);
    for (uint32_t word = 0; word < words; word++)
        for (uint64_t left = symbols[word]; left != 0; left &= left - 1) {
            uint32_t symbol = word * 64 + (uint32_t)__builtin_ctzll(left);
            bool true_hit = symbol_qualifies(core, symbol);
            symbols_set(symbols, symbol, true_hit);
            found += true_hit;
        }
    return found;
}

void core_stamp_set(struct core *core, int64_t (*stamp)(void)) {
    core->stamp = stamp;
}

enum abi_detect_kernel core_detect_kernel(const struct core *core) {
    return core->kernel->kind;
}

int core_detect_kernel_set(struct core *core, enum abi_detect_kernel kind) {
    const struct detect_kernel *kernel = detect_kernel_of(kind);
    if (kernel == NULL) return ERROR_NOT_FOUND;
    core->kernel = kernel;
    return 0;
}
