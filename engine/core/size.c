/* How much, at which limit prices, and what must be held for it. Everything rounds against us: quantities down to the
 * lot, the buy limit down and the sell limit up to the tick, costs up. */
#include "state.h"

#define E8_DIGITS        8
#define BUFFER_PLAIN_MAX (1000 * PPM_ONE) /* a greater balance buffer takes the way with divisions */

static __attribute__((noinline)) bool units_wide_e8_ceil(money units, uint32_t digits, int64_t *out_e8) {
    money amount;
    if (!money_from_units(units, digits, &amount)) return false;
    *out_e8 = money_e8_ceil(amount);
    return true;
}

/* a x b units of 10^-digits as money in 1e-8, rounded up; false: out of range. */
static inline bool units_e8_ceil(int64_t a, int64_t b, uint32_t digits, int64_t *out_e8) {
    uint64_t units;
    if (!product_small(a, b, &units) || digits > 2 * E8_DIGITS)
        return units_wide_e8_ceil((money)a * b, digits, out_e8);
    if (digits <= E8_DIGITS)
        return !__builtin_mul_overflow((int64_t)units, POWER_OF_TEN[E8_DIGITS - digits], out_e8);
    int64_t down = power_down((int64_t)units, digits - E8_DIGITS);
    *out_e8 = down + (down * POWER_OF_TEN[digits - E8_DIGITS] != (int64_t)units);
    return true;
}

bool notional_e8_ceil(const struct core *core, uint32_t symbol, int64_t price, int64_t qty, int64_t *out_e8) {
    return units_e8_ceil(price, qty, core->step[symbol].digits, out_e8);
}

static inline bool scale_up(int64_t value, int64_t ppm, int64_t *out) {
    money scaled = product_ceil(value, PPM_ONE + ppm, PPM_ONE);
    if (scaled > INT64_MAX) return false;
    *out = (int64_t)scaled;
    return true;
}

/* Quote for a buy: notional at the limit, the worst fee and the buffer; base for a sell. false: out of range. */
bool reserve_need(const struct core *core, uint32_t symbol, uint32_t venue, uint32_t side, int64_t price,
                  int64_t qty, int64_t *need_e8) {
    if (side == ABI_SIDE_SELL) return units_e8_ceil(qty, 1, core->step[symbol].qty_digits, need_e8);
    int64_t ppm = int64_max(*fee_ppm(core, symbol, venue), 0);
    return notional_e8_ceil(core, symbol, price, qty, need_e8) && scale_up(*need_e8, ppm, need_e8) &&
           scale_up(*need_e8, core->setup.limits.balance_buffer_ppm, need_e8);
}

/* The touch plus or minus the allowance, on the tick. The buy limit stays where buying and selling at the limits
 * still leaves the least net edge: the allowances of both legs are products, not only sums. */
static void limits_set(const struct core *core, struct candidate *c) {
    const struct core_params *params = &core->setup.params[c->strategy];
    struct step tick = core->step[c->symbol].tick;
    int64_t slip = params->value[CORE_PARAM_SLIPPAGE_BPS_E4];
    int64_t sell_keeps = RATIO_ONE - *fee_ppm(core, c->symbol, c->sell_venue) * PPM_IN_RATIO;
    int64_t buy_costs = RATIO_ONE + *fee_ppm(core, c->symbol, c->buy_venue) * PPM_IN_RATIO +
                        params->value[CORE_PARAM_MIN_NET_EDGE_BPS_E4];
    c->sell_price = step_ceil(ratio_ceil(c->sell_quote->bid_price, RATIO_ONE - slip), tick);
    int64_t wanted = ratio_floor(c->buy_quote->ask_price, RATIO_ONE + slip);
    money kept = (money)c->sell_price * sell_keeps;
    bool within = buy_costs > 0 && (money)wanted * buy_costs <= kept; /* the ceiling is not below it: no division */
    if (!within) wanted = int64_min(wanted, (int64_t)divide_floor(kept, buy_costs));
    c->buy_price = step_floor(wanted, tick);
}

/* Greatest quantity whose notional at `price` stays within `notional_e8`. */
static int64_t qty_within(const struct symbol_steps *steps, int64_t notional_e8, int64_t price) {
    if (notional_e8 <= 0) return 0;
    money qty = steps->digits <= E8_DIGITS
                    ? power_down(notional_e8, E8_DIGITS - steps->digits) / price
                    : product_floor(notional_e8, POWER_OF_TEN[steps->digits - E8_DIGITS], price);
    return qty > UNITS_MAX ? UNITS_MAX : (int64_t)qty;
}

/* Least quantity that the venues take at these prices. */
static int64_t qty_least(const struct symbol_steps *steps, int64_t price) {
    money qty = steps->units_least <= UNITS_MAX ? product_ceil((int64_t)steps->units_least, 1, price)
                                                : divide_ceil(steps->units_least, price);
    int64_t least = qty > UNITS_MAX ? UNITS_MAX : (int64_t)qty;
    return step_ceil(int64_max(least, steps->qty_least), steps->lot);
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
    int64_t buy =
        step_floor(qty_within(&core->step[c->symbol], (int64_t)spend, c->buy_price), core->step[c->symbol].lot);
    int64_t need = 0;
    if (buy > 0 &&
        (!reserve_need(core, c->symbol, c->buy_venue, ABI_SIDE_BUY, c->buy_price, buy, &need) || need > free_quote))
        buy -= symbol->lot; /* the three roundings of the need are worth less than a lot */
    money base = divide_floor((money)free_base * PPM_ONE, PPM_ONE + buffer) * MONEY_PER_E8;
    money sell = divide_floor(base, power_of_ten(MONEY_DIGITS - symbol->qty_digits));
    return step_floor(int64_min(buy, sell > UNITS_MAX ? UNITS_MAX : (int64_t)sell), core->step[c->symbol].lot);
}

