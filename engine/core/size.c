/* How much, at which limit prices, and what must be held for it. Everything rounds against us: quantities down to the
 * lot, the buy limit down and the sell limit up to the tick, costs up. */
#include "state.h"

bool notional_e8_ceil(const struct core *core, uint32_t symbol, int64_t price, int64_t qty, int64_t *out_e8) {
    const struct journal_symbol *s = symbol_of(core, symbol);
    money notional;
    if (!money_from_units((money)price * qty, s->price_digits + s->qty_digits, &notional)) return false;
    *out_e8 = money_e8_ceil(notional);
    return true;
}

static bool scale_up(int64_t value, int64_t ppm, int64_t *out) {
    money scaled = divide_ceil((money)value * (PPM_ONE + ppm), PPM_ONE);
    if (scaled > INT64_MAX) return false;
    *out = (int64_t)scaled;
    return true;
}

/* Quote for a buy: notional at the limit, the worst fee and the buffer; base for a sell. false: out of range. */
bool reserve_need(const struct core *core, uint32_t symbol, uint32_t venue, uint32_t side, int64_t price,
                  int64_t qty, int64_t *need_e8) {
    if (side == ABI_SIDE_SELL) {
        money base;
        if (!money_from_units(qty, symbol_of(core, symbol)->qty_digits, &base)) return false;
        *need_e8 = money_e8_ceil(base);
        return true;
    }
    int64_t ppm = int64_max(*fee_ppm(core, symbol, venue), 0);
    return notional_e8_ceil(core, symbol, price, qty, need_e8) && scale_up(*need_e8, ppm, need_e8) &&
           scale_up(*need_e8, core->setup.limits.balance_buffer_ppm, need_e8);
}

/* The touch plus or minus the allowance, on the tick. The buy limit stays where buying and selling at the limits
 * still leaves the least net edge: the allowances of both legs are products, not only sums. */
static void limits_set(const struct core *core, struct candidate *c) {
    const struct core_params *params = &core->setup.params[c->strategy];
    const struct journal_symbol *symbol = symbol_of(core, c->symbol);
    int64_t slip = params->value[CORE_PARAM_SLIPPAGE_BPS_E4];
    int64_t sell_keeps = RATIO_ONE - *fee_ppm(core, c->symbol, c->sell_venue) * PPM_IN_RATIO;
    int64_t buy_costs = RATIO_ONE + *fee_ppm(core, c->symbol, c->buy_venue) * PPM_IN_RATIO +
                        params->value[CORE_PARAM_MIN_NET_EDGE_BPS_E4];
    c->sell_price = step_ceil(ratio_ceil(c->sell_quote->bid_price, RATIO_ONE - slip), symbol->tick);
    int64_t ceiling = (int64_t)divide_floor((money)c->sell_price * sell_keeps, buy_costs);
    int64_t wanted = ratio_floor(c->buy_quote->ask_price, RATIO_ONE + slip);
    c->buy_price = step_floor(int64_min(wanted, ceiling), symbol->tick);
}

/* Greatest quantity whose notional at `price` stays within `notional_e8`. */
static int64_t qty_within(const struct journal_symbol *symbol, int64_t notional_e8, int64_t price) {
    if (notional_e8 <= 0) return 0;
    money units = divide_floor(money_from_e8(notional_e8, 0),
                               power_of_ten(MONEY_DIGITS - symbol->price_digits - symbol->qty_digits));
    money qty = divide_floor(units, price);
    return qty > UNITS_MAX ? UNITS_MAX : (int64_t)qty;
}

/* Least quantity that the venues take at these prices. */
static int64_t qty_least(const struct journal_symbol *symbol, int64_t price) {
    money units = divide_ceil(money_from_e8(symbol->min_notional_e8, 0),
                              power_of_ten(MONEY_DIGITS - symbol->price_digits - symbol->qty_digits));
    money qty = divide_ceil(units, price);
    int64_t least = qty > UNITS_MAX ? UNITS_MAX : (int64_t)qty;
    return step_ceil(int64_max(int64_max(least, symbol->min_qty), symbol->lot), symbol->lot);
}

/* What the free quote pays for, starting from the need of one lot less rounding; checked exactly afterwards. */
static int64_t qty_affordable(const struct core *core, const struct candidate *c,
                              const struct journal_symbol *symbol) {
    int64_t free_quote = account_free_e8(core, c->buy_venue, symbol->quote_asset);
    int64_t free_base = account_free_e8(core, c->sell_venue, symbol->base_asset);
    int64_t ppm = int64_max(*fee_ppm(core, c->symbol, c->buy_venue), 0);
    int64_t buffer = core->setup.limits.balance_buffer_ppm;
    if (free_quote <= 0 || free_base <= 0) return 0;
    money spend = divide_floor((money)free_quote * PPM_ONE, PPM_ONE + ppm);
    spend = divide_floor(spend * PPM_ONE, PPM_ONE + buffer);
    int64_t buy = step_floor(qty_within(symbol, (int64_t)spend, c->buy_price), symbol->lot);
    int64_t need = 0;
    if (buy > 0 &&
        (!reserve_need(core, c->symbol, c->buy_venue, ABI_SIDE_BUY, c->buy_price, buy, &need) || need > free_quote))
        buy -= symbol->lot; /* the three roundings of the need are worth less than a lot */
    money base = divide_floor((money)free_base * PPM_ONE, PPM_ONE + buffer) * MONEY_PER_E8;
    money sell = divide_floor(base, power_of_ten(MONEY_DIGITS - symbol->qty_digits));
    return int64_min(buy, sell > UNITS_MAX ? UNITS_MAX : (int64_t)sell);
}

