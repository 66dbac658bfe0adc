#include "state.h"

static int64_t e8_saturated(money value) {
    return money_fits(value) ? money_e8_ceil(value) : INT64_MAX;
}

static money qty_worth(const struct core *core, uint32_t symbol, int64_t qty, int64_t fallback_price) {
    const struct journal_symbol *s = symbol_of(core, symbol);
    int64_t mark = core->market.mark[symbol];
    money worth = 0;
    bool fits = money_from_units((money)(mark != 0 ? mark : fallback_price) * int64_abs(qty),
                                 s->price_digits + s->qty_digits, &worth);
    return fits ? worth : (money)INT64_MAX * MONEY_PER_E8;
}

int64_t exposure_value_e8(const struct core *core, const struct pair *pair) {
    return e8_saturated(qty_worth(core, pair->symbol, pair_residual_worst(pair), pair->buy_touch));
}

/* Absolute residuals at marks with the worst case of UNKNOWN orders, and dust. *since_ns: the oldest; 0: none. */
int64_t pnl_unhedged_e8(const struct core *core, int64_t *since_ns) {
    money sum = 0;
    *since_ns = 0;
    for (uint32_t i = 0; i < core->open_count; i++) {
        const struct pair *pair = &core->pair[core->open[i]];
        sum += qty_worth(core, pair->symbol, pair_residual_worst(pair), pair->buy_touch);
        if (pair->since_ns != 0 && (*since_ns == 0 || pair->since_ns < *since_ns)) *since_ns = pair->since_ns;
    }
    for (uint32_t word = 0; word < SYMBOLS_WORDS && core->dust_count != 0; word++)
        for (uint64_t left = core->dust_symbols[word]; left != 0; left &= left - 1) {
            uint32_t s = word * 64 + (uint32_t)__builtin_ctzll(left);
            sum += qty_worth(core, s, core->dust[s], 0);
        }
    return e8_saturated(sum);
}

static bool asset_priced(const struct core *core, uint32_t asset) {
    return asset == currency(core) || asset_worth(core, money_from_e8(RATIO_ONE, 0), asset) != 0;
}

static bool asset_has_symbol(const struct core *core, uint32_t asset) {
    return core->holding[asset].symbol != INDEX_NONE || asset == currency(core);
}

static void unpriced_alarm(struct core *core, uint32_t asset, struct core_out *out) {
    if (core->holding[asset].unpriced_alarmed || asset_has_symbol(core, asset) || !out_has_room(out)) return;
    core->holding[asset].unpriced_alarmed = true;
    alarm_raise(core, out, ABI_ALARM_ATTENTION, "ASSET_UNPRICED",
                "%s has no symbol against %s: its balances and fees count as 0 in P&L",
                core->setup.asset[asset].name, core->setup.asset[currency(core)].name);
}

/* Worth of what was gained (trading) and of the starting inventory, at marks. */
static void worth_sum(struct core *core, money *trading, money *start, struct core_out *out) {
    *trading = *start = 0;
    for (uint32_t asset = 0; asset < core->setup.asset_count; asset++) {
        struct holding *holding = &core->holding[asset];
        if (holding->gained == 0 && holding->began == 0) continue;
        money worth = asset_worth(core, holding->began, asset);
        unpriced_alarm(core, asset, out);
        *trading += asset_worth(core, holding->gained, asset);
        *start += worth;
        if (holding->began != 0 && !holding->start_marked && asset_priced(core, asset)) {
            holding->start_marked = true;
            core->totals.start_equity_e8 += money_e8_floor(worth);
        }
    }
}

/* Something owned has a symbol but no mark yet (after a start, until its first quotes): no figure can be given. */
static bool mark_missing(const struct core *core) {
    for (uint32_t asset = 0; asset < core->setup.asset_count; asset++) {
        if (core->holding[asset].accounts == 0) continue;
        if (asset_has_symbol(core, asset) && !asset_priced(core, asset)) return true;
    }
    return false;
}

static void mark_outputs(const struct core *core, struct journal_mark *mark) {
    const struct totals *totals = &core->totals;
    int64_t since_ns = 0;
    mark->trading_pnl_e8 = totals->trading_pnl_e8;
    mark->holding_pnl_e8 = totals->holding_pnl_e8;
    mark->equity_e8 = totals->equity_e8;
    mark->fees_e8 = money_e8_floor(totals->fees);
    mark->unhedged_e8 = pnl_unhedged_e8(core, &since_ns);
    mark->trades = totals->trades;
}

static void day_roll(struct totals *totals, int64_t wall) {
    int64_t day = wall - wall % DAY_NS;
    if (day <= totals->day_start_wall_ns) return;
    totals->day_base_e8 = totals->day_start_wall_ns == 0 ? totals->day_base_e8 : totals->trading_pnl_e8;
    totals->day_start_wall_ns = day;
}

/* Daily loss and drawdown are defined at marks. */
void limits_losses_check(struct core *core, struct core_out *out) {
    const int64_t *limit = core->setup.limits.limit;
    const struct totals *totals = &core->totals;
    if (core->trading_state != ABI_STATE_ACTIVE && core->trading_state != ABI_STATE_REDUCING) return;
    int64_t loss = totals->day_base_e8 - totals->trading_pnl_e8;
    int64_t drawdown = totals->peak_e8 - totals->trading_pnl_e8;
    if (limit[ABI_REFUSAL_DAILY_LOSS] > 0 && loss >= limit[ABI_REFUSAL_DAILY_LOSS])
        trading_halt(core, out, "DAILY_LOSS", "the loss since 00:00 UTC has reached its limit; trading is halted");
    else if (limit[ABI_REFUSAL_DRAWDOWN] > 0 && drawdown >= limit[ABI_REFUSAL_DRAWDOWN])
        trading_halt(core, out, "DRAWDOWN", "the fall from the peak has reached its limit; trading is halted");
}

void pnl_mark(struct core *core, struct journal_mark *mark, struct core_out *out) {
    struct totals *totals = &core->totals;
    money trading = 0, start = 0;
    if (mark_missing(core)) { /* the last figures stand, with the time at which they were true */
        mark_outputs(core, mark);
        return;
    }
    worth_sum(core, &trading, &start, out);
    day_roll(totals, mark->wall_ns); /* the day's base is the last figure of the day before */
    totals->trading_pnl_e8 = money_e8_floor(trading);
    totals->holding_pnl_e8 = money_e8_floor(start) - totals->start_equity_e8;
    totals->equity_e8 = totals->trading_pnl_e8 + money_e8_floor(start);
    totals->peak_e8 = int64_max(totals->peak_e8, totals->trading_pnl_e8);
    totals->marked_wall_ns = mark->wall_ns;
    mark_outputs(core, mark);
    limits_losses_check(core, out);
}