/* True only when qty_affordable would give `qty` (a multiple of the lot) or more, told without its divisions: the usual
 * case. *need_e8 is then what the buy must hold.
 *
 * Buying: need = ceil(ceil(N (1 + fee)) (1 + buffer)) with N the notional rounded up. From free >= need + 4 follows
 * floor(free / (1 + fee)) >= N (1 + buffer) + 4 / (1 + fee) - 1 >= N (1 + buffer) + 1, as fee < 1, and so
 * floor(floor(free / (1 + fee)) / (1 + buffer)) >= N, which pays for `qty`. What qty_affordable takes off again when
 * its own rounding went too far is one lot from something greater than `qty`, as `qty` itself is paid for.
 * Selling: free / (1 + buffer) >= qty in 1e-8, as a product. */
static bool qty_surely_affordable(const struct core *core, const struct candidate *c,
                                  const struct journal_symbol *symbol, int64_t qty, int64_t *need_e8) {
    int64_t free_quote = account_free_e8(core, c->buy_venue, symbol->quote_asset);
    int64_t free_base = account_free_e8(core, c->sell_venue, symbol->base_asset);
    int64_t buffer = core->setup.limits.balance_buffer_ppm;
    if (buffer < 0 || buffer > BUFFER_PLAIN_MAX || symbol->qty_digits > E8_DIGITS || qty <= 0) return false;
    money sell_e8 = (money)qty * POWER_OF_TEN[E8_DIGITS - symbol->qty_digits];
    if ((money)free_base * PPM_ONE < sell_e8 * (PPM_ONE + buffer)) return false;
    return reserve_need(core, c->symbol, c->buy_venue, ABI_SIDE_BUY, c->buy_price, qty, need_e8) &&
           *need_e8 <= free_quote - 4;
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
    int64_t value = deviation_greater_bps_e4(c->buy_price, ask, c->sell_price, bid);
    /* A limit on the wrong side of its own touch (venues whose tick is finer than the common one) would leave one
     * leg unfilled on purpose. */
    bool beyond = c->buy_price < ask || c->sell_price > bid || c->sell_price <= 0;
    return !gate_deny(core, c, ABI_REFUSAL_PRICE_COLLAR, value, limit, limit <= 0 || value > limit || beyond);
}

static bool notionals_check(struct core *core, struct candidate *c) {
    const struct core_limits *limits = &core->setup.limits;
    const struct journal_symbol *symbol = symbol_of(core, c->symbol);
    int64_t least = core->step[c->symbol].qty_least;
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
    bool below = (money)int64_min(c->buy_price, c->sell_price) * c->qty < core->step[c->symbol].units_least;
    if (gate_deny(core, c, ABI_REFUSAL_MIN_NOTIONAL, int64_min(buy, sell), symbol->min_notional_e8, below))
        return false;
    return !gate_deny(core, c, ABI_REFUSAL_MIN_QTY, c->qty, least, c->qty < least);
}

static bool deny_overflow(struct core *core, struct candidate *c) {
    return gate_deny(core, c, ABI_REFUSAL_OVERFLOW, c->qty, UNITS_MAX, true);
}

bool size_candidate(struct core *core, struct candidate *c) {
    const struct journal_symbol *symbol = symbol_of(core, c->symbol);
    const struct symbol_steps *steps = &core->step[c->symbol];
    struct step lot = steps->lot;
    int64_t position_e8 = core->setup.params[c->strategy].value[CORE_PARAM_MAX_POSITION_E8];
    limits_set(core, c);
    if (c->buy_price <= 0 || c->sell_price <= 0) return prices_check(core, c);
    int64_t least = qty_least(steps, int64_min(c->buy_price, c->sell_price));
    int64_t depth = step_floor(int64_min(c->buy_quote->ask_qty, c->sell_quote->bid_qty), lot);
    if (gate_deny(core, c, ABI_REFUSAL_DEPTH, depth, least, depth < least)) return false;
    int64_t wanted = step_floor(qty_within(steps, position_e8, int64_max(c->buy_price, c->sell_price)), lot);
    int64_t qty = int64_min(wanted, depth);
    int64_t held = int64_max(qty, least); /* what the balances must pay for at least */
    bool paid = qty_surely_affordable(core, c, symbol, held, &c->reserve_quote_e8);
    if (!paid) {
        int64_t affordable = qty_affordable(core, c, symbol);
        if (affordable < least) return deny_balance(core, c, least);
        qty = int64_min(qty, affordable);
    }
    c->qty = qty;
    if (!prices_check(core, c) || !notionals_check(core, c)) return false;
    bool known = paid && c->qty == held;
    if (!known &&
        !reserve_need(core, c->symbol, c->buy_venue, ABI_SIDE_BUY, c->buy_price, c->qty, &c->reserve_quote_e8))
        return !deny_overflow(core, c);
    if (!reserve_need(core, c->symbol, c->sell_venue, ABI_SIDE_SELL, c->sell_price, c->qty, &c->reserve_base_e8))
        return !deny_overflow(core, c);
    int64_t free_e8 = account_free_e8(core, c->buy_venue, symbol->quote_asset);
    return !gate_deny(core, c, ABI_REFUSAL_BALANCE, free_e8, c->reserve_quote_e8, free_e8 < c->reserve_quote_e8);
}