/* Tells which leg lacks what: the one that cannot pay for the least order. */
static bool deny_balance(struct core *core, struct candidate *c, int64_t least) {
    const struct journal_symbol *symbol = symbol_of(core, c->symbol);
    int64_t need = 0;
    int64_t free_e8 = account_free_e8(core, c->buy_venue, symbol->quote_asset);
    bool counted = reserve_need(core, c->symbol, c->buy_venue, ABI_SIDE_BUY, c->buy_price, least, &need);
    if (counted && free_e8 >= need) {
        free_e8 = account_free_e8(core, c->sell_venue, symbol->base_asset);
        counted = reserve_need(core, c->symbol, c->sell_venue, ABI_SIDE_SELL, c->sell_price, least, &need) &&
                  scale_up(need, core->setup.limits.balance_buffer_ppm, &need);
    }
    if (!counted) return !gate_deny(core, c, ABI_REFUSAL_OVERFLOW, least, UNITS_MAX, true);
    return !gate_deny(core, c, ABI_REFUSAL_BALANCE, free_e8, need, true);
}

static bool prices_check(struct core *core, struct candidate *c) {
    int64_t limit = core->setup.limits.limit[ABI_REFUSAL_PRICE_COLLAR];
    int64_t ask = c->buy_quote->ask_price, bid = c->sell_quote->bid_price;
    int64_t value = int64_max(deviation_bps_e4(c->buy_price, ask), deviation_bps_e4(c->sell_price, bid));
    /* A limit on the wrong side of its own touch (venues whose tick is finer than the common one) would leave one
     * leg unfilled on purpose. */
    bool beyond = c->buy_price < ask || c->sell_price > bid || c->sell_price <= 0;
    return !gate_deny(core, c, ABI_REFUSAL_PRICE_COLLAR, value, limit, limit <= 0 || value > limit || beyond);
}

static bool notionals_check(struct core *core, struct candidate *c) {
    const struct core_limits *limits = &core->setup.limits;
    const struct journal_symbol *symbol = symbol_of(core, c->symbol);
    int64_t buy = 0, sell = 0;
    if (!notional_e8_ceil(core, c->symbol, c->buy_price, c->qty, &buy) ||
        !notional_e8_ceil(core, c->symbol, c->sell_price, c->qty, &sell) || buy > INT64_MAX - sell)
        return !gate_deny(core, c, ABI_REFUSAL_OVERFLOW, c->qty, UNITS_MAX, true);
    int64_t order_limit = limits->limit[ABI_REFUSAL_ORDER_NOTIONAL];
    int64_t pair_limit = limits->limit[ABI_REFUSAL_PAIR_NOTIONAL];
    if (gate_deny(core, c, ABI_REFUSAL_ORDER_NOTIONAL, int64_max(buy, sell), order_limit,
                  int64_max(buy, sell) > order_limit))
        return false;
    if (gate_deny(core, c, ABI_REFUSAL_PAIR_NOTIONAL, buy + sell, pair_limit, buy + sell > pair_limit))
        return false;
    /* Rounded up above, so the least notional is compared exactly in units. */
    bool below = (money)int64_min(c->buy_price, c->sell_price) * c->qty *
                     power_of_ten(MONEY_DIGITS - symbol->price_digits - symbol->qty_digits) <
                 money_from_e8(symbol->min_notional_e8, 0);
    if (gate_deny(core, c, ABI_REFUSAL_MIN_NOTIONAL, int64_min(buy, sell), symbol->min_notional_e8, below))
        return false;
    return !gate_deny(core, c, ABI_REFUSAL_MIN_QTY, c->qty, int64_max(symbol->min_qty, symbol->lot),
                      c->qty < int64_max(symbol->min_qty, symbol->lot));
}

bool size_candidate(struct core *core, struct candidate *c) {
    const struct journal_symbol *symbol = symbol_of(core, c->symbol);
    int64_t position_e8 = core->setup.params[c->strategy].value[CORE_PARAM_MAX_POSITION_E8];
    limits_set(core, c);
    if (c->buy_price <= 0 || c->sell_price <= 0) return prices_check(core, c);
    int64_t least = qty_least(symbol, int64_min(c->buy_price, c->sell_price));
    int64_t depth = step_floor(int64_min(c->buy_quote->ask_qty, c->sell_quote->bid_qty), symbol->lot);
    if (gate_deny(core, c, ABI_REFUSAL_DEPTH, depth, least, depth < least)) return false;
    int64_t affordable = step_floor(qty_affordable(core, c, symbol), symbol->lot);
    if (affordable < least) return deny_balance(core, c, least);
    int64_t wanted =
        step_floor(qty_within(symbol, position_e8, int64_max(c->buy_price, c->sell_price)), symbol->lot);
    c->qty = int64_min(int64_min(wanted, depth), affordable);
    if (!prices_check(core, c) || !notionals_check(core, c)) return false;
    if (!reserve_need(core, c->symbol, c->buy_venue, ABI_SIDE_BUY, c->buy_price, c->qty, &c->reserve_quote_e8) ||
        !reserve_need(core, c->symbol, c->sell_venue, ABI_SIDE_SELL, c->sell_price, c->qty, &c->reserve_base_e8))
        return !gate_deny(core, c, ABI_REFUSAL_OVERFLOW, c->qty, UNITS_MAX, true);
    int64_t free_e8 = account_free_e8(core, c->buy_venue, symbol->quote_asset);
    return !gate_deny(core, c, ABI_REFUSAL_BALANCE, free_e8, c->reserve_quote_e8, free_e8 < c->reserve_quote_e8);
}
